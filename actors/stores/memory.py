"""A store in memory: for tests, simulations and trying things out. Nothing outlives the process."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
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
    JournalKind,
    Lookup,
    OutboxItem,
    OutboxResult,
    OutboxState,
    PartitionRow,
    StoredCustomer,
    TimelineRow,
    Verdict,
)
from actors.stores.memory_groups import MemoryGroups
from actors.stores.memory_launches import MemoryLaunches
from actors.stores.memory_records import MemoryRecords
from actors.stores.memory_retention import Effect, MemoryRetention
from actors.stores.memory_segments import MemorySegments
from actors.stores.rules import OUTBOX_STATES, SENDING_TIMEOUT_MS, Facts, check_call, judge

_LEARNABLE = (JournalKind.OUTCOME, JournalKind.WAKE)
_HIDDEN = (OutboxState.CANCELLED, OutboxState.EXPIRED)

_UNOWNED = {p: PartitionRow(p, "", 0) for p in range(PARTITIONS)}


class MemoryStore(MemoryRecords, MemorySegments, MemoryGroups, MemoryRetention, MemoryLaunches):
    """A `Store` whose methods never give way inside, so each is one transaction on its event loop.

    Rows are immutable; nothing that was passed in is kept by reference except bytes.
    """

    def __init__(self) -> None:
        MemoryRecords.__init__(self)
        MemorySegments.__init__(self)
        MemoryGroups.__init__(self)
        MemoryRetention.__init__(self)
        MemoryLaunches.__init__(self)
        self._partitions = dict(_UNOWNED)
        self._cells: dict[str, CellRow] = {}
        self._map_version = 0
        self._customers: dict[int, StoredCustomer] = {}
        self._identities: dict[Identity, int] = {}
        self._journal: list[TimelineRow] = []
        self._learnable: list[int] = []
        self._turns: dict[int, list[tuple[int, int]]] = {}
        self._tombstones: dict[bytes, int] = {}
        self._timers_by_due: list[tuple[int, int, str]] = []
        self._outbox_open: set[Effect] = set()

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
        for change in written:
            self._cancel_outbox(change)
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
            if row.kind in _LEARNABLE:
                self._learnable.append(i)
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

    def _write_outbox(self, change: Change, now_ms: int) -> None:
        for row in change.outbox:
            effect = (change.number, row.seq, row.n)
            item = OutboxItem(
                number=change.number,
                seq=row.seq,
                n=row.n,
                partition=change.partition,
                channel=row.channel,
                state=OutboxState.PENDING,
                attempts=0,
                committed_at_ms=now_ms,
                next_at_ms=now_ms,
                expires_at_ms=row.expires_at_ms,
                payload=row.payload,
            )
            self._outbox[effect] = (self._place(effect, row.send_at_ms), item)
            self._outbox_open.add(effect)
            insort(self._streams.setdefault(row.channel, []), (now_ms, *effect))

    def _cancel_outbox(self, change: Change) -> None:
        for effect in change.outbox_cancelled:
            if effect in self._outbox and self._outbox[effect][1].state == OutboxState.PENDING:
                self._change_item(effect, state=OutboxState.CANCELLED)

    def _erase(self, erasure: Erasure) -> None:
        numbers = set(erasure.numbers)
        self._journal = [
            replace(row, payload=b"") if row.number in numbers else row for row in self._journal
        ]
        for number, seq, payload in erasure.rewritten:
            row = self._turn(number, seq)
            if row is not None:
                self._journal[row.offset - 1] = replace(row, payload=payload)
        for effect, (_, item) in list(self._outbox.items()):
            if effect[0] in numbers:
                self._change_item(effect, payload=b"", last_error="")
                if item.state in (OutboxState.PENDING, OutboxState.SENDING):
                    self._change_item(effect, state=OutboxState.CANCELLED)
        self._identities = {i: n for i, n in self._identities.items() if n not in numbers}
        for number, key in [timer for timer in self._timers if timer[0] in numbers]:
            self._drop_timer(number, key)
        self._erase_segments(erasure)
        self._erase_groups(erasure)
        self._tombstones.update((one, erasure.at_ms) for one in erasure.tombstones)

    def _change_item(self, effect: Effect, **fields: int | str | bytes) -> None:
        place, item = self._outbox[effect]
        item = replace(item, **fields)  # type: ignore[arg-type]
        self._outbox[effect] = (place, item)
        if item.state not in (OutboxState.PENDING, OutboxState.SENDING):
            self._outbox_open.discard(effect)

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
        won: dict[int, int] = {}
        for p, expected_owner, expected_epoch in claims:
            if p not in won and self._partitions.get(p) == PartitionRow(
                p, expected_owner, expected_epoch
            ):
                won[p] = expected_epoch + 1
                self._partitions[p] = PartitionRow(p, owner, won[p])
        self._map_version += bool(won)
        return won

    def _owned_by(self, owner: str, partition: int) -> bool:
        row = self._partitions.get(partition)
        return row is not None and row.owner == owner

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

    async def outbox_due(
        self, owner: str, now_machine_ms: int, limit: int, skip: Sequence[str] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_due`."""
        due = [
            (item.next_at_ms, place, item)
            for place, item in map(self._outbox.__getitem__, self._outbox_open)
            if item.next_at_ms <= now_machine_ms
            and item.channel not in skip
            and self._owned_by(owner, item.partition)
        ]
        due.sort(key=lambda entry: entry[:2])
        return [item for _, _, item in due[:limit]]

    async def outbox_claim(
        self, items: Sequence[OutboxItem], epochs: dict[int, int], now_machine_ms: int
    ) -> list[bool]:
        """See `Store.outbox_claim`."""
        answers = []
        for item in items:
            effect = (item.number, item.seq, item.n)
            stored = self._outbox[effect][1] if effect in self._outbox_open else None
            may = (
                stored is not None
                and (stored.state, stored.attempts) == (item.state, item.attempts)
                and stored.partition in epochs
                and self._partitions[stored.partition].epoch == epochs[stored.partition]
            )
            answers.append(may)
            if may:
                self._change_item(
                    effect,
                    state=OutboxState.SENDING,
                    attempts=item.attempts + 1,
                    next_at_ms=now_machine_ms + SENDING_TIMEOUT_MS,
                )
        return answers

    async def outbox_settle(self, results: Sequence[OutboxResult]) -> None:
        """See `Store.outbox_settle`."""
        for one in results:
            effect = (one.number, one.seq, one.n)
            if effect in self._outbox and self._outbox[effect][1].state == OutboxState.SENDING:
                self._change_item(
                    effect, state=one.state, next_at_ms=one.next_at_ms, last_error=one.error
                )

    async def outbox_stream(
        self, channel: str, after: tuple[int, int, int, int], limit: int
    ) -> list[OutboxItem]:
        """See `Store.outbox_stream`."""
        stream = self._streams.get(channel, [])
        items: list[OutboxItem] = []
        for i in range(bisect_right(stream, after), len(stream)):
            if len(items) == limit:
                break
            item = self._outbox[stream[i][1:]][1]
            if item.state not in _HIDDEN:
                items.append(item)
        return items

    async def outbox_of(
        self, numbers: Sequence[int], states: Sequence[int] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_of`."""
        wanted = set(numbers)
        return [
            self._outbox[effect][1]
            for effect in sorted(effect for effect in self._outbox if effect[0] in wanted)
            if not states or self._outbox[effect][1].state in states
        ]

    async def outbox_counts(self) -> dict[str, int]:
        """See `Store.outbox_counts`."""
        counts = Counter(item.state for _, item in self._outbox.values())
        return {name: counts[state] for state, name in OUTBOX_STATES.items()}

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

    async def learnable(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """See `Store.learnable`."""
        first = bisect_left(self._learnable, after_offset)
        return [self._journal[i] for i in self._learnable[first : first + limit]]

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
