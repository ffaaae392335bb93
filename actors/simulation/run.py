"""A run of one policy: barriers, what crosses customers at them, checkpoints. Who works is given."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple, Protocol

import msgpack

from actors.playbook.model import Playbook
from actors.policies.budgets import window_of
from actors.simulation.ledger import COLUMNS
from actors.simulation.people import DAY_MS
from actors.simulation.spec import Spec
from actors.simulation.tables import drop_periods

CHUNK = 1_000
"""Budgets are granted in whole minor units, or contacts: 1,000 of the ledger's thousandths."""
_CHECKPOINT = "checkpoint.json"


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """A run was asked to stop; what is done up to the last checkpoint is kept."""


class Workers(Protocol):
    """Several workers, each with parts of its own. Answers are in the order of workers."""

    def step(self, order: bytes) -> list[bytes]:
        """Have all run to the next barrier."""
        ...

    def load(self, folder: str, packed: bool) -> None:
        """Have all go on from a checkpoint, or from the beginning where `folder` is empty; see `Worker.load`."""
        ...

    def end(self, period: int) -> list[bytes]:
        """Have all write their last rows, and end."""
        ...


class Progress(NamedTuple):
    """How far a run is: virtual days done of all, turns and decisions so far."""

    days: float
    of_days: int
    turns: int
    decisions: int


@dataclass(slots=True)
class Outcome:
    """What came of a run: parts in order of block; `digest` stands for all rows of all tables.

    `spent` is what was taken of shared budgets, as (budget, bucket, thousandths).
    """

    parts: list[dict[str, Any]]
    digest: str
    turns: int
    decisions: int
    failed: dict[str, int]
    bytes_a_customer: float
    spent: list[list[Any]] = field(default_factory=list)


