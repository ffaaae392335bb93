import asyncio

from actors.domain.ids import PARTITIONS, effect_text, home_partition
from actors.wire.messages import Answer, Code, Routed, pack_item
from serve_app.gateway import PackedItem
from tests.builders import IDS, anon, number_of, response, user
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
ANN, BOB = number_of(user("ann")), number_of(user("bob"))


def test_items_are_answered_in_the_order_given():
    async def scenario():
        cells = FakeCells()
        front = coalescer(cells, FakeDirectory(ONE))

        answers = await front.send([letter(f"u{i}", f"m{i}") for i in range(5)])

        assert bodies(answers) == [f"m{i}" for i in range(5)]
        assert cells.calls == [("one/one", [f"m{i}" for i in range(5)])]
        assert front.waiting == 0
        assert await front.send([]) == []

    jumping(scenario())


def test_what_arrives_while_calls_are_under_way_goes_together_in_the_next():
    async def scenario():
        gate, behave = hold()
        cells = FakeCells(behave)
        front = coalescer(cells, FakeDirectory(ONE), in_flight=1)
        sends = [asyncio.create_task(front.send([letter(f"u{i}", f"m{i}")])) for i in range(6)]
        await spin()
        assert cells.calls == [("one/one", ["m0"])]
        gate.set()

        answers = await asyncio.gather(*sends)

        assert cells.calls[1:] == [("one/one", ["m1", "m2", "m3", "m4", "m5"])]
        assert [bodies(a) for a in answers] == [[f"m{i}"] for i in range(6)]

    jumping(scenario())


def test_no_more_calls_are_under_way_than_allowed_and_each_is_bounded():
    async def scenario():
        cells = FakeCells()
        front = coalescer(cells, FakeDirectory(ONE), in_flight=2, max_items=3)

        answers = await front.send([letter("u", f"m{i}") for i in range(20)])

        assert bodies(answers) == [f"m{i}" for i in range(20)]
        assert cells.most_under_way == 2
        assert max(len(ids) for _, ids in cells.calls) == 3
        assert [i for _, ids in cells.calls for i in ids] == [f"m{i}" for i in range(20)]

    jumping(scenario())


def test_a_call_carries_no_more_bytes_than_allowed_but_one_item_at_least():
    async def scenario():
        cells = FakeCells()
        size = len(letter("u", "m0").data)
        front = coalescer(cells, FakeDirectory(ONE), max_bytes=2 * size - 1)

        await front.send([letter("u", f"m{i}") for i in range(5)])

        assert [len(ids) for _, ids in cells.calls] == [2, 2, 1]

    jumping(scenario())


def test_items_go_to_the_cells_that_own_them():
    async def scenario():
        cells, directory = FakeCells(), FakeDirectory(ONE)
        directory.owners[IDS.partition_of(user("bob"))] = TWO
        front = coalescer(cells, directory)
        key = effect_text(BOB, 1, 0)
        outcome = PackedItem(None, BOB, pack_item(Routed(response(key, "click", id="r"), BOB)))

        answers = await front.send([letter("ann", "a"), letter("bob", "b"), outcome])

        assert bodies(answers) == ["a", "b", "r"]
        assert sorted(cells.calls) == [("one/one", ["a"]), ("two/one", ["b", "r"])]

    jumping(scenario())


def test_not_mine_is_followed_to_the_home_of_the_number_and_remembered():
    async def scenario():
        directory = FakeDirectory(ONE)
        directory.owners[home_partition(BOB)] = TWO

        def behave(row, routed):
            return Answer(Code.NOT_MINE, number=BOB) if row is ONE else None

        cells = FakeCells(lambda row, routed: behave(ONE if row.name == "one" else TWO, routed))
        front = coalescer(cells, directory)

        first = await front.send([letter(anon("a"), "m1")])
        second = await front.send([letter(anon("a"), "m2")])

        assert bodies(first + second) == ["m1", "m2"]
        assert cells.calls == [("one/one", ["m1"]), ("two/one", ["m1"]), ("two/one", ["m2"])]

    jumping(scenario())


