"""Constructors that are written out for machine code say what the fields say."""

import dataclasses
import inspect
from importlib import import_module
from pathlib import Path

import pytest

from actors.compiled import HOME
from scripts.compiling.modules import sources


def written_out():
    """Yield the data classes of compiled modules whose constructors are their own."""
    for source in sources(HOME):
        module = import_module(".".join(Path(source).with_suffix("").parts))
        for each in vars(module).values():
            is_own = inspect.isclass(each) and each.__module__ == module.__name__
            if is_own and "init=False" in _head_of(each, source):
                yield each


def _head_of(each, source):
    """Return the line with the decorator of a class."""
    head, _, _ = (HOME / source).read_text("utf-8").partition(f"\nclass {each.__name__}")
    return head.rsplit("\n", 1)[-1]


CLASSES = list(written_out())


@pytest.mark.python_core
@pytest.mark.parametrize("made", CLASSES, ids=lambda each: each.__name__)
def test_a_constructor_that_is_written_out_has_the_defaults_of_the_fields(made):
    fields = {field.name: field for field in dataclasses.fields(made)}
    given = [each for each in inspect.signature(made).parameters.values() if each.name in fields]

    for parameter in given:
        field = fields[parameter.name]
        if field.default is not dataclasses.MISSING:
            assert parameter.default == field.default, parameter.name
        elif field.default_factory is dataclasses.MISSING:
            assert parameter.default is inspect.Parameter.empty, parameter.name
    names = [each.name for each in given]
    assert names == [name for name in fields if name in names]


def test_there_are_such_constructors():
    assert len(CLASSES) > 15