class Budgets:
    """The ledger of shared budgets between barriers. What is left is granted to parts, never more.

    A part that spends its share waits for the next barrier, though others have some left: that is the price
    for a result which does not depend on who is faster.
    """

    def __init__(self, playbook: Playbook, blocks: int) -> None:
        self._playbook = playbook
        self._blocks = blocks
        self.spent: Counter[tuple[str, int]] = Counter()

    def grants(self, now_ms: int, turn: int) -> dict[int, dict[str, tuple[int, int]]]:
        """Return what each part may spend from a barrier on; `turn` says who has the odd ones first."""
        found: dict[int, dict[str, tuple[int, int]]] = {}
        for budget in self._playbook.budgets.shared:
            window = window_of(budget, self._playbook.budgets.zone, now_ms)
            spent = sum(
                amount
                for (name, bucket_ms), amount in self.spent.items()
                if name == budget.name and window.since_ms <= bucket_ms <= window.until_ms
            )
            each, odd = divmod(max(0, window.limit - spent) // CHUNK, self._blocks)
            for block in range(self._blocks):
                first = (block - turn) % self._blocks
                amount = (each + (first < odd)) * CHUNK
                found.setdefault(block, {})[budget.name] = (window.bucket_ms, amount)
        return found


@dataclass(slots=True)
class Run:
    """One policy's run. `every_days` is how often a checkpoint is written."""

    spec: Spec
    playbook: Playbook
    folder: Path
    setup: bytes
    every_days: int = 1
    shares_nothing: bool = False

    def go(
        self,
        workers: Workers,
        said: Callable[[Progress], None],
        stopping: Callable[[], bool],
        *,
        resume: bool,
    ) -> Outcome:
        """Run to the end, from the last checkpoint if there is one and `resume` is asked.

        Where a turn fails that cannot be undone, all go back to the last checkpoint, and pack states at every commit
        from then on: rows are the same, and the turn is counted as failed.

        Raises:
            Stopped: `stopping` became true.
            ValueError: The checkpoint is of another run.
        """
        budgets = Budgets(self.playbook, self.spec.block_count())
        kept = self._checkpoint() if resume else None
        at_ms, period, turn, taught = self._take(kept, budgets, workers)
        step_ms = DAY_MS if self.shares_nothing else self.spec.barrier_ms
        while at_ms < self.spec.end_ms:
            if stopping():
                raise Stopped
            at_ms = min(at_ms + step_ms, self.spec.end_ms)
            day_over = at_ms % DAY_MS == 0 or at_ms == self.spec.end_ms
            days = (at_ms - self.spec.start_ms) // DAY_MS
            saving = day_over and (days % self.every_days == 0) and at_ms < self.spec.end_ms
            order = msgpack.packb(
                {
                    "until_ms": at_ms,
                    "taught": taught,
                    "grants": budgets.grants(at_ms - step_ms, turn),
                    "period": period,
                    "write": day_over,
                    "save": str(self._place(period)) if saving else "",
                }
            )
            answers = [msgpack.unpackb(each) for each in workers.step(order)]
            if any("unkept" in answer for answer in answers):
                at_ms, period, turn, taught = self._take(kept, budgets, workers, packed=True)
                continue
            turn += 1
            taught = [each for answer in answers for each in answer["taught"]]
            taught.sort(key=lambda each: each[:3])  # customers first: no worker matters
            for answer in answers:
                for name, bucket_ms, amount in answer["used"]:
                    budgets.spent[name, bucket_ms] += amount
            if saving:
                kept = self._keep(at_ms, period, turn, taught, budgets)
                period += 1
            said(
                Progress(
                    (at_ms - self.spec.start_ms) / DAY_MS,
                    self.spec.days,
                    sum(answer["turns"] for answer in answers),
                    sum(answer["decisions"] for answer in answers),
                )
            )
        spent = [[*key, amount] for key, amount in sorted(budgets.spent.items())]
        return _outcome(workers.end(period), spent)

    @property
    def fingerprint(self) -> str:
        """What tells this run from others: all that its results depend on."""
        return blake2b(self.setup, digest_size=16).hexdigest()

    def _place(self, period: int) -> Path:
        return self.folder / "checkpoint" / f"{period:04d}"

    def _checkpoint(self) -> dict[str, Any] | None:
        path = self.folder / _CHECKPOINT
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["run"] != self.fingerprint:
            raise ValueError(f"{self.folder} holds another run; --resume needs the same options")
        return found

    def _take(
        self,
        found: dict[str, Any] | None,
        budgets: Budgets,
        workers: Workers,
        *,
        packed: bool = False,
    ) -> tuple[int, int, int, list[Any]]:
        """Go to a checkpoint, or to the beginning: what was written since will be written again."""
        budgets.spent.clear()
        drop_periods(self.folder, 0 if found is None else found["period"] + 1)
        if found is None:
            if packed:
                workers.load("", packed)
            return self.spec.start_ms, 0, 0, []
        place = self._place(found["period"])
        kept = msgpack.unpackb((place / "shared.bin").read_bytes())
        budgets.spent.update({(name, bucket): amount for name, bucket, amount in kept["spent"]})
        workers.load(str(place), packed)
        return found["at_ms"], found["period"] + 1, found["turn"], kept["taught"]

    def _keep(
        self, at_ms: int, period: int, turn: int, taught: Sequence[Any], budgets: Budgets
    ) -> dict[str, Any]:
        """Make a checkpoint the one that holds: its name is written last, and in one step."""
        spent = [[*key, amount] for key, amount in sorted(budgets.spent.items())]
        place = self._place(period)
        (place / "shared.bin").write_bytes(msgpack.packb({"taught": taught, "spent": spent}))
        said = {"run": self.fingerprint, "at_ms": at_ms, "period": period, "turn": turn}
        new = self.folder / f"{_CHECKPOINT}.new"
        new.write_text(json.dumps(said), encoding="utf-8")
        new.replace(self.folder / _CHECKPOINT)
        for old in sorted((self.folder / "checkpoint").iterdir()):
            if old.name != place.name:
                rmtree(old)
        return said


def _outcome(answers: Sequence[bytes], spent: list[list[Any]]) -> Outcome:
    parts = [part for answer in answers for part in msgpack.unpackb(answer)]
    parts.sort(key=lambda part: part["block"])
    failed: Counter[str] = Counter()
    hashed = blake2b(digest_size=16)
    for part in parts:
        failed.update(part["failed"])
        for table in COLUMNS:
            hashed.update(part["digests"][table])
    customers = max(1, sum(part["customers"] for part in parts))
    return Outcome(
        parts,
        hashed.hexdigest(),
        sum(part["turns"] for part in parts),
        sum(part["decisions"] for part in parts),
        dict(sorted(failed.items())),
        sum(part["bytes"] for part in parts) / customers,
        spent,
    )
