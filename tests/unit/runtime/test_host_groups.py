import asyncio
import json

from actors.domain.ids import effect_text, home_partition
from actors.ports import PartitionRow
from actors.wire.messages import Code, Routed, pack_item, pack_request, unpack_answers
from actors.wire.records import unpack_turn
from tests.builders import (
    CELL,
    NOW,
    OTHER_CELL,
    make_event,
    number_of,
    order,
    response,
    user,
)
from tests.doubles.clocks import ManualClock
from tests.doubles.hosts import Gate, answered, hosting

ANN, BOB = number_of(user("ann")), number_of(user("bob"))


async def turns(host, number):
    rows = await host.truth.timeline(number, None, (), 1000)
    return [row.seq for row in reversed(rows)]


def test_a_request_is_answered_item_by_item_in_order():
    async def scenario():
        async with hosting() as host:
            items = [order(i, f"u{i}", id=f"m{i}") for i in range(3)]
            request = pack_request([pack_item(Routed(item)) for item in items])

            answers = unpack_answers(await host.apply(request))

            assert [a.code for a in answers] == [Code.ACCEPTED] * 3
            assert [json.loads(a.body)["messageId"] for a in answers] == ["m0", "m1", "m2"]
            assert host.told == [1]
            assert await host.apply(pack_request([])) == b"\x90"

    asyncio.run(scenario())


def test_what_arrives_while_a_group_runs_makes_up_the_next_one():
    async def scenario():
        async with hosting() as host:
            gate = Gate(host.store)
            first = asyncio.create_task(answered(host, order(1, id="m0")))
            await gate.reached.wait()
            others = [
                asyncio.create_task(answered(host, order(1, f"u{i}", id=f"m{i}")))
                for i in range(1, 8)
            ]
            await asyncio.sleep(0)
            gate.open()
            await asyncio.gather(first, *others)

            assert (host.stats.groups, host.stats.largest_group) == (2, 7)
            assert host.store.calls.count("commit") == 2
            assert host.pending == 0

    asyncio.run(scenario())


def test_the_items_of_one_customer_keep_their_order_over_groups():
    async def scenario():
        async with hosting(max_group=3) as host:
            gate = Gate(host.store)
            calls = [
                asyncio.create_task(
                    answered(host, order(1, id=f"m{i}"), order(1, "bob", id=f"n{i}"))
                )
                for i in range(8)
            ]
            await gate.reached.wait()
            gate.open()
            await asyncio.gather(*calls)

            assert host.stats.largest_group <= 3
            for number in (ANN, BOB):
                assert await turns(host, number) == list(range(1, 9))
            rows = await host.truth.timeline(ANN, None, (), 100)
            ids = [unpack_turn(row.payload).event.message_id for row in reversed(rows)]
            assert ids == [f"m{i}" for i in range(8)]

    asyncio.run(scenario())


def test_a_full_mailbox_keeps_its_later_items_and_lets_others_pass():
    async def scenario():
        async with hosting(max_waves=2, max_group=4) as host:
            gate = Gate(host.store)
            blocker = asyncio.create_task(answered(host, order(1, "carl", id="c")))
            await gate.reached.wait()
            order_of_answers = []

            async def send(who, message):
                await answered(host, order(1, who, id=message))
                order_of_answers.append(message)

            calls = [
                asyncio.create_task(send(who, message))
                for who, message in [
                    ("ann", "a1"),
                    ("ann", "a2"),
                    ("ann", "a3"),
                    ("ann", "a4"),
                    ("ann", "a5"),
                    ("bob", "b1"),
                ]
            ]
            await asyncio.sleep(0)
            gate.open()
            await asyncio.gather(blocker, *calls)

            assert order_of_answers == ["a1", "a2", "b1", "a3", "a4", "a5"]
            assert await turns(host, ANN) == [1, 2, 3, 4, 5]

    asyncio.run(scenario())


def test_responses_of_many_customers_do_not_share_one_mailbox():
    async def scenario():
        async with hosting(max_waves=2) as host:
            people = [f"u{i}" for i in range(10)]
            await answered(host, *[order(1, who, id=who) for who in people])
            keys = [effect_text(number_of(user(who)), 1, 0) for who in people]
            before = host.stats.groups

            codes = await answered(host, *[response(k, "click", id=k) for k in keys])

            assert codes == ["ACCEPTED"] * 10
            assert host.stats.groups == before + 1

    asyncio.run(scenario())


def test_past_its_bound_a_host_is_busy_and_serves_again_afterwards():
    async def scenario():
        async with hosting(max_pending=3) as host:
            gate = Gate(host.store)
            first = asyncio.create_task(answered(host, order(1, id="m0")))
            await gate.reached.wait()
            waiting = asyncio.create_task(answered(host, *[order(1, id=f"m{i}") for i in (1, 2)]))
            await asyncio.sleep(0)

            assert await answered(host, order(1, id="m3"), order(1, id="m4")) == ["BUSY", "BUSY"]
            assert host.stats.busy == 2
            gate.open()

            assert await first == ["ACCEPTED"]
            assert await waiting == ["ACCEPTED"] * 2
            assert await answered(host, order(1, id="m3")) == ["ACCEPTED"]

    asyncio.run(scenario())


