"""The functions that the system itself uses, in one place, so that a test can plant a bug in any of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from actors.domain.budgets import FOR_EVER_MS, Spend, Window, span_of
from actors.ports import (
    CellRow,
    Change,
    JournalKind,
    JournalRow,
    Message,
    OutboxRow,
    PartitionRow,
    TimerRow,
    Verdict,
)
from actors.runtime.owning import held_by, lost, may_send, to_hand_over
from actors.stores.claim_rules import claims_won, may_attempt
from actors.stores.rehome_rules import may_rehome
from actors.stores.rules import Facts, judge
from cluster.ownership import Look, Roster, Silence, propose
from cluster.placement import placement
from tests.model_checking.world import (
    NOBODY,
    NOT_HELD,
    Beat,
    Row,
    Sizes,
    Stored,
    Supervisor,
    owner_of,
    place_of,
)

SILENCE = 1
"""Ticks of an unchanged beat after which a cell is taken for silent."""
BUDGET = "b"
AMOUNT = 1000
FROM_BUDGET, FROM_LEASE = 1, 2


class Write(tuple):
    """What one customer's turn writes: (customer, before, after, epoch or None, message, spends, tied to)."""

    __slots__ = ()


@dataclass(frozen=True)
class Protocol:
    """What decides. The defaults are the system's own; each may be replaced by one with a bug."""

    judge: Callable[[Sequence[Change], Facts], list[Verdict]] = judge
    claims_won: Callable[..., dict[int, int]] = claims_won
    may_attempt: Callable[..., bool] = may_attempt
    may_send: Callable[..., bool] = may_send
    held_by: Callable[..., dict[int, int]] = held_by
    lost: Callable[..., set[int]] = lost
    to_hand_over: Callable[..., list[tuple[int, str, int]]] = to_hand_over
    propose: Callable[..., Any] = propose
    may_rehome: Callable[..., bool] = may_rehome
    look: Callable[[Roster, Sequence[CellRow], float, Sequence[Beat]], Look] = (
        lambda roster, cells, now_s, _: roster.look(cells, now_s)
    )
    claim_first: bool = True
    commit_first: bool = True
    acks_lost_commits: bool = False
    ties_merges: bool = True
    watches_map: bool = True
    checks_timers: bool = True
    silence_ends: bool = True
    leases_end_by_time: bool = False
    moves_between_turns: bool = True
    moved_are_forgotten: bool = True
    moved_as_stored: bool = True
    effects_move_too: bool = True


def text(owner: int) -> str:
    """Return an owner as the system writes it."""
    return f"cell-{place_of(owner)}/{owner % 10}" if owner != NOBODY else ""


def number_of(owner: str) -> int:
    """Return the number of an owner written so."""
    if not owner:
        return NOBODY
    name, incarnation = owner.split("/")
    return owner_of(int(name.removeprefix("cell-")), int(incarnation))


def homes(sizes: Sizes) -> tuple[str, ...]:
    """Return which cell has which partition at first."""
    return placement(tuple(f"cell-{i}" for i in range(sizes.before)), count=sizes.partitions)


def state_of(row: Row) -> bytes:
    """Return what is stored as a customer's state: all but where she is, which stands beside it."""
    return repr(row._replace(partition=0)).encode()


def change_of(write: Write, limit: int, now_ms: int = 0) -> Change:
    """Return the change that a store is given for a write."""
    customer, before, after, epoch, message, spends, tied = write
    seq = after.seq
    window = Window(BUDGET, 0, 0, FOR_EVER_MS, limit * AMOUNT)
    return Change(
        number=customer + 1,
        partition=before.partition,
        epoch=epoch,
        seq_before=before.seq,
        seq_after=seq,
        state=state_of(after),
        journal=[JournalRow(seq, now_ms, JournalKind.EVENT, b"turn")],
        messages=[Message(bytes([message]) * 16, b"f" * 16, seq)] if message >= 0 else [],
        timers_set=[TimerRow("t", now_ms)] if after.timer > before.timer else [],
        timers_deleted=["t"] if after.timer < before.timer else [],
        outbox=[OutboxRow(seq, 0, "email", now_ms, now_ms + 10**9, b"e%d" % message)]
        if message >= 0
        else [],
        spends=[Spend(window, AMOUNT, 0)] if spends == FROM_BUDGET else [],
        tied_to=tied + 1 if tied >= 0 else 0,
    )


@lru_cache(maxsize=200_000)
def verdicts(
    protocol: Protocol, stored: tuple, writes: tuple[Write, ...], limit: int
) -> tuple[Verdict, ...]:
    """Return what the store's own rule says of writes, given (epochs, rows, taken, spent)."""
    epochs, rows, taken, spent = stored
    changes = [change_of(write, limit) for write in writes]
    facts = Facts(
        dict(enumerate(epochs)),
        {i + 1: (partition, seq) for i, (partition, seq) in enumerate(rows) if seq},
        {bytes([m]) * 16 for m in range(16) if taken >> m & 1},
        {},
        {},
        {span_of(s.window): spent * AMOUNT for change in changes for s in change.spends},
    )
    return tuple(protocol.judge(changes, facts))