def test_who_is_apart_is_found_by_identity_and_by_number_and_asked_there_from_then_on():
    async def scenario():
        directory, apart = FakeDirectory(ONE), PARTITIONS + 3
        directory.owners[apart] = TWO
        away = {"partition": apart}

        def behave(row, routed):
            here = "two" if away["partition"] == apart else "one"
            if row.name == here:
                return None
            return Answer(Code.NOT_MINE, number=BOB, partition=away["partition"])

        cells = FakeCells(behave)
        front = coalescer(cells, directory)
        by_number = PackedItem(None, BOB, letter(anon("a"), "n1").data)

        await front.send([letter(user("bob"), "m1")])
        await front.send([by_number])
        assert [owner for owner, _ in cells.calls] == ["one/one", "two/one"] * 2
        cells.calls.clear()
        await front.send([letter(user("bob"), "m2")])
        await front.send([by_number])
        assert [owner for owner, _ in cells.calls] == ["two/one"] * 2

        cells.calls.clear()
        away["partition"] = home_partition(BOB)
        await front.send([letter(user("bob"), "m3")])
        await front.send([letter(user("bob"), "m4")])
        assert [owner for owner, _ in cells.calls] == ["two/one", "one/one", "one/one"]

    jumping(scenario())


def test_a_remembered_way_is_forgotten_when_it_leads_home_again():
    async def scenario():
        directory = FakeDirectory(ONE)
        directory.owners[home_partition(BOB)] = TWO
        home = number_of(anon("a"))
        owner = {"number": BOB}

        def behave(row, routed):
            here = "two" if owner["number"] == BOB else "one"
            return None if row.name == here else Answer(Code.NOT_MINE, number=owner["number"])

        cells = FakeCells(behave)
        front = coalescer(cells, directory)
        await front.send([letter(anon("a"), "m1")])
        owner["number"] = home

        await front.send([letter(anon("a"), "m2")])
        await front.send([letter(anon("a"), "m3")])

        assert [owner for owner, _ in cells.calls] == [
            "one/one",
            "two/one",
            "two/one",
            "one/one",
            "one/one",
        ]

    jumping(scenario())


def test_not_mine_without_a_number_is_tried_again_when_the_map_is_fresh():
    async def scenario():
        directory = FakeDirectory(ONE)
        directory.on_refresh = lambda: setattr(directory, "default", TWO)
        cells = FakeCells(lambda row, r: Answer(Code.NOT_MINE) if row.name == "one" else None)

        answers = await coalescer(cells, directory).send([letter("ann", "m")])

        assert bodies(answers) == ["m"]
        assert [owner for owner, _ in cells.calls] == ["one/one", "two/one"]

    jumping(scenario())


def test_an_item_that_nobody_owns_for_a_while_is_sent_on_one_by_one():
    async def scenario():
        directory, rounds = FakeDirectory(ONE), iter(range(30))
        cells = FakeCells(lambda row, r: next((Answer(Code.NOT_MINE) for _ in rounds), None))

        answers = await coalescer(cells, directory).send([letter("ann", "m")])

        assert bodies(answers) == ["m"]
        assert [ids for _, ids in cells.calls] == [["m"]] * 31

    jumping(scenario())


def test_past_its_bound_a_front_door_is_busy_and_takes_more_when_there_is_room():
    async def scenario():
        gate, behave = hold()
        front = coalescer(FakeCells(behave), FakeDirectory(ONE), max_waiting=3)
        waiting = asyncio.create_task(front.send([letter(f"u{i}", f"m{i}") for i in range(3)]))
        await spin()

        (busy,) = await front.send([letter("ann", "late")])
        assert (busy.code, busy.retry_after_s) == (Code.BUSY, 1.0)
        gate.set()
        await waiting

        assert bodies(await front.send([letter("ann", "late")])) == ["late"]

    jumping(scenario())


def test_who_leaves_makes_room_and_disturbs_nobody():
    async def scenario():
        gate, behave = hold()
        front = coalescer(FakeCells(behave), FakeDirectory(ONE))
        leaving = asyncio.create_task(front.send([letter("ann", "a"), letter("ann", "b")]))
        staying = asyncio.create_task(front.send([letter("bob", "c")]))
        await spin()
        leaving.cancel()
        await spin()
        assert front.waiting == 1
        gate.set()

        assert bodies(await staying) == ["c"]
        assert front.waiting == 0

    jumping(scenario())


def test_letters_are_made_as_the_edge_makes_them():
    item = letter("ann", "m")

    assert partition_of_letter(item) == home_partition(ANN)
