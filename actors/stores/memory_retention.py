"""What the memory store forgets by age."""

from bisect import bisect_left, insort
from dataclasses import replace
from heapq import nsmallest

from actors.ports import (
    DueTimer,
    FirstAnswer,
    OutboxItem,
    StoredCustomer,
    TimelineRow,
)
from actors.stores.rules import (
    ANSWERS_LOOKED_AT,
    BEFORE_ALL_DAYS,
    FORGETTABLE,
    OPEN_STATES,
    Flow,
    day_of,
)

Effect = tuple[int, int, int]


class MemoryRetention:
    """The methods of `Store` that forget, over what the others keep."""

    _journal: list[TimelineRow]
    _turns: dict[int, list[tuple[int, int]]]
    _flows: dict[Flow, tuple[int, int]]
    _customers: dict[int, StoredCustomer]
    _timers: dict[tuple[int, str], DueTimer]
    _timers_by_due: list[tuple[int, int, str]]

    def __init__(self) -> None:
        self._messages: dict[bytes, tuple[FirstAnswer, int]] = {}
        self._outbox: dict[Effect, tuple[int, OutboxItem]] = {}
        self._send_at: dict[Effect, int] = {}
        self._streams: dict[str, list[tuple[int, int, int, int]]] = {}
        self._effects = 0

    def _place(self, effect: Effect, send_at_ms: int) -> int:
        """Return the place of a new effect in the order of commits, and remember its time."""
        self._send_at[effect] = send_at_ms
        self._effects += 1
        return self._effects

    async def oldest_answer(self) -> int | None:
        """See `Store.oldest_answer`."""
        oldest = nsmallest(
            ANSWERS_LOOKED_AT, ((at_ms, one) for one, (_, at_ms) in self._messages.items())
        )
        answers = (self._messages[one][0] for _, one in oldest)
        offsets = [self._offset(answer.number, answer.seq) for answer in answers]
        return min((offset for offset in offsets if offset), default=None)

    def _offset(self, number: int, seq: int) -> int:
        turns = self._turns.get(number, [])
        i = bisect_left(turns, (seq, 0))
        return turns[i][1] + 1 if i < len(turns) and turns[i][0] == seq else 0

    async def forget_turns(self, kind: int, before_ms: int, below_offset: int, limit: int) -> int:
        """See `Store.forget_turns`."""
        old = (
            (row.at_ms, row.offset)
            for row in self._journal
            if row.kind == kind
            and kind in FORGETTABLE
            and row.payload
            and row.at_ms < before_ms
            and row.offset < below_offset
        )
        chosen = nsmallest(limit, old)
        for _, offset in chosen:
            self._journal[offset - 1] = replace(self._journal[offset - 1], payload=b"")
        return len(chosen)

    async def forget_effects(self, state: int, before_ms: int, limit: int) -> int:
        """See `Store.forget_effects`."""
        old = (
            (self._send_at[effect], place, effect)
            for effect, (place, item) in self._outbox.items()
            if item.state == state
            and state not in OPEN_STATES
            and self._send_at[effect] < before_ms
        )
        chosen = nsmallest(limit, old)
        for _, _, effect in chosen:
            item = self._outbox.pop(effect)[1]
            del self._send_at[effect]
            stream = self._streams[item.channel]
            del stream[bisect_left(stream, (item.committed_at_ms, *effect))]
        return len(chosen)

    async def forget_flows(self, before_ms: int, limit: int) -> int:
        """See `Store.forget_flows`."""
        last_ms = day_of(before_ms)
        old = nsmallest(limit, ((day, name) for name, day in self._flows if 0 <= day < last_ms))
        for day_ms, name in old:
            entered, left = self._flows.pop((name, day_ms))
            before = self._flows.get((name, BEFORE_ALL_DAYS), (0, 0))
            self._flows[name, BEFORE_ALL_DAYS] = (before[0] + entered, before[1] + left)
        return len(old)

    async def forget_messages(self, before_machine_ms: int) -> int:
        """See `Store.forget_messages`."""
        old = [one for one, (_, at_ms) in self._messages.items() if at_ms < before_machine_ms]
        for one in old:
            del self._messages[one]
        return len(old)

    async def watch(self, key: str, due_ms: int, after_number: int, limit: int) -> int | None:
        """See `Store.watch`."""
        numbers = nsmallest(limit, (number for number in self._customers if number > after_number))
        for number in numbers:
            row, known = self._customers[number], self._timers.get((number, key))
            if row.state[:1] == b"\0" or (known is not None and known.due_at_ms <= due_ms):
                continue
            if known is not None:
                self._timers_by_due.remove((known.due_at_ms, number, key))
            self._timers[number, key] = DueTimer(number, row.partition, key, due_ms)
            insort(self._timers_by_due, (due_ms, number, key))
        return numbers[-1] if numbers else None
