"""Consent over HTTP: effective before the reply, on what was queued too."""

import asyncio

import msgpack
import pytest

from actors.domain.actions import OpenEffect
from actors.domain.ids import customer_text
from actors.ports import Change, OutboxResult, OutboxRow, OutboxState
from actors.wire.state import pack_state
from serve_app.consents import POLL_S, POLLS, Withdrawal
from tests.builders import DAY, HOUR, NOW, number_of, user
from tests.integration.http_people import People
from tests.integration.http_support import assert_problem

ANN = number_of(user("ann"))


def anns() -> People:
    people = People()
    people.say("identify", userId="ann", traits={"first_name": "Ann"})
    return people


people = pytest.fixture(anns)
unchanged = pytest.fixture(anns, scope="module")
"""For tests that change nothing: an edge takes long to build."""


def permitted(people: People, channel: str, purpose: str) -> bool:
    body = people.get("/v1/customers/user:ann/consents").json()
    return {(e["channel"], e["purpose"]): e["permitted"] for e in body["effective"]}[
        channel, purpose
    ]


def queue(people: People, *rows, number: int = ANN):
    """Give a customer effects, each (channel, purpose), as her next turn."""
    row = people.world.row(number)
    seq = row.seq + 1
    outbox = [
        OutboxRow(seq, n, channel, people.edge.now_ms, NOW + 9 * DAY,
                  msgpack.packb({"action": "a/b/c", "purpose": purpose, "content": {}}))
        for n, (channel, purpose) in enumerate(rows)
    ]  # fmt: skip
    state = people.world.state(number)
    state.seq = seq
    state.effects += [
        OpenEffect(seq, n, "a/b/c", channel, "", NOW, NOW + 9 * DAY, purpose=purpose)
        for n, (channel, purpose) in enumerate(rows)
    ]
    change = Change(number, row.partition, people.world.epochs[row.partition], row.seq, seq,
                    pack_state(state), outbox=outbox)  # fmt: skip
    asyncio.run(people.store.commit([change], people.edge.now_ms))
    people.world.restart()
    return [item for item in people.effects(number) if item.seq == seq]


def test_a_consent_holds_as_soon_as_it_is_answered(people: People):
    assert not permitted(people, "email", "marketing")

    granted = people.consent("user:ann").json()
    assert granted["permitted"]
    assert permitted(people, "email", "marketing")

    people.later(1000)
    denied = people.consent(customer_text(ANN), status="denied").json()
    assert not denied["permitted"]
    assert not permitted(people, "email", "marketing")
    assert (granted["customerId"], denied["seq"]) == (customer_text(ANN), granted["seq"] + 1)


def test_all_that_was_said_of_a_consent_is_shown(people: People):
    people.consent(
        "user:ann",
        channel="*",
        source="call-centre",
        basis="contract",
        at="2027-01-14T08:00:00Z",
        expiresAt="2027-06-01T00:00:00Z",
    )

    (consent,) = people.get("/v1/customers/user:ann/consents").json()["consents"]

    assert consent == {
        "channel": "*",
        "purpose": "marketing",
        "status": "granted",
        "at": "2027-01-14T08:00:00.000Z",
        "source": "call-centre",
        "basis": "contract",
        "expiresAt": "2027-06-01T00:00:00.000Z",
    }
    assert permitted(people, "app", "marketing")


def test_a_consent_that_has_expired_permits_nothing(people: People):
    people.consent("user:ann", expiresAt="2027-01-16T08:00:00Z")

    people.later(2 * DAY)

    assert not permitted(people, "email", "marketing")


def test_an_older_act_than_the_one_that_holds_changes_nothing(people: People):
    people.consent("user:ann", status="denied")
    people.later(HOUR)

    reply = people.consent("user:ann", at="2027-01-15T07:00:00Z").json()

    assert not reply["permitted"]


