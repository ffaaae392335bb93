"""Coalescing: what arrives for a cell while a call to it is under way goes together in the next."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

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
OF_ONE = "too many events of this customer are waiting"
_HOT = Answer(Code.BUSY, detail=OF_ONE, retry_after_s=1.0)
_SOON_S, _LATEST_S = 1.0, 30.0
"""What `Retry-After` says at least and at most to the sender of too much of one customer."""
_LATE = Answer(
    Code.RETRY, detail="no cell answered in time; the outcome is unknown", retry_after_s=1.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalescerSettings:
    """Bounds of one front door.

    At most `max_waiting` items wait in all; a call carries at most `max_items` of them and
    `max_bytes`, and `in_flight` calls to a cell are under way at once: with more than one, groups
    are smaller and each costs a call, a scoring and a commit. An item is sent again, to whoever owns its customer then, until `deadline_s`.

    What arrives is refused while `max_bytes_waiting` wait; while `min_waiting` or more wait for its cell, longer than
    `max_wait_s` by how fast that cell has been of late; and while `max_of_customer` of the same customer
    wait. `min_waiting` is two full calls: four callers with a batch each are no overload, also where a cell has had
    single events until now and its pace with batches is not known. What arrives together is judged together, by what was there before: a large batch is never refused
    for its own size. A call carries at most `max_together` items of one customer, which is what a cell
    takes into one group: with more, all others of the call would wait for hers; where more than `few` customers wait
    `max_beside`. Of what came in requests of its own, where others wait too, it carries as many of each as the customer
    with the second most has: every item after a customer's first is one more round of scoring, for which all others
    of the call wait. That holds for `alone_s` longer: between an answer and their next event others are nowhere.
    """

    max_waiting: int = 20_000
    max_bytes_waiting: int = 64 * 1024 * 1024
    min_waiting: int = 1024
    max_wait_s: float = 1.0
    max_of_customer: int = 64
    max_together: int = 16
    max_beside: int = 4
    alone_s: float = 0.5
    few: int = 4
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
    customer: Identity | int | None
    batched: bool


_FADING = 0.7


@dataclass(slots=True)
class _Lane:
    """The way to one incarnation of a cell. `items`, `seconds` and number of its calls fade with each call."""

    cell: CellRow
    waiting: deque[_Letter] = field(default_factory=deque)
    calls: dict[asyncio.Task[None], list[_Letter]] = field(default_factory=dict)
    items: float = 0.0
    seconds: float = 0.0
    made: float = 0.0
    second: int = 0
    company_until_s: float = 0.0

    @property
    def call_s(self) -> float:
        """How long a call takes; 0 when nothing is known yet."""
        return self.seconds / self.made if self.made else 0.0

    @property
    def wait_s(self) -> float:
        """How long what arrives now would wait for its call; 0 when nothing is known yet."""
        return len(self.waiting) * self.seconds / self.items if self.items else 0.0

    def note(self, items: int, seconds: float) -> None:
        """Learn from a call how fast the cell is."""
        self.items = self.items * _FADING + items
        self.seconds = self.seconds * _FADING + seconds
        self.made = self.made * _FADING + 1.0

    def depths(self, settings: CoalescerSettings, now_s: float) -> tuple[int, int]:
        """Return how many items of one customer may go into the next call: that came alone, that came in batches."""
        counts = Counter(letter.customer for letter in islice(self.waiting, 2 * settings.max_items))
        most = settings.max_beside if len(counts) > settings.few else settings.max_together
        if len(counts) > 1:
            self.second = min(sorted(counts.values())[-2], most)
            self.company_until_s = now_s + settings.alone_s
        elif now_s >= self.company_until_s:
            return most, most
        return self.second, most

    def take(self, settings: CoalescerSettings, now_s: float) -> list[_Letter]:
        """Return what goes into the next call, in order; a customer with too many keeps her later ones."""
        depths = self.depths(settings, now_s)
        taken: list[_Letter] = []
        kept: list[_Letter] = []
        size, of = 0, dict[object, int]()
        while self.waiting and len(taken) < settings.max_items and size < settings.max_bytes:
            letter = self.waiting.popleft()
            count = of.get(letter.customer, 0)
            if count >= depths[letter.batched]:
                kept.append(letter)
                continue
            of[letter.customer] = count + 1
            size += len(letter.data)
            taken.append(letter)
        self.waiting.extendleft(reversed(kept))
        return taken


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
        self._moved: dict[Identity | int, int] = {}
        self._of_customer: dict[object, int] = {}
        self._hot: dict[object, float] = {}
        self._bytes = 0
        self.waiting = 0
        self.refused = 0

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        """Return one answer an item, in order; never raises for what a cell does."""
        settings = self._settings
        size = sum([len(item.data) for item in items])
        if self.waiting + len(items) > settings.max_waiting or (
            self._bytes and self._bytes + size > settings.max_bytes_waiting
        ):
            self.refused += len(items)
            return [_BUSY] * len(items)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + settings.deadline_s
        letters = [
            _Letter(
                item.data,
                self._partition_of(item),
                until_s,
                loop.create_future(),
                item.route,
                item.number or item.route,
                len(items) > 1,
            )
            for item in items
        ]
        self._bytes += size
        self.waiting += len(letters)
        let_in = self._let_in(letters)
        for letter in let_in:
            self._count(letter, 1)
        try:
            touched = {lane.cell.owner: lane for letter in let_in if (lane := self._post(letter))}
            for lane in touched.values():
                self._pump(lane)
            return [await letter.done for letter in letters]
        finally:
            self._bytes -= size
            self.waiting -= len(letters)
            for letter in let_in:
                self._count(letter, -1)

    def _let_in(self, letters: list[_Letter]) -> list[_Letter]:
        """Answer what must not wait as well; return the others."""
        settings, let_in = self._settings, []
        for letter in letters:
            if letter.customer in self._hot:
                wait_s = self._hot[letter.customer]
                letter.done.set_result(replace(_HOT, retry_after_s=wait_s))
            elif self.waiting > settings.min_waiting and self._is_slow(letter):
                letter.done.set_result(_BUSY)
            else:
                let_in.append(letter)
        self.refused += len(letters) - len(let_in)
        return let_in

    def _is_slow(self, letter: _Letter) -> bool:
        cell = self._directory.cell_of(letter.partition)
        lane = None if cell is None else self._lanes.get(cell.owner)
        settings = self._settings
        return (
            lane is not None
            and len(lane.waiting) >= settings.min_waiting
            and lane.wait_s > settings.max_wait_s
        )

    def any_hot(self) -> bool:
        """Return whether there is anybody of whom too much waits."""
        return bool(self._hot)

    def refuses(self, route: Identity) -> float | None:
        """Refuse an event of a customer of whom too much waits already, before anybody has read it.

        Returns:
            In how many seconds about that will have been done; None for everybody else.
        """
        wait_s = self._hot.get(route)
        self.refused += wait_s is not None
        return wait_s

    def _count(self, letter: _Letter, by: int) -> None:
        who = letter.customer
        count = self._of_customer.get(who, 0) + by
        if count:
            self._of_customer[who] = count
        else:
            del self._of_customer[who]
        if count < self._settings.max_of_customer:
            self._hot.pop(who, None)
        elif who not in self._hot:
            self._hot[who] = self._done_in_s(letter, count)

    def _done_in_s(self, letter: _Letter, count: int) -> float:
        """Return when so many items of a customer will have been done, at one a call, within bounds."""
        cell = self._directory.cell_of(letter.partition)
        lane = None if cell is None else self._lanes.get(cell.owner)
        return min(max(_SOON_S, 0.0 if lane is None else count * lane.call_s), _LATEST_S)

    def _partition_of(self, item: PackedItem) -> int:
        to: Identity | int = item.number or item.route or 0
        moved = self._moved.get(to)
        return self._home_of(to) if moved is None else moved

    def _home_of(self, to: Identity | int) -> int:
        return home_partition(to) if isinstance(to, int) else self._ids.partition_of(to)

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
        while lane.waiting and len(lane.calls) < self._settings.in_flight:
            letters = lane.take(self._settings, asyncio.get_running_loop().time())
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
        loop = asyncio.get_running_loop()
        began_s = loop.time()
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
        lane.note(len(letters), loop.time() - began_s)
        for letter, answer in answered:
            if answer.code is Code.NOT_MINE:
                self._redirect(letter, answer)
            elif not letter.done.done():
                letter.done.set_result(answer)

    def _redirect(self, letter: _Letter, answer: Answer) -> None:
        """Address a letter to where its customer is; `_returned` sends on what has no answer."""
        if answer.number:
            home = home_partition(answer.number)
            letter.partition = home if answer.partition < 0 else answer.partition
            if letter.customer is not None:
                self._remember(letter.customer, letter.partition)

    def _remember(self, to: Identity | int, partition: int) -> None:
        """Keep where the customer is to whom an identity or number leads, if that is not its own home."""
        self._moved.pop(to, None)
        if partition != self._home_of(to):
            self._moved[to] = partition
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
