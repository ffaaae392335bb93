import asyncio

import pytest

from actors import turn as core
from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import home_partition
from actors.ports import Change, JournalRow, Lookup
from actors.session.group import MAX_ATTEMPTS
from actors.wire.records import pack_turn
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    CELL,
    DAY,
    MINUTE,
    NOW,
    OTHER_CELL,
    THANKS,
    added,
    make_event,
    number_of,
    order,
    take,
    user,
)
from tests.unit.session.poisoned import poison

ANN, BOB, CARL = (number_of(user(name)) for name in ("ann", "bob", "carl"))


def take_away(world, number):
    """Let another cell own a customer's partition without telling the session."""
    partition = home_partition(number)
    claim = [(partition, CELL.owner, world.epochs[partition])]
    assert asyncio.run(world.truth.claim(claim, OTHER_CELL.owner))


async def write_elsewhere(world, number):
    """Take one turn of a customer as another process of the same owner would."""
    found = await world.truth.lookup(Lookup(numbers=(number,)))
    state = unpack_state(found.customers[number].state)
    turn = take(state, order(100, id="elsewhere"))
    change = Change(
        number,
        state.partition,
        world.epochs[state.partition],
        state.seq - 1,
        state.seq,
        pack_state(state),
        journal=[JournalRow(state.seq, NOW, 1, pack_turn(turn.record))],
    )
    await world.truth.commit([change], NOW)


def test_a_fenced_customer_is_not_mine_and_forgotten_and_the_others_commit(world):
    world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))
    take_away(world, ANN)

    codes = world.codes(order(2, "ann", id="m3"), order(2, "bob", id="m4"))

    assert codes == ["NOT_MINE", "ACCEPTED"]
    assert world.session.activations.get(ANN) is None
    assert world.session.activations.get(BOB).seq == 2
    assert (world.state(ANN).seq, world.state(BOB).seq) == (1, 2)
    assert len(world.outbox()) == 3


def test_a_lost_race_is_run_again_on_what_the_winner_left(world):
    world.reply(order(1, id="m1"))
    world.store.before("commit", lambda: write_elsewhere(world, ANN))

    codes = world.codes(order(2, id="m2"), order(2, "bob", id="m3"))

    assert codes == ["ACCEPTED", "ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 10_300
    assert [seq for seq, _, _ in world.turns(ANN)] == [1, 2, 3]
    assert world.state(BOB).seq == 1


def test_who_loses_every_race_is_told_to_retry(world):
    world.reply(order(1, id="m1"))
    commit = world.truth.commit

    async def contested(changes, now_ms):
        world.truth.commit = commit
        await write_elsewhere(world, ANN)
        world.truth.commit = contested
        return await commit(changes, now_ms)

    world.truth.commit = contested
    codes = world.codes(order(2, id="m2"))
    world.truth.commit = commit

    assert codes == ["RETRY"]
    assert [r.event.message_id for _, _, r in world.turns(ANN)] == ["m1"] + [
        "elsewhere"
    ] * MAX_ATTEMPTS
    assert world.codes(order(2, id="m2")) == ["ACCEPTED"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_that_fails_in_the_commit_leaves_exactly_one_effect_after_the_retry(world, when):
    world.reply(order(1, id="m1"))
    world.store.fail("commit", when)

    assert world.codes(order(2, id="m2"), order(2, "bob", id="m3")) == ["RETRY", "RETRY"]
    assert world.session.activations.get(ANN) is None
    codes = world.codes(order(2, id="m2"), order(2, "bob", id="m3"))

    assert codes == (["DUPLICATE"] * 2 if when == "after" else ["ACCEPTED"] * 2)
    assert world.state(ANN).profile.purchases.spend_minor == 300
    assert len(world.outbox()) == 3
    world.assert_sound(ANN, BOB)


def test_a_store_that_fails_in_a_read_is_answered_with_retry(world):
    world.store.fail("lookup", "before")

    (job,) = world.jobs(order())

    assert (job.answer.code.name, job.answer.retry_after_s) == ("RETRY", 1.0)
    assert world.codes(order()) == ["ACCEPTED"]


def test_what_was_answered_before_the_store_failed_keeps_its_answer(world):
    world.reply(order(1, id="m1"))
    world.restart()  # who is not held here is asked for, and with her what was taken before
    world.store.fail("commit", "before", StoreUnavailableError("away"))

    codes = world.codes(order(1, id="m1"), order(9, id="m1"), order(2, id="m2"))

    assert codes == ["DUPLICATE", "CONFLICT", "RETRY"]


@pytest.mark.python_core
@pytest.mark.parametrize("where", ["begin", "decide"])
def test_a_poisonous_event_fails_alone(world, monkeypatch, where):
    poison(monkeypatch, "Poison", where)

    codes = world.codes(
        order(1, "ann", id="m1"),
        order(2, "bob", id="m2"),
        make_event("Poison", "ann", id="m3"),
        order(3, "ann", id="m4"),
    )

    assert codes == ["ACCEPTED", "ACCEPTED", "FAILED", "ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 400
    assert [r.event.message_id for _, _, r in world.turns(ANN)] == ["m1", "m4"]
    assert world.state(BOB).seq == 1
    world.assert_sound(ANN, BOB)


@pytest.mark.python_core
def test_a_poisonous_event_of_a_newcomer_makes_no_customer(world, monkeypatch):
    poison(monkeypatch, "Poison")

    assert world.codes(make_event("Poison")) == ["FAILED"]
    assert world.counts()["customers"] == 0


@pytest.mark.python_core
def test_a_state_that_cannot_be_packed_fails_alone(world, monkeypatch):
    world.reply(order(1, "ann", id="m1"))
    begin = core.begin

    def overflowing(state, event, *args):
        turn = begin(state, event, *args)
        if event.name == "Poison":
            state.profile.views["x"] = 2**70  # stands for whatever the codec refuses
        return turn

    monkeypatch.setattr(core, "begin", overflowing)

    assert world.codes(
        make_event("Poison", "ann", id="m2"), order(1, "bob", id="m3"), order(1, "bob", id="m3")
    ) == ["FAILED", "ACCEPTED", "DUPLICATE"]
    assert world.codes(order(3, "ann", id="m4")) == ["ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 400


def test_a_damaged_state_fails_alone_and_is_left_as_it_is(world):
    world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))
    state = world.state(ANN)
    damaged = Change(
        ANN,
        state.partition,
        world.epochs[state.partition],
        1,
        2,
        b"\x01damaged",
        journal=[JournalRow(2, NOW, 1, b"\x01damaged")],
    )
    asyncio.run(world.truth.commit([damaged], NOW))
    world.restart()

    codes = world.codes(order(2, "ann", id="m3"), order(2, "bob", id="m4"))

    assert codes == ["SET_ASIDE", "ACCEPTED"]
    assert world.state(BOB).seq == 2


def test_a_damaged_journal_row_fails_the_duplicate_alone(world):
    world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))
    world.store.calls.clear()
    lookup = world.truth.lookup

    async def damaging(want):
        found = await lookup(want)
        for turn in found.turns:
            found.turns[turn] = b"\x01damaged"
        return found

    world.truth.lookup = damaging
    codes = world.codes(order(1, "ann", id="m1"), order(2, "bob", id="m4"))
    world.truth.lookup = lookup

    assert codes == ["FAILED", "ACCEPTED"]


