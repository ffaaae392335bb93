"""What a front door refuses, so that what it takes is answered in time and nobody waits for another."""

import asyncio
from collections import Counter

import pytest

from actors.wire.messages import Code, pack_answers, unpack_request
from tests.doubles.cells import (
    FakeCells,
    FakeDirectory,
    bodies,
    cell,
    coalescer,
    echo,
    hold,
    jumping,
    letter,
    partition_of_letter,
    spin,
)

ONE, TWO = cell("one"), cell("two")


def codes(answers) -> list[str]:
    return [answer.code.name for answer in answers]


def every(seconds: float):
    """A cell that needs so long for each item."""
    return lambda _row, _routed: asyncio.sleep(seconds)


def test_of_a_hot_customer_a_call_carries_no_more_than_a_group_takes():
    async def scenario():
        cells = FakeCells()
        front = coalescer(cells, FakeDirectory(ONE))

        answers = await asyncio.gather(
            front.send([letter("hot", f"h{i}") for i in range(40)]),
            *(front.send([letter(f"u{i}", f"m{i}")]) for i in range(3)),
        )

        calls = [ids for _, ids in cells.calls]
        assert [sum(i.startswith("h") for i in ids) for ids in calls] == [16, 16, 8]
        # Those who came after her go with her second sixteen, not after her last.
        assert calls[1][-3:] == ["m0", "m1", "m2"]
        assert [i for ids in calls for i in ids if i.startswith("h")] == [
            f"h{i}" for i in range(40)
        ]
        assert bodies(answers[0]) == [f"h{i}" for i in range(40)]

    jumping(scenario())


def test_beside_many_others_a_batch_of_one_customer_has_four_in_each_call_and_so_has_everybodys():
    async def scenario():
        gate, behave = hold()
        cells = FakeCells(behave)
        front = coalescer(cells, FakeDirectory(ONE))
        sends = [asyncio.create_task(front.send([letter("first", "f")]))]
        await spin()
        sends.append(asyncio.create_task(front.send([letter("hot", f"h{i}") for i in range(20)])))
        sends += [asyncio.create_task(front.send([letter(f"u{i}", f"m{i}")])) for i in range(5)]
        await spin()
        gate.set()
        await asyncio.gather(*sends)

        hot = [sum(i.startswith("h") for i in ids) for _, ids in cells.calls]
        assert hot == [0, 4, 16]

        cells.calls.clear()
        batch = [letter(f"u{i}", f"b{j}-{i}") for j in range(20) for i in range(6)]
        await front.send(batch)
        deepest = [max(Counter(i.split("-")[1] for i in ids).values()) for _, ids in cells.calls]
        assert deepest == [4, 4, 4, 4, 4]

    jumping(scenario())


def test_a_customer_with_too_much_waiting_is_refused_alone():
    async def scenario():
        gate, behave = hold()
        front = coalescer(FakeCells(behave), FakeDirectory(ONE), max_of_customer=4)
        waiting = [asyncio.create_task(front.send([letter("hot", f"h{i}")])) for i in range(4)]
        await spin()

        (refused,) = await front.send([letter("hot", "h4")])
        other = asyncio.create_task(front.send([letter("ann", "a")]))
        mixed = asyncio.create_task(front.send([letter("hot", "h5"), letter("bob", "b")]))
        await spin()
        gate.set()

        assert (refused.code, refused.retry_after_s) == (Code.BUSY, 1.0)
        assert "this customer" in refused.detail
        assert codes(await other) == ["ACCEPTED"]
        assert codes(await mixed) == ["BUSY", "ACCEPTED"]
        await asyncio.gather(*waiting)
        assert front.refused == 2
        assert codes(await front.send([letter("hot", "h6")])) == ["ACCEPTED"]

    jumping(scenario())


def test_who_is_refused_is_known_before_an_event_is_read_and_told_when_hers_will_be_done():
    async def scenario():
        front = coalescer(FakeCells(every(0.5)), FakeDirectory(ONE), max_of_customer=4)
        who = letter("hot", "h").route
        for i in range(3):
            await front.send(
                [letter("ann", f"a{i}")]
            )  # half a second a call, as far as it is known
        assert not front.any_hot()
        waiting = [asyncio.create_task(front.send([letter("hot", f"h{i}")])) for i in range(6)]
        await spin()

        assert front.any_hot()
        assert front.refuses(letter("ann", "a").route) is None
        assert front.refuses(who) == pytest.approx(2.0)
        answers = [answer for (answer,) in await asyncio.gather(*waiting)]
        assert codes(answers) == ["ACCEPTED"] * 4 + ["BUSY"] * 2
        assert answers[-1].retry_after_s == pytest.approx(2.0)
        assert front.refused == 3
        assert (front.any_hot(), front.refuses(who)) == (False, None)

    jumping(scenario())


