"""Unmerging: a customer becomes two again, and each gets what came since and is its own."""

from collections.abc import Sequence
from typing import Any

from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import look_soon
from actors.domain.actions import OpenEffect
from actors.domain.errors import InvalidIdError
from actors.domain.events import Command
from actors.domain.ids import Identity, customer_text, parse_effect
from actors.domain.merges import MergeRecord
from actors.merging import LaterTurn, Names, Reading, Shares, Unmerged, unmerge
from actors.playbook.model import Playbook
from actors.ports import Change, JournalKind, JournalRow, Lookup, Store, TimerRow
from actors.scenarios.counting import count_changes, standing
from actors.session.changes import Chain
from actors.session.jobs import Job
from actors.session.joining import PARTS
from actors.session.journeying import at_rest, divide_journeys, without_scenarios
from actors.session.lineage import Place
from actors.session.stories import Told, Turns, given_away, joins_of, story_of
from actors.turn import effect_of, wait_for_held
from actors.wire.markers import Redirect, read_marker
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.state import pack_state, unpack_state

NOT_MERGED = "this customer was not merged into that one"
MERGED_ELSEWHERE = "this customer was merged into another one first: unmerge that one before"
ERASED_SINCE = "the survivor was part of another customer since, who was erased with what came then: that cannot be divided"
FORGOTTEN_SINCE = "turns since then were forgotten by age: what came of them cannot be divided"


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
    joins = await joins_of(store, chain.number)
    at = max((seq for seq, turn in joins.items() if _joined(turn) == other), default=0)
    merge = joins[at].merge if at else None
    undone, base = _undone(joins, at)
    before = joins[base].merge if at else None
    if merge is None or before is None:
        return NOT_MERGED
    story = await story_of(store, chain.number, joins, base, chain.seq_before + 1)
    if story is None:
        return ERASED_SINCE
    away = given_away(joins, chain.number)
    if _forgotten(story, away):
        return FORGOTTEN_SINCE
    merges = {(chain.number, seq) for seq in (*undone, at)}
    later = [
        LaterTurn(
            told.seq,
            told.record,
            await recalled(store, told.record),
            told.not_theirs or told.place in away,
            told.number,
            told.at,
        )
        for told in story
        if told.record is not None
        and told.place not in merges
        and not told.record.result.get("unmerged")
    ]
    emptied = any(told.record is None for told in story)
    survivor, loser = unpack_state(before.survivor_state), unpack_state(merge.loser_state)
    theirs = at_rest(survivor, loser)
    result = unmerge(
        survivor,
        loser,
        later,
        Reading(playbook=without_scenarios(playbook), parts=PARTS, unpack=unpack_state),
        names=Names(
            moved=merge.moved,
            owned=set(found.identities.get(chain.number, ())) - _of_thirds(joins, other),
        ),
        merged_at=at,
        denied=chain.state.profile.consents if emptied else {},
    )
    divide_journeys(chain.state, result.survivor, result.loser, theirs, other)
    wait_for_held(result.survivor)
    wait_for_held(result.loser)
    look_soon(result.survivor, playbook, now_ms)
    _write(chain, job, command, result, merge, at, now_ms)
    loser = result.loser
    kept = pack_state(loser) != merge.loser_state
    loser.seq = row.seq + 1
    look_soon(loser, playbook, now_ms)
    chain.parted.append((other, loser.groups))
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
            scenario_counts=count_changes((), standing(loser.journeys), (), playbook),
            tied_to=chain.number,
        )
    )
    return ""


def _joined(turn: TurnRecord) -> int:
    """Return whom a turn has merged into this customer, or 0."""
    if turn.merge is None or not turn.merge.loser_state:
        return 0
    return turn.merge.loser


def _forgotten(story: Sequence[Told], away: set[Place]) -> bool:
    """Return whether a turn is empty that no erasure of somebody parted has emptied."""
    return any(told.record is None and told.seq and told.place not in away for told in story)


def _of_thirds(joins: Turns, other: int) -> set[Identity]:
    """Return what came with others who were merged, for a while or for good: no event claimed that."""
    merges = [turn.merge for turn in joins.values() if turn.merge is not None]
    return {i for merge in merges if merge.loser != other for i in merge.moved}


def _undone(joins: Turns, at: int) -> tuple[set[int], int]:
    """Return the merges undone before, and the merge to begin from.

    What came before a merge that was undone since must be done again without that one too.
    """
    parted = [(seq, t.result["mergeSeq"]) for seq, t in joins.items() if t.result.get("unmerged")]
    base = at
    while earlier := [merged for seq, merged in parted if merged < base < seq]:
        base = min(earlier)
    return {merged for _, merged in parted}, base


async def recalled(store: Store, turn: TurnRecord) -> OpenEffect | None:
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
            **_told(report),
            "elsewhere": [
                {"customerId": customer_text(number), **_told(shares)}
                for number, shares in sorted(report.elsewhere.items())
            ],
        },
    )
    chain.settle(job, record, JournalKind.UNMERGE)


def _told(shares: Shares) -> dict[str, Any]:
    return {
        "toLoser": shares.to_loser,
        "toSurvivor": len(shares.to_survivor),
        "both": shares.both,
        "skipped": shares.skipped,
    }


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
