import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.wire.messages import Answer, Code, pack_answers
from tests.builders import number_of, user
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
    spin,
)

ONE, TWO = cell("one"), cell("two")


def test_a_dead_cells_items_are_sent_to_whoever_takes_over():
    async def scenario():
        _, behave = hold()
        cells = FakeCells(lambda row, r: behave(row, r) if row.name == "one" else None)
        directory = FakeDirectory(ONE)
        front = coalescer(cells, directory, in_flight=1)
        sends = [asyncio.create_task(front.send([letter(f"u{i}", f"m{i}")])) for i in range(4)]
        await spin()
        directory.default = None

        front.cell_died("one/one")
        await spin()
        assert not any(send.done() for send in sends)
        directory.default = TWO

        answers = await asyncio.gather(*sends)
        assert [bodies(a) for a in answers] == [[f"m{i}"] for i in range(4)]
        assert [owner for owner, _ in cells.calls if owner == "one/one"] == ["one/one"]
        assert sorted(i for owner, ids in cells.calls[1:] for i in ids) == ["m0", "m1", "m2", "m3"]

    jumping(scenario())


def test_the_death_of_a_cell_that_is_not_used_changes_nothing():
    async def scenario():
        cells = FakeCells()
        front = coalescer(cells, FakeDirectory(ONE))
        front.cell_died("nobody")

        assert bodies(await front.send([letter("ann", "m")])) == ["m"]

    jumping(scenario())


@pytest.mark.parametrize("wrong", [b"", b"\xc1", pack_answers([])], ids=["empty", "bad", "short"])
def test_an_answer_that_makes_no_sense_is_no_answer(wrong):
    async def scenario():
        good, replies = FakeCells(), iter([wrong])

        async def call(row, request):
            answer = await good(row, request)
            return next(replies, answer)

        answers = await coalescer(call, FakeDirectory(ONE)).send(
            [letter("ann", "a"), letter("bob", "b")]
        )

        assert bodies(answers) == ["a", "b"]
        assert len(good.calls) == 2

    jumping(scenario())


def test_a_call_that_raises_is_sent_again_with_all_that_waited():
    async def scenario():
        failures = iter([ConnectionError("gone"), RuntimeError("odd")])

        def behave(row, routed):
            for error in failures:
                raise error

        cells = FakeCells(behave)
        front = coalescer(cells, FakeDirectory(ONE), in_flight=1)
        sends = [asyncio.create_task(front.send([letter(f"u{i}", f"m{i}")])) for i in range(4)]

        answers = await asyncio.gather(*sends)

        assert [bodies(a) for a in answers] == [[f"m{i}"] for i in range(4)]

    jumping(scenario())


def test_a_call_that_hangs_is_given_up_and_sent_again():
    async def scenario():
        hanging = [True]

        async def forever():
            await asyncio.Event().wait()

        def behave(row, routed):
            return forever() if hanging and hanging.pop() else None

        front = coalescer(FakeCells(behave), FakeDirectory(ONE), call_timeout_s=2.0)

        assert bodies(await front.send([letter("ann", "m")])) == ["m"]
        assert 2.0 <= asyncio.get_running_loop().time() < 3.0

    jumping(scenario())


def test_past_the_deadline_the_outcome_is_unknown():
    async def scenario():
        front = coalescer(FakeCells(), FakeDirectory(), deadline_s=3.0)

        (answer,) = await front.send([letter("ann", "m")])

        assert (answer.code, answer.retry_after_s) == (Code.RETRY, 1.0)
        assert 3.0 <= asyncio.get_running_loop().time() < 3.1
        assert front.waiting == 0

    jumping(scenario())


def test_a_cell_that_always_fails_ends_in_the_deadline_and_is_not_hammered():
    async def scenario():
        def behave(row, routed):
            raise ConnectionError("gone")

        cells = FakeCells(behave)
        front = coalescer(cells, FakeDirectory(ONE), deadline_s=1.0, pause_s=0.1)

        (answer,) = await front.send([letter("ann", "m")])

        assert answer.code is Code.RETRY
        assert len(cells.calls) <= 25

    jumping(scenario())


def test_a_map_that_cannot_be_read_ends_in_the_deadline_too():
    async def scenario():
        directory = FakeDirectory()

        def broken():
            raise OSError("no such file")

        directory.on_refresh = broken
        front = coalescer(FakeCells(), directory, deadline_s=1.0)

        async with asyncio.timeout(60):
            (answer,) = await front.send([letter("ann", "m")])

        assert answer.code is Code.RETRY

    jumping(scenario())


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    fates=st.lists(st.sampled_from(["ok", "slow", "raise", "move", "lost"]), max_size=25),
    deaths=st.lists(st.floats(0, 2), max_size=3),
    in_flight=st.integers(1, 3),
    max_items=st.integers(1, 5),
)
def test_every_item_gets_its_own_answer_whatever_happens_to_calls(
    batches, fates, deaths, in_flight, max_items
):
    async def scenario():
        coming = iter(fates)
        directory = FakeDirectory(ONE)

        async def slowly(routed):
            await asyncio.sleep(0.3)
            return echo(routed)

        async def lost():
            await asyncio.Event().wait()

        def behave(row, routed):
            fate = next(coming, "ok")
            if fate == "raise":
                raise ConnectionError("gone")
            if fate == "move":
                return Answer(Code.NOT_MINE, number=number_of(user("else")))
            return {"slow": slowly, "lost": lambda _: lost()}.get(fate, echo)(routed)

        front = coalescer(
            FakeCells(behave),
            directory,
            in_flight=in_flight,
            max_items=max_items,
            call_timeout_s=0.5,
            deadline_s=1000.0,
        )

        async def die(after_s, i):
            await asyncio.sleep(after_s)
            dead, directory.default = directory.default, cell(f"next{i}")
            front.cell_died(dead.owner)

        async def send(batch, count):
            await asyncio.sleep(batch * 0.1)
            ids = [f"{batch}/{i}" for i in range(count)]
            assert bodies(await front.send([letter(f"u{i}", i) for i in ids])) == ids

        async with asyncio.TaskGroup() as group:
            for i, after_s in enumerate(deaths):
                group.create_task(die(after_s, i))
            for batch, count in enumerate(batches):
                group.create_task(send(batch, count))
        assert front.waiting == 0

    jumping(scenario())
