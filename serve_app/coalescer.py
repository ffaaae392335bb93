"""Coalescing: what arrives for a cell while a call to it is under way goes together in the next."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from actors.domain.ids import Identity, IdSpace, home_partition
from actors.ports import CellRow
from actors.wire.messages import Answer, Code, pack_request, unpack_answers
from serve_app.directory import Directory
from serve_app.gateway import PackedItem

log = logging.getLogger(__name__)

Call = Callable[[CellRow, bytes], Awaitable[bytes]]
"""Sends one request to a cell; raises whatever the transport raises: the outcome is unknown."""

_MAX_MOVED = 100_000

_BUSY = Answer(Code.BUSY, detail="too many events are waiting", retry_after_s=1.0)
_LATE = Answer(
    Code.RETRY, detail="no cell answered in time; the outcome is unknown", retry_after_s=1.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalescerSettings:
    """Bounds of one front door.

    At most `max_waiting` items wait in all; a call carries at most `max_items` of them and
    `max_bytes`, and `in_flight` calls to a cell are under way at once: with more than one, groups
    are smaller and each costs a call, a scoring and a commit. An item is sent again, to whoever owns its customer then, until `deadline_s`.
    """

    max_waiting: int = 20_000
    max_items: int = 512
    max_bytes: int = 4 * 1024 * 1024
    in_flight: int = 1
    call_timeout_s: float = 10.0
    deadline_s: float = 8.0
    pause_s: float = 0.025


@dataclass(slots=True)
class _Letter:
    """One item under way."""

    data: bytes
    partition: int
    until_s: float
    done: asyncio.Future[Answer]
    route: Identity | None


@dataclass(slots=True)
class _Lane:
    """The way to one incarnation of a cell."""

    cell: CellRow
    waiting: deque[_Letter] = field(default_factory=deque)
    calls: dict[asyncio.Task[None], list[_Letter]] = field(default_factory=dict)


class Coalescer:
    """Delivers items to the cells that own their customers, a call per cell and moment.

    Sending again is safe, because every item carries a message id that the store knows once it was
    taken. So a cell's death is not the caller's business, unless nobody takes over in time.
    """

    def __init__(
        self,
        directory: Directory,
        ids: IdSpace,
        call: Call,
        settings: CoalescerSettings | None = None,
    ) -> None:
        self._directory = directory
        self._ids = ids
        self._call = call
        self._settings = settings or CoalescerSettings()
        self._lanes: dict[str, _Lane] = {}
        self._homeless: deque[_Letter] = deque()
        self._searching: asyncio.Task[None] | None = None
        self._moved: dict[Identity, int] = {}
        self.waiting = 0

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        """Return one answer an item, in order; never raises for what a cell does."""
        if self.waiting + len(items) > self._settings.max_waiting:
            return [_BUSY] * len(items)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._settings.deadline_s
        letters = [
            _Letter(item.data, self._partition_of(item), until_s, loop.create_future(), item.route)
            for item in items
        ]
        self.waiting += len(letters)
        try:
            touched = {lane.cell.owner: lane for letter in letters if (lane := self._post(letter))}
            for lane in touched.values():
                self._pump(lane)
            return [await letter.done for letter in letters]
        finally:
            self.waiting -= len(letters)

    def _partition_of(self, item: PackedItem) -> int:
        if item.number or item.route is None:
            return home_partition(item.number)
        moved = self._moved.get(item.route)
        return self._ids.partition_of(item.route) if moved is None else moved

    def cell_died(self, owner: str) -> None:
        """Take back at once what was under way to a dead process."""
        lane = self._lanes.pop(owner, None)
        if lane is None:
            return
        for task in list(lane.calls):
            task.cancel()
        waiting, lane.waiting = list(lane.waiting), deque()
        self._lose(waiting)

    def _post(self, letter: _Letter) -> _Lane | None:
        cell = self._directory.cell_of(letter.partition)
        if cell is None:
            self._lose([letter])
            return None
        lane = self._lanes.get(cell.owner)
        if lane is None:
            lane = self._lanes[cell.owner] = _Lane(cell)
        lane.waiting.append(letter)
        return lane

    def _pump(self, lane: _Lane) -> None:
        settings = self._settings
        while lane.waiting and len(lane.calls) < settings.in_flight:
            letters: list[_Letter] = []
            size = 0
            while lane.waiting and len(letters) < settings.max_items and size < settings.max_bytes:
                letter = lane.waiting.popleft()
                size += len(letter.data)
                letters.append(letter)
            task = asyncio.create_task(self._deliver(lane, letters))
            lane.calls[task] = letters
            task.add_done_callback(lambda done, lane=lane: self._returned(lane, done))  # type: ignore[misc]

    def _returned(self, lane: _Lane, task: "asyncio.Task[None]") -> None:
        letters = lane.calls.pop(task)
        left = [letter for letter in letters if not letter.done.done()]
        if left:
            self._lose(left)
        self._pump(lane)

    async def _deliver(self, lane: _Lane, letters: list[_Letter]) -> None:
        request = pack_request([letter.data for letter in letters])
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                answers = unpack_answers(await self._call(lane.cell, request))
            answered = list(zip(letters, answers, strict=True))
        except Exception:  # noqa: BLE001  whatever happened, the letters are sent again
            if self._lanes.get(lane.cell.owner) is lane:
                del self._lanes[lane.cell.owner]
            waiting, lane.waiting = list(lane.waiting), deque()
            self._lose(waiting)
            return
        for letter, answer in answered:
            if answer.code is Code.NOT_MINE:
                self._redirect(letter, answer.number)
            elif not letter.done.done():
                letter.done.set_result(answer)

    def _redirect(self, letter: _Letter, number: int) -> None:
        """Address a letter to the home of its customer; `_returned` sends on what has no answer."""
        if number:
            letter.partition = home_partition(number)
            if letter.route is not None:
                self._remember(letter.route, letter.partition)

    def _remember(self, route: Identity, partition: int) -> None:
        """Keep where an identity's customer lives when that is not the identity's own home."""
        self._moved.pop(route, None)
        if partition != self._ids.partition_of(route):
            self._moved[route] = partition
            if len(self._moved) > _MAX_MOVED:
                del self._moved[next(iter(self._moved))]

    def _lose(self, letters: list[_Letter]) -> None:
        """Keep letters that have nowhere to go, and look for the owners."""
        self._homeless.extend(letters)
        if letters and (self._searching is None or self._searching.done()):
            self._searching = asyncio.create_task(self._search())

    async def _search(self) -> None:
        loop = asyncio.get_running_loop()
        while self._homeless:
            try:
                await self._directory.refresh()
            except Exception:  # letters must reach their deadline whatever the store does
                log.exception("the partition map cannot be read")
            now_s = loop.time()
            letters, self._homeless = self._homeless, deque()
            for letter in letters:
                if letter.done.done():
                    continue
                if letter.until_s <= now_s:
                    letter.done.set_result(_LATE)
                    continue
                cell = self._directory.cell_of(letter.partition)
                if cell is None:
                    self._homeless.append(letter)
                    continue
                lane = self._lanes.setdefault(cell.owner, _Lane(cell))
                lane.waiting.append(letter)
            for lane in list(self._lanes.values()):
                self._pump(lane)
            await asyncio.sleep(self._settings.pause_s)
