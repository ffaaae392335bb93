"""Lets the members of a segment enter a scenario, as an operator has ordered: paced, and each once."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import msgpack

from actors.domain.errors import RetryableError
from actors.domain.events import ENTER, Command
from actors.domain.ids import PARTITIONS, home_partition
from actors.ports import Launch, LaunchPart, LaunchState, Store
from actors.session.jobs import Job
from actors.wire.messages import RETRYABLE, Answer, Code

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How soon an order, a stop or a resumption is heard."""
_PAGE = 500
_BATCH = 50
_SHORTEST_S = 0.02
_FIRST = -1


@dataclass(slots=True)
class _Walk:
    """This cell's walk through one launch, for the partitions that it owns.

    `apart` is where those are who are in partitions of their own, by number.
    """

    part: LaunchPart
    epochs: dict[int, int]
    apart: dict[int, int]
    due_at: float = 0.0

    def place(self, number: int) -> int:
        """Return the partition in which a customer is."""
        return self.apart.get(number, home_partition(number))


class Launcher:
    """Walks every running launch for the customers of this cell's partitions.

    It goes through the segment's index in order of number, passing over what others own. When the
    cell's partitions change, or somebody moves into one of her own or back, it walks from the start again: who has entered already is not let in twice, for the customer's own
    state remembers the launch.
    """

    def __init__(
        self,
        store: Store,
        *,
        owner: Callable[[], str],
        epochs: Callable[[], dict[int, int]],
        submit: Callable[[list[Job]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._owner = owner
        self._epochs = epochs
        self._submit = submit
        self._walks: dict[str, _Walk] = {}

    async def run(self) -> None:
        """Walk until cancelled."""
        while True:
            try:
                busy = await self.round(asyncio.get_running_loop().time())
            except RetryableError as error:
                log.warning("launches: %s", error)
                busy = False
            await asyncio.sleep(_SHORTEST_S if busy else POLL_S)

    async def round(self, now_s: float) -> bool:
        """Go on with each running launch as far as its pace allows; return whether any is under way."""
        running = [one for one in await self._store.launches() if one.state == LaunchState.RUNNING]
        for gone in self._walks.keys() - {launch.id for launch in running}:
            del self._walks[gone]
        busy = False
        for launch in running:
            walk = await self._walk(launch)
            if not walk.part.done:
                busy = True
                await self._go_on(launch, walk, now_s)
            elif await self._all_done(launch):
                await self._store.set_launch(launch.id, LaunchState.RUNNING, LaunchState.DONE)
        return busy

    async def _walk(self, launch: Launch) -> _Walk:
        owner, epochs = self._owner(), self._epochs()
        apart = dict(await self._store.apart())
        walk = self._walks.get(launch.id)
        if walk is not None and (walk.epochs, walk.apart) == (epochs, apart):
            return walk
        known = None
        if walk is None:
            parts = await self._store.launch_parts(launch.id)
            known = next((part for part in parts if part.owner == owner), None)
        else:
            known = replace(walk.part, after_number=_FIRST, seen=0, done=False)
        part = known or LaunchPart(launch.id, owner, _FIRST, 0, 0, done=False)
        walk = self._walks[launch.id] = _Walk(part, dict(epochs), apart)
        return walk

    async def _go_on(self, launch: Launch, walk: _Walk, now_s: float) -> None:
        """Take one page, or as much of it as the pace allows."""
        # Those of single customers have no share of the others' pace: they are few, and soon done.
        share = sum(p < PARTITIONS for p in walk.epochs) / PARTITIONS or 1.0
        rate = launch.per_second * share
        # What a pause has left undone is not made up for all at once.
        walk.due_at = max(walk.due_at or now_s - 1.0 / rate, now_s - _BATCH / rate)
        room = min(_BATCH, int((now_s - walk.due_at) * rate))
        if room < 1:
            return
        part = walk.part
        page = await self._store.members(launch.segment, part.after_number, _PAGE)
        mine = [m.number for m in page if walk.place(m.number) in walk.epochs][:room]
        jobs = [Job(_enter(launch, number), number) for number in mine]
        await self._submit(jobs)
        answered = [job.answer for job in jobs]
        later = next((i for i, one in enumerate(answered) if _later(one)), len(jobs))
        # What comes after one that has to be tried again is tried again with it.
        entered = sum(_entered(one) for one in answered[:later])
        walk.due_at += later / rate
        if later < len(jobs):
            after = mine[later - 1] if later else part.after_number
        elif len(mine) == room:
            after = mine[-1]
        else:
            after = page[-1].number if page else part.after_number
        done = later == len(jobs) and len(mine) < room and len(page) < _PAGE
        walk.part = replace(
            part,
            after_number=after,
            seen=part.seen + later,
            entered=part.entered + entered,
            done=done,
        )
        if walk.part != part:
            await self._store.put_launch_part(walk.part)

    async def _all_done(self, launch: Launch) -> bool:
        owners = {row.owner for row in await self._store.partitions() if row.owner}
        done = {part.owner for part in await self._store.launch_parts(launch.id) if part.done}
        return owners <= done


def _enter(launch: Launch, number: int) -> Command:
    return Command(
        message_id=f"launch:{launch.id}:{number}",
        kind=ENTER,
        arguments={
            "scenario": launch.scenario,
            "launch": launch.id,
            "data": msgpack.unpackb(launch.data),
        },
    )


def _later(answer: Answer | None) -> bool:
    return answer is None or answer.code in RETRYABLE


def _entered(answer: Answer | None) -> bool:
    if answer is None or answer.code is not Code.ACCEPTED:
        return False
    return json.loads(answer.body).get("entered") is True
