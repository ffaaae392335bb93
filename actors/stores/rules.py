"""Who may write: the verdict on each change, the same for every store."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.domain.ids import Identity
from actors.ports import Change, OutboxState, Verdict

SENDING_TIMEOUT_MS = 60_000
"""An attempt that has not been settled for this long is taken to be dead."""


OUTBOX_STATES = {
    OutboxState.PENDING: "pending",
    OutboxState.SENDING: "sending",
    OutboxState.SENT: "sent",
    OutboxState.PARKED: "parked",
    OutboxState.CANCELLED: "cancelled",
    OutboxState.EXPIRED: "expired",
}
"""Names of the states of outbox rows."""


@dataclass(slots=True)
class Facts:
    """What is stored, read inside the committing transaction, about all that changes touch.

    `rows` is (partition, seq) by customer number; `taken` holds the message hashes that exist.
    """

    epochs: dict[int, int]
    rows: dict[int, tuple[int, int]]
    taken: set[bytes]
    owners: dict[Identity, int]


def check_call(changes: Sequence[Change]) -> None:
    """Refuse what no correct caller sends, because unique keys and the seq check rest on it.

    Raises:
        ValueError: Two changes name one customer, a seq does not grow though more than timers
            changes, or a row's seq is not one of the turns that its change took, or appears twice.
    """
    numbers = {change.number for change in changes}
    if len(numbers) != len(changes):
        raise ValueError("two changes of one commit name the same customer")
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
    others = (change.journal, change.messages, change.identities)
    return bool(change.timers_set or change.timers_deleted) and not any(
        (*others, change.outbox, change.outbox_cancelled)
    )


def judge(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    """Decide each change in order; a committed one counts against those after it."""
    taken, owners = set(facts.taken), dict(facts.owners)
    verdicts: dict[int, Verdict] = {}
    for together in _tied(changes):
        before = (taken, owners) if len(together) == 1 else (set(taken), dict(owners))
        verdict = Verdict.COMMITTED
        for change in together:
            one = _judge_one(change, facts, taken, owners)
            if one is Verdict.COMMITTED:
                taken.update(message.hash for message in change.messages)
                owners.update((identity, change.number) for identity in change.identities)
            elif verdict is not Verdict.FENCED:
                verdict = one
        if verdict is not Verdict.COMMITTED:
            taken, owners = before
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
        if owner != change.number and owner != (change.identities_from or change.number):
            return Verdict.RACE_LOST
    return Verdict.COMMITTED