def judged(
    protocol: Protocol, stored: Stored, writes: tuple[Write, ...], limit: int
) -> tuple[Verdict, ...]:
    """Return what becomes of writes that a store is asked for now."""
    epochs = tuple(epoch for _, epoch in stored.parts)
    rows = tuple((row.partition, row.seq) for row in stored.rows)
    return verdicts(protocol, (epochs, rows, stored.taken, stored.spent), writes, limit)


@lru_cache(maxsize=100_000)
def won(protocol: Protocol, parts: tuple, claims: tuple, owner: int) -> tuple[tuple, tuple]:
    """Return the map after claims of (partition, owner, epoch), and what was won as (partition, epoch)."""
    stored = {p: (text(o), e) for p, (o, e) in enumerate(parts)}
    got = protocol.claims_won(stored, [(p, text(o), e) for p, o, e in claims])
    after = tuple((owner, got[p]) if p in got else each for p, each in enumerate(parts))
    return after, tuple(sorted(got.items()))


@lru_cache(maxsize=10_000)
def held(protocol: Protocol, parts: tuple, owner: int) -> tuple[int, ...]:
    """Return what an owner holds after reading the map: the epoch of each partition, or NOT_HELD."""
    rows = [PartitionRow(p, text(o), e) for p, (o, e) in enumerate(parts)]
    mine = protocol.held_by(text(owner), rows)
    return tuple(mine.get(p, NOT_HELD) for p in range(len(parts)))


def as_dict(epochs: tuple[int, ...]) -> dict[int, int]:
    """Return the epochs held, by partition."""
    return {p: epoch for p, epoch in enumerate(epochs) if epoch != NOT_HELD}


@lru_cache(maxsize=200_000)
def looked(
    protocol: Protocol, supervisor: Supervisor, cells: tuple[Beat, ...]
) -> tuple[Supervisor, tuple[int, ...]]:
    """Return the watcher after a look at the registered cells, and the owners that are silent."""
    rows = [
        CellRow(f"cell-{i}", str(each.incarnation), i + 1, each.incarnation, "host", each.beat)
        for i, each in enumerate(cells)
        if each.incarnation
    ]
    seen = {text(owner): (beat, float(still)) for owner, beat, still in supervisor.seen}
    silence = Silence(SILENCE, 1.0, seen)
    if supervisor.looked >= 0:
        silence._looked_s = float(supervisor.looked)
    roster = Roster(silence, {text(owner) for owner in supervisor.died})
    look = protocol.look(roster, rows, float(supervisor.clock), cells)
    silent = tuple(number_of(cell.owner) for cell in look.silent)
    died = {number_of(owner) for owner in roster.died}
    if not protocol.silence_ends:
        died |= set(silent)
    living = tuple(n for cell in look.living if (n := number_of(cell.owner)) not in died)
    after = supervisor._replace(
        looked=supervisor.clock,
        seen=tuple(
            sorted((number_of(o), b, int(min(q, SILENCE))) for o, (b, q) in silence._seen.items())
        ),
        died=tuple(sorted(died)),
        living=living,
    )
    return after, silent


@lru_cache(maxsize=100_000)
def proposed(
    protocol: Protocol,
    parts: tuple,
    living: tuple[int, ...],
    wanted: int,
    actors: tuple[int, ...] = (),
) -> tuple[tuple[int, tuple], ...]:
    """Return the calls that a proposal means, as (cell, call), in order.

    `actors` are the owners that are actors of single customers, as far as they live.
    """
    rows = [PartitionRow(p, text(o), e) for p, (o, e) in enumerate(parts)]
    cells = [CellRow(text(o).split("/")[0], text(o).split("/")[1], 1, 1, "h", 0) for o in living]
    leaving = [f"cell-{i}" for i in range(wanted, 9)]
    proposal = protocol.propose(rows, cells, (), leaving, apart={text(o) for o in actors})
    calls: list[tuple[int, tuple]] = []
    for owner, some in sorted(proposal.claims.items()):
        what = tuple((row.partition, number_of(row.owner), row.epoch) for row in some)
        calls.append((number_of(owner), ("claim", what)))
    for (giver, taker), some in sorted(proposal.moves.items()):
        calls.append((number_of(giver), ("give", tuple(some), number_of(taker))))
    return tuple(calls)


def to_give(
    protocol: Protocol, owner: int, epochs: tuple[int, ...], partitions: tuple[int, ...]
) -> tuple[tuple[int, int, int], ...]:
    """Return the claims of a hand-over."""
    offers = protocol.to_hand_over(text(owner), as_dict(epochs), partitions)
    return tuple((p, number_of(o), e) for p, o, e in offers)


def forgotten(
    protocol: Protocol,
    before: tuple[int, ...],
    after: tuple[int, ...],
    cache: tuple[Row, ...],
    no: Row,
) -> tuple[Row, ...]:
    """Return the activations that stay when what is held changes."""
    gone: Mapping[int, int] | set[int] = protocol.lost(as_dict(before), as_dict(after))
    return tuple(no if row.partition in gone else row for row in cache)
