"""Taking merges back where the two have met before, or were part of somebody else in between."""

import asyncio

import pytest

from actors.domain.ids import customer_text
from actors.ports import JournalKind
from actors.session import Job, TimerJob
from actors.session.lineage import was_erased
from actors.session.parting import ERASED_SINCE, FORGOTTEN_SINCE
from tests.builders import DAY, IDS, MINUTE, NOW, added, anon, consent, number_of, order, user
from tests.unit.session.test_session_merging import command, login, sound, spend

ANN = number_of(user("ann"))
LOW, MIDDLE, HIGH = sorted((anon("a"), anon("b"), anon("new")), key=IDS.customer_number)
LOWER, BETWEEN, HIGHER = map(number_of, (LOW, MIDDLE, HIGH))
"""Of visitors the one with the smaller number remains."""


def meet(world):
    """Ann and three visitors, who have spent 1, 2, 4 and 8."""
    for i, who in enumerate(("ann", LOW, MIDDLE, HIGH)):
        world.reply(order(1 << i, who, id=f"meet-{i}"))


def merge(world, number, other, id):  # noqa: A002
    return world.reply(command("merge", number, other=other, id=id))


def unmerge(world, number, other, id):  # noqa: A002
    return world.reply(command("unmerge", number, other=other, id=id))


def refusal(world, number, other):
    (job,) = world.jobs(command("unmerge", number, other=other, id="refused"))
    assert job.answer.code.name == "REFUSED"
    return job.answer.detail


