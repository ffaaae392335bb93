from collections import Counter

import pytest

from actors.domain.journeys import MAX_TOKENS
from actors.playbook.scenario_model import (
    Arm,
    Branch,
    Emit,
    End,
    Filter,
    Fork,
    Join,
    Split,
    Thread,
    Update,
)
from actors.playbook.templates import Template
from tests.unit.scenarios.travels import HOUR, MINUTE, NOW, Trip, case, listen, pause, scenario


def forked(need, *more, timeout=0):
    """Two ways that wait for A and B, and meet."""
    return scenario(
        Fork(name="both", branches=("a", "b"), join="meet"),
        listen("a", case("A", "meet")),
        listen("b", case("B", "meet"), case("C", "end")),
        Join(name="meet", need=need, timeout_ms=timeout, otherwise="failed", next="after"),
        pause("after"),
        pause("failed"),
        *more,
    )


def test_the_first_rule_that_holds_says_where_to_go():
    branch = Branch(
        name="choose",
        cases=(
            (lambda _w, _i, signal: signal.properties["n"] > 9, "a"),
            (lambda _w, instance, _s: instance.data["n"] > 1, "b"),
        ),
        otherwise="c",
    )
    trip = Trip(scenario(branch, pause("a"), pause("b"), pause("c"), keyed_by="n"))

    for number in (10, 2, 1):
        trip.hear("Begin", n=number)

    assert trip.places() == [["a"], ["b"], ["c"]]


def test_a_filter_lets_through_or_leads_elsewhere():
    rule = lambda world, *_: world.within("good")  # noqa: E731
    trip = Trip(scenario(Filter(name="still", rule=rule, otherwise="end"), pause()))

    trip.hear("Begin")
    assert trip.ways[1:] == [("passed", "still", "otherwise"), ("ended", "", "")]

    trip.world.segments = {"good"}
    trip.hear("Begin")
    assert trip.places() == [["pause"]]


def split_of(*weights):
    arms = tuple(
        Arm(name=f"arm{i}", weight=weight, next=f"p{i}") for i, weight in enumerate(weights)
    )
    return scenario(Split(name="arms", arms=arms), *(pause(f"p{i}") for i in range(len(weights))))


def test_a_customer_gets_the_same_arm_each_time_and_customers_are_spread_by_weight():
    definition = split_of(3.0, 1.0)
    taken = Counter()
    for number in range(400):
        trip = Trip(definition)
        trip.world.number = number
        trip.hear("Begin")
        again = Trip(definition)
        again.world.number = number
        again.hear("Begin", ago=MINUTE)
        assert trip.places() == again.places()
        taken[trip.places()[0][0]] += 1

    assert 270 < taken["p0"] < 330
    assert taken["p1"] == 400 - taken["p0"]


def test_the_arm_is_said():
    trip = Trip(split_of(0.0, 1.0))

    trip.hear("Begin")

    assert ("passed", "arms", "arm1") in trip.ways


def test_an_arm_without_weight_is_never_taken():
    for number in range(50):
        trip = Trip(split_of(1.0, 0.0, 2.0, 0.0))
        trip.world.number = number
        trip.hear("Begin")
        assert trip.places()[0][0] in {"p0", "p2"}


def test_a_join_of_all_goes_on_when_the_last_way_has_come():
    trip = Trip(forked(2))
    trip.hear("Begin")
    assert trip.places() == [["a", "b"]]

    trip.hear("A")
    assert trip.places() == [["b"]]

    trip.now += HOUR
    trip.hear("B", ago=MINUTE)
    assert trip.places() == [["after"]]
    token = trip.journeys.instances[0].tokens[0]
    assert (token.scope, token.since_ms) == (0, NOW + HOUR - MINUTE)
    assert trip.journeys.instances[0].scopes == []


def test_a_join_of_any_takes_the_first_and_ends_the_others():
    trip = Trip(forked(1))
    trip.hear("Begin")

    trip.hear("B")

    assert trip.places() == [["after"]]


def test_a_way_that_ends_may_leave_too_few_for_the_join():
    trip = Trip(forked(2))
    trip.hear("Begin")
    trip.hear("C")
    assert trip.places() == [["a"]]

    trip.hear("A")

    assert trip.places() == [["failed"]]
    assert ("passed", "meet", "too few") in trip.ways


def test_the_time_of_a_join_counts_from_the_fork():
    trip = Trip(forked(2, timeout=HOUR))
    assert trip.hear("Begin", ago=MINUTE).waits == {1: NOW - MINUTE + HOUR}
    trip.hear("A")

    progress = trip.later(HOUR)

    assert trip.places() == [["failed"]]
    assert progress.waits == {1: NOW - MINUTE + 2 * HOUR}
    assert ("passed", "meet", "timeout") in trip.ways


