"""From a decision to the channel: switches, holds, reviews and bounces, with host and dispatcher."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import parse_effect
from actors.ports import Delivery, DeliveryStatus, Lookup, OutboxState
from actors.runtime.answering import bouncing
from actors.runtime.checking import PAUSED_MS, REVIEWED_MS, checking
from actors.runtime.clocks import VirtualClock
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.reviewing import Reviews, reviewing
from actors.wire.state import unpack_state
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    POLICIES,
    consent,
    make_event,
    make_playbook,
    number_of,
    order,
    question,
    user,
)
from tests.doubles.clocks import ManualClock
from tests.doubles.hosts import answered, hosting, jobs_of
from tests.unit.channels.outbox_fakes import Receiver, item, key, spin

ANN = number_of(user("ann"))
QUIET = make_playbook(
    policies={"consent": {"purposesNotNeedingConsent": ["onsite", "service"]}}
    | {"quiet": [{"from": "08:15", "to": "10:00"}]}
)


class Sending:
    """A host with a dispatcher; `email` is the channel's other end."""

    def __init__(self, host, *answers):
        self.host = host
        self.email = Receiver(*answers)
        self.run = None
        self.start()

    def start(self):
        host, clock = self.host, self.host._clock
        self.dispatcher = Dispatcher(
            host.store,
            {"email": self.email, "app": self.email},
            clock,
            owner=lambda: host.owner,
            epochs=lambda: host.epochs,
            check=checking(lambda: host.playbook, clock),
            review=reviewing(host.submit, clock),
            bounced=bouncing(host.submit),
            retry_jitter=0,
            sleep=lambda _: asyncio.sleep(0.001),
        )
        self.run = asyncio.create_task(self.dispatcher.run())

    async def stop(self):
        await self.dispatcher.stop(0)
        await self.run

    async def rows(self):
        return await self.host.truth.outbox_of((ANN,))

    async def until(self, said):
        """Wait until the rows are as said."""
        async with asyncio.timeout(5):
            while not said(await self.rows()):
                self.dispatcher.wake()
                await asyncio.sleep(0.002)
        return await self.rows()

    async def a_while(self):
        for _ in range(5):
            self.dispatcher.wake()
            await asyncio.sleep(0.004)

    async def ann(self):
        found = await self.host.truth.lookup(Lookup(numbers=(ANN,)))
        return unpack_state(found.customers[ANN].state)


@asynccontextmanager
async def sending(*answers, playbook=None, clock=None, poll_s=60.0):
    """By default decisions do not learn of switches in time; claims always do."""
    async with hosting(clock or ManualClock(NOW), pause_poll_s=poll_s) as host:
        if playbook is not None:
            host.playbook = playbook
        made = Sending(host, *answers)
        try:
            yield made
        finally:
            await made.stop()


def in_state(state):
    return lambda rows: [row.state for row in rows] == [state]


def test_what_is_allowed_is_sent():
    async def scenario():
        async with sending() as s:
            await answered(s.host, order(id="o1"))
            (row,) = await s.until(in_state(OutboxState.SENT))
            assert s.email.keys == [key(row.seq, row.n, ANN)]

    asyncio.run(scenario())


@pytest.mark.parametrize("switch", ["all", "channel:email", "action:message/care/thanks"])
def test_what_is_paused_waits_and_goes_on_at_once_after_the_resume(switch):
    async def scenario():
        clock = ManualClock(NOW)
        async with sending(clock=clock) as s:
            await s.host.truth.pause(switch, NOW)
            await answered(s.host, order(id="o1"))
            await s.a_while()
            assert s.email.keys == []
            (row,) = await s.rows()
            assert (row.state, row.attempts) == (OutboxState.PENDING, 0)
            assert row.last_error == f"paused: {switch}"
            assert row.next_at_ms == NOW + PAUSED_MS

            clock.advance(30_000)
            await s.host.truth.resume(switch, clock.machine_ms())
            await s.until(in_state(OutboxState.SENT))
            assert len(s.email.keys) == 1

    asyncio.run(scenario())


