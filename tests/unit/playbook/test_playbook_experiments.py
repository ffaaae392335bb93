"""`experiments.yaml`: what is compiled, and mistakes told at their place."""

import pytest

from actors.playbook.loader import compile_bundle
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

TEXT = """\
outcomes:
  visit: {except: [Campaign Assigned]}
  revenue: {on: Order Completed, sum: total}
horizon: P7D
experiments:
  inner:
    kind: experiment
    within: all
    scope: {actions: [growth/fruit/box], channels: [email]}
    control: rest
    arms:
      nothing: {weight: 1, hold: true}
      box: {weight: 2, actions: [growth/fruit/box]}
      rest: 1
    from: "2027-03-01"
    until: "2027-03-31"
  all:
    kind: holdout
    share: 0.1
"""


def bundle(text=TEXT):
    return {**small_bundle(), "experiments.yaml": text}


def test_a_file_is_compiled_with_outer_experiments_first():
    book = compile_bundle(bundle())

    outer, inner = book.experiments.all
    box = book.action_index["growth/fruit/box"]
    assert (outer.name, [arm.name for arm in outer.arms], outer.control) == (
        "all",
        ["held", "open"],
        "held",
    )
    assert (inner.within, inner.control, inner.covers) == ("all", "rest", {(box, "email")})
    assert [arm.share for arm in inner.arms] == [0.25, 0.5, 0.25]
    assert inner.arms[1].actions == {"growth/fruit/box"}
    assert book.experiments.horizon_ms == 7 * 86_400_000
    assert inner.until_ms - inner.from_ms == 31 * 86_400_000 - 3_600_000  # summer time begins


def test_without_the_file_there_are_none():
    assert compile_bundle(small_bundle()).experiments.all == ()


@pytest.mark.parametrize(
    ("old", "new", "place", "text"),
    [
        ("within: all", "within: al", "8:13", "unknown experiment 'al'; expected all"),
        ("growth/fruit/box], channels", "growth/fruit/bax], channels", "9:23", "did you mean"),
        ("channels: [email]", "channels: [emial]", "9:53", "unknown channel 'emial'"),
        ("control: rest", "control: rst", "7:5", "unknown arm 'rst'"),
        ("    share: 0.1\n", "", "18:5", "expected 'share' with 'kind: holdout'"),
        ("share: 0.1", "share: 1.5", "19:12", "expected a number below 1"),
        ("hold: true", "hold: true, policy: random", "7:5", "'policy' in 'kind: engine' alone"),
        ("kind: holdout", "kind: logged", "18:5", "expected 'share' with 'kind: holdout'"),
        ("{weight: 2, actions", "{weight: 2, hold: true, actions", "13:12", "not both"),
        ("on: Order Completed, sum", "sum", "3:12", "expected 'on' with 'sum'"),
        ("    share: 0.1", "    share: 0.1\n    within: inner", "8:13", "within itself"),
        ('until: "2027-03-31"', 'until: "2027-02-31"', "16:12", "expected a date"),
    ],
)
def test_mistakes_are_told_at_their_place(old, new, place, text):
    assert TEXT.count(old) == 1

    problems = problems_of(bundle(TEXT.replace(old, new)))

    assert any(text in each for each in problems), problems
    assert any(each.startswith(f"experiments.yaml:{place}:") for each in problems), problems
