"""Modules that people name: those of the folder they stand in are found, as `python -m` would."""

import sys
from pathlib import Path


def modules_from_here() -> None:
    """Let modules of the current folder be imported, by this process and by those that it starts."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
