"""Rules of the house that no linter knows."""

import ast
import collections.abc
import dataclasses
import importlib
import inspect
import json
import pickle
import re
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest

from actors.domain import errors

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "serve_app", "cluster", "scripts")
MAX_LINES = 400
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path):
    return str(path.relative_to(ROOT))


CORE = [
    name
    for name in map(module_name, SOURCES)
    if name.startswith("actors") and not name.startswith("actors.runtime")
]
COMMAND_LINE = ["scripts.cli.app", "scripts.bench.http", "scripts.demo.run", "scripts.demo.summary"]


@pytest.fixture(scope="module")
def imported_ray():
    """Whether Ray was there after the core, and after the command line, in one fresh process."""
    code = (
        "import importlib, json, sys\n"
        "for names in json.loads(sys.argv[1]):\n"
        "    for name in names:\n"
        "        importlib.import_module(name)\n"
        "    print('ray' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([CORE, COMMAND_LINE])],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(zip(("core", "command line"), done.stdout.split(), strict=True))


def test_no_file_is_longer_than_a_person_reads_at_once():
    lengths = {relative(path): len(path.read_text().splitlines()) for path in SOURCES + TESTS}

    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_every_module_says_what_it_is_for():
    texts = {path: path.read_text() for path in SOURCES}
    # Parsing all of them takes a second; hardly any does not begin with its docstring.
    unclear = [path for path, text in texts.items() if not re.match(r'"""\s*[^\s"]', text)]

    assert [relative(p) for p in unclear if not ast.get_docstring(ast.parse(texts[p]))] == []


def test_every_folder_of_ours_is_a_package():
    folders = {path.parent for path in SOURCES}

    assert [relative(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_folder_of_tests_is_a_package():
    assert [relative(path) for path in TESTS if path.name == "__init__.py"] == []


@pytest.mark.parametrize(("folder", "mark"), [("on_ray", "ray"), ("long", "slow")])
def test_in_a_folder_that_is_left_out_by_a_mark_every_test_has_it(folder, mark):
    marked = re.compile(rf"^pytestmark = \[?[^\]]*pytest\.mark\.{mark}\b", re.MULTILINE)
    files = sorted((ROOT / "tests" / folder).glob("**/test_*.py"))

    assert len(files) > 5
    assert [relative(path) for path in files if not marked.search(path.read_text())] == []


def test_test_files_have_names_of_their_own():
    names = [path.name for path in TESTS if path.name != "conftest.py"]

    assert sorted(names) == sorted(set(names))


def test_the_core_and_its_shell_can_be_imported_without_ray(imported_ray):
    assert len(CORE) > 30
    assert imported_ray["core"] == "False"


def test_the_command_line_can_be_imported_without_ray(imported_ray):
    assert imported_ray["command line"] == "False"


def test_collecting_the_tests_does_not_import_ray(collecting_imported_ray):
    assert not collecting_imported_ray


def test_scripts_name_no_package_registry():
    words = ("pypi", "pythonhosted", "conda.", "npmjs")
    texts = {
        path: path.read_text().lower()
        for path in [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]
    }

    assert [relative(p) for p, text in texts.items() if any(word in text for word in words)] == []


SAMPLES = {str: "some-text", int: 7, float: 1.5, bool: True, bytes: b"some"}


def sample(kind):
    """Return a value of a type, as a constructor's annotation names it."""
    if kind in SAMPLES:
        return SAMPLES[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (tuple, collections.abc.Sequence):
        return (sample(inner[0]),)
    if origin in (dict, collections.abc.Mapping) or kind is dict:
        return {"key": "value"}
    if origin is list:
        return [sample(inner[0])]
    if origin in (typing.Union, types.UnionType):
        return sample(next(each for each in inner if each is not type(None)))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: sample(hints[field.name]) for field in dataclasses.fields(kind)})
    raise AssertionError(f"give tests/architecture a sample of {kind!r}")


BASED_ON_AN_ERROR = re.compile(r"^class \w+\([^)]*(Error|Exception|Failure)\b", re.MULTILINE)


def error_types():
    """Return all exception types defined in modules that do not need Ray."""
    found = set()
    for path in SOURCES:
        text = path.read_text()
        if not BASED_ON_AN_ERROR.search(text):
            continue
        tree = ast.parse(text)
        names = [
            node.name
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            and any(ast.unparse(b).endswith(("Error", "Exception", "Failure")) for b in node.bases)
        ]
        if names:
            module = importlib.import_module(module_name(path))
            found |= {getattr(module, name) for name in names}
    return sorted(found, key=lambda each: each.__qualname__)


@pytest.mark.parametrize("kind", error_types(), ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_unchanged(kind):
    hints = typing.get_type_hints(kind.__init__) if "__init__" in vars(kind) else {}
    parameters = list(inspect.signature(kind).parameters.values()) if hints else []
    arguments = [sample(hints[p.name]) for p in parameters if p.kind is not p.VAR_KEYWORD]
    error = kind(*arguments)

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert again.args == error.args
    assert again.__reduce__() == error.__reduce__()
    assert str(again) == str(error)


def test_the_tree_in_the_docstring_of_errors_is_the_tree():
    drawn = {word for word in errors.__doc__.split() if word.endswith("Error")}
    defined = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, Exception)
    }

    assert drawn == defined