def test_a_switch_survives_those_who_knew_of_it():
    async def scenario():
        async with sending() as s:
            await s.host.truth.pause("all", NOW)
            await s.stop()
            await answered(s.host, order(id="o1"))
            s.start()  # another process
            await s.a_while()
            assert s.email.keys == []

    asyncio.run(scenario())


def test_what_is_paused_is_neither_shown_nor_decided_on():
    async def scenario():
        async with sending(poll_s=0.001) as s:
            await s.host.truth.pause("all", NOW)
            async with asyncio.timeout(1):
                while s.host._session.paused != ("all",):
                    await asyncio.sleep(0.001)
            (job,) = jobs_of(question(id="q1"))
            await s.host.submit([job, *jobs_of(order(id="o1"))])
            assert b'"actions":[]' in job.answer.body.replace(b" ", b"")
            assert await s.rows() == []

            await s.host.truth.resume("all", NOW)
            async with asyncio.timeout(1):
                while s.host._session.paused:
                    await asyncio.sleep(0.001)
            await answered(s.host, order(id="o2"))
            await s.until(in_state(OutboxState.SENT))

    asyncio.run(scenario())


def test_what_waits_while_it_becomes_quiet_is_held_and_sent_in_the_morning():
    async def scenario():
        clock = ManualClock(NOW)
        async with sending(playbook=QUIET, clock=clock) as s:
            await s.host.truth.pause("channel:email", NOW)
            await answered(s.host, order(id="o1"))
            await s.a_while()
            clock.advance(HOUR)
            await s.host.truth.resume("channel:email", clock.machine_ms())

            (held,) = await s.until(in_state(OutboxState.HELD))
            assert held.send_at_ms == NOW + 2 * HOUR
            assert s.email.keys == []
            clock.now_ms = NOW + 2 * HOUR
            await s.until(in_state(OutboxState.SENT))

    asyncio.run(scenario())


def test_what_a_moving_clock_has_released_waits_for_the_clock_and_is_not_held_anew():
    async def scenario():
        clock = VirtualClock(NOW + HOUR)
        async with sending(playbook=QUIET, clock=clock) as s:
            await answered(s.host, order(id="o1", at=NOW + HOUR))
            (held,) = await s.until(in_state(OutboxState.HELD))
            assert held.send_at_ms == NOW + 2 * HOUR

            assert await s.host.fire_until(NOW + 3 * HOUR) > 0
            await s.a_while()  # by the clock it is still quiet
            (row,) = await s.rows()
            assert (row.state, s.email.keys) == (OutboxState.PENDING, [])
            assert await s.host.fire_until(NOW + 3 * HOUR) == 0

            s.host.move_clock(NOW + 3 * HOUR)
            await s.until(in_state(OutboxState.SENT))

    asyncio.run(scenario())


def test_what_has_expired_on_the_way_is_told_to_its_customer():
    async def scenario():
        clock = ManualClock(NOW)
        async with sending(clock=clock) as s:
            await s.host.truth.pause("all", NOW)
            await answered(s.host, order(id="o1"))
            clock.advance(400 * 24 * HOUR)
            await s.host.truth.resume("all", clock.machine_ms())

            await s.until(in_state(OutboxState.EXPIRED))
            assert s.email.keys == []
            assert (await s.ann()).effects == []

    asyncio.run(scenario())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_review_that_was_cut_off_is_asked_again(when):
    async def scenario():
        clock = ManualClock(NOW)
        async with sending(clock=clock) as s:
            await s.host.truth.pause("all", NOW)
            await answered(s.host, order(id="o1"))
            clock.advance(400 * 24 * HOUR)
            s.host.store.fail("commit", when)
            await s.host.truth.resume("all", clock.machine_ms())
            await s.a_while()
            clock.advance(REVIEWED_MS)

            await s.until(in_state(OutboxState.EXPIRED))
            assert s.email.keys == []

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("fault", [None, "before", "after"])
def test_a_bounce_is_told_once_and_a_hard_one_silences_the_channel(kind, fault):
    async def scenario():
        refused = Delivery(DeliveryStatus.REFUSED, "the server answered 550", bounce=kind)
        clock = ManualClock(NOW)
        async with sending(refused, clock=clock) as s:
            if fault is not None:
                s.host.store.before("outbox_claim", lambda: cut(s, fault))
            await answered(s.host, order(id="o1"))
            # Known to be dead by a commit whose answer was lost, it is not tried a second time.
            known = (kind, fault) == ("hard", "after")
            end = in_state(OutboxState.CANCELLED if known else OutboxState.PARKED)
            async with asyncio.timeout(5):
                while not end(await s.rows()):
                    clock.advance(6_000)
                    s.dispatcher.wake()
                    await asyncio.sleep(0.002)
            ann = await s.ann()
            assert ann.profile.outreach["email"].bounced == 1
            assert ("email" in ann.profile.dead) == (kind == "hard")

    async def cut(s, when):
        s.host.store.fail("commit", when)

    asyncio.run(scenario())


