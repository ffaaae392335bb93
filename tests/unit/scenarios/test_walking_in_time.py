import pytest

from actors.playbook.scenario_model import (
    Clock,
    Date,
    End,
    Filter,
    Hours,
    Repeat,
    Wait,
    WaitUntil,
    Window,
)
from actors.scenarios import engine
from tests.unit.scenarios.travels import DAY, HOUR, MINUTE, NOW, Trip, case, listen, pause, scenario


def test_a_wait_counts_from_the_moment_of_the_event_and_not_from_its_arrival():
    trip = Trip(scenario(pause()))

    progress = trip.hear("Begin", ago=20 * MINUTE)

    assert progress.waits == {1: NOW + 40 * MINUTE}
    assert trip.said[-1].until_ms == NOW + 40 * MINUTE


def test_a_timer_that_fires_late_changes_no_schedule():
    trip = Trip(scenario(pause("a"), pause("b")))
    trip.hear("Begin")
    trip.now += 90 * MINUTE

    assert trip.wake().waits == {1: NOW + 2 * HOUR}


def test_all_that_has_become_due_goes_on_in_one_turn():
    trip = Trip(scenario(pause("a"), pause("b"), pause("c")))
    trip.hear("Begin")

    progress = trip.later(DAY)

    assert trip.journeys.instances == []
    assert progress.waits == {1: 0}
    assert trip.ways[-1] == ("ended", "", "")


def test_one_firing_moves_at_most_64_parts_and_the_timer_stays_due():
    back = Repeat(name="again", back="pause", times=100)
    trip = Trip(scenario(pause(span=MINUTE), back))
    trip.hear("Begin")
    trip.now += DAY

    due_ms = trip.wake().waits[1]

    assert 0 < due_ms <= trip.now
    assert trip.journeys.instances[0].rounds == {"again": 64}


def test_a_timer_that_fires_twice_or_for_nothing_changes_nothing():
    trip = Trip(scenario(pause("a"), pause("b")))
    trip.hear("Begin")
    trip.later(HOUR)

    progress = trip.wake()

    assert progress.lines == []
    assert trip.places() == [["b"]]
    assert trip.wake(instance=99).waits == {99: 0}


def test_a_wait_until_a_wall_clock_time_goes_by_the_customers_zone():
    trip = Trip(scenario(WaitUntil(name="morning", moment=Clock(minute=9 * 60))))
    trip.world.where = "Asia/Kathmandu"  # 13:45 there, so that it is the next morning

    due_ms = trip.hear("Begin").waits[1]

    assert (due_ms + 5 * HOUR + 45 * MINUTE) % DAY == 9 * HOUR
    assert trip.now < due_ms <= trip.now + DAY


def test_a_wait_until_a_missing_date_goes_on_otherwise_at_once():
    until = WaitUntil(
        name="birthday", moment=Date(path="profile.traits", key="birthday"), otherwise="no"
    )
    trip = Trip(scenario(until, End(name="yes", label="yes"), End(name="no", label="no")))

    trip.hear("Begin")

    assert trip.ways[1:] == [
        ("passed", "birthday", "no date"),
        ("passed", "no", "no"),
        ("ended", "", "no"),
    ]


def test_a_wait_for_a_window_that_is_open_takes_no_time():
    always = Hours(name="office", weekdays=frozenset(range(7)), opens=0, closes=1440)
    until = WaitUntil(name="office", moment=Window(name="office"))
    trip = Trip(scenario(until, pause(), windows={"office": always}))

    trip.hear("Begin")

    assert trip.places() == [["pause"]]


def test_a_repeat_goes_back_so_many_times_and_while_its_rule_holds():
    again = Repeat(name="again", back="pause", times=3, rule=lambda world, *_: world.number == 7)
    trip = Trip(scenario(pause(), again))
    trip.hear("Begin")

    rounds = 0
    while trip.journeys.instances:
        trip.later(HOUR + MINUTE)
        rounds += 1

    assert rounds == 4
    trip.hear("Begin")
    trip.world.number = 8
    trip.later(HOUR)
    assert trip.journeys.instances == []


def test_a_repeat_that_just_came_by_a_clock_waits_for_the_next_such_time():
    morning = WaitUntil(name="morning", moment=Clock(minute=9 * 60))
    trip = Trip(scenario(morning, Repeat(name="again", back="morning", times=5)))
    first_ms = trip.hear("Begin").waits[1]
    trip.now = first_ms

    assert trip.wake().waits == {1: first_ms + DAY}


def test_an_instance_that_never_comes_to_rest_is_stopped():
    steps = (
        Filter(name="a", rule=lambda *_: True),
        Repeat(name="again", back="a", times=10_000),
    )
    trip = Trip(scenario(*steps))

    progress = trip.hear("Begin")

    assert trip.ways[-1] == ("stopped", "", "endless")
    assert progress.notes == ["too many steps at once: trip"]
    assert trip.journeys.instances == []


@pytest.mark.parametrize("span", [0, MINUTE])
def test_the_timer_is_at_the_earliest_of_all_due_times(span):
    trip = Trip(scenario(Wait(name="a", span_ms=span), listen("b", case("X"), timeout_ms=DAY)))

    waits = trip.hear("Begin").waits

    assert waits == {1: NOW + (span or DAY)}
    assert engine.next_wait(trip.journeys.instances[0]) == waits[1]