def test_partitions_go_between_two_groups_and_what_came_later_is_not_ours():
    async def scenario():
        async with hosting() as host:
            await answered(host, order(1, id="m0"), order(1, "bob", id="n0"))
            gate = Gate(host.store)
            under_way = asyncio.create_task(answered(host, order(1, id="m1")))
            await gate.reached.wait()
            going = asyncio.create_task(host.hand_over([home_partition(ANN)], OTHER_CELL.owner))
            await asyncio.sleep(0)
            late = asyncio.create_task(answered(host, order(1, id="m2"), order(1, "bob", id="n2")))
            await asyncio.sleep(0)
            assert not going.done()
            gate.open()

            assert await under_way == ["ACCEPTED"]
            assert await going == 1
            assert await late == ["NOT_MINE", "ACCEPTED"]
            assert host.activations.get(ANN) is None
            assert host.activations.get(BOB) is not None
            row = (await host.truth.partitions())[home_partition(ANN)]
            assert (row.owner, row.epoch) == (OTHER_CELL.owner, 2)

    asyncio.run(scenario())


def test_partitions_that_are_not_owned_are_not_handed_over():
    async def scenario():
        async with hosting() as host:
            assert await host.hand_over([1], OTHER_CELL.owner) == 1
            assert await host.hand_over([1], CELL.owner) == 0

    asyncio.run(scenario())


def test_a_host_that_was_fenced_learns_it_from_the_commit():
    async def scenario():
        async with hosting() as host:
            await answered(host, order(1, id="m0"))
            partition = home_partition(ANN)
            await host.truth.claim([(partition, CELL.owner, 1)], OTHER_CELL.owner)

            assert await answered(host, order(1, id="m1")) == ["NOT_MINE"]
            assert partition not in host.epochs
            assert host.stats.fenced == 1
            assert await turns(host, ANN) == [1]

    asyncio.run(scenario())


def test_a_claim_is_of_use_at_once_and_only_when_it_is_won():
    async def scenario():
        async with hosting() as host:
            partition = home_partition(ANN)
            await host.hand_over([partition], OTHER_CELL.owner)

            assert await host.claim([PartitionRow(partition, "nobody", 2)]) == 0
            assert await answered(host, order(1, id="m0")) == ["NOT_MINE"]
            assert await host.claim([PartitionRow(partition, OTHER_CELL.owner, 2)]) == 1
            assert host.epochs[partition] == 3
            assert await answered(host, order(1, id="m0")) == ["ACCEPTED"]

    asyncio.run(scenario())


def test_a_claim_forgets_what_was_known_of_the_partition_before():
    async def scenario():
        async with hosting() as host:
            await answered(host, order(1, id="m0"))
            partition = home_partition(ANN)
            await host.truth.claim([(partition, CELL.owner, 1)], OTHER_CELL.owner)

            await host.claim([PartitionRow(partition, OTHER_CELL.owner, 2)])

            assert host.activations.get(ANN) is None

    asyncio.run(scenario())


def test_a_crash_of_a_group_answers_retry_and_the_next_group_runs():
    async def scenario():
        async with hosting() as host:
            host.store.fail("commit", "before", RuntimeError("a bug"))

            assert (
                await answered(host, order(1, id="m0"), order(1, "bob", id="n0")) == ["RETRY"] * 2
            )
            assert len(host.activations) == 0
            assert await answered(host, order(1, id="m0")) == ["ACCEPTED"]

    asyncio.run(scenario())


def test_stopping_finishes_the_group_under_way_and_answers_the_rest_with_retry():
    async def scenario():
        async with hosting(max_group=1) as host:
            gate = Gate(host.store)
            first = asyncio.create_task(answered(host, order(1, id="m0")))
            await gate.reached.wait()
            waiting = [
                asyncio.create_task(answered(host, order(1, id=f"m{i}"), order(1, id=f"n{i}")))
                for i in (1, 2)
            ]
            await asyncio.sleep(0)
            stopping = asyncio.create_task(host.stop())
            await asyncio.sleep(0)
            assert await answered(host, order(1, id="m9")) == ["BUSY"]
            gate.open()
            await stopping

            assert await first == ["ACCEPTED"]
            assert [await call for call in waiting] == [["RETRY", "RETRY"]] * 2
            assert await turns(host, ANN) == [1]

    asyncio.run(scenario())


def test_who_stops_waiting_does_not_stop_the_turn():
    async def scenario():
        async with hosting() as host:
            gate = Gate(host.store)
            call = asyncio.create_task(answered(host, order(1, id="m0")))
            await gate.reached.wait()
            call.cancel()
            gate.open()

            assert await answered(host, order(1, id="m0")) == ["DUPLICATE"]

    asyncio.run(scenario())


def test_customers_idle_for_long_are_passivated_and_read_back():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock, idle_s=0.001, max_active=2) as host:
            await answered(host, *[make_event("x", f"u{i}", id=f"m{i}") for i in range(5)])
            assert len(host.activations) <= 2
            clock.advance(10_000)
            async with asyncio.timeout(5):
                while len(host.activations):
                    await asyncio.sleep(0.001)

            assert host.stats.passivated >= 1
            assert await answered(host, make_event("x", "u0", id="again")) == ["ACCEPTED"]
            assert await turns(host, number_of(user("u0"))) == [1, 2]

    asyncio.run(scenario())
