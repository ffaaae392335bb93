"""Merging live customers in a group: both rows are read, and both are written or none."""

from collections.abc import Sequence
from dataclasses import replace

from actors import attributes, patterns
from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import look_soon
from actors.domain.actions import OpenEffect
from actors.domain.events import Command, Event
from actors.domain.ids import Identity, customer_text
from actors.domain.merges import MergeRecord
from actors.domain.state import CustomerState
from actors.merging import Parts, merge
from actors.playbook.model import Playbook
from actors.policies.contact_pressure import excess_of
from actors.ports import Change, JournalKind, JournalRow, Lookup, Store, StoredCustomer
from actors.scenarios.counting import count_changes, standing
from actors.session.changes import Chain
from actors.session.journeying import join_journeys, without_timers
from actors.session.resolving import Resolved
from actors.turn import held_effects
from actors.wire.markers import pack_redirect, read_marker
from actors.wire.records import pack_turn
from actors.wire.state import pack_state, unpack_state

PARTS = Parts(attributes=attributes.merge, patterns=patterns.merge)


async def join(
    store: Store, chains: Sequence[Chain], known: Resolved, playbook: Playbook, now_ms: int
) -> None:
    """Merge into each chain's customer those whom its first job joins to it.

    The losers are read anew, wherever they live; their seqs are checked when the merge is written. A
    chain whose loser is another's by now waits for another attempt.
    """
    joined = [(chain, chain.joining) for chain in chains if chain.joining is not None]
    if not joined:
        return
    losers = tuple(number for _, party in joined for number in party.losers)
    found = await store.lookup(Lookup(numbers=losers, owned_by=losers))
    for chain, party in joined:
        _begin(chain, known)
        rows = [found.customers.get(number) for number in party.losers]
        if any(row is None or read_marker(row.state) is not None for row in rows):
            chain.wait()
            continue
        for row, kind in zip(rows, party.shared, strict=True):
            if row is not None:
                _take(chain, row, kind, found.identities.get(row.number, ()), playbook, now_ms)
        for number in party.losers:
            for identity in found.identities.get(number, ()):
                known.owners[identity] = chain.number


def _begin(chain: Chain, known: Resolved) -> None:
    """Give somebody new their name before anybody joins: an unmerge must know whose it is."""
    if chain.number in known.fresh:
        identity, _ = known.fresh[chain.number]
        chain.state.identities.append(identity)
        chain.identities.append(identity)


def _take(
    chain: Chain,
    row: StoredCustomer,
    shared_kind: str,
    moved: tuple[Identity, ...],
    playbook: Playbook,
    now_ms: int,
) -> None:
    state, loser = chain.state, unpack_state(row.state)
    before = {timer.key for timer in state.timers}
    record = MergeRecord(
        at_ms=now_ms,
        survivor=chain.number,
        loser=row.number,
        loser_seq=row.seq,
        survivor_state=pack_state(state),
        loser_state=row.state,
        moved=moved,
        shared_kind=shared_kind,
        source=_source(chain),
    )
    gone = [timer.key for timer in loser.timers]
    was_at = standing(loser.journeys)
    chain.united.append((row.number, list(loser.groups)))
    left = [(name, now_ms) for name in loser.segments]
    without_timers(state)
    without_timers(loser)
    held = {(e.origin, e.seq, e.n) for e in (*held_effects(state), *_held_by(loser))}
    merge(state, loser, playbook.identities, PARTS)
    forgotten = held - {(e.origin, e.seq, e.n) for e in state.effects}
    chain.cancelled += sorted((origin or chain.number, s, n) for origin, s, n in forgotten)
    turn = TurnRecord(at_ms=now_ms, received_at_ms=now_ms, merge=record)
    cancel_excess(chain, playbook, now_ms)
    join_journeys(chain, loser.journeys, row.number, playbook, turn)
    look_soon(state, playbook, now_ms)
    state.seq += 1
    first = chain.jobs[0]
    if isinstance(first.item, Command):
        turn.command = first.item
        turn.result = {"merged": customer_text(row.number)}
        chain.settle(first, turn, JournalKind.MERGE)
    else:
        chain.journal.append(JournalRow(state.seq, now_ms, JournalKind.MERGE, pack_turn(turn)))
    chain.identities += moved
    chain.identities_from += (row.number,)
    chain.timers_deleted += sorted(before - {timer.key for timer in state.timers})
    chain.timers.update((timer.key, timer.due_at_ms) for timer in state.timers)
    farewell = TurnRecord(at_ms=now_ms, received_at_ms=now_ms, merge=record.without_states(now_ms))
    chain.companions.append(
        Change(
            row.number,
            row.partition,
            None,
            row.seq,
            row.seq + 1,
            pack_redirect(chain.number),
            journal=[JournalRow(row.seq + 1, now_ms, JournalKind.MERGE, pack_turn(farewell))],
            timers_deleted=gone,
            segments_left=left,
            tied_to=chain.number,
            scenario_counts=count_changes(was_at, (), (), playbook),
        )
    )


def _held_by(loser: CustomerState) -> list[OpenEffect]:
    """Return what somebody who is merged holds, as the survivor will name it."""
    return [replace(e, origin=e.origin or loser.number) for e in held_effects(loser)]


def cancel_excess(chain: Chain, playbook: Playbook, now_ms: int) -> None:
    """Withdraw held messages that two customers may have, and the one they are now may not."""
    state = chain.state
    for contact in excess_of(state.profile, playbook, now_ms):
        key = (contact.origin, contact.seq, contact.n)
        chain.cancelled.append((contact.origin or chain.number, contact.seq, contact.n))
        state.profile.contacts.remove(contact)
        state.effects = [each for each in state.effects if (each.origin, each.seq, each.n) != key]


def _source(chain: Chain) -> str:
    item = chain.jobs[0].item
    return item.type if isinstance(item, Event) else "manual"
