import pytest

from actors.domain.journeys import MAX_SENT
from actors.playbook.scenario_model import Call, Emit, Filter, Fork, Heard, Join, Repeat
from actors.playbook.templates import Template
from actors.scenarios import engine
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


def calling(**more):
    ask = Call(
        name="ask",
        channel="hook",
        content=Template((("q", 1),)),
        timeout_ms=MINUTE,
        otherwise="failed",
        next="done",
        keep=(("score", "s"),),
    )
    return scenario(ask, pause("done"), pause("failed"), **more)


def test_a_proposal_is_offered_at_every_turn_until_its_time_is_over():
    trip = Trip(scenario(offer_of(not_sent="later", actions=(4, 2)), pause("sent"), pause("later")))
    assert trip.hear("Begin").waits == {1: NOW + DAY}

    (offer,) = trip.offers()
    assert (offer.instance, offer.step, offer.actions) == (1, "offer", (4, 2))
    trip.now += DAY - 1
    assert trip.offers() == [offer]

    progress = trip.later(HOUR)
    assert trip.ways[-2] == ("expired", "offer", "")
    assert trip.places() == [["later"]]
    assert progress.waits == {1: NOW + DAY + HOUR}


def test_what_is_sent_goes_on_from_now_and_is_remembered():
    trip = Trip(scenario(offer_of(), pause()))
    trip.hear("Begin", ago=HOUR)

    progress = trip.sent(trip.offers()[0], seq=5, n=1)

    assert trip.journeys.instances[0].sent == [(5, 1, 0)]
    assert progress.waits == {1: NOW + HOUR}
    assert [(line.what, line.step) for line in progress.lines] == [
        ("sent", "offer"),
        ("entered", "pause"),
    ]


def test_an_offer_is_sent_only_once():
    trip = Trip(scenario(offer_of(), pause()))
    trip.hear("Begin")
    (offer,) = trip.offers()
    trip.sent(offer, seq=5)

    assert trip.sent(offer, seq=6).lines == []
    assert trip.refused(offer).lines == []
    assert trip.journeys.instances[0].sent == [(5, 0, 0)]


def test_the_newest_effects_are_remembered():
    again = Repeat(name="again", back="offer", times=20)
    trip = Trip(scenario(offer_of(), again))
    trip.hear("Begin")

    for seq in range(MAX_SENT + 3):
        trip.sent(trip.offers()[0], seq=seq)
        trip.later(1)

    assert [seq for seq, _, _ in trip.journeys.instances[0].sent] == list(range(3, MAX_SENT + 3))


def test_the_next_proposal_after_a_sent_one_has_a_turn_of_its_own_at_once():
    trip = Trip(scenario(offer_of("one"), offer_of("two")))
    trip.hear("Begin")

    assert trip.sent(trip.offers()[0]).waits == {1: NOW}

    assert trip.wake().waits == {1: NOW + DAY}
    assert [offer.step for offer in trip.offers()] == ["two"]


def test_a_proposal_that_begins_because_another_was_sent_has_a_turn_of_its_own_too():
    tell = Emit(name="tell", event="Told", properties=Template())
    trip = Trip(scenario(offer_of(), tell), scenario(offer_of(), name="other", on="Told"))
    trip.hear("Begin")

    progress = trip.sent(trip.offers()[0])

    assert progress.waits == {1: 0, 2: NOW}


def test_a_refusal_with_a_time_is_tried_again_then_and_not_before():
    trip = Trip(scenario(offer_of()))
    trip.hear("Begin")
    (offer,) = trip.offers()

    progress = trip.refused(offer, "cap", NOW + HOUR)

    assert progress.waits == {1: NOW + HOUR}
    assert progress.lines[0].until_ms == NOW + HOUR
    assert trip.offers() == []
    trip.later(HOUR)
    assert trip.offers() == [offer]
    assert engine.next_wait(trip.journeys.instances[0]) == NOW + DAY


@pytest.mark.parametrize("retry_at_ms", [0, NOW])
def test_a_refusal_without_a_time_ahead_competes_at_the_next_turn(retry_at_ms):
    trip = Trip(scenario(offer_of()))
    trip.hear("Begin")

    assert trip.refused(trip.offers()[0], "cap", retry_at_ms).waits.get(1, NOW + DAY) == NOW + DAY
    assert len(trip.offers()) == 1