def test_a_batch_is_not_refused_for_its_own_size():
    async def scenario():
        front = coalescer(FakeCells(), FakeDirectory(ONE), max_of_customer=4, min_waiting=4)

        assert set(codes(await front.send([letter("one", f"m{i}") for i in range(2500)]))) == {
            "ACCEPTED"
        }

    jumping(scenario())


def test_what_would_wait_too_long_for_its_cell_is_refused_and_other_cells_go_on():
    async def scenario():
        directory = FakeDirectory(ONE)
        other = letter("elsewhere", "e")
        directory.owners[partition_of_letter(other)] = TWO
        front = coalescer(
            FakeCells(every(0.05)), directory, min_waiting=10, max_items=10, max_wait_s=1.0
        )
        mine = [letter(f"u{i}", f"m{i}") for i in range(50)]
        assert all(directory.cell_of(partition_of_letter(each)) == ONE for each in mine)
        await front.send(mine[:10])  # 20 items a second, as far as it is known
        waiting = asyncio.create_task(front.send(mine[10:45]))  # 10 under way, 25 wait 1.25 s
        await spin()

        (refused,) = await front.send(mine[45:46])
        elsewhere = await front.send([other])

        assert refused.code is Code.BUSY
        assert codes(elsewhere) == ["ACCEPTED"]
        assert set(codes(await waiting)) == {"ACCEPTED"}
        assert codes(await front.send(mine[46:47])) == ["ACCEPTED"]

    jumping(scenario())


@pytest.mark.parametrize("already", [0, 1])
def test_what_waits_is_bounded_in_bytes_too(already):
    async def scenario():
        gate, behave = hold()
        one = letter("ann", "m0")
        front = coalescer(FakeCells(behave), FakeDirectory(ONE), max_bytes_waiting=len(one.data))
        before = [asyncio.create_task(front.send([one])) for _ in range(already)]
        await spin()
        late = asyncio.create_task(front.send([letter("bob", "m1")]))
        await spin()
        gate.set()

        assert codes(await late) == (["BUSY"] if already else ["ACCEPTED"])
        await asyncio.gather(*before)

    jumping(scenario())


async def by_rounds(_row, request):
    """A cell whose groups take 10 ms and 6 ms a round: as many as the longest mailbox has items."""
    routed = unpack_request(request)
    mailboxes = Counter(each.item.identities[0] for each in routed)
    await asyncio.sleep(0.010 + 0.006 * max(mailboxes.values()))
    return pack_answers([echo(each) for each in routed])


@pytest.mark.parametrize("others", [1, 2, 16])
@pytest.mark.parametrize("hot", [(), ("hot",)])
def test_beside_one_with_a_thousand_events_a_second_others_wait_as_long_as_without_her(hot, others):
    async def scenario():
        loop, front, taken_s = (
            asyncio.get_running_loop(),
            coalescer(by_rounds, FakeDirectory(ONE)),
            [],
        )

        async def other(who):
            for i in range(30):
                began_s = loop.time()
                (answer,) = await front.send([letter(who, f"{who}-{i}")])
                assert answer.code is Code.ACCEPTED
                taken_s.append(loop.time() - began_s)
                await asyncio.sleep(0.003)

        async def flood(who):
            under_way = []
            for i in range(600):
                under_way.append(asyncio.create_task(front.send([letter(who, f"{who}-{i}")])))
                await asyncio.sleep(0.001)
            return Counter(codes([answer for (answer,) in await asyncio.gather(*under_way)]))

        _, *floods = await asyncio.gather(
            asyncio.gather(*(other(f"u{i}") for i in range(others))), *map(flood, hot)
        )
        for told in floods:
            assert told["BUSY"] > 300
            assert told["ACCEPTED"] >= 64
        # Who comes while a call is under way waits for it, and it is not of many rounds of hers; but for the
        # first, of whom nobody knew.
        assert sorted(taken_s)[len(taken_s) // 2] <= 0.033
        assert sorted(taken_s)[-others - 1] <= 0.036

    jumping(scenario())
