"""Translates modules to C with mypyc, compiles them in parallel, and puts them where they are taken."""

import contextlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from actors import compiled
from scripts.compiling.modules import sources
from scripts.output import Failure

Say = Callable[[str, int, int], None]
"""Hears how far it is, one call after another: what is being done, how much of it, out of how much."""

OPTIMISE = "1"
TUNED = ("-O2",)
"""What a core that is laid out by its usual work is compiled with, both times."""
COUNTING = (*TUNED, "-fprofile-generate", "-fprofile-update=single")
BY_COUNTS = (*TUNED, "-fprofile-use", "-fprofile-correction", "-Wno-missing-profile")
AS_WRITTEN = "-ffp-contract=off"
"""Where a machine can multiply and add in one step, which rounds once less, it shall not: results are everywhere the same."""
INWARD = ("-fvisibility=hidden", "-fno-semantic-interposition", "-fno-plt")
"""Nobody outside calls the core's functions by name: calls among them need no table, and may be put in place."""
NEEDED = "compiling needs the extra `compile` (uv sync --extra compile)"


def built(console: Console, *, again: bool = False, tuned: bool = False) -> tuple[int, float]:
    """Compile the core unless it is compiled; return the number of modules and how many seconds it took.

    What was compiled before stays in use until the new modules are complete. What is `tuned` stays so until
    its source changes.

    Raises:
        Failure: there is no C compiler, a package is missing, or the compiler failed.
    """
    names = sources(compiled.HOME)
    taken = compiled.usable(compiled.place())
    ours = {name for name in taken if name.startswith("actors.")}
    enough = compiled.is_tuned(compiled.place()) or not tuned
    if not again and enough and ours == {name_of(each) for each in names}:
        return len(names), 0.0
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("translating to C", total=None)

        def say(what: str, done: int, count: int) -> None:
            bar.update(task, description=what, completed=done, total=count)

        build(say, tuned=tuned)
    return len(names), time.monotonic() - began


def name_of(source: str) -> str:
    """Return the name of the module that a path is of."""
    return source.removesuffix(".py").replace("/", ".")


def build(say: Say, *, tuned: bool = False) -> None:
    """Compile the core of this source for this Python, whether or not it is already.

    A `tuned` one is compiled twice: the first counts which ways usual work takes, the second has those
    ways laid out straight.

    Raises:
        Failure: as for `built`.
    """
    translate = _translator()
    names = sources(compiled.HOME)
    digest = compiled.digest_of(names)
    with tempfile.TemporaryDirectory(prefix="righttime-compile-") as made:
        folder = Path(made)
        with _working_in(compiled.HOME):
            extensions = translate(names, folder)

        def compile_all(what: str, *flags: str) -> None:
            files = _Compiler(folder, say, what, flags).modules(extensions)
            manifest = {"digest": digest, "sources": names, "files": files, "tuned": tuned}
            (folder / "out" / compiled.MANIFEST).write_text(json.dumps(manifest))

        if tuned:
            compile_all("compiling to count", *COUNTING)
            say("counting", 0, 1)
            _train(folder / "out")
            compile_all("compiling by counts", *BY_COUNTS)
        else:
            compile_all("compiling")
        _put(folder / "out", compiled.place())


def _train(folder: Path) -> None:
    """Let a process of its own do usual work with the modules of a folder."""
    command = [sys.executable, "-m", "scripts.compiling.training"]
    environment = {**os.environ, compiled.VARIABLE: str(folder)}
    done = subprocess.run(
        command, cwd=compiled.HOME, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"the compiled core could not be tried: {last}")


def remove_built() -> bool:
    """Forget what was compiled; return whether there was anything."""
    there = compiled.place().exists()
    shutil.rmtree(compiled.place(), ignore_errors=True)
    return there


def _translator() -> Callable[[list[str], Path], list[Any]]:
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise Failure(f"compiling needs a C compiler, and {compiler} is not here (Debian: gcc)")
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        raise Failure("compiling needs Python's headers (Debian: python3-dev)")
    try:
        from mypyc.build import mypycify
    except ImportError as error:
        raise Failure(f"{NEEDED}: {error}") from error

    def translate(names: list[str], folder: Path) -> list[Any]:
        options = [
            "--config-file=",
            "--ignore-missing-imports",
            f"--cache-dir={folder / 'cache'}",
            "--python-executable",
        ]
        said = io.StringIO()  # mypyc prints its warnings and errors
        try:
            with contextlib.redirect_stdout(said):
                made: list[Any] = mypycify(
                    [*options, sys.executable, *names],
                    opt_level=OPTIMISE,
                    debug_level="0",
                    multi_file=True,
                    target_dir=str(folder / "c"),
                    group_name="righttime",
                )
        except SystemExit as error:
            wrong = [line for line in said.getvalue().splitlines() if "warning:" not in line]
            raise Failure("mypyc cannot translate the core: " + "; ".join(wrong)) from error
        return made

    return translate


class _Compiler:
    """Compiles C files to modules, as many at once as there are processors."""

    def __init__(self, folder: Path, say: Say, what: str, flags: Sequence[str]) -> None:
        self.folder = folder
        self.say = say
        self.what = what
        self.flags = flags
        self.done = 0
        self._one_at_a_time = threading.Lock()

    def modules(self, extensions: list[Any]) -> dict[str, str]:
        """Return the file of each module, in the folder `out`."""
        count = sum(len(each.sources) for each in extensions)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out").mkdir()
        files: dict[str, str] = {}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:

            def compile_one(extension: Any, source: str) -> str:
                made = self._object(extension, source)
                with self._one_at_a_time:
                    self.done += 1
                    self.say(self.what, self.done, count)
                return made

            waiting = [
                (each, [pool.submit(compile_one, each, source) for source in each.sources])
                for each in extensions
            ]
            for extension, parts in waiting:
                files[extension.name] = self._link(extension, [part.result() for part in parts])
        return files

    def _object(self, extension: Any, source: str) -> str:
        made = str(self.folder / (source.replace("/", "_").removesuffix(".c") + ".o"))
        include = (*extension.include_dirs, sysconfig.get_path("include"))
        places = [f"-I{each}" for each in include]
        rest = ["-c", source, "-o", made, *extension.extra_compile_args, AS_WRITTEN, *INWARD]
        run([*_words("CC"), *_words("CFLAGS"), *_words("CCSHARED"), *places, *rest, *self.flags])
        return made

    def _link(self, extension: Any, objects: list[str]) -> str:
        file: str = extension.name + compiled.SUFFIX
        said = ["-o", str(self.folder / "out" / file), *self.flags]
        run([*_words("LDSHARED"), *objects, *said])
        return file


def _words(name: str) -> list[str]:
    """Return how this Python itself was compiled."""
    return shlex.split(sysconfig.get_config_var(name) or "")


def run(command: list[str]) -> None:
    """Run a compiler; what it says is only for who reads errors.

    Raises:
        Failure: with its first error.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        wrong = next((each for each in done.stderr.splitlines() if "error" in each), done.stderr)
        raise Failure(f"the C compiler failed: {wrong.strip()}")


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Mypy takes a module's name from its path."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _put(made: Path, place: Path) -> None:
    """Exchange the folder in use for a new one; who has opened the old modules keeps them."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.copytree(made, fresh)
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
