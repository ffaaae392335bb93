"""Unmerging: a customer becomes two again, and each gets what came since and is its own."""

from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import look_soon
from actors.domain.actions import OpenEffect
from actors.domain.errors import InvalidIdError
from actors.domain.events import Command
from actors.domain.ids import Identity, customer_text, parse_effect
from actors.domain.merges import MergeRecord
from actors.merging import LaterTurn, Reading, Unmerged, unmerge
from actors.playbook.model import Playbook
from actors.ports import Change, JournalKind, JournalRow, Lookup, Store, TimerRow
from actors.session.changes import Chain
from actors.session.jobs import Job
from actors.session.joining import PARTS
from actors.session.lineage import turns_since
from actors.turn import effect_of
from actors.wire.markers import Redirect, read_marker
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.state import pack_state, unpack_state

NOT_MERGED = "this customer was not merged into that one"
MERGED_ELSEWHERE = "this customer was merged into another one first: unmerge that one before"
MERGED_AGAIN = "somebody was taken out since and is part of this customer again: unmerge them first"
ELSEWHERE_SINCE = "the survivor was part of another customer since, and has kept what came then: that cannot be divided"

Turns = dict[int, TurnRecord]


async def part(
    store: Store, chain: Chain, job: Job, command: Command, playbook: Playbook, now_ms: int
) -> str:
    """Take the merge of `other` back. Return why not, or nothing when it is done.

    What must be read grows with the turns since the merge.
    """
    other = command.arguments["other"]
    found = await store.lookup(Lookup(numbers=(other,), owned_by=(chain.number,)))
    row = found.customers.get(other)
    marker = None if row is None else read_marker(row.state)
    if row is None or not isinstance(marker, Redirect):
        return NOT_MERGED
    if marker.target != chain.number:
        return MERGED_ELSEWHERE
    turns = {seq: turn async for seq, turn in turns_since(store, chain.number, 0)}
    at = max(
        (seq for seq, t in turns.items() if _joins(t) and t.merge and t.merge.loser == other),
        default=0,
    )
    merge = turns[at].merge if at else None
    if merge is None:
        return NOT_MERGED
    undone, given_back, base = _undone(turns, at)
    before = turns[base].merge
    if before is None:
        return NOT_MERGED
    if any(turn.result.get("kept") for seq, turn in turns.items() if seq > base):
        return ELSEWHERE_SINCE  # those turns are in the other one's journal
    if base != at and _joined_again(turns, undone, base):
        return MERGED_AGAIN
    skipped = undone | {at}
    later = [
        LaterTurn(seq, turn, await _recalled(store, turn), seq in given_back)
        for seq, turn in sorted(turns.items())
        if seq > base and seq not in skipped and not turn.result.get("unmerged")
    ]
    result = unmerge(
        unpack_state(before.survivor_state),
        unpack_state(merge.loser_state),
        later,
        Reading(playbook=playbook, parts=PARTS, unpack=unpack_state),
        moved=merge.moved,
        owned=set(found.identities.get(chain.number, ())) - _of_thirds(turns, other),
        merged_at=at,
    )
    look_soon(result.survivor, playbook, now_ms)
    _write(chain, job, command, result, merge, at, now_ms)
    loser = result.loser
    kept = pack_state(loser) != merge.loser_state
    loser.seq = row.seq + 1
    look_soon(loser, playbook, now_ms)
    mine = set(found.identities.get(chain.number, ()))
    chain.companions.append(
        Change(
            other,
            row.partition,
            None,
            row.seq,
            loser.seq,
            pack_state(loser),
            journal=[
                JournalRow(
                    loser.seq, now_ms, JournalKind.UNMERGE, _note(chain, merge, kept, now_ms)
                )
            ],
            identities=[i for i in result.report.to_loser_identities if i in mine],
            identities_from=(chain.number,),
            timers_set=[TimerRow(timer.key, timer.due_at_ms) for timer in loser.timers],
            segments_entered=list(loser.segments.items()),
            tied_to=chain.number,
        )
    )
    return ""


def _joins(turn: TurnRecord) -> bool:
    return turn.merge is not None and not turn.result.get("unmerged")


def _of_thirds(turns: Turns, other: int) -> set[Identity]:
    """Return what came with others who were merged, for a while or for good: no event claimed that."""
    merges = [t.merge for t in turns.values() if t.merge is not None]
    return {i for merge in merges if merge.loser != other for i in merge.moved}


def _joined_again(turns: Turns, undone: set[int], base: int) -> bool:
    """Return whether somebody has left since `base` and come back: whose is what came in between?"""
    merges = {s: t.merge.loser for s, t in turns.items() if s >= base and t.merge and _joins(t)}
    left = {loser for seq, loser in merges.items() if seq in undone}
    return any(loser in left for seq, loser in merges.items() if seq not in undone)


def _undone(turns: Turns, at: int) -> tuple[set[int], set[int], int]:
    """Return merges undone before, the turns given back with them, and the merge to begin from.

    What came before a merge that was undone since must be done again without that one too.
    """
    undone, given_back, base = set(), set(), at
    for _, turn in sorted(turns.items()):
        if turn.result.get("unmerged"):
            undone.add(turn.result["mergeSeq"])
            given_back.update(turn.result["toLoser"])
    changed = True
    while changed:
        changed = False
        for seq, turn in turns.items():
            merged_at = turn.result.get("mergeSeq", base)
            if seq > base and merged_at < base:
                base, changed = merged_at, True
    return undone, given_back, base


async def _recalled(store: Store, turn: TurnRecord) -> OpenEffect | None:
    """Return the effect that a response is about, as it was made."""
    if turn.response is None:
        return None
    try:
        number, seq, n = parse_effect(turn.response.effect_key)
    except InvalidIdError:
        return None
    payload = (await store.lookup(Lookup(turns=((number, seq),)))).turns.get((number, seq))
    return effect_of(unpack_turn(payload), n) if payload else None


def _write(
    chain: Chain,
    job: Job,
    command: Command,
    result: Unmerged,
    merge: MergeRecord,
    merge_seq: int,
    now_ms: int,
) -> None:
    now, state, report = chain.state, result.survivor, result.report
    state.seq = now.seq + 1
    state.erased_before_ms = max(state.erased_before_ms, now.erased_before_ms)
    keys = {timer.key for timer in state.timers}
    chain.timers_deleted += [t.key for t in now.timers if t.key not in keys]
    chain.timers.update((timer.key, timer.due_at_ms) for timer in state.timers)
    chain.state = state
    record = TurnRecord(
        at_ms=now_ms,
        received_at_ms=now_ms,
        command=command,
        merge=merge.without_states(now_ms),
        result={
            "unmerged": customer_text(merge.loser),
            "mergeSeq": merge_seq,
            "toLoser": report.to_loser,
            "toSurvivor": len(report.to_survivor),
            "both": report.both,
            "skipped": report.skipped,
        },
    )
    chain.settle(job, record, JournalKind.UNMERGE)


def _note(chain: Chain, merge: MergeRecord, kept: bool, now_ms: int) -> bytes:
    """Return what the customer that is back finds in its own journal.

    `kept` says that it has got something of what came while the two were one.
    """
    return pack_turn(
        TurnRecord(
            at_ms=now_ms,
            received_at_ms=now_ms,
            merge=merge.without_states(now_ms),
            result={"unmergedFrom": customer_text(chain.number), "kept": kept},
        )
    )
