from actors.domain.journeys import MAX_INSTANCES, MAX_QUEUED
from actors.playbook.scenario_model import PARALLEL, QUEUE, Call, Start
from actors.playbook.templates import Template
from actors.scenarios import engine
from tests.unit.scenarios.test_patterns_of_signals import count, sequence
from tests.unit.scenarios.travels import DAY, HOUR, MINUTE, NOW, Trip, offer_of, pause, scenario

OTHER, SURVIVOR = 9, 7


def two(*scenarios):
    """Two customers of the same playbook; the second began a minute later."""
    one, other = Trip(*scenarios), Trip(*scenarios)
    other.book = one.book
    other.now += MINUTE
    return one, other


def merged(one, other):
    return engine.merge_journeys(one.journeys, other.journeys, one.book, OTHER, SURVIVOR)


def test_instances_of_both_go_on_in_order_of_their_starts():
    one, other = two(scenario(pause(), keyed_by="cart"))
    other.hear("Begin", ago=2 * MINUTE, cart="x")
    other.hear("Begin", cart="y")
    one.hear("Begin", cart="a")
    other.hear("Begin", ago=MINUTE, cart="z")

    journeys, progress = merged(one, other)

    assert [each.key for each in journeys.instances] == ["x", "a", "z", "y"]
    assert [each.id for each in journeys.instances] == [4, 5, 6, 7]
    assert journeys.next_id == 8
    assert progress.waits == {
        1: 0,
        4: NOW - MINUTE + HOUR,
        5: NOW + HOUR,
        6: NOW + HOUR,
        7: NOW + MINUTE + HOUR,
    }


def test_of_too_many_with_one_key_the_earliest_go_on():
    one, other = two(scenario(offer_of(), pause()))
    one.hear("Begin")
    other.hear("Begin")
    other.sent(other.offers()[0], seq=3, n=1)

    journeys, progress = merged(one, other)

    assert [each.started_ms for each in journeys.instances] == [NOW]
    assert progress.withdrawn == [(3, 1, OTHER)]
    assert [(line.what, line.why) for line in progress.lines] == [("stopped", "merged")]


def test_as_many_go_on_as_the_scenario_allows():
    one, other = two(scenario(pause(), reentry=PARALLEL, limit=3))
    for trip in (one, one, other, other):
        trip.hear("Begin")

    journeys, _ = merged(one, other)

    assert len(journeys.instances) == 3


def test_effects_keep_the_turns_in_which_they_count():
    ask = Call(name="ask", channel="hook", content=Template(), timeout_ms=DAY)
    one, other = two(scenario(offer_of(), ask))
    other.hear("Begin")
    (call,) = other.sent(other.offers()[0], seq=3, n=1).calls
    engine.called(other.journeys, call, 4, 0)
    other.journeys.instances[0].sent.append((8, 0, SURVIVOR))

    journeys, _ = merged(one, other)

    assert journeys.instances[0].sent == [(3, 1, OTHER), (8, 0, 0)]
    assert journeys.instances[0].tokens[0].call == (4, 0, OTHER)


def test_there_is_a_limit_to_all_of_them():
    one, other = two(scenario(pause(), keyed_by="cart"))
    for number in range(20):
        one.hear("Begin", cart=f"a{number}")
        other.hear("Begin", cart=f"b{number}")

    journeys, progress = merged(one, other)

    assert len(journeys.instances) == MAX_INSTANCES
    assert len(progress.lines) == 40 - MAX_INSTANCES
    assert journeys.instances[-1].key == "b11"


def test_the_later_start_of_both_counts():
    one, other = two(scenario(pause(span=1), every_ms=DAY))
    one.hear("Begin")
    other.hear("Begin")

    journeys, _ = merged(one, other)

    assert journeys.starts == {("trip", ""): NOW + MINUTE}


def test_visits_of_both_count_together_but_only_a_signal_starts_something():
    one, other = two(scenario(pause(), on=Start(pattern=count(3, DAY, "Visit"))))
    for trip in (one, one, other, other):
        trip.hear("Visit")

    one.journeys, _ = merged(one, other)
    assert one.journeys.instances == []

    one.hear("Visit")
    assert one.places() == [["pause"]]


def test_of_two_sequences_the_one_that_is_further_goes_on():
    one, other = two(scenario(pause(), on=Start(pattern=sequence("A", "B", "C"))))
    one.hear("A")
    for key in ("A", "B"):
        other.hear(key)

    one.journeys, _ = merged(one, other)
    one.now += HOUR
    one.hear("C")

    assert one.places() == [["pause"]]


def test_queues_come_together_as_far_as_there_is_room():
    one, other = two(scenario(pause(), reentry=QUEUE))
    for trip in (one, other):
        for _ in range(7):
            trip.hear("Begin")

    journeys, progress = merged(one, other)

    assert [at_ms for _, _, at_ms, _ in journeys.queued] == [NOW] * 6 + [NOW + MINUTE] * 2
    assert len(journeys.queued) == MAX_QUEUED
    assert progress.notes == ["too many queued: trip"] * 4


def test_kept_signals_of_both_are_in_order_of_their_moments():
    one, other = two(scenario(pause(), lateness_ms=DAY))
    other.hear("Begin", ago=2 * MINUTE)
    one.hear("Begin")
    other.hear("Begin")

    journeys, _ = merged(one, other)

    assert [each.at_ms for each in journeys.recent] == [NOW - MINUTE, NOW, NOW + MINUTE]
