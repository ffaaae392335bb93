"""The outbox of the memory store: effects on their way out, and the switches that stop them."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from actors.ports import (
    Change,
    Check,
    Claim,
    OutboxItem,
    OutboxResult,
    OutboxState,
    PartitionRow,
    paused_by,
)
from actors.stores.claim_rules import may_attempt
from actors.stores.memory_retention import Effect, MemoryRetention
from actors.stores.rules import OPEN_STATES, OUTBOX_STATES, SENDING_TIMEOUT_MS, permit, states_of

_HIDDEN = (OutboxState.HELD, OutboxState.CANCELLED, OutboxState.EXPIRED)
_WAITING = (OutboxState.PENDING, OutboxState.HELD)
_DUE = (OutboxState.PENDING, OutboxState.SENDING)


class MemoryOutbox(MemoryRetention):
    """The methods of `Store` about the outbox, over what the others keep."""

    _partitions: dict[int, PartitionRow]

    def __init__(self) -> None:
        MemoryRetention.__init__(self)
        self._outbox_open: set[Effect] = set()
        self._pauses: dict[str, int] = {}

    def _owned_by(self, owner: str, partition: int) -> bool:
        row = self._partitions.get(partition)
        return row is not None and row.owner == owner

    def _write_outbox(self, change: Change, now_ms: int) -> None:
        for row in change.outbox:
            effect = (change.number, row.seq, row.n)
            item = OutboxItem(
                number=change.number,
                seq=row.seq,
                n=row.n,
                partition=change.partition,
                channel=row.channel,
                state=OutboxState.HELD if row.held else OutboxState.PENDING,
                attempts=0,
                committed_at_ms=now_ms,
                next_at_ms=now_ms,
                expires_at_ms=row.expires_at_ms,
                payload=row.payload,
                send_at_ms=row.send_at_ms,
            )
            self._outbox[effect] = (self._place(effect, row.send_at_ms), item)
            if not row.held:
                self._outbox_open.add(effect)
            insort(self._streams.setdefault(row.channel, []), (now_ms, *effect))

    def _move_outbox(self, change: Change, now_ms: int) -> list[Effect]:
        """Hand over, hold, and end those that are waiting; return those that ended, in order."""
        for *place, at_ms in change.outbox_released:
            self._move(place, OutboxState.PENDING, now_ms, at_ms)
        for *place, at_ms in change.outbox_postponed:
            self._move(place, OutboxState.HELD, now_ms, at_ms)
        ended = [(n, s, e, OutboxState.CANCELLED, "") for n, s, e in change.outbox_cancelled]
        return [
            (number, seq, n)
            for number, seq, n, state, why in (*ended, *change.outbox_dropped)
            if self._end_waiting((number, seq, n), state, why)
        ]

    def _move(self, place: Iterable[int], state: int, now_ms: int, at_ms: int) -> None:
        number, seq, n = place
        if self._waits((number, seq, n)):
            self._send_at[number, seq, n] = at_ms
            self._change_item((number, seq, n), state=state, next_at_ms=now_ms, send_at_ms=at_ms)

    def _end_waiting(self, effect: Effect, state: int, why: str) -> bool:
        waits = self._waits(effect)
        if waits:
            fields = {"last_error": why} if why else {}
            self._change_item(effect, state=state, **fields)
        return waits

    def _waits(self, effect: Effect) -> bool:
        return effect in self._outbox and self._outbox[effect][1].state in _WAITING

    def _wipe_outbox(self, numbers: set[int]) -> None:
        for effect, (_, item) in list(self._outbox.items()):
            if effect[0] in numbers:
                self._change_item(effect, payload=b"", last_error="")
                if item.state in OPEN_STATES:
                    self._change_item(effect, state=OutboxState.CANCELLED)

    def _change_item(self, effect: Effect, **fields: int | str | bytes) -> None:
        place, before = self._outbox[effect]
        item = replace(before, **fields)  # type: ignore[arg-type]
        self._outbox[effect] = (place, item)
        if item.committed_at_ms != before.committed_at_ms:
            stream = self._streams[item.channel]
            del stream[bisect_left(stream, (before.committed_at_ms, *effect))]
            insort(stream, (item.committed_at_ms, *effect))
        if item.state in _DUE:
            self._outbox_open.add(effect)
        else:
            self._outbox_open.discard(effect)

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
        self,
        items: Sequence[OutboxItem],
        epochs: dict[int, int],
        now_machine_ms: int,
        check: Check,
    ) -> list[Claim]:
        """See `Store.outbox_claim`."""
        states = states_of([item.number for item in items], self._rows_of)
        pauses = tuple(sorted(self._pauses))
        answers = []
        for item in items:
            effect = (item.number, item.seq, item.n)
            stored = self._outbox[effect][1] if effect in self._outbox_open else None
            if stored is None or not may_attempt(
                (stored.state, stored.attempts),
                (item.state, item.attempts),
                epochs.get(stored.partition),
                self._partitions[stored.partition].epoch,
            ):
                answers.append(Claim.LOST)
                continue
            said = permit(check, stored, states.get(item.number), pauses, now_machine_ms)
            answers.append(said.verdict)
            if said.verdict is Claim.MINE:
                self._begin_attempt(effect, stored, now_machine_ms)
            elif said.verdict is not Claim.LOST:
                self._change_item(
                    effect,
                    state=OutboxState.PENDING,
                    next_at_ms=said.next_at_ms,
                    last_error=said.why,
                )
        return answers

    def _rows_of(self, numbers: Sequence[int]) -> dict[int, bytes]:
        return {n: self._customers[n].state for n in numbers if n in self._customers}

    def _begin_attempt(self, effect: Effect, item: OutboxItem, now_ms: int) -> None:
        self._change_item(
            effect,
            state=OutboxState.SENDING,
            attempts=item.attempts + 1,
            next_at_ms=now_ms + SENDING_TIMEOUT_MS,
            committed_at_ms=item.committed_at_ms if item.attempts else now_ms,
        )

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
            if item.attempts and item.state not in _HIDDEN:
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

    async def pause(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.pause`."""
        if name in self._pauses:
            return False
        self._pauses[name] = now_machine_ms
        return True

    async def resume(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.resume`."""
        if self._pauses.pop(name, None) is None:
            return False
        for effect in sorted(self._outbox_open):
            item = self._outbox[effect][1]
            if item.state == OutboxState.PENDING and item.last_error == paused_by(name):
                self._change_item(effect, next_at_ms=now_machine_ms)
        return True

    async def pauses(self) -> dict[str, int]:
        """See `Store.pauses`."""
        return dict(sorted(self._pauses.items()))
