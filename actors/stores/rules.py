"""Who may write: the verdict on each change, the same for every store."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from actors.domain.budgets import Span
from actors.domain.errors import CodecError
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports import (
    Change,
    Check,
    Claim,
    JournalKind,
    OutboxItem,
    OutboxState,
    Permit,
    Verdict,
)
from actors.stores.budget_rules import Run, fits, note
from actors.wire.markers import Erased, Redirect, read_marker

SENDING_TIMEOUT_MS = 60_000
"""An attempt that has not been settled for this long is taken to be dead."""

ANSWERS_LOOKED_AT = 1_000
"""Of so many messages that were stored first the turns are found: processes' clocks differ a little."""

BEFORE_ALL_DAYS = -1
"""The day of a segment's flow into which those are folded that are forgotten."""

FORGETTABLE = (
    JournalKind.EVENT,
    JournalKind.DECIDE,
    JournalKind.OUTCOME,
    JournalKind.WAKE,
    JournalKind.COMMAND,
)
"""Kinds of turns whose payloads may be forgotten by age."""

OPEN_STATES = (OutboxState.PENDING, OutboxState.SENDING, OutboxState.HELD)
"""Of outbox rows that have not ended."""

HELD_BACK_MS = 1_000
"""When a row is looked at again whose check has failed."""

_REDIRECTS = 8
_DAY_MS = 86_400_000

ScenarioStep = tuple[str, str, str]
"""A scenario, the digest of its version, and a step."""

Flow = tuple[str, int]
"""A segment and when a day begins, in UTC."""

OUTBOX_STATES = {
    OutboxState.PENDING: "pending",
    OutboxState.SENDING: "sending",
    OutboxState.SENT: "sent",
    OutboxState.PARKED: "parked",
    OutboxState.CANCELLED: "cancelled",
    OutboxState.EXPIRED: "expired",
    OutboxState.HELD: "held",
}
"""Names of the states of outbox rows."""


@dataclass(slots=True)
class Facts:
    """What is stored, read inside the committing transaction, about all that changes touch.

    `rows` is (partition, seq) by customer number; `taken` holds the message hashes that exist;
    `groups` the seqs of groups; `spent` what stands in the spans of budgets that are spent from.
    """

    epochs: dict[int, int]
    rows: dict[int, tuple[int, int]]
    taken: set[bytes]
    owners: dict[Identity, int]
    groups: dict[GroupKey, int] = field(default_factory=dict)
    spent: dict[Span, int] = field(default_factory=dict)


def day_of(at_ms: int) -> int:
    """Return when the day of an instant begins, in UTC."""
    return at_ms - at_ms % _DAY_MS


def check_call(changes: Sequence[Change]) -> None:
    """Refuse what no correct caller sends, because unique keys and the seq check rest on it.

    Raises:
        ValueError: Two changes name one customer, a seq does not grow though more than timers
            changes, or a row's seq is not one of the turns that its change took, or appears twice.
    """
    numbers = {change.number for change in changes}
    if len(numbers) != len(changes):
        raise ValueError("two changes of one commit name the same customer")
    written = [write.key for change in changes for write in change.groups]
    if len(set(written)) != len(written):
        raise ValueError("two changes of one commit write the same group")
    for change in changes:
        low, high = change.seq_before, change.seq_after
        if not 0 <= low < high and not (0 < low == high and _only_timers(change)):
            raise ValueError(f"customer {change.number}: seq goes from {low} to {high}")
        if len(change.journal) == 1 and change.journal[0].seq == high and not change.outbox:
            continue  # the most frequent shape, and this runs for every event
        turns = [row.seq for row in change.journal]
        effects = [(row.seq, row.n) for row in change.outbox]
        if len(set(turns)) != len(turns) or len(set(effects)) != len(effects):
            raise ValueError(f"customer {change.number}: a journal or outbox row appears twice")
        for seq in (*turns, *(seq for seq, _ in effects)):
            if not low < seq <= high:
                raise ValueError(
                    f"customer {change.number}: a row has seq {seq}, expected {low + 1} to {high}"
                )


def _only_timers(change: Change) -> bool:
    """Return whether a change moves or deletes timer rows and does nothing else: no turn is taken."""
    others = (
        *(change.journal, change.messages, change.identities, change.outbox),
        *(change.outbox_cancelled, change.segments_entered, change.segments_left),
        *(change.outbox_dropped, change.outbox_released, change.outbox_postponed),
        *(change.groups, change.scenario_counts, change.spends),
    )
    return bool(change.timers_set or change.timers_deleted) and not any(others)