def test_granted_may_be_said_as_a_truth_value(people: People):
    path, body = "/v1/customers/user:ann/consent", {"channel": "email", "purpose": "service"}

    assert people.put(path, {**body, "granted": True}).json()["permitted"]
    people.later(1)
    assert not people.put(path, {**body, "granted": False}).json()["permitted"]
    assert_problem(people.put(path, body), 422, "invalid")
    assert_problem(people.put(path, {**body, "granted": True, "status": "denied"}), 422)


def test_the_same_message_counts_once_and_another_body_under_its_id_conflicts(people: People):
    first = people.consent("user:ann", messageId="m").json()
    again = people.consent("user:ann", messageId="m").json()

    assert again == {**first, "status": "duplicate"}
    assert_problem(people.consent("user:ann", messageId="m", status="denied"), 409)


def test_a_withdrawal_tells_what_was_sent_within_a_day(people: People):
    long_ago, *today = queue(people, ("email", "marketing"), *[("email", "marketing")] * 2)
    other_channel, other_purpose = queue(people, ("app", "marketing"), ("email", "service"))
    people.attempt(long_ago)
    people.later(25 * HOUR)
    for item in (*today, other_channel, other_purpose):
        people.attempt(item)

    reply = people.consent("user:ann", status="denied").json()

    assert (reply["alreadySent"], reply["inFlight"], reply["cancelled"]) == (2, 0, 0)


def sleeping(people: People, *awake):
    """A sleep that counts, and does at its n-th call what is given for it."""
    naps = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)
        for n, act in awake:
            if len(naps) == n:
                await act()

    return sleep, naps


def settle(people: People, item, state: int):
    async def act() -> None:
        await people.store.outbox_settle([OutboxResult(item.number, item.seq, item.n, state)])

    return act


def test_what_is_being_sent_is_waited_for(people: People):
    item, other = queue(people, ("email", "marketing"), ("app", "marketing"))
    for each in (item, other):
        people.attempt(each, OutboxState.SENDING)
    sleep, naps = sleeping(people, (3, settle(people, item, OutboxState.SENT)))

    left = asyncio.run(Withdrawal(people.store, (ANN,), "email", "marketing", sleep).settled())

    assert (left, naps) == (0, [POLL_S] * 3)


def test_what_does_not_end_in_five_seconds_is_told(people: People):
    items = queue(people, ("email", "marketing"), ("app", "marketing"))
    for each in items:
        people.attempt(each, OutboxState.SENDING)
    sleep, naps = sleeping(people)

    left = asyncio.run(Withdrawal(people.store, (ANN,), "*", "marketing", sleep).settled())

    assert (left, len(naps), POLLS * POLL_S) == (2, POLLS, 5.0)


def test_a_key_that_is_bound_to_channels_speaks_for_them_only(people: People):
    people.edge.add_key("mailer", ["ingest"], ["email"])
    people.edge.add_key("reader", ["read"])
    people.later(2000)  # keys are looked up again after a while
    path, body = "/v1/customers/user:ann/consent", {"purpose": "marketing", "granted": False}

    codes = [
        people.put(path, {**body, "channel": channel}, key=key).status_code
        for channel, key in (("email", "mailer"), ("app", "mailer"), ("*", "mailer"), ("app", "reader"))
    ]  # fmt: skip

    assert codes == [200, 403, 403, 403]


@pytest.mark.parametrize(
    "more",
    [
        {"status": "perhaps"},
        {"channel": "no good"},
        {"purpose": "*"},
        {"channel": "c" * 32, "purpose": "p" * 32},
        {"at": "2027-01-16T08:00:00Z"},
        {"unknown": 1},
    ],
)
def test_what_is_no_act_of_consent_is_refused(unchanged: People, more: dict):
    assert_problem(unchanged.consent("user:ann", **more), 422, "invalid")


def test_there_is_no_consent_of_somebody_unknown(unchanged: People):
    assert_problem(unchanged.consent("user:nobody"), 404)
    assert_problem(unchanged.get("/v1/customers/user:nobody/consents"), 404)
