"""`bench overload`: what becomes of a system that is asked for more than it can do."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.flood import flood
from scripts.bench.load import Target
from scripts.bench.overload_load import Seen, closed_loop, open_loop, payloads
from scripts.bench.processes import MARK, memory, new_mark
from scripts.child import NOBODY_APART, Child, start
from scripts.output import Failure

USUAL, MANY = 64, 192
MIN_SHARE = 0.8
MAX_ACCEPTED_MS = 5_000.0
MAX_GROWTH_MIB = 256.0
EXCESS = 1.5
HOT_RATE = 1000.0
MAX_SLOWED = 3.0
"""How much longer the others' median may take beside a hot customer, who takes her share of the processors."""
MAX_AFTERWARDS = 2.0
"""How much longer the median may take right after too much was asked, in a stretch that begins at once."""
_CUSTOMERS = 5000
_OTHERS = 16
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure; `seconds` is the length of one stretch."""

    rounds: int
    seconds: float
    data: Path | None


@dataclass(slots=True)
class Found:
    """Stretches by what they were; memory of the whole system in MiB."""

    usual: list[Seen] = field(default_factory=list)
    many: list[Seen] = field(default_factory=list)
    excess: Seen = field(default_factory=Seen)
    recovered: Seen = field(default_factory=Seen)
    others_alone: Seen = field(default_factory=Seen)
    others: Seen = field(default_factory=Seen)
    hot: Seen = field(default_factory=Seen)
    before_mib: float = 0.0
    after_mib: float = 0.0

    def checks(self) -> dict[str, bool]:
        """Return what is promised, and whether it was kept."""
        usual, many = _rate(self.usual), _rate(self.many)
        every = [*self.usual, *self.many, self.excess, self.recovered, self.others, self.hot]
        p99s = [seen.as_json()["acceptedP99Ms"] for seen in (*self.many, self.excess)]
        medians = [_median(self.others_alone), _median(self.others)]
        return {
            f"with {MANY} connections, {MIN_SHARE:.0%} of the rate with {USUAL}": (
                many >= MIN_SHARE * usual
            ),
            f"at {EXCESS} times the rate, {MIN_SHARE:.0%} of it": (
                self.excess.accepted_rate >= MIN_SHARE * usual
            ),
            f"accepted within {MAX_ACCEPTED_MS:.0f} ms at the 99th percentile": (
                max(p99s) <= MAX_ACCEPTED_MS
            ),
            "every other request refused with Retry-After": not any(
                seen.broken or seen.unhelpful for seen in every
            ),
            f"memory grows by less than {MAX_GROWTH_MIB:.0f} MiB": (
                self.after_mib - self.before_mib < MAX_GROWTH_MIB
            ),
            "back at once": not self.recovered.refused
            and _median(self.recovered) <= MAX_AFTERWARDS * max(map(_median, self.usual)),
            "a hot customer alone is refused": self.hot.refused > 0 and not self.others.refused,
            f"others wait at most {MAX_SLOWED:g} times as long beside her": (
                medians[1] <= MAX_SLOWED * medians[0]
            ),
        }

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        stretches = {
            "usual": [seen.as_json() for seen in self.usual],
            "many": [seen.as_json() for seen in self.many],
        }
        single = ("excess", "recovered", "others_alone", "others", "hot")
        stretches |= {name: getattr(self, name).as_json() for name in single}
        return {
            "stretches": stretches,
            "memoryMiB": {"before": round(self.before_mib), "after": round(self.after_mib)},
            "checks": self.checks(),
        }


def _median(seen: Seen) -> float:
    return seen.as_json()["acceptedP50Ms"]


def _rate(stretches: list[Seen]) -> float:
    return sum(seen.accepted_rate for seen in stretches) / max(1, len(stretches))


def run(plan: Plan, say: Say) -> Found:
    """Start a system, ask too much of it in several ways, and stop it.

    Raises:
        Failure: It does not start, or does not end as it should.
    """
    root = plan.data or Path(".righttime/bench")
    root.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="overload-", dir=root)).absolute()
    mark = new_mark()
    try:
        say("Starting the system (10 to 40 s) ...")
        with start(data, NOBODY_APART, environment={MARK: mark}) as child:
            found = asyncio.run(_measure(child, plan, mark, say))
        if not child.clean:
            raise Failure(f"the system did not end cleanly; see {child.log}", found.as_json())
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return found


async def _measure(child: Child, plan: Plan, mark: str, say: Say) -> Found:
    target, found, seconds = Target(child.url + "/v1/track", child.key), Found(), plan.seconds
    say("Warming up ...")
    await closed_loop(target, MANY, max(2.0, seconds / 2), "warm", _CUSTOMERS)
    found.before_mib = memory(mark)
    for number in range(plan.rounds):
        say(f"Round {number + 1} of {plan.rounds}: {USUAL} connections, then {MANY} ...")
        found.usual.append(await closed_loop(target, USUAL, seconds, f"u{number}", _CUSTOMERS))
        found.many.append(await closed_loop(target, MANY, seconds, f"m{number}", _CUSTOMERS))
    rate = EXCESS * _rate(found.usual)
    say(f"{rate:,.0f} events a second, whatever becomes of them ...")
    found.excess = await open_loop(target, rate, seconds, payloads("excess", _CUSTOMERS, 1))
    found.recovered = await closed_loop(target, USUAL, seconds / 2, "back", _CUSTOMERS)
    say(f"A hot customer with {HOT_RATE:,.0f} events a second beside {_OTHERS} others ...")
    found.others_alone = await closed_loop(target, _OTHERS, seconds, "alone", _CUSTOMERS)
    found.others, found.hot = await asyncio.gather(
        closed_loop(target, _OTHERS, seconds, "beside", _CUSTOMERS),
        flood(target, HOT_RATE, seconds, "hot"),
    )
    found.after_mib = memory(mark)
    return found
