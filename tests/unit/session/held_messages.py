"""Messages that wait, for the tests of what becomes of them: a reminder, in quiet hours or not."""

import asyncio

from actors.ports import OutboxResult
from actors.session.jobs import Job, TimerJob
from actors.turn import SEND
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    POLICIES,
    TRIGGERS,
    added,
    consent,
    make_playbook,
    number_of,
    user,
)
from tests.contracts.store_support import permitted

ANN = number_of(user("ann"))
BUSY = make_playbook(policies={"quiet": [{"from": "08:15", "to": "10:00"}]}, triggers=TRIGGERS)
"""It caps nothing."""
MORNING = NOW + 2 * HOUR
QUIET = make_playbook(policies=POLICIES | {"quiet": [{"from": "08:15", "to": "10:00"}]})
"""It is eight o'clock; what is to go half an hour later waits until ten."""


def rows(world, number=ANN):
    return asyncio.run(world.truth.outbox_of((number,)))


def row(world):
    (one,) = rows(world)
    return one


def fire(world, key=SEND, number=ANN):
    return world.jobs(Job(TimerJob(number, key, world.clock.business_ms()), number))


def remind(world, playbook=QUIET):
    """Let a reminder be due while it is quiet, or not."""
    world.playbook = playbook
    world.reply(consent(id="yes"))
    world.reply(added(id="cart"))
    world.clock.advance(30 * MINUTE)
    fire(world, "c1")
    return row(world)


def contacts(world, who="ann"):
    return [contact.at_ms for contact in world.customer(who).profile.contacts]


def waits(world):
    return {key: due for (number, key), due in world.timers().items() if number == ANN}


def settle(world, state):
    item = row(world)
    result = OutboxResult(item.number, item.seq, item.n, state, world.clock.machine_ms())
    asyncio.run(world.truth.outbox_settle([result]))


def attempt(world):
    """Begin an attempt at what is due."""
    epochs = {row.partition: world.epochs[row.partition] for row in rows(world)}
    now_ms = world.clock.machine_ms()
    due = world.outbox()
    assert asyncio.run(world.truth.outbox_claim(due, epochs, now_ms, permitted)) == [True]
