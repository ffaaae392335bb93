"""Erasing somebody who was one with another for a while leaves nothing in the other's journal."""

import asyncio

from actors.domain.events import Command
from actors.ports import Change, Erasure
from actors.session.traces import traces_of
from actors.wire.markers import pack_erased
from actors.wire.messages import Routed
from actors.wire.records import unpack_turn
from tests.builders import NOW, anon, make_event, number_of, order, user

ANN, A, B = (number_of(i) for i in (user("ann"), anon("a"), anon("b")))
SECRET = b"Secretia"


def command(kind, number, other, id):  # noqa: A002
    return Routed(Command(message_id=id, kind=kind, arguments={"other": other}), number)


def lived_together(world):
    """`a` was part of Ann for a while; `b` came in between, and stays. Return the seqs with traces."""
    world.reply(order(1, "ann", id="m1"))
    secret = {"first_name": SECRET.decode()}
    world.reply(make_event("", anon("a"), type="identify", traits=secret, id="m2"))
    world.reply(order(8, anon("b"), id="m3"))
    joined = world.reply(command("merge", ANN, A, "c1"))
    spent = world.reply(order(2, anon("a"), id="m4", properties={"note": SECRET.decode()}))
    between = world.reply(command("merge", ANN, B, "c2"))
    world.reply(order(4, "ann", id="m5"))
    world.reply(command("unmerge", ANN, A, "c3"))
    return [reply["seq"] for reply in (joined, spent, between)]


def erase(world, number):
    """Erase as a cell does, and return the turns of others that were rewritten."""
    rewritten = asyncio.run(traces_of(world.truth, (number,)))
    row = world.row(number)
    change = Change(
        number,
        row.partition,
        world.epochs[row.partition],
        row.seq,
        row.seq + 1,
        pack_erased(NOW),
        erasure=Erasure((number,), (), NOW, rewritten),
    )
    asyncio.run(world.truth.commit([change], NOW))
    world.restart()
    return [(who, seq) for who, seq, _ in rewritten]


def journal(world, number):
    return {row.seq: row.payload for row in asyncio.run(world.truth.timeline(number, None, (), 99))}


def test_turns_that_were_given_back_and_states_packed_meanwhile_are_wiped(world):
    traces = lived_together(world)
    before = journal(world, ANN)
    assert [seq for seq in sorted(before) if SECRET in before[seq]] == traces

    rewritten = erase(world, A)

    after = journal(world, ANN)
    assert {(ANN, seq) for seq in traces} <= set(rewritten)
    assert not any(SECRET in payload for payload in after.values())
    assert after[traces[1]] == b""
    kept = before.keys() - {seq for _, seq in rewritten}
    assert 1 in kept
    assert {seq: after[seq] for seq in kept} == {seq: before[seq] for seq in kept}
    merge = unpack_turn(after[traces[2]]).merge
    assert (merge.loser, merge.survivor_state, bool(merge.loser_state)) == (B, b"", True)


def test_a_merge_that_came_in_between_can_still_be_taken_back(world):
    lived_together(world)
    erase(world, A)

    world.reply(command("unmerge", ANN, B, "c4"))

    spent = [world.customer(who).profile.purchases.spend_minor for who in ("ann", anon("b"))]
    assert spent == [500, 800]


def test_of_somebody_who_was_never_apart_there_are_no_traces(world):
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    world.reply(command("merge", ANN, A, "c1"))

    assert asyncio.run(traces_of(world.truth, (ANN, A))) == ()
    assert asyncio.run(traces_of(world.truth, (B,))) == ()