def test_the_same_word_on_an_offer_is_said_once():
    trip = Trip(scenario(offer_of()))
    trip.hear("Begin")
    (offer,) = trip.offers()

    for tell, why in (
        (trip.lost, "to a"),
        (trip.lost, "to a"),
        (trip.lost, "to b"),
        (trip.refused, "to b"),
        (trip.refused, "to b"),
    ):
        tell(offer, why)

    assert trip.ways[2:] == [
        ("lost", "offer", "to a"),
        ("lost", "offer", "to b"),
        ("refused", "offer", "to b"),
    ]


def test_an_offer_may_be_held_back():
    trip = Trip(scenario(offer_of()))
    trip.hear("Begin")

    progress = engine.held(
        trip.journeys, trip.offers()[0], "quiet", trip.now, trip.book, trip.world
    )

    assert [(line.what, line.why) for line in progress.lines] == [("held", "quiet")]


@pytest.mark.parametrize("why", ["consent", "consent: no consent for email"])
def test_a_mandatory_message_without_consent_goes_on_at_once(why):
    trip = Trip(scenario(offer_of(mandatory=True, not_sent="pause"), pause("sent"), pause()))
    trip.hear("Begin")

    trip.refused(trip.offers()[0], why)

    assert trip.places() == [["pause"]]
    assert ("refused", "offer", why) in trip.ways


@pytest.mark.parametrize(("mandatory", "why"), [(True, "no channel"), (False, "consent")])
def test_any_other_refusal_waits(mandatory, why):
    trip = Trip(scenario(offer_of(mandatory=mandatory, not_sent="pause"), pause()))
    trip.hear("Begin")

    trip.refused(trip.offers()[0], why)

    assert trip.places() == [["offer"]]


def test_a_webhook_is_called_and_its_answer_is_kept():
    trip = Trip(calling())

    (call,) = trip.hear("Begin").calls
    assert (call.channel, call.content, call.expires_at_ms) == ("hook", {"q": 1}, NOW + MINUTE)
    engine.called(trip.journeys, call, 1, 0)
    trip.now += 30_000
    progress = trip.answered((1, 0, 0), ago=10_000, s=0.5)

    assert trip.places() == [["done"]]
    assert trip.journeys.instances[0].data == {"score": 0.5}
    assert progress.waits == {1: NOW + 20_000 + HOUR}


def test_a_failed_call_goes_on_otherwise():
    trip = Trip(calling())
    engine.called(trip.journeys, trip.hear("Begin").calls[0], 1, 0)

    trip.answered((1, 0, 0), ok=False, s=1)

    assert trip.places() == [["failed"]]
    assert trip.journeys.instances[0].data == {}
    assert ("passed", "ask", "failed") in trip.ways


def test_an_answer_after_its_time_changes_nothing_even_if_the_timer_is_late():
    trip = Trip(calling())
    engine.called(trip.journeys, trip.hear("Begin").calls[0], 1, 0)
    trip.now += 2 * MINUTE

    trip.answered((1, 0, 0))
    assert trip.places() == [["ask"]]

    trip.wake()
    assert trip.places() == [["failed"]]


@pytest.mark.parametrize("call", [(0, 0, 0), (1, 1, 0), (1, 0, 9)])
def test_an_answer_that_nobody_waits_for_changes_nothing(call):
    trip = Trip(calling())
    made = trip.hear("Begin").calls[0]
    assert trip.answered((0, 0, 0)).lines == []

    engine.called(trip.journeys, made, 1, 0)

    assert trip.answered(call).lines == []


def test_a_call_that_another_branch_makes_needless_is_not_made():
    steps = (
        Fork(name="both", branches=("ask", "b"), join="meet"),
        Call(name="ask", channel="hook", content=Template(), timeout_ms=MINUTE, next="meet"),
        Filter(name="b", rule=lambda *_: True, next="meet"),
        Join(name="meet", need=1),
        pause(),
    )
    trip = Trip(scenario(*steps))

    assert trip.hear("Begin").calls == []


def test_a_stop_withdraws_what_was_sent_and_the_calls_waited_for():
    steps = (
        offer_of(),
        Call(name="ask", channel="hook", content=Template(), timeout_ms=DAY),
    )
    trip = Trip(scenario(*steps, stops=(Heard(key="Order"),)))
    trip.hear("Begin")
    (call,) = trip.sent(trip.offers()[0], seq=1).calls
    engine.called(trip.journeys, call, 2, 0)

    progress = trip.hear("Order")

    assert progress.withdrawn == [(1, 0, 0), (2, 0, 0)]
    assert progress.waits == {1: 0}


def test_what_ends_by_itself_withdraws_nothing():
    trip = Trip(scenario(offer_of(), listen("wait", case("A"))))
    trip.hear("Begin")
    trip.sent(trip.offers()[0])

    assert trip.hear("A").withdrawn == []
    assert trip.journeys.instances == []