def test_a_scope_that_is_over_goes_before_a_token_that_is_due_at_the_same_time():
    trip = Trip(
        scenario(
            Fork(name="both", branches=("a", "b"), join="meet"),
            pause("a", next="meet"),
            pause("b", 2 * HOUR),
            Join(name="meet", need=1, timeout_ms=HOUR, otherwise="failed"),
            pause("after"),
            pause("failed"),
        )
    )
    trip.hear("Begin")

    trip.later(HOUR)

    assert trip.places() == [["failed"]]


def test_the_first_branch_may_win_before_the_second_has_begun():
    trip = Trip(
        scenario(
            Fork(name="both", branches=("a", "b"), join="meet"),
            Update(name="a", traits=Template((("seen", "a"),)), next="meet"),
            Update(name="b", traits=Template((("seen", "b"),)), next="meet"),
            Join(name="meet", need=1),
            pause(),
        )
    )

    trip.hear("Begin")

    assert trip.world.traits == {"seen": "a"}
    assert trip.places() == [["pause"]]


def test_forks_inside_of_forks_go_with_the_one_around():
    steps = (
        Fork(name="outer", branches=("inner", "x"), join="outer_join"),
        Fork(name="inner", branches=("a", "b"), join="inner_join"),
        pause("a", next="inner_join"),
        pause("b", next="inner_join"),
        Join(name="inner_join", need=2, next="outer_join"),
        listen("x", case("X", "outer_join")),
        Join(name="outer_join", need=1, next="after"),
        pause("after"),
    )
    trip = Trip(scenario(*steps))
    trip.hear("Begin")
    assert sorted(trip.places()[0]) == ["a", "b", "x"]

    trip.hear("X")

    assert trip.places() == [["after"]]
    assert trip.journeys.instances[0].scopes == []


def test_the_ways_of_an_inner_fork_count_as_under_way_for_the_one_around():
    steps = (
        Fork(name="outer", branches=("inner", "x"), join="outer_join"),
        Fork(name="inner", branches=("a", "b"), join="inner_join"),
        pause("a", next="inner_join"),
        pause("b", next="inner_join"),
        Join(name="inner_join", need=2, next="outer_join"),
        listen("x", case("X", "end")),
        Join(name="outer_join", need=1, otherwise="failed", next="after"),
        pause("after"),
        pause("failed"),
    )
    trip = Trip(scenario(*steps))
    trip.hear("Begin")
    trip.hear("X")
    assert sorted(trip.places()[0]) == ["a", "b"]

    trip.later(HOUR)

    assert trip.places() == [["after"]]


def test_a_fork_that_needs_too_many_tokens_goes_on_elsewhere():
    names = [f"p{i}" for i in range(MAX_TOKENS + 1)]
    trip = Trip(
        scenario(
            Fork(name="many", branches=tuple(names), join="meet"),
            *(pause(name, next="meet") for name in names),
            Join(name="meet", need=1, otherwise="failed"),
            pause("failed"),
        )
    )

    progress = trip.hear("Begin")

    assert trip.places() == [["failed"]]
    assert progress.notes == ["too many tokens: trip"]


@pytest.mark.parametrize(("need", "place"), [(2, "failed"), (1, "after")])
def test_ways_that_take_no_time_meet_in_the_same_turn(need, place):
    trip = Trip(
        scenario(
            Fork(name="both", branches=("a", "b"), join="meet"),
            Emit(name="a", event="E", properties=Template(), next="meet"),
            End(name="b", label="gone"),
            Join(name="meet", need=need, otherwise="failed", next="after"),
            pause("after"),
            pause("failed"),
        )
    )

    trip.hear("Begin")

    assert trip.places() == [[place]]


def test_steps_that_do_something_tell_what_and_at_which_moment():
    subject = Template((("subject", "a complaint"),))
    trip = Trip(
        scenario(
            Update(name="mark", traits=Template((("level", 3),))),
            Thread(name="open", kind="case", subject=subject, opens=True),
            Thread(name="close", kind="case", subject=subject, opens=False),
            End(name="done", label="well"),
        )
    )

    progress = trip.hear("Begin", ago=MINUTE)

    at_ms = NOW - MINUTE
    assert progress.traits == [("level", 3, at_ms)]
    assert progress.threads == [
        (True, "case", "a complaint", at_ms),
        (False, "case", "a complaint", at_ms),
    ]
    assert trip.ways[-1] == ("ended", "", "well")
