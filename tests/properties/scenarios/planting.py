"""Puts a bug into the engine: other text in one of its functions, for one test."""

import inspect
import sys
import textwrap
from dataclasses import dataclass

from tests.properties.scenarios.cases import life
from tests.properties.scenarios.drive import DifferenceError, Drive


@dataclass(frozen=True)
class Bug:
    """`old` is to stand once in the source of a function, and becomes `new`."""

    name: str
    module: str
    function: str
    old: str
    new: str


def plant(bug, monkeypatch):
    """Replace the function wherever the engine holds it, until the test is over."""
    module = sys.modules[bug.module]
    function = getattr(module, bug.function)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(bug.old) == 1, f"{bug.function} has changed: plant another bug in it"
    made = {}
    exec(compile(source.replace(bug.old, bug.new), "planted", "exec"), module.__dict__, made)
    for name, each in list(sys.modules.items()):
        if not name.startswith(("actors.scenarios", "actors.wire.journeys")):
            continue
        for attribute, value in list(vars(each).items()):
            if value is function:
                monkeypatch.setattr(each, attribute, made[bug.function])
            elif isinstance(value, dict) and function in value.values():
                for key in [key for key, held in value.items() if held is function]:
                    monkeypatch.setitem(value, key, made[bug.function])


def found_after(limit, first=0):
    """Return how many lives it takes to see a difference or a crash, None if `limit` show none."""
    for number in range(limit):
        try:
            Drive(life(first + number)).run()
        except (DifferenceError, LookupError, AttributeError, TypeError):
            return number + 1
    return None
