"""What a front door refuses, so that what it takes is answered in time and nobody waits for another."""

import asyncio

import pytest

from actors.wire.messages import Code
from tests.doubles.cells import (
    FakeCells,
    FakeDirectory,
    bodies,
    cell,
    coalescer,
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


def test_beside_many_others_a_hot_customer_has_fewer_in_each_call():
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
