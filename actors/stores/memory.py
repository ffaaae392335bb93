"""A store in memory: for tests, simulations and trying things out. Nothing outlives the process."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace

from actors.domain.ids import PARTITIONS, Identity
from actors.ports import (
    CellRow,
    Change,
    DueTimer,
    Erasure,
    FirstAnswer,
    Found,
    Lookup,
    PartitionRow,
    StoredCustomer,
    TimelineRow,
    Verdict,
)
from actors.stores.claim_rules import claims_won
from actors.stores.memory_budgets import MemoryBudgets
from actors.stores.memory_groups import MemoryGroups
from actors.stores.memory_launches import MemoryLaunches
from actors.stores.memory_outbox import MemoryOutbox
from actors.stores.memory_records import MemoryRecords
from actors.stores.memory_segments import MemorySegments
from actors.stores.rehome_rules import Held, may_rehome, next_partition
from actors.stores.rules import Facts, check_call, judge

_UNOWNED = {p: PartitionRow(p, "", 0) for p in range(PARTITIONS)}


class MemoryStore(
    MemoryRecords, MemorySegments, MemoryGroups, MemoryLaunches, MemoryOutbox, MemoryBudgets
):
    """A `Store` whose methods never give way inside, so each is one transaction on its event loop.

    Rows are immutable; nothing that was passed in is kept by reference except bytes.
    """

    def __init__(self) -> None:
        MemoryRecords.__init__(self)
        MemorySegments.__init__(self)
        MemoryGroups.__init__(self)
        MemoryLaunches.__init__(self)
        MemoryOutbox.__init__(self)
        MemoryBudgets.__init__(self)
        self._partitions = dict(_UNOWNED)
        self._cells: dict[str, CellRow] = {}
        self._map_version = 0
        self._customers: dict[int, StoredCustomer] = {}
        self._identities: dict[Identity, int] = {}
        self._journal: list[TimelineRow] = []
        self._turns: dict[int, list[tuple[int, int]]] = {}
        self._tombstones: dict[bytes, int] = {}
        self._timers_by_due: list[tuple[int, int, str]] = []

    async def lookup(self, want: Lookup) -> Found:
        """See `Store.lookup`."""
        owners = {one: self._identities[one] for one in want.identities if one in self._identities}
        numbers = {*want.numbers, *owners.values()}
        turns = ((turn, self._turn(*turn)) for turn in want.turns)
        return Found(
            owners,
            {number: self._customers[number] for number in numbers if number in self._customers},
            {one: self._messages[one][0] for one in want.messages if one in self._messages},
            {turn: row.payload for turn, row in turns if row is not None},
            {one: self._tombstones[one] for one in want.tombstones if one in self._tombstones},
            {number: owned for number in want.owned_by if (owned := self._owned(number))},
            self._found_groups(want.groups),
            self._groups_of(want.grouped),
            self._spent_in(want.budgets),
        )

    def _owned(self, number: int) -> tuple[Identity, ...]:
        return tuple(sorted(one for one, n in self._identities.items() if n == number))

    def _turn(self, number: int, seq: int) -> TimelineRow | None:
        turns = self._turns.get(number, [])
        i = bisect_left(turns, (seq, 0))
        return self._journal[turns[i][1]] if i < len(turns) and turns[i][0] == seq else None

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """See `Store.commit`.

        Raises:
            ValueError: The changes are not ones that a correct caller makes; nothing is written.
        """
        check_call(changes)
        verdicts = judge(changes, self._facts(changes))
        pairs = zip(changes, verdicts, strict=True)
        written = [change for change, verdict in pairs if verdict is Verdict.COMMITTED]
        for change in written:
            if change.erasure is not None:
                self._erase(change.erasure)
        for change in written:
            self._write_history(change, now_machine_ms)
            self._write_timers(change)
            self._write_outbox(change, now_machine_ms)
            self._write_segments(change)
        self._write_groups(written)
        self._write_scenarios(written)
        ended = [e for change in written for e in self._move_outbox(change, now_machine_ms)]
        self._write_budgets(written, ended)
        return verdicts

    def _facts(self, changes: Sequence[Change]) -> Facts:
        rows = (self._customers.get(change.number) for change in changes)
        return Facts(
            {
                p: self._partitions[p].epoch
                for p in {change.partition for change in changes}
                if p in self._partitions
            },
            {row.number: (row.partition, row.seq) for row in rows if row is not None},
            set(self._messages.keys() & {m.hash for change in changes for m in change.messages}),
            {
                one: self._identities[one]
                for change in changes
                for one in change.identities
                if one in self._identities
            },
            self._group_seqs(changes),
            self._sums_for(changes),
        )

    def _write_history(self, change: Change, now_ms: int) -> None:
        number = change.number
        self._customers[number] = StoredCustomer(
            number, change.partition, change.seq_after, bytes(change.state)
        )
        for row in change.journal:
            i = len(self._journal)
            self._journal.append(
                TimelineRow(i + 1, number, row.seq, row.at_ms, row.kind, row.payload)
            )
            insort(self._turns.setdefault(number, []), (row.seq, i))
        for message in change.messages:
            answer = FirstAnswer(message.fingerprint, number, message.seq)
            self._messages[message.hash] = (answer, now_ms)
        self._identities.update((identity, number) for identity in change.identities)

    def _write_timers(self, change: Change) -> None:
        for key in (*change.timers_deleted, *(timer.key for timer in change.timers_set)):
            self._drop_timer(change.number, key)
        for key, due_ms in {timer.key: timer.due_at_ms for timer in change.timers_set}.items():
            timer = DueTimer(change.number, change.partition, key, due_ms)
            self._timers[change.number, key] = timer
            insort(self._timers_by_due, (due_ms, change.number, key))

    def _drop_timer(self, number: int, key: str) -> None:
        old = self._timers.pop((number, key), None)
        if old is not None:
            place = bisect_left(self._timers_by_due, (old.due_at_ms, number, key))
            del self._timers_by_due[place]

    def _erase(self, erasure: Erasure) -> None:
        numbers = set(erasure.numbers)
        self._journal = [
            replace(row, payload=b"") if row.number in numbers else row for row in self._journal
        ]
        for number, seq, payload in erasure.rewritten:
            row = self._turn(number, seq)
            if row is not None:
                self._journal[row.offset - 1] = replace(row, payload=payload)
        self._wipe_outbox(numbers)
        self._identities = {i: n for i, n in self._identities.items() if n not in numbers}
        for number, key in [timer for timer in self._timers if timer[0] in numbers]:
            self._drop_timer(number, key)
        self._erase_segments(erasure)
        self._erase_groups(erasure)
        self._tombstones.update((one, erasure.at_ms) for one in erasure.tombstones)

    async def register_cell(self, cell: CellRow) -> None:
        """See `Store.register_cell`."""
        self._cells[cell.name] = cell
        self._map_version += 1

    def _registered(self, cell: CellRow) -> bool:
        row = self._cells.get(cell.name)
        return row is not None and row.incarnation == cell.incarnation

    async def beat(self, cell: CellRow) -> None:
        """See `Store.beat`."""
        if self._registered(cell):
            self._cells[cell.name] = replace(self._cells[cell.name], beat=cell.beat)

    async def remove_cell(self, cell: CellRow) -> None:
        """See `Store.remove_cell`."""
        if self._registered(cell):
            del self._cells[cell.name]
            self._map_version += 1

    async def cells(self) -> list[CellRow]:
        """See `Store.cells`."""
        return [self._cells[name] for name in sorted(self._cells)]

    async def partitions(self) -> list[PartitionRow]:
        """See `Store.partitions`."""
        return [self._partitions[p] for p in sorted(self._partitions)]

    async def map_version(self) -> int:
        """See `Store.map_version`."""
        return self._map_version

    async def claim(self, claims: Sequence[tuple[int, str, int]], owner: str) -> dict[int, int]:
        """See `Store.claim`."""
        stored = {
            p: (self._partitions[p].owner, self._partitions[p].epoch)
            for p, _, _ in claims
            if p in self._partitions
        }
        won = claims_won(stored, claims)
        self._partitions.update((p, PartitionRow(p, owner, epoch)) for p, epoch in won.items())
        self._map_version += bool(won)
        return won

    async def open_partition(self, owner: str) -> PartitionRow:
        """See `Store.open_partition`."""
        row = PartitionRow(next_partition(max(self._partitions)), owner, 1)
        self._partitions[row.partition] = row
        self._map_version += 1
        return row

    async def rehome(self, number: int, of: Held, to: Held) -> bool:
        """See `Store.rehome`."""
        row = self._customers.get(number)
        epochs = {p: self._partitions[p].epoch for p, _ in (of, to) if p in self._partitions}
        if not may_rehome(None if row is None else row.partition, epochs, of, to):
            return False
        self._customers[number] = replace(self._customers[number], partition=to[0])
        for key in [key for key in self._timers if key[0] == number]:
            self._timers[key] = replace(self._timers[key], partition=to[0])
        for effect in [effect for effect in self._outbox if effect[0] == number]:
            self._change_item(effect, partition=to[0])
        self._map_version += 1
        return True

    async def apart(self) -> list[tuple[int, int]]:
        """See `Store.apart`."""
        rows = ((row.number, row.partition) for row in self._customers.values())
        return sorted((number, p) for number, p in rows if p >= PARTITIONS)

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """See `Store.due_timers`."""
        due: list[DueTimer] = []
        for due_ms, number, key in self._timers_by_due:
            if due_ms > until_ms or len(due) == limit:
                break
            timer = self._timers[number, key]
            if self._owned_by(owner, timer.partition):
                due.append(timer)
        return due

    async def next_timer_ms(self) -> int | None:
        """See `Store.next_timer_ms`."""
        return self._timers_by_due[0][0] if self._timers_by_due else None

    async def timeline(
        self, number: int, before_seq: int | None, kinds: Sequence[int], limit: int
    ) -> list[TimelineRow]:
        """See `Store.timeline`."""
        rows = (self._journal[i] for _, i in reversed(self._turns.get(number, [])))
        wanted = (
            row
            for row in rows
            if (before_seq is None or row.seq < before_seq) and (not kinds or row.kind in kinds)
        )
        return [row for row, _ in zip(wanted, range(limit), strict=False)]

    async def history(
        self,
        numbers: Sequence[int],
        before: tuple[int, int] | None,
        kinds: Sequence[int],
        limit: int,
    ) -> list[TimelineRow]:
        """See `Store.history`."""
        rows = [
            row
            for number in dict.fromkeys(numbers)
            for row in (self._journal[i] for _, i in self._turns.get(number, []))
            if (before is None or (row.at_ms, row.offset) < before)
            and (not kinds or row.kind in kinds)
        ]
        return sorted(rows, key=lambda row: (-row.at_ms, -row.offset))[:limit]

    async def turns_after(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """See `Store.turns_after`."""
        return self._journal[after_offset : after_offset + limit]

    async def counts(self) -> dict[str, int]:
        """See `Store.counts`."""
        return {
            "customers": len(self._customers),
            "turns": len(self._journal),
            "timers": len(self._timers),
            "outbox": len(self._outbox),
        }

    async def close(self) -> None:
        """See `Store.close`."""
