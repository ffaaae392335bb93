"""The store's port."""

from collections.abc import Sequence
from typing import Protocol

from actors.domain.groups import GroupKey
from actors.ports.changing import Change
from actors.ports.finding import Found, Lookup
from actors.ports.outbox import Check, Claim, OutboxItem, OutboxResult
from actors.ports.rows import (
    CellRow,
    DueTimer,
    Launch,
    LaunchPart,
    Member,
    PartitionRow,
    ScenarioCount,
    SegmentFlow,
    TimelineRow,
    Verdict,
)


class Store(Protocol):
    """Durable truth. One contract suite (tests/contracts) holds for every implementation.

    Every method may raise `StoreUnavailableError`, which means that the outcome is unknown.
    """

    async def lookup(self, want: Lookup) -> Found:
        """Read what a group needs, at one instant."""
        ...

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """Write all changes that still may be written, durably, in one transaction.

        For each change, in order: its partition's epoch must equal `epoch` (else FENCED); its row
        must have `seq_before` and that partition, or not exist when `seq_before` is 0; none of its
        message hashes may exist; each of its identities must be unowned, its own or that of
        `identities_from`; each group that it writes must have `seq_before` (else RACE_LOST); what it spends
        must fit the windows together with what is spent in them (else OVERSPENT, and it may be made anew from
        what is left). An effect that is cancelled or dropped before any attempt gives back what it has taken. Entering a segment again replaces since when and is not
        counted, nor is leaving one without being in it. Changes that are tied are written together or not at all.
        Two changes of one call never name the same customer, nor the same group.
        """
        ...

    async def register_cell(self, cell: CellRow) -> None:
        """Insert or replace the row of a cell by name."""
        ...

    async def beat(self, cell: CellRow) -> None:
        """Store `cell.beat` for this incarnation only."""
        ...

    async def remove_cell(self, cell: CellRow) -> None:
        """Delete the row of this incarnation."""
        ...

    async def cells(self) -> list[CellRow]:
        """Return all registered cells, by name."""
        ...

    async def partitions(self) -> list[PartitionRow]:
        """Return all partitions, in order."""
        ...

    async def map_version(self) -> int:
        """Return a number that grows with every change of ownership or registration."""
        ...

    async def claim(self, claims: Sequence[tuple[int, str, int]], owner: str) -> dict[int, int]:
        """Compare-and-set ownership. Each claim is (partition, expected owner, expected epoch).

        Returns:
            The new epoch (expected + 1) of each partition that was won.
        """
        ...

    async def open_partition(self, owner: str) -> PartitionRow:
        """Add a partition for a single customer, after all there are, that `owner` has under epoch 1.

        None is ever taken away: an epoch must not begin anew. One whose customer has left can serve again.
        """
        ...

    async def rehome(self, number: int, of: tuple[int, int], to: tuple[int, int]) -> bool:
        """Move a customer, with her timers and effects, from one partition to another, as she is.

        Both are (partition, epoch) and must hold, and she must be in the first; otherwise nothing is
        written. It is a change of ownership: whoever takes a turn of hers from there on loses the race.

        Returns:
            Whether she was moved.
        """
        ...

    async def apart(self) -> list[tuple[int, int]]:
        """Return (customer number, partition) of all who are in partitions that were opened, by number."""
        ...

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """Return timers of `owner`'s partitions due at or before `until_ms`, earliest first."""
        ...

    async def next_timer_ms(self) -> int | None:
        """Return the earliest due time of all timers, or None."""
        ...

    async def overdue(
        self, key: str, until_ms: int, after_number: int, limit: int
    ) -> list[DueTimer]:
        """Return the timers with this key of all owners due at or before `until_ms`, by number."""
        ...

    async def members(self, segment: str, after_number: int, limit: int) -> list[Member]:
        """Return who is in a segment, by number above `after_number`."""
        ...

    async def member_counts(self) -> dict[str, int]:
        """Return how many are in each segment that anybody has ever been in."""
        ...

    async def flows(self, segment: str, since_ms: int) -> list[SegmentFlow]:
        """Return the days, from the one of `since_ms`, on which somebody entered or left, in order."""
        ...

    async def group_members(self, key: GroupKey, after_number: int, limit: int) -> list[Member]:
        """Return who belongs to a group, by number above `after_number`."""
        ...

    async def scenario_counts(self, scenario: str | None = None) -> list[ScenarioCount]:
        """Return the counts of a scenario's steps, or of all, by scenario, digest and step.

        They are the sums of what the changes written so far said, so an erasure's change says it too.
        """
        ...

    async def add_launch(self, launch: Launch) -> bool:
        """Store a launch; return whether its id is new."""
        ...

    async def launches(self) -> list[Launch]:
        """Return all launches, the newest first."""
        ...

    async def set_launch(self, launch_id: str, before: str, state: str) -> bool:
        """Move a launch from one state to another; return whether it was in the first."""
        ...

    async def put_launch_part(self, part: LaunchPart) -> None:
        """Store how far an owner has come."""
        ...

    async def launch_parts(self, launch_id: str) -> list[LaunchPart]:
        """Return how far everybody has come, in order of owner."""
        ...

    async def outbox_due(
        self, owner: str, now_machine_ms: int, limit: int, skip: Sequence[str] = ()
    ) -> list[OutboxItem]:
        """Return pending rows of `owner`'s partitions whose `next_at_ms` has come, oldest first.

        Rows left in `sending` by a dead attempt (claimed more than 60 s ago) come back too. Rows of
        the channels in `skip` are left out, so that one that is slow never hides the others.
        """
        ...

    async def outbox_claim(
        self,
        items: Sequence[OutboxItem],
        epochs: dict[int, int],
        now_machine_ms: int,
        check: Check,
    ) -> list[Claim]:
        """Move rows to `sending` under their partition's epoch, counting the attempt.

        A row is its caller's to attempt when it was in the state and had the attempts that `item` says,
        the epoch still holds, and `check` permits it, asked of the customer as stored in this same
        transaction. A first attempt moves `committed_at_ms` to now. What the check holds back becomes
        pending, due when it says, with its reason in `last_error`. A check that raises holds back by a
        second.

        Returns:
            What became of each item, in order.
        """
        ...

    async def outbox_settle(self, results: Sequence[OutboxResult]) -> None:
        """Store how attempts ended; only rows in `sending` change."""
        ...

    async def outbox_stream(
        self, channel: str, after: tuple[int, int, int, int], limit: int
    ) -> list[OutboxItem]:
        """Return rows of a channel after (committed_at_ms, number, seq, n), in that order.

        Only those that a claim has permitted once; cancelled and expired ones are left out.
        """
        ...

    async def outbox_of(
        self, numbers: Sequence[int], states: Sequence[int] = ()
    ) -> list[OutboxItem]:
        """Return the outbox rows of some customers, in order of number, seq and n.

        In any state when `states` is empty; there is no other limit.
        """
        ...

    async def outbox_counts(self) -> dict[str, int]:
        """Return the number of outbox rows by state name."""
        ...

    async def pause(self, name: str, now_machine_ms: int) -> bool:
        """Throw a switch: `all`, `channel:…`, `action:…` or `scenario:…`; False when it was thrown."""
        ...

    async def resume(self, name: str, now_machine_ms: int) -> bool:
        """Take a switch back; False when it was not thrown.

        What checks held back because of it (`paused_by`) is due at once.
        """
        ...

    async def pauses(self) -> dict[str, int]:
        """Return the switches thrown, in order of name, with since when on the machine clock."""
        ...

    async def timeline(
        self, number: int, before_seq: int | None, kinds: Sequence[int], limit: int
    ) -> list[TimelineRow]:
        """Return a customer's turns, newest first, below `before_seq`; all kinds when empty."""
        ...

    async def history(
        self,
        numbers: Sequence[int],
        before: tuple[int, int] | None,
        kinds: Sequence[int],
        limit: int,
    ) -> list[TimelineRow]:
        """Return turns of several customers, newest first by (at_ms, offset), below `before`.

        Every turn of theirs is looked at: for customers who have merged, others have `timeline`.
        """
        ...

    async def turns_after(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """Return rows of all kinds after an offset, in commit order; what was forgotten is empty."""
        ...

    async def checkpoint(self, model: str) -> tuple[int, bytes] | None:
        """Return (offset, bytes) of a model's last checkpoint."""
        ...

    async def save_checkpoint(self, model: str, offset: int, data: bytes) -> bool:
        """Store a checkpoint unless one with the same or a higher offset is there."""
        ...

    async def playbook(self, version: str | None = None) -> tuple[str, bytes] | None:
        """Return (version, bundle) of the active playbook, or of a stored version."""
        ...

    async def playbook_versions(self) -> list[tuple[str, int, bool]]:
        """Return (version, stored_at_ms, active), newest first."""
        ...

    async def put_playbook(self, version: str, bundle: bytes, now_machine_ms: int) -> None:
        """Store a bundle under its version if it is new, and make it the active one."""
        ...

    async def setting(self, name: str) -> bytes | None:
        """Return a named small value, such as the virtual clock or the hashing key."""
        ...

    async def put_setting(self, name: str, value: bytes) -> None:
        """Store a named small value."""
        ...

    async def put_setting_if_absent(self, name: str, value: bytes) -> bytes:
        """Store a value unless the name has one; return what is stored now."""
        ...

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """Return all API keys that are not revoked: (hash, msgpack of scopes and channels)."""
        ...

    async def put_key(self, key_hash: bytes, record: bytes) -> None:
        """Add an API key by its hash."""
        ...

    async def revoke_key(self, key_hash: bytes) -> bool:
        """Remove an API key; False when there was none."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return row counts for `status`: customers, turns, timers, outbox."""
        ...

    async def forget_messages(self, before_machine_ms: int) -> int:
        """Delete deduplication rows stored before an instant; return how many."""
        ...

    async def oldest_answer(self) -> int | None:
        """Return an offset before which no turn took a message that is still remembered.

        None when none is remembered. It goes by the thousand messages stored first.
        """
        ...

    async def forget_turns(self, kind: int, before_ms: int, below_offset: int, limit: int) -> int:
        """Empty the payloads of turns of a kind from before an instant; return of how many.

        At most `limit`, the oldest first, of those whose offset is below `below_offset`; the rows stay.
        Merges, unmerges and erasures are never among them.
        """
        ...

    async def forget_effects(self, state: int, before_ms: int, limit: int) -> int:
        """Delete outbox rows that ended in a state; return how many.

        At most `limit`, the oldest first, of those that were to be sent before an instant. Rows that are
        held, pending or being sent stay whatever is asked.
        """
        ...

    async def forget_flows(self, before_ms: int, limit: int) -> int:
        """Fold days of segments that ended before an instant into one; return how many.

        At most `limit`, the oldest first. How many are in a segment stays what it is; `flows` shows no
        such day any more.
        """
        ...

    async def watch(self, key: str, due_ms: int, after_number: int, limit: int) -> int | None:
        """Have the next `limit` customers above a number looked at by a timer, at an instant.

        Whoever was merged or erased is left out, and a timer of that key that is due before stays. The
        customers' states know nothing of it yet: what it means is for their own turns to find out.

        Returns:
            The last customer looked at, or None when there are no more.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and release files or connections."""
        ...
