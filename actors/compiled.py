"""Takes modules of the core as machine code, where this very source has been compiled.

`righttime compile` translates the pure modules (those on the way of a turn) to C with mypyc and
writes them, with a manifest, beside the environment's other files. A process that imports `actors`
takes them from there as long as every source still is what was compiled: one byte changed in one of
them, or another Python, and all of them are plain Python again. All or none, for compiled modules
call each other without looking names up.

The variable RIGHTTIME_COMPILED says otherwise: `no` never takes them, `yes` insists on them, and the path of
a folder takes, and insists on, what lies there.
"""

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent.parent
"""Where the package `actors` lies."""

MANIFEST = "manifest.json"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
VARIABLE = "RIGHTTIME_COMPILED"


class CompiledModuleError(ImportError):
    """Machine code was insisted on, and there is none for this source."""


def place() -> Path:
    """Return the folder of this environment that compiled modules are written to."""
    return Path(sys.prefix) / "share" / "righttime" / "compiled"


def digest_of(sources: Iterable[str]) -> str:
    """Return a hash over what decides the machine code: the texts of modules, and this Python.

    Paths are relative to `HOME`.

    Raises:
        OSError: a source cannot be read.
    """
    digest = hashlib.blake2b(f"{sys.version}{SUFFIX}".encode(), digest_size=16)
    for source in sources:
        text = (HOME / source).read_bytes()
        digest.update(f"{source}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


class Finder(MetaPathFinder):
    """Finds modules by name in the folder of compiled ones."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        """Take the folder, and the file in it of each module."""
        self.folder = folder
        self.files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a compiled module; None for all others."""
        file = self.files.get(fullname)
        if file is None:
            return None
        whole = str(self.folder / file)
        return spec_from_file_location(fullname, whole, loader=ExtensionFileLoader(fullname, whole))


def is_on() -> bool:
    """Return whether this process takes the core as machine code."""
    return any(isinstance(each, Finder) for each in sys.meta_path)


def usable(folder: Path) -> dict[str, str]:
    """Return the files of the compiled modules in a folder, none unless they are of this source."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["digest"] != digest_of(manifest["sources"]):
            return {}
        files: dict[str, str] = manifest["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return files


def is_tuned(folder: Path) -> bool:
    """Return whether what lies in a folder was compiled by what its usual work showed."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["tuned"])
    except (OSError, ValueError, LookupError, TypeError):
        return False


def install() -> None:
    """Take compiled modules from now on, if there are any of this source.

    Raises:
        CompiledModuleError: RIGHTTIME_COMPILED is `yes` or a folder, and there are none.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "no" or is_on():
        return
    named = os.sep in wanted
    folder = Path(wanted) if named else place()
    files = usable(folder)
    if files:
        sys.meta_path.insert(0, Finder(folder, files))
    elif wanted == "yes" or named:
        raise CompiledModuleError(
            f"{VARIABLE}={wanted}, and the core was not compiled since its source changed:"
            " `righttime compile` does it"
        )