def spent(world):
    return {who: spend(world, who) // 100 for who in (LOW, MIDDLE, HIGH)}


def test_who_left_and_came_back_stays_when_another_who_came_in_between_is_taken_out(world):
    meet(world)
    merge(world, ANN, LOWER, "c1")
    merge(world, ANN, BETWEEN, "c2")
    world.reply(order(16, LOW, id="m1"))
    world.reply(order(32, MIDDLE, id="m2"))
    unmerge(world, ANN, LOWER, "c3")
    world.reply(order(64, LOW, id="m3"))
    merge(world, ANN, LOWER, "c4")
    world.reply(order(128, LOW, id="m4"))

    unmerge(world, ANN, BETWEEN, "c5")

    assert spend(world, "ann") == 100 * (1 + 2 + 16 + 64 + 128)
    assert spend(world, MIDDLE) == 100 * (4 + 32)
    unmerge(world, ANN, LOWER, "c6")
    assert (spend(world, "ann"), spend(world, LOW)) == (100, 100 * (2 + 16 + 64 + 128))
    sound(world, ANN, LOWER, BETWEEN)


def nested(world):
    """Each visitor becomes part of the next one, and the last of Ann; then something happens."""
    meet(world)
    merge(world, BETWEEN, HIGHER, "c1")
    merge(world, LOWER, BETWEEN, "c2")
    world.reply(login("ann", LOW, id="login"))
    return {
        who: world.reply(order(16 << i, who, id=f"while-{i}"))["seq"]
        for i, who in enumerate((LOW, MIDDLE, HIGH))
    }


def test_what_came_while_three_were_nested_in_a_fourth_goes_to_each_in_the_end(world):
    seqs = nested(world)
    first = unmerge(world, ANN, LOWER, "c3")
    second = unmerge(world, LOWER, BETWEEN, "c4")
    third = unmerge(world, BETWEEN, HIGHER, "c5")

    assert spent(world) == {LOW: 2 + 16, MIDDLE: 4 + 32, HIGH: 8 + 64}
    assert first["toLoser"] == sorted(seqs.values())
    told = {"customerId": customer_text(ANN), "both": [], "skipped": []}
    left = [seqs[MIDDLE], seqs[HIGH]]
    assert second["elsewhere"] == [told | {"toLoser": left, "toSurvivor": 1}]
    assert third["elsewhere"] == [told | {"toLoser": [seqs[HIGH]], "toSurvivor": 1}]
    assert third["toLoser"] == third["skipped"] == []
    sound(world, ANN, LOWER, BETWEEN, HIGHER)


def test_who_was_away_twice_gets_what_came_each_time(world):
    meet(world)
    merge(world, LOWER, HIGHER, "c1")
    for i in (1, 2):
        merge(world, ANN, LOWER, f"join-{i}")
        world.reply(order(16 * i, HIGH, id=f"hers-{i}"))
        world.reply(order(64 * i, LOW, id=f"lows-{i}"))
        unmerge(world, ANN, LOWER, f"part-{i}")

    unmerge(world, LOWER, HIGHER, "c2")

    assert spend(world, HIGH) == 100 * (8 + 16 + 32)
    assert spend(world, LOW) == 100 * (2 + 64 + 128)


def test_a_withdrawal_of_a_third_one_holds_for_everybody_who_was_part_of_them(world):
    for i, who in enumerate(("ann", LOW, HIGH)):
        world.reply(consent(who, id=f"yes-{i}", at=NOW - DAY))
    merge(world, LOWER, HIGHER, "c1")
    merge(world, ANN, LOWER, "c2")
    world.reply(consent("ann", granted=False, id="no"))
    unmerge(world, ANN, LOWER, "c3")
    unmerge(world, LOWER, HIGHER, "c4")

    for who in ("ann", LOW, HIGH):
        assert world.customer(who).profile.consents["email|marketing"].status == "denied"


def test_a_wait_that_ended_while_away_is_over_for_whoever_had_it(world):
    world.reply(consent(HIGH, id="yes"))
    world.reply(order(1, LOW, id="m1"))
    world.reply(added("c1", HIGH, id="m2"))
    merge(world, LOWER, HIGHER, "c1")
    world.reply(login("ann", LOW, id="m3"))
    world.clock.advance(31 * MINUTE)
    (timer,) = [t for t in world.state(ANN).timers if t.kind == "trigger"]
    (job,) = world.jobs(Job(TimerJob(ANN, timer.key, world.clock.now_ms)))
    assert job.taken
    unmerge(world, ANN, LOWER, "c2")
    unmerge(world, LOWER, HIGHER, "c3")

    waits = [t.key for who in ("ann", LOW, HIGH) for t in world.customer(who).timers]
    assert timer.key not in waits
    assert world.customer(HIGH).profile.responses["message/cart/reminder"].offered == 1


def test_what_came_with_somebody_erased_since_cannot_be_divided(world):
    nested(world)
    unmerge(world, ANN, LOWER, "c3")
    world.reply(command("erase", ANN, id="erase"))

    assert refusal(world, LOWER, BETWEEN) == ERASED_SINCE


def test_nobody_minds_that_somebody_is_erased_with_whom_nothing_came(world):
    meet(world)
    merge(world, LOWER, HIGHER, "c1")
    merge(world, ANN, LOWER, "c2")
    unmerge(world, ANN, LOWER, "c3")
    world.reply(command("erase", ANN, id="erase"))

    unmerge(world, LOWER, HIGHER, "c4")

    assert (spend(world, LOW), spend(world, HIGH)) == (200, 800)


def test_what_was_emptied_with_a_third_one_it_had_gone_to_is_not_missed(world):
    meet(world)
    merge(world, LOWER, HIGHER, "c1")
    merge(world, ANN, LOWER, "c2")
    merge(world, ANN, BETWEEN, "c3")
    world.reply(order(16, MIDDLE, id="m1"))
    world.reply(order(32, HIGH, id="m2"))
    unmerge(world, ANN, BETWEEN, "c4")
    unmerge(world, ANN, LOWER, "c5")
    world.reply(command("erase", BETWEEN, id="erase"))

    unmerge(world, LOWER, HIGHER, "c6")

    assert (spend(world, LOW), spend(world, HIGH)) == (200, 100 * (8 + 32))


def test_a_denial_holds_though_what_withdrew_it_was_erased_with_whom_it_was_given_to(world):
    for i, who in enumerate(("ann", LOW, HIGH)):
        world.reply(consent(who, id=f"yes-{i}", at=NOW - DAY))
    merge(world, ANN, LOWER, "c1")
    merge(world, ANN, HIGHER, "c2")
    world.reply(consent(LOW, granted=False, id="no"))
    unmerge(world, ANN, LOWER, "c3")
    world.reply(command("erase", LOWER, id="erase"))

    unmerge(world, ANN, HIGHER, "c4")

    for who in ("ann", HIGH):
        assert world.customer(who).profile.consents["email|marketing"].status == "denied"


@pytest.mark.parametrize("away", [False, True])
def test_what_was_forgotten_by_age_cannot_be_divided(world, away):
    nested(world)
    if away:
        unmerge(world, ANN, LOWER, "c3")
    asyncio.run(world.truth.forget_turns(JournalKind.EVENT, NOW + DAY, 1 << 60, 100))

    pair = (LOWER, BETWEEN) if away else (ANN, LOWER)
    assert refusal(world, *pair) == FORGOTTEN_SINCE


def test_who_is_erased_leaves_nothing_in_the_journal_of_one_whose_part_they_never_were_alone(world):
    seqs = nested(world)
    unmerge(world, ANN, LOWER, "c3")
    unmerge(world, LOWER, BETWEEN, "c4")
    world.reply(command("erase", BETWEEN, id="erase"))

    rows = asyncio.run(world.truth.timeline(ANN, None, (), 99))
    assert sorted(row.seq for row in rows if not row.payload) == [seqs[MIDDLE], seqs[HIGH]]
    assert asyncio.run(was_erased(world.truth, ANN, seqs[HIGH]))
    assert not asyncio.run(was_erased(world.truth, ANN, seqs[LOW]))
