"""Rules that would take for ever, or all memory, are refused when the playbook is read."""

import time

import cel
import pytest

from actors.playbook.checks import compile_rule
from serve_app.bodies import MAX_ELEMENTS

LIST = "event.properties.items"


def problems(source: str) -> list[str]:
    found: list[str] = []
    compile_rule(source, lambda _offset, text: found.append(text))
    return found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"{LIST}.all(a, {LIST}.all(b, {LIST}.all(c, true)))", "nested deeper than 2"),
        (f"{LIST}.exists(a, {LIST}.map(b, b).size() > 0)", "'map' inside of 'exists'"),
        (f"{LIST}.all(a, {LIST}.filter(b, b > a).size() > 0)", "'filter' inside of 'all'"),
        (f"{LIST}.map(a, a + a).map(b, b + b).size() > 0", "a second 'map'"),
        (f"{LIST}.map(a, a{' + a' * 5}).size() > 0", "more than 4 '+'"),
        (f"true{' && true' * 1000}", "expected at most 4,000"),
        ("(" * 41 + "true" + ")" * 41, "nested deeper than the 40"),
    ],
)
def test_a_rule_without_bounds_is_refused(source, said):
    assert said in "; ".join(problems(source))


@pytest.mark.parametrize(
    "source",
    [
        f"{LIST}.exists(a, a > 3) && {LIST}.all(a, a < 9)",
        f"{LIST}.all(a, {LIST}.exists(b, b == a))",
        f"{LIST}.filter(a, a > 1).map(a, a + 1).size() > 2",
        "'.map(x, y' == '.map(a, b.map(c' && has(event.properties.map)",
    ],
)
def test_rules_that_have_bounds_are_taken(source):
    assert problems(source) == []


def test_what_is_taken_ends_soon_on_the_longest_list_that_the_edge_takes():
    # The dearest shapes, in CPU time: pairs of all elements, and a copy at each element.
    values = {"l": list(range(MAX_ELEMENTS))}
    for source in ("l.all(a, l.all(b, b >= 0))", "l.map(a, a + a + a).size() > 0"):
        program, context = cel.compile(source), cel.Context(values)
        began = time.process_time()

        assert program.execute(context) is True
        assert time.process_time() - began < 2.0
