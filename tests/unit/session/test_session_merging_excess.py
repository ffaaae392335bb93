"""A merge may bring more together than a cap allows: what is held and too much is cancelled, the last first."""

import asyncio

from actors.ports import OutboxState
from actors.session.jobs import Job, TimerJob
from actors.turn import SEND
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    POLICIES,
    anon,
    consent,
    make_event,
    make_playbook,
    number_of,
    order,
    user,
)

VISITOR = anon("a")
ANN, GUEST = number_of(user("ann")), number_of(VISITOR)
BOOK = make_playbook(
    policies=POLICIES
    | {
        "caps": {"one_a_day": {"limit": 1, "window": "day"}},
        "quiet": [{"from": "06:00", "to": "10:00"}],
    }
)
"""It is eight o'clock in the zone of the shop."""


def states(world):
    rows = asyncio.run(world.truth.outbox_of((ANN, GUEST)))
    return {row.number: (row.state, row.send_at_ms) for row in rows}


def test_of_two_messages_that_wait_for_one_morning_only_one_is_sent_after_a_merge(world):
    world.playbook = BOOK
    world.reply(consent(id="yes"))
    world.reply(order(10.0, "ann", id="o1"))
    world.clock.advance(MINUTE)
    world.reply(order(10.0, VISITOR, id="o2", at=NOW + MINUTE))
    held = (OutboxState.HELD, NOW + 2 * HOUR)
    assert states(world) == {ANN: held, GUEST: held}

    world.clock.advance(MINUTE)
    both = make_event("", "ann", VISITOR, type="identify", id="join", at=NOW + 2 * MINUTE)
    world.reply(both)

    after = [state for state, _ in states(world).values()]
    assert sorted(after) == sorted([OutboxState.HELD, OutboxState.CANCELLED])
    ann = world.customer()
    assert [c.at_ms for c in ann.profile.contacts] == [NOW + 2 * HOUR]
    assert [e.send_at_ms for e in ann.effects] == [NOW + 2 * HOUR]

    world.clock.now_ms = NOW + 2 * HOUR
    world.jobs(Job(TimerJob(ANN, SEND, world.clock.now_ms), ANN))
    assert sorted(state for state, _ in states(world).values()) == sorted(
        [OutboxState.PENDING, OutboxState.CANCELLED]
    )
    world.assert_sound(ANN)