@pytest.mark.python_core
def test_a_poisonous_timer_does_not_block_its_customer(world, monkeypatch):
    world.reply(added(id="m1"))
    world.clock.advance(30 * MINUTE)
    wake = core.wake

    def fragile(state, timer, *args):
        if timer.subject == "remind":
            raise RuntimeError("a rule went wrong")
        return wake(state, timer, *args)

    monkeypatch.setattr(core, "wake", fragile)

    assert world.codes(make_event(id="m2"), make_event(id="m3")) == ["ACCEPTED", "ACCEPTED"]
    assert world.codes(make_event(id="m4")) == ["ACCEPTED"]
    assert world.state(ANN).seq == 4
    world.assert_sound(ANN)


def test_a_turn_whose_reply_cannot_be_written_is_taken_and_disturbs_nobody(world, monkeypatch):
    from actors.session import answers

    reply_json = answers.reply_json

    def fragile(record, *args, **kwargs):
        if record.event.name == "Poison":
            raise OverflowError("a date that no calendar has")
        return reply_json(record, *args, **kwargs)

    monkeypatch.setattr(answers, "reply_json", fragile)
    events = [make_event("Poison", id="m1"), order(2, "bob", id="m2")]

    assert world.codes(*events) == ["FAILED", "ACCEPTED"]
    assert world.codes(*events) == ["FAILED", "DUPLICATE"]
    assert (world.state(ANN).seq, world.state(BOB).seq) == (1, 1)


def test_an_effect_of_a_time_before_all_calendars_is_answered(world):
    event = make_event("Campaign Assigned", id="m1", at=None)
    event.sent_at_ms, event.original_at_ms = 253_402_300_799_000, -62_135_596_800_000

    assert world.codes(event, order(2, "bob", id="m2")) == ["ACCEPTED", "ACCEPTED"]


def test_the_journal_has_no_gaps_after_a_long_story(world, monkeypatch):
    poison(monkeypatch, "Poison")
    for i in range(12):
        if i % 4 == 1:
            world.store.fail("commit", "after" if i % 8 == 1 else "before")
        world.codes(
            order(1, "ann", id=f"a{i}"),
            make_event("Poison" if i % 3 == 0 else "Fine", "ann", id=f"b{i}"),
            added(f"c{i}", "bob", id=f"c{i}", at=NOW + i * DAY),
        )
        world.clock.advance(DAY)

    world.assert_sound(ANN, BOB)
    assert world.state(ANN).seq >= 12
    assert {o.payload.count(THANKS.encode()) for o in world.outbox()} == {1}


@pytest.mark.python_core
def test_what_an_error_says_of_somebody_is_not_logged(world, monkeypatch, caplog):
    def telling(_state, event, *_args):
        raise ValueError(f"cannot take {event.traits['email']}")

    monkeypatch.setattr(core, "begin", telling)

    assert world.codes(make_event("x", traits={"email": "ann@example.org"})) == ["FAILED"]

    assert "ValueError" in caplog.text
    assert "in telling" in caplog.text
    assert "ann@example.org" not in caplog.text
