"""The memory store's index of who is in which segment, and when that may change."""

from bisect import bisect_right

from actors.ports import Change, DueTimer, Erasure, Member, SegmentFlow
from actors.stores.rules import Flow, day_of, flows_of


class MemorySegments:
    """The methods of `Store` that ask for members, and what keeps them."""

    def __init__(self) -> None:
        self._timers: dict[tuple[int, str], DueTimer] = {}
        self._members: dict[str, dict[int, int]] = {}
        self._flows: dict[Flow, tuple[int, int]] = {}

    def _write_segments(self, change: Change) -> None:
        number = change.number
        named = {name for name, _ in (*change.segments_left, *change.segments_entered)}
        held = {(name, number) for name in named if number in self._members.get(name, ())}
        for flow, (entered, left) in flows_of([change], held).items():
            before = self._flows.get(flow, (0, 0))
            self._flows[flow] = (before[0] + entered, before[1] + left)
        for name, _ in change.segments_left:
            self._members.get(name, {}).pop(number, None)
        for name, since_ms in change.segments_entered:
            self._members.setdefault(name, {})[number] = since_ms

    def _erase_segments(self, erasure: Erasure) -> None:
        day_ms = day_of(erasure.at_ms)
        for name, members in self._members.items():
            for number in erasure.numbers:
                if members.pop(number, None) is not None:
                    entered, left = self._flows.get((name, day_ms), (0, 0))
                    self._flows[name, day_ms] = (entered, left + 1)

    async def overdue(
        self, key: str, until_ms: int, after_number: int, limit: int
    ) -> list[DueTimer]:
        """See `Store.overdue`."""
        due = [
            timer
            for timer in self._timers.values()
            if timer.key == key and timer.due_at_ms <= until_ms and timer.number > after_number
        ]
        return sorted(due, key=lambda timer: timer.number)[:limit]

    async def members(self, segment: str, after_number: int, limit: int) -> list[Member]:
        """See `Store.members`."""
        members = self._members.get(segment, {})
        numbers = sorted(members)
        start = bisect_right(numbers, after_number)
        return [Member(number, members[number]) for number in numbers[start : start + limit]]

    async def member_counts(self) -> dict[str, int]:
        """See `Store.member_counts`."""
        counts: dict[str, int] = {}
        for (name, _), (entered, left) in self._flows.items():
            counts[name] = counts.get(name, 0) + entered - left
        return counts

    async def flows(self, segment: str, since_ms: int) -> list[SegmentFlow]:
        """See `Store.flows`."""
        first_ms = max(0, day_of(since_ms))
        return [
            SegmentFlow(day_ms, *self._flows[name, day_ms])
            for name, day_ms in sorted(self._flows)
            if name == segment and day_ms >= first_ms
        ]