def flows_of(changes: Sequence[Change], held: Set[tuple[str, int]]) -> dict[Flow, tuple[int, int]]:
    """Return how many enter and leave, by segment and day, with changes that are written.

    `held` are the memberships of before, (segment, customer number), of those that the changes name.
    """
    flows: dict[Flow, tuple[int, int]] = {}
    for change in changes:
        gone = {name for name, _ in change.segments_left if (name, change.number) in held}
        for name, at_ms in dict(change.segments_left).items():
            if name in gone:
                entered, left = flows.get((name, day_of(at_ms)), (0, 0))
                flows[name, day_of(at_ms)] = (entered, left + 1)
        for name, at_ms in dict(change.segments_entered).items():
            if name in gone or (name, change.number) not in held:
                entered, left = flows.get((name, day_of(at_ms)), (0, 0))
                flows[name, day_of(at_ms)] = (entered + 1, left)
    return flows


def scenario_counts_of(changes: Sequence[Change]) -> dict[ScenarioStep, tuple[int, int, int]]:
    """Return how many more wait at, passed and left each step, with changes that are written."""
    counts: dict[ScenarioStep, tuple[int, int, int]] = {}
    for change in changes:
        for scenario, digest, step, waiting, passed, left in change.scenario_counts:
            before = counts.get((scenario, digest, step), (0, 0, 0))
            more = (before[0] + waiting, before[1] + passed, before[2] + left)
            counts[scenario, digest, step] = more
    return counts


def states_of(
    numbers: Iterable[int], read: Callable[[Sequence[int]], Mapping[int, bytes]]
) -> dict[int, bytes]:
    """Return the packed state of who has become of each customer; of whom there is none is left out.

    `read` gives what stands in customers' rows. Who was merged leads to the survivor.
    """
    leads = {number: number for number in numbers}
    rows: dict[int, bytes] = {}
    for _ in range(_REDIRECTS):
        wanted = sorted({to for to in leads.values() if to not in rows})
        if not wanted:
            break
        rows |= read(wanted)
        for number, to in leads.items():
            marker = _marker(rows.get(to))
            leads[number] = marker.target if isinstance(marker, Redirect) else to
    return {n: rows[to] for n, to in leads.items() if to in rows and rows[to][:1] != _MARKER}


_MARKER = b"\0"
"""What the row of a customer begins with who is none any more."""


def _marker(row: bytes | None) -> Redirect | Erased | None:
    try:
        return None if row is None else read_marker(row)
    except CodecError:
        return None  # of whom nothing is known nothing is permitted


def permit(
    check: Check, item: OutboxItem, state: bytes | None, pauses: tuple[str, ...], now_ms: int
) -> Permit:
    """Ask a check; what it cannot answer is held back: governance fails closed."""
    try:
        return check(item, state, pauses)
    except Exception as error:  # noqa: BLE001 - a fault in a rule must neither send nor stop others
        why = f"the check failed: {type(error).__name__}"
        return Permit(Claim.LATER, now_ms + HELD_BACK_MS, why)


def judge(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    """Decide each change in order; a committed one counts against those after it."""
    taken, owners = set(facts.taken), dict(facts.owners)
    run: Run = Counter()
    verdicts: dict[int, Verdict] = {}
    for together in _tied(changes):
        before = (taken, owners, run)
        if len(together) > 1:
            before = (set(taken), dict(owners), Counter(run))
        verdict = Verdict.COMMITTED
        for change in together:
            one = _judge_one(change, facts, taken, owners)
            if one is Verdict.COMMITTED and not fits(change.spends, facts.spent, run):
                one = Verdict.OVERSPENT
            if one is Verdict.COMMITTED:
                note(change.spends, run)
                taken.update(message.hash for message in change.messages)
                owners.update((identity, change.number) for identity in change.identities)
            elif verdict is not Verdict.FENCED:
                verdict = one
        if verdict is not Verdict.COMMITTED:
            taken, owners, run = before
        verdicts.update((change.number, verdict) for change in together)
    return [verdicts[change.number] for change in changes]


def _tied(changes: Sequence[Change]) -> list[list[Change]]:
    """Return the changes in groups that stand or fall together, in the order of their first."""
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.tied_to or change.number, []).append(change)
    return list(groups.values())


def _judge_one(
    change: Change, facts: Facts, taken: set[bytes], owners: dict[Identity, int]
) -> Verdict:
    if change.epoch is not None and facts.epochs.get(change.partition) != change.epoch:
        return Verdict.FENCED
    expected = (change.partition, change.seq_before) if change.seq_before else None
    if facts.rows.get(change.number) != expected:
        return Verdict.RACE_LOST
    if change.messages:
        hashes = {message.hash for message in change.messages}
        if len(hashes) != len(change.messages) or not taken.isdisjoint(hashes):
            return Verdict.RACE_LOST
    for identity in change.identities:
        owner = owners.get(identity, change.number)
        if owner != change.number and owner not in change.identities_from:
            return Verdict.RACE_LOST
    for write in change.groups:
        if facts.groups.get(write.key, 0) != write.seq_before:
            return Verdict.RACE_LOST
    return Verdict.COMMITTED
