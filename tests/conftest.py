"""How tests run. HYPOTHESIS_PROFILE=long or thorough makes properties look for longer."""

import gc
import os
import sys
from functools import lru_cache
from pathlib import Path

from hypothesis import settings

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("ci", parent=settings.get_profile("quick"), derandomize=True)
settings.register_profile("long", max_examples=120, deadline=None)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "quick")
)

# Containers often forbid bytecode, to keep `__pycache__` out of the tree. Compiling everything anew
# in every worker and child process takes long, so it is kept where it is in nobody's way.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".righttime" / "pycache")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def pytest_configure():
    """Do once a process what many tests ask for and always gives the same.

    Most tests change one file of a playbook, or none; and the commands' options, which their functions'
    signatures say, do not change.
    """
    import typer.main
    import typer.testing

    from actors.playbook import source

    source.compose = lru_cache(maxsize=512)(source.compose)
    typer.testing._get_command = lru_cache(maxsize=8)(typer.main.get_command)


def pytest_collection_finish():
    """Spare the collector what lives as long as the process: tests, modules, playbooks."""
    gc.collect()
    gc.freeze()
    # Tests make much and throw it away whole: looking for cycles after each 700 is a tenth of the time.
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish():
    """Stop the PostgreSQL server of this process: workers of xdist end without `atexit`."""
    databases = sys.modules.get("tests.postgres_databases")
    if databases is not None:
        databases.stop()
