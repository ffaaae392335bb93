"""Which code runs: machine code of this very source, or else Python."""

import importlib.util
import json
import subprocess
import sys

import pytest
from rich.console import Console

from actors import compiled
from scripts.compiling import build
from scripts.compiling.modules import LEFT, SINGLE, sources
from scripts.output import Failure


def written(folder, **changes):
    """Put down what a finished compilation leaves."""
    names = sources(compiled.HOME)
    manifest = {"digest": compiled.digest_of(names), "sources": names, "files": {"a.b": "a.b.so"}}
    (folder / compiled.MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "place", lambda: tmp_path)
    monkeypatch.setattr(sys, "meta_path", [])
    return tmp_path


def test_what_was_compiled_from_this_source_is_taken(place, monkeypatch):
    monkeypatch.delenv(compiled.VARIABLE)
    written(place)

    compiled.install()

    assert compiled.is_on()
    assert sys.meta_path[0].find_spec("a.b", None).origin == str(place / "a.b.so")
    assert sys.meta_path[0].find_spec("a.c", None) is None


def test_it_is_taken_once(place, monkeypatch):
    monkeypatch.delenv(compiled.VARIABLE)
    written(place)

    compiled.install()
    compiled.install()

    assert len(sys.meta_path) == 1


@pytest.mark.parametrize(
    "changes",
    [{"digest": "of another source"}, {"sources": ["actors/gone.py"]}, {"sources": None}],
    ids=["a source changed", "a source is gone", "a damaged manifest"],
)
def test_nothing_is_taken_that_is_not_of_this_source(place, monkeypatch, changes):
    monkeypatch.delenv(compiled.VARIABLE)
    written(place, **changes)

    compiled.install()

    assert not compiled.is_on()


def test_one_byte_more_is_another_source(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "HOME", tmp_path)
    (tmp_path / "a.py").write_text("x = 1\n")
    before = compiled.digest_of(["a.py"])
    (tmp_path / "a.py").write_text("x = 1\n\n")

    assert compiled.digest_of(["a.py"]) != before


def test_a_process_can_be_told_to_take_none(place, monkeypatch):
    monkeypatch.setenv(compiled.VARIABLE, "no")
    written(place)

    compiled.install()

    assert not compiled.is_on()


def test_who_insists_on_machine_code_is_told_how_to_get_it(place, monkeypatch):
    monkeypatch.setenv(compiled.VARIABLE, "yes")

    with pytest.raises(compiled.CompiledModuleError, match="righttime compile"):
        compiled.install()


def test_a_folder_can_be_named_and_is_insisted_on(tmp_path, place, monkeypatch):
    folder = tmp_path / "counting"
    folder.mkdir()
    monkeypatch.setenv(compiled.VARIABLE, str(folder))

    with pytest.raises(compiled.CompiledModuleError, match="counting"):
        compiled.install()
    written(folder)
    compiled.install()

    assert sys.meta_path[0].folder == folder


@pytest.mark.parametrize(
    ("lies", "again", "tuned", "builds"),
    [
        ("plain", False, False, False),
        ("plain", False, True, True),
        ("tuned", False, False, False),
        ("tuned", False, True, False),
        ("tuned", True, False, True),
        ("nothing", False, False, True),
    ],
)
def test_it_is_compiled_when_what_lies_there_is_not_enough(
    tmp_path, monkeypatch, lies, again, tuned, builds
):
    monkeypatch.setattr(compiled, "place", lambda: tmp_path)
    names = [build.name_of(each) for each in sources(compiled.HOME)]
    files = {name: f"{name}.so" for name in names}
    if lies != "nothing":
        written(tmp_path, files=files, tuned=lies == "tuned")
    asked = []
    monkeypatch.setattr(build, "build", lambda say, tuned: asked.append(tuned))

    build.built(Console(quiet=True), again=again, tuned=tuned)

    assert asked == ([tuned] if builds else [])


def test_the_list_of_modules_has_no_name_that_is_gone():
    names = sources(compiled.HOME)

    assert len(names) > 100
    assert all((compiled.HOME / "actors" / name).exists() for name in (*SINGLE, *LEFT))
    assert not {f"actors/{name}" for name in LEFT} & set(names)


def test_compiling_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(build.shutil, "which", lambda name: None)

    with pytest.raises(Failure, match="C compiler"):
        build.build(lambda what, done, count: None)


def test_an_error_of_the_compiler_is_one_sentence():
    with pytest.raises(Failure, match="the C compiler failed"):
        build.run([sys.executable, "-c", "import sys; sys.exit('x.c:1: error: no')"])


@pytest.mark.python_core
def test_the_core_of_these_tests_is_python():
    code = "import actors.turn.acting as module; print(module.__file__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip().endswith(".py")
    assert importlib.util.find_spec("actors.turn.acting").origin.endswith(".py")
