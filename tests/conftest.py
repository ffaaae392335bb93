"""How tests run. HYPOTHESIS_PROFILE=long or thorough makes properties look for longer."""

import asyncio
import gc
import os
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import settings

# Tests put other functions into modules, which machine code would not look up. `scripts/test.sh` says
# for the tests on Ray, and for those of the compiled core, that it is to be taken.
os.environ.setdefault("RIGHTTIME_COMPILED", "no")

if os.environ["RIGHTTIME_COMPILED"] == "yes":
    # They read the annotations of the core, which machine code has not, or its source.
    collect_ignore = [
        "properties/scenarios/test_planted_bugs.py",
        "properties/test_caps_never_exceeded.py",
        "properties/test_merging.py",
        "properties/test_merging_undone.py",
        "unit/core/test_wire_checks.py",
        "unit/core/test_wire_profile.py",
        "unit/merging/test_merge_strategies_cover.py",
        "unit/merging/test_merged_campaigns.py",
        "unit/merging/test_merging_customers.py",
        "unit/merging/test_unmerging_consents.py",
        "unit/merging/test_unmerging_customers.py",
        "unit/merging/test_unmerging_elsewhere.py",
    ]

from tests import loops

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

    from actors.playbook import checks, source

    asyncio.run = loops.run
    source.compose = lru_cache(maxsize=512)(source.compose)
    checks.Rule = lru_cache(maxsize=4096)(checks.Rule)
    typer.testing._get_command = lru_cache(maxsize=8)(typer.main.get_command)


LEFT_OUT = {"not ray": "on_ray", "not slow": "long"}
"""What of `-m` leaves a whole folder of these tests out; that all of them are marked is tested."""


def pytest_ignore_collect(collection_path, config):
    """Import nothing of a folder of which no test is wanted: what its files need takes seconds."""
    marks = config.option.markexpr.split(" and ")
    folders = [folder for mark, folder in LEFT_OUT.items() if mark in marks]
    return True if collection_path in [Path(__file__).parent / each for each in folders] else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Let two workers begin with the files that may take longest: what begins last ends last.

    xdist gives the first half of all to one and the second to the other, who later takes over what the
    first has not begun. Files stay whole, since their tests share what is dear to make.
    """
    if config.option.markexpr.split(" and ") != ["slow", "not ray"]:
        return
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    longest = sorted(files.values(), key=lambda tests: -max(map(_timeout_of, tests)))
    items[:] = [item for half in (longest[0::2], longest[1::2]) for tests in half for item in tests]


def _timeout_of(item):
    mark = item.get_closest_marker("timeout")
    return mark.args[0] if mark is not None else 0


def pytest_collection_finish(session):
    """Spare the collector what lives as long as the process: tests, modules, playbooks."""
    if "not ray" in session.config.option.markexpr.split(" and ") and "ray" in sys.modules:
        raise pytest.UsageError("collecting tests that are not on Ray imported it")
    gc.collect()
    gc.freeze()
    # Tests make much and throw it away whole: looking for cycles after each 700 is a tenth of the time.
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish():
    """Close the loop; stop the PostgreSQL server of this process: workers of xdist end without `atexit`."""
    loops.close()
    databases = sys.modules.get("tests.postgres_databases")
    if databases is not None:
        databases.stop()