def test_an_address_that_has_changed_since_is_not_blamed():
    async def scenario():
        refused = Delivery(DeliveryStatus.REFUSED, bounce="hard")
        clock = ManualClock(NOW)
        async with sending(refused, clock=clock) as s:
            s.email.hold = asyncio.Event()
            await answered(s.host, order(id="o1"))
            async with asyncio.timeout(5):
                while not s.email.keys:
                    await asyncio.sleep(0.001)
            clock.advance(MINUTE)
            new = make_event(
                "", type="identify", id="i", traits={"email": "new@x.example"}, at=clock.now_ms
            )
            await answered(s.host, new)
            s.email.hold.set()
            await s.until(in_state(OutboxState.PARKED))
            assert (await s.ann()).profile.dead == {}

    asyncio.run(scenario())


def test_a_withdrawal_that_comes_before_the_claim_stops_the_message():
    async def scenario():
        async with sending(playbook=make_playbook(policies=POLICIES)) as s:
            await s.host.truth.pause("all", NOW)
            await answered(s.host, order(id="o1"))
            await s.a_while()
            denial = {"consent": {"categoryPreferences": {"*|service": False}}}
            await answered(
                s.host, make_event("", type="identify", id="no", context=denial), consent(id="y")
            )
            await s.host.truth.resume("all", NOW)
            await s.until(in_state(OutboxState.CANCELLED))
            await s.a_while()
            assert s.email.keys == []

    asyncio.run(scenario())


def test_while_a_row_is_judged_it_is_not_claimed():
    async def scenario():
        asked, go_on = [], asyncio.Event()

        async def review(items):
            asked.append([one.seq for one in items])
            await go_on.wait()

        reviews = Reviews(review, lambda: None)
        reviews.ask([item(seq=1), item(seq=2)])
        await spin()
        assert asked == [[1, 2]]
        assert reviews.busy((77, 1, 0))
        assert not reviews.busy((77, 3, 0))
        go_on.set()
        await spin()
        assert not reviews.busy((77, 1, 0))
        assert reviews.done == 2

    asyncio.run(scenario())


def test_a_review_that_fails_lets_go_of_its_rows():
    async def scenario():
        async def review(items):
            raise StoreUnavailableError("away")

        reviews = Reviews(review, lambda: None)
        reviews.ask([item()])
        await spin()
        assert not reviews.busy((77, 1, 0))
        assert reviews.done == 0
        reviews.ask([])
        reviews.cancel()

    asyncio.run(scenario())


def test_a_row_whose_payload_is_broken_does_not_stop_the_review_of_others():
    async def scenario():
        taken = []

        async def submit(jobs):
            taken.extend(jobs)

        await reviewing(submit, ManualClock(NOW))([item(payload=b"\xc1"), item(seq=2)])
        assert [job.item.arguments["seq"] for job in taken] == [2]
        assert parse_effect(taken[0].item.message_id.split(":")[1])[1] == 2

    asyncio.run(scenario())
