"""Does one fault after the other, and measures what clients felt of each."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scripts.calling import call
from scripts.chaos.faults import Arena, Fault, Missed
from scripts.chaos.findings import Finding
from scripts.chaos.load import Service
from scripts.output import Failure

_CALM_S = (1.0, 4.0)
_BACK_WITHIN_S = 240.0
_STEADY_S = 1.0
_LOOK_S = 0.2
_WAITS_MS = 1_500


@dataclass(slots=True, kw_only=True)
class Tried:
    """One fault. Times are the load's monotonic ms.

    `back_ms` is when everybody was answered without delay again and every cell served; `gap_ms` the longest
    that any request took that was under way meanwhile; `silent_ms` the longest time without any answer.
    """

    fault: str
    began_ms: int
    in_flight: int
    note: str = ""
    missed: bool = False
    back_ms: int = 0
    gap_ms: int = 0
    restarts: int = 0
    back: bool = True


@dataclass(slots=True)
class Nemesis:
    """Takes faults from decks until time is up. `tried` has each, in order."""

    arena: Arena
    service: Service
    now_ms: Callable[[], int]
    say: Callable[[str], None]
    tried: list[Tried] = field(default_factory=list)

    async def run(self, names: Iterator[str], faults: dict[str, Fault], until_ms: int) -> None:
        """Do one fault after the other; the last one begins before `until_ms`, and is waited for.

        When the system does not come back it ends there; see `findings`.
        """
        for name in names:
            if self.now_ms() >= until_ms:
                return
            tried = await self.one(name, faults[name])
            if not tried.back:
                return
            await asyncio.sleep(self.arena.draw.uniform(*_CALM_S))

    def findings(self) -> list[Finding]:
        """Return after which faults the system did not serve again in time."""
        return [
            Finding(
                "service", f"not all served again within {_BACK_WITHIN_S:.0f} s of {each.fault}"
            )
            for each in self.tried
            if not each.back
        ]

    async def one(self, name: str, fault: Fault) -> Tried:
        """Do one fault, wait until all is well again, and note what it cost."""
        operator = self.arena.operator
        starts = len(operator.restarts)
        tried = Tried(fault=name, began_ms=self.now_ms(), in_flight=len(self.service.open))
        try:
            tried.note = await fault(self.arena)
        except Missed as missed:
            tried.note, tried.missed = str(missed), True
        tried.back = await self._back()
        tried.back_ms = self.now_ms()
        tried.gap_ms = self.service.longest_wait_ms(tried.began_ms)
        tried.restarts = len(operator.restarts) - starts
        self.tried.append(tried)
        self.say(
            f"{name}: {'missed, ' if tried.missed else ''}{tried.note}; {tried.in_flight} in flight, "
            f"longest wait {tried.gap_ms / 1000:.1f} s, well after "
            f"{(tried.back_ms - tried.began_ms) / 1000:.1f} s"
            + (f", {tried.restarts} start(s) by the operator" if tried.restarts else "")
        )
        return tried

    async def _back(self) -> bool:
        """Wait until nobody waits for long and every cell serves; return whether that came."""
        until_ms = self.now_ms() + int(_BACK_WITHIN_S * 1000)
        well_since_ms: int | None = None
        while self.now_ms() < until_ms:
            if self._quick() and await asyncio.to_thread(self._all_serve):
                well_since_ms = well_since_ms or self.now_ms()
                if self.now_ms() - well_since_ms >= _STEADY_S * 1000:
                    return True
            else:
                well_since_ms = None
            await asyncio.sleep(_LOOK_S)
        return False

    def _quick(self) -> bool:
        service = self.service
        now_ms = self.now_ms()
        oldest_ms = min(service.open.values(), default=now_ms)
        recent = now_ms - service.last_answer_ms < _WAITS_MS
        return not self.arena.operator.starting and recent and now_ms - oldest_ms < _WAITS_MS

    def _all_serve(self) -> bool:
        operator = self.arena.operator
        try:
            status, body = call(
                operator.url, "/v1/status", operator.data / "keys" / "admin", None, 3
            )
        except Failure:
            return False
        if status != 200 or not isinstance(body, dict):
            return False
        serving = [cell for cell in body.get("cells", []) if cell.get("partitions")]
        return len(serving) >= operator.cells
