from dataclasses import replace

import pytest

from actors.domain.journeys import MAX_INSTANCES, MAX_QUEUED, MAX_STARTS
from actors.playbook.scenario_model import IGNORE, PARALLEL, QUEUE, RESTART, Heard, Start
from tests.unit.scenarios.travels import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Trip,
    offer_of,
    one,
    pause,
    scenario,
)


def started(trip):
    return [each.started_ms - NOW for each in trip.journeys.instances]


def test_a_start_wants_all_segments_and_its_rule():
    rule = lambda _world, _instance, signal: signal.properties["price"] > 5  # noqa: E731
    start = Start(pattern=one("Begin"), segments=("a", "b"), when=rule)
    trip = Trip(scenario(pause(), on=start))
    trip.world.segments = {"a"}
    trip.hear("Begin", price=9)
    trip.world.segments = {"a", "b"}
    trip.hear("Begin", price=5)
    assert trip.said == []

    trip.hear("Begin", price=6)
    assert started(trip) == [0]


def test_an_operator_can_start_a_scenario_for_a_customer():
    trip = Trip(scenario(pause(), on="launch:trip"))

    trip.hear("launch:trip")

    assert trip.ways[0] == ("started", "", "launch:trip")


def test_two_keys_are_two_instances():
    trip = Trip(scenario(pause(), keyed_by="cart"))

    trip.hear("Begin", cart="a")
    trip.hear("Begin", cart="b")
    trip.hear("Begin", cart="a")

    assert [each.key for each in trip.journeys.instances] == ["a", "b"]


def test_a_long_key_is_kept_as_its_hash():
    trip = Trip(scenario(pause(), keyed_by="cart"))

    trip.hear("Begin", cart="x" * 65)
    trip.hear("Begin", cart="x" * 65)

    assert [len(each.key) for each in trip.journeys.instances] == [32]


def test_ignore_skips_a_start_while_one_is_under_way():
    trip = Trip(scenario(pause(), reentry=IGNORE))
    trip.hear("Begin")

    trip.hear("Begin")

    assert trip.ways[-1] == ("skipped", "", "ignore")
    assert started(trip) == [0]


def test_restart_stops_the_one_under_way_and_withdraws_what_it_has_not_sent():
    trip = Trip(scenario(offer_of(), pause(), reentry=RESTART))
    trip.hear("Begin")
    trip.sent(trip.offers()[0], seq=3, n=1)
    trip.now += MINUTE

    progress = trip.hear("Begin")

    assert progress.withdrawn == [(3, 1, 0)]
    assert progress.waits == {1: 0, 2: trip.now + DAY}
    assert ("stopped", "", "restarted") in trip.ways


def test_an_older_event_that_comes_late_restarts_nothing():
    trip = Trip(scenario(pause(), reentry=RESTART))
    trip.hear("Begin")

    trip.hear("Begin", ago=MINUTE)

    assert trip.ways[-1] == ("skipped", "", "restart")
    assert started(trip) == [0]


def test_parallel_allows_so_many():
    trip = Trip(scenario(pause(), reentry=PARALLEL, limit=2))

    for _ in range(3):
        trip.hear("Begin")

    assert len(trip.journeys.instances) == 2
    assert trip.ways[-1] == ("skipped", "", "parallel")


def test_what_is_queued_starts_when_the_one_before_has_ended():
    trip = Trip(scenario(pause(), reentry=QUEUE))
    trip.hear("Begin", size="S")
    trip.hear("Begin", size="M")
    assert trip.ways[-1] == ("held", "", "queue")

    trip.later(90 * MINUTE)

    assert [(each.started_ms, each.data) for each in trip.journeys.instances] == [
        (NOW + HOUR, {"size": "M"})
    ]
    assert trip.journeys.queued == []


def test_what_came_after_the_end_starts_at_its_own_moment():
    trip = Trip(scenario(pause(), reentry=QUEUE))
    trip.hear("Begin")
    trip.now += 2 * HOUR
    trip.hear("Begin", ago=30 * MINUTE)  # the timer is late: the first one is still there

    trip.wake()

    assert started(trip) == [90 * MINUTE]


def test_a_queue_is_as_long_as_it_may_be_and_comes_out_in_order():
    stop = Heard(key="Stop")
    trip = Trip(scenario(pause(), reentry=QUEUE, stops=(stop,)))
    for number in range(MAX_QUEUED + 2):
        trip.hear("Begin", number=number)
    assert trip.ways[-1] == ("skipped", "", "queue")

    numbers = []
    while trip.journeys.instances:
        numbers += [each.data["number"] for each in trip.journeys.instances]
        trip.hear("Stop")

    assert numbers == list(range(MAX_QUEUED + 1))


def test_a_queued_start_of_a_scenario_that_is_gone_is_dropped():
    old = scenario(pause(), reentry=QUEUE)
    trip = Trip(old)
    trip.hear("Begin")
    trip.hear("Begin")
    trip.replace(earlier=[old])

    trip.later(HOUR)

    assert (trip.journeys.instances, trip.journeys.queued) == ([], [])


def test_every_counts_from_the_last_start_of_the_key():
    trip = Trip(scenario(pause(span=MINUTE), keyed_by="cart", every_ms=DAY))
    trip.hear("Begin", cart="a")
    trip.later(DAY - 1)

    trip.hear("Begin", cart="a")
    assert trip.ways[-1] == ("skipped", "", "every")

    trip.hear("Begin", cart="b")
    trip.now += 1
    trip.hear("Begin", cart="a")
    assert len(trip.journeys.instances) == 2


def test_the_last_starts_of_some_keys_only_are_remembered():
    trip = Trip(scenario(pause(span=1), keyed_by="cart", every_ms=DAY))
    for number in range(MAX_STARTS + 1):
        trip.hear("Begin", cart=number)
        trip.later(1)
    assert len(trip.journeys.starts) == MAX_STARTS

    trip.hear("Begin", cart=0)
    assert len(trip.journeys.instances) == 1


def test_a_customer_walks_a_limited_number_of_ways_at_once():
    trip = Trip(scenario(pause(), keyed_by="cart"))

    notes = [trip.hear("Begin", cart=number).notes for number in range(MAX_INSTANCES + 1)]

    assert notes[-2:] == [[], ["too many instances: trip"]]
    assert trip.ways[-1] == ("skipped", "", "too many")
    assert len(trip.journeys.instances) == MAX_INSTANCES


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_starts_hear_in_the_order_of_the_playbook(names):
    trip = Trip(*(scenario(pause(), name=name) for name in names))

    trip.hear("Begin")

    assert [each.scenario for each in trip.journeys.instances] == list(names)


def test_the_rule_of_a_part_decides_whether_a_signal_counts_at_all():
    rule = lambda _world, instance, signal: instance is None and signal.properties["n"] > 1  # noqa: E731
    twice = replace(one("Begin", rule), count=2)
    trip = Trip(scenario(pause(), on=Start(pattern=twice)))

    for number in (1, 2, 1, 3):
        assert trip.journeys.instances == []
        trip.hear("Begin", n=number)

    assert trip.journeys.instances[0].data == {"n": 3}
