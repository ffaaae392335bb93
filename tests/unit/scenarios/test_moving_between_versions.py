from dataclasses import replace

import pytest

from actors.playbook.scenario_model import Case, Filter, Fork, Join, Repeat
from tests.unit.scenarios.test_patterns_of_signals import count
from tests.unit.scenarios.travels import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Trip,
    case,
    listen,
    offer_of,
    pause,
    scenario,
)

OLD = scenario(pause("a"), pause("b"))


def test_an_instance_walks_the_version_it_began_with():
    trip = Trip(OLD)
    trip.hear("Begin")

    trip.replace(scenario(pause("a"), pause("c"), digest="v2"), earlier=[OLD])
    trip.later(HOUR)

    assert trip.places() == [["b"]]
    assert trip.journeys.instances[0].digest == "v1"


def test_a_declared_mapping_moves_it_and_it_keeps_its_times():
    trip = Trip(OLD)
    trip.hear("Begin")
    trip.now += MINUTE

    progress = trip.replace(
        scenario(pause("first", DAY), pause("c"), digest="v2", moves={"a": "first"}),
        earlier=[OLD],
    )

    assert trip.places() == [["first"]]
    assert progress.waits == {1: NOW + HOUR}
    assert trip.ways[-1] == ("moved", "", "")
    trip.later(HOUR)
    assert trip.places() == [["c"]]


def test_steps_that_are_not_mapped_go_by_their_names():
    trip = Trip(OLD)
    trip.hear("Begin")

    trip.replace(scenario(pause("x"), pause("a"), digest="v2", moves={}), earlier=[OLD])

    assert (trip.places(), trip.journeys.instances[0].digest) == ([["a"]], "v2")


def test_it_stays_when_its_step_has_no_counterpart():
    trip = Trip(OLD)
    trip.hear("Begin")

    trip.replace(scenario(pause("x"), digest="v2", moves={"b": "x"}), earlier=[OLD])

    assert (trip.places(), trip.journeys.instances[0].digest) == ([["a"]], "v1")


def test_it_stays_while_it_is_in_a_fork():
    old = scenario(
        Fork(name="both", branches=("a", "b"), join="meet"),
        pause("a", next="meet"),
        pause("b", next="meet"),
        Join(name="meet", need=2),
    )
    trip = Trip(old)
    trip.hear("Begin")

    trip.replace(replace(old, digest="v2", moves={}), earlier=[old])
    assert trip.journeys.instances[0].digest == "v1"

    trip.replace(replace(old, digest="v2", moves={}))
    assert trip.ways[-1] == ("stopped", "", "version gone")


def test_a_step_of_another_kind_is_entered_now():
    trip = Trip(OLD)
    trip.hear("Begin")
    trip.now += MINUTE

    progress = trip.replace(
        scenario(offer_of("a", offer_for_ms=DAY), digest="v2", moves={}), earlier=[OLD]
    )

    assert progress.waits == {1: trip.now + DAY}
    assert ("entered", "a", "") in trip.ways[-1:]


def test_a_mapping_may_lead_to_a_step_that_takes_no_time():
    trip = Trip(OLD)
    trip.hear("Begin")
    again = scenario(
        Filter(name="check", rule=lambda *_: True), pause("c"), digest="v2", moves={"a": "check"}
    )

    trip.replace(again, earlier=[OLD])

    assert trip.places() == [["c"]]


def listening(digest, number, lateness=0):
    cases = (Case(pattern=count(number), next="end"),)
    return scenario(
        listen("wait", *cases, timeout_ms=DAY), digest=digest, moves={}, lateness_ms=lateness
    )


@pytest.mark.parametrize(("number", "places"), [(2, []), (3, [["wait"]])])
def test_a_listen_remembers_what_it_heard_if_it_waits_for_the_same(number, places):
    trip = Trip(listening("v1", 2))
    trip.hear("Begin")
    trip.hear("A")

    trip.replace(listening("v2", number), earlier=[listening("v1", 2)])
    trip.hear("A")
    trip.hear("Other")

    assert trip.places() == places


def test_the_lateness_is_that_of_the_version_walked():
    trip = Trip(listening("v1", 2))
    trip.hear("Begin")

    progress = trip.replace(listening("v2", 2, lateness=HOUR), earlier=[listening("v1", 2)])

    assert progress.waits == {1: NOW + DAY + HOUR}


@pytest.mark.parametrize("new", [(), (scenario(pause("x"), digest="v2", moves={"a": "y"}),)])
def test_an_instance_that_can_neither_stay_nor_move_is_stopped(new):
    trip = Trip(OLD)
    trip.hear("Begin")

    progress = trip.replace(*new)

    assert trip.ways[-1] == ("stopped", "", "version gone")
    assert progress.waits == {1: 0}


def test_a_version_that_is_not_known_any_more_goes_by_the_names_of_the_steps():
    trip = Trip(OLD)
    trip.hear("Begin")

    trip.replace(scenario(pause("z"), pause("a", DAY), pause("b"), digest="v2"))

    assert trip.places() == [["a"]]
    assert trip.later(HOUR).waits == {1: NOW + 2 * HOUR}


def test_what_was_counted_and_met_stays():
    old = scenario(pause("a"), Repeat(name="again", back="a", times=2))
    trip = Trip(old)
    trip.hear("Begin")
    trip.later(HOUR + MINUTE)
    trip.replace(replace(old, digest="v2", moves={}), earlier=[old])

    assert trip.journeys.instances[0].rounds == {"again": 1}


def test_an_instance_of_an_earlier_version_hears_what_only_that_waits_for():
    old = scenario(listen("wait", case("Old Event")))
    trip = Trip(old)
    trip.hear("Begin")
    trip.replace(scenario(pause(), digest="v2"), earlier=[old])

    trip.hear("Old Event")

    assert trip.journeys.instances == []


def test_nothing_that_is_told_hurts_an_instance_whose_version_is_gone_before_it_is_touched():
    trip = Trip(OLD)
    trip.hear("Begin")
    trip.book = Trip().book
    trip.now += DAY

    assert (trip.hear("Begin").lines, trip.offers()) == ([], [])
    assert trip.wake().waits == {1: 0}
