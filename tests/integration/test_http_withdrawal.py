"""A withdrawal reaches what is queued, in the same turn: over HTTP, with real customers."""

import pytest

from actors.domain.ids import customer_text
from actors.ports import OutboxResult, OutboxState
from tests.builders import anon, number_of, user
from tests.integration.http_people import People
from tests.integration.test_http_consent import queue

ANN, A = number_of(user("ann")), number_of(anon("a"))
MARKETING, SERVICE = ("email", "marketing"), ("email", "service")
PENDING, CANCELLED = OutboxState.PENDING, OutboxState.CANCELLED


@pytest.fixture
def people() -> People:
    """Ann, who may be written to by e-mail."""
    people = People()
    people.say("identify", userId="ann")
    for purpose in ("marketing", "service"):
        people.consent("user:ann", purpose=purpose)
    people.later(1000)
    return people


def states(people: People, *numbers: int) -> list[int]:
    return [item.state for item in people.effects(*numbers)]


def test_what_is_queued_is_cancelled_before_the_reply_and_the_rest_stays(people: People):
    queue(people, MARKETING, SERVICE, ("app", "onsite"), MARKETING)

    reply = people.consent("user:ann", status="denied").json()

    assert (reply["cancelled"], reply["inFlight"]) == (2, 0)
    assert states(people, ANN) == [CANCELLED, PENDING, PENDING, CANCELLED]
    people.later(1000)
    assert people.consent("user:ann", status="denied").json()["cancelled"] == 0


def test_a_denial_on_all_channels_reaches_all_of_them(people: People):
    people.consent("user:ann", channel="app")
    queue(people, MARKETING, ("app", "marketing"), SERVICE)
    people.later(1000)

    assert people.consent("user:ann", channel="*", status="denied").json()["cancelled"] == 2


def test_effects_of_who_was_merged_into_the_customer_are_cancelled_too(people: People):
    people.say("track", anonymousId="a", event="Page Seen")
    people.consent("anon:a")
    queue(people, MARKETING, number=A)
    people.post(f"/v1/customers/{customer_text(ANN)}/merge", {"with": "anon:a"})
    people.later(1000)

    assert people.consent("user:ann", status="denied").json()["cancelled"] == 1
    assert states(people, A) == [CANCELLED]


def test_a_withdrawal_in_an_event_reaches_the_queue_as_well(people: People):
    queue(people, MARKETING, SERVICE)

    denied = {"consent": {"categoryPreferences": {"email": False}}}
    people.say("identify", userId="ann", context=denied)

    assert states(people, ANN) == [CANCELLED, PENDING]


def test_an_act_that_is_older_than_the_consent_that_holds_cancels_nothing(people: People):
    queue(people, MARKETING)

    reply = people.consent("user:ann", status="denied", at="2027-01-01T00:00:00Z").json()

    assert (reply["permitted"], reply["cancelled"]) == (True, 0)
    assert states(people, ANN) == [PENDING]


def test_an_attempt_that_fails_while_it_is_waited_for_is_not_tried_again(people: People):
    (item,) = queue(people, MARKETING)
    people.attempt(item, OutboxState.SENDING)
    outbox_of = people.store.outbox_of

    async def failing(numbers, wanted=()):
        if wanted == (OutboxState.SENDING,):
            failed = OutboxResult(item.number, item.seq, item.n, PENDING, 0)
            await people.store.outbox_settle([failed])
        return await outbox_of(numbers, wanted)

    people.store.outbox_of = failing
    reply = people.consent("user:ann", status="denied").json()

    assert (reply["cancelled"], reply["inFlight"]) == (1, 0)
    assert states(people, ANN) == [CANCELLED]
