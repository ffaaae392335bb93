"""What a benchmark says: medians over alternating rounds, targets, tables."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.bench.load import Load

MIN_SHARE_OF_BASELINE = 0.5
MAX_CPU_MS = 1.5
MIN_BATCH_TIMES = 4.0
MIN_SINGLE_AFTER = 0.9
MAX_CORE_US = 150.0
MIN_CEILING_TIMES = 2.0
BEGIN = "<!-- bench http: begin -->"
END = "<!-- bench http: end -->"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of load, with the CPU time that the system spent on it, in ms.

    `where` has that by kind of process; `groups` are those of the cells, and `turns` the turns in them.
    """

    load: Load
    cpu_ms: float
    events_per_request: int = 1
    where: dict[str, float] = field(default_factory=dict)
    groups: int = 0
    turns: int = 0

    @property
    def events_per_second(self) -> float:
        """Events, not requests."""
        return self.load.rate * self.events_per_request

    @property
    def cpu_ms_per_event(self) -> float:
        """CPU-ms of all the system's processes per event."""
        events = self.load.requests * self.events_per_request
        return self.cpu_ms / events if events else 0.0


@dataclass(slots=True)
class Rounds:
    """The same stretch, once a round."""

    stretches: list[Stretch] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """Return medians over the rounds, by the names of the JSON result."""
        if not self.stretches:
            return {}
        return {
            "eventsPerSecond": round(median(s.events_per_second for s in self.stretches), 1),
            "p50Ms": round(median(s.load.p50_ms for s in self.stretches), 2),
            "p99Ms": round(median(s.load.p99_ms for s in self.stretches), 2),
            "cpuMsPerEvent": round(median(s.cpu_ms_per_event for s in self.stretches), 3),
            "failed": sum(s.load.failed for s in self.stretches),
        }

    def where(self) -> dict[str, float]:
        """Return CPU-ms per event by kind of process, over all rounds together, the greatest first."""
        events = sum(s.load.requests * s.events_per_request for s in self.stretches)
        found: dict[str, float] = {}
        for each in self.stretches:
            for kind, spent in each.where.items():
                found[kind] = found.get(kind, 0.0) + spent
        shares = sorted(found.items(), key=lambda one: -one[1])
        return {kind: round(spent / events, 3) for kind, spent in shares} if events else {}

    def together(self) -> float:
        """Return how many turns a cell took together, in the mean; 0 where there were none."""
        groups = sum(s.groups for s in self.stretches)
        return round(sum(s.turns for s in self.stretches) / groups, 1) if groups else 0.0


@dataclass(slots=True, kw_only=True)
class Results:
    """Everything that one run measured. `ceiling` and `core_us` are None when not measured.

    `cells` is how many were asked for; None is as many as the system begins with by itself.
    """

    machine: dict[str, str]
    generator: str
    connections: int
    seconds: float
    cells: int | None = None
    baseline: Rounds = field(default_factory=Rounds)
    single: Rounds = field(default_factory=Rounds)
    baseline_alone: Rounds = field(default_factory=Rounds)
    single_alone: Rounds = field(default_factory=Rounds)
    batch: Rounds = field(default_factory=Rounds)
    single_after: Rounds = field(default_factory=Rounds)
    ceiling: float | None = None
    core_us: float | None = None

    def share_of_baseline(self) -> float:
        """Return the median over rounds of (ours ÷ baseline), each from the same round."""
        pairs = zip(self.single.stretches, self.baseline.stretches, strict=True)
        return median(
            ours.events_per_second / theirs.events_per_second if theirs.events_per_second else 0.0
            for ours, theirs in pairs
        )

    def targets(self) -> list[dict[str, Any]]:
        """Return every target with what was measured, and whether it is met."""
        single = self.single.row()
        rate = single["eventsPerSecond"] or 1.0
        after, batch = self.single_after.row(), self.batch.row()
        found: list[tuple[str, float | None, float, bool]] = [
            ("share of the baseline's rate", self.share_of_baseline(), MIN_SHARE_OF_BASELINE, True),
            ("CPU-ms per event", single["cpuMsPerEvent"], MAX_CPU_MS, False),
            ("batch ÷ single rate", batch["eventsPerSecond"] / rate, MIN_BATCH_TIMES, True),
            (
                "single rate after the batches ÷ before",
                after["eventsPerSecond"] / rate,
                MIN_SINGLE_AFTER,
                True,
            ),
            ("core alone, µs per turn", self.core_us, MAX_CORE_US, False),
            (
                "generator's ceiling ÷ fastest rate",
                None if self.ceiling is None else self.ceiling / self._fastest(),
                MIN_CEILING_TIMES,
                True,
            ),
        ]
        return [
            {
                "name": name,
                "value": round(value, 3),
                "limit": limit,
                "atLeast": at_least,
                "met": value >= limit if at_least else value <= limit,
            }
            for name, value, limit, at_least in found
            if value is not None
        ]

    def _fastest(self) -> float:
        return max(
            (s.load.rate for r in (self.baseline, self.single) for s in r.stretches), default=1.0
        )

    def as_json(self) -> dict[str, Any]:
        """Return the result as `--json` prints it."""
        targets = self.targets()
        return {
            "machine": self.machine,
            "generator": self.generator,
            "connections": self.connections,
            "cells": self.cells,
            "rounds": len(self.single.stretches),
            "secondsPerStretch": self.seconds,
            "baseline": self.baseline.row(),
            "single": self.single.row(),
            "shareOfBaseline": round(self.share_of_baseline(), 3),
            "baselineOneConnection": self.baseline_alone.row(),
            "singleOneConnection": self.single_alone.row(),
            "batch": self.batch.row(),
            "singleAfterBatch": self.single_after.row(),
            "cpuMsByProcess": {
                "baseline": self.baseline.where(),
                "single": self.single.where(),
                "batch": self.batch.where(),
            },
            "turnsInAGroup": {"single": self.single.together(), "batch": self.batch.together()},
            "generatorCeiling": self.ceiling,
            "coreUsPerTurn": self.core_us,
            "targets": targets,
            "met": all(target["met"] for target in targets) and not self.failures(),
        }

    def failures(self) -> int:
        """Return how many requests failed, in all."""
        rounds = (
            self.baseline,
            self.single,
            self.baseline_alone,
            self.single_alone,
            self.batch,
            self.single_after,
        )
        return sum(stretch.load.failed for each in rounds for stretch in each.stretches)

    def rows(self) -> list[tuple[str, dict[str, float]]]:
        """Return the lines of the table."""
        many, one = f"{self.connections} connections", "1 connection"
        return [
            (f"baseline: a Serve endpoint that echoes, {many}", self.baseline.row()),
            (f"single events, each decided and durable, {many}", self.single.row()),
            (f"baseline, {one}", self.baseline_alone.row()),
            (f"single events, {one}", self.single_alone.row()),
            ("batches of 200 events, 4 connections", self.batch.row()),
            (f"single events after the batches, {many}", self.single_after.row()),
        ]


def _cells(row: dict[str, float]) -> list[str]:
    return [
        f"{row['eventsPerSecond']:,.0f}",
        f"{row['p50Ms']:.2f}",
        f"{row['p99Ms']:.2f}",
        f"{row['cpuMsPerEvent']:.3f}",
        f"{row['failed']:,.0f}",
    ]


_COLUMNS = ("", "events/s", "p50 ms", "p99 ms", "CPU-ms per event", "failed")


def _limit(target: dict[str, Any]) -> str:
    return f"{'≥' if target['atLeast'] else '≤'} {target['limit']:g}"


def show(console: Console, results: Results) -> None:
    """Print what was measured, and what it was to be."""
    table = Table(title="HTTP, medians over the rounds", title_justify="left", show_edge=False)
    for i, name in enumerate(_COLUMNS):
        table.add_column(name, justify="left" if i == 0 else "right")
    for name, row in results.rows():
        if row:
            table.add_row(name, *_cells(row))
    console.print(table)
    console.print()
    targets = Table(title="Targets", title_justify="left", show_edge=False)
    for name in ("", "measured", "wanted", ""):
        targets.add_column(name)
    for target in results.targets():
        met = "[green]met[/]" if target["met"] else "[bold red]missed[/]"
        targets.add_row(target["name"], f"{target['value']:g}", _limit(target), met)
    console.print(targets)
    console.print("\n" + "\n".join(_where(results)))
    console.print("; ".join(f"{k}: {v}" for k, v in results.machine.items()))


def _where(results: Results) -> list[str]:
    """Return where the CPU of an event went, as sentences."""
    found = []
    for what, rounds in (("an echo", results.baseline), ("a single event", results.single)):
        parts = [f"{kind} {spent:.3f}" for kind, spent in rounds.where().items() if spent]
        if parts:
            found.append(f"CPU-ms of {what}: {', '.join(parts)}.")
    together = results.single.together()
    if together:
        found.append(f"A cell took {together:g} single events together, in the mean.")
    return found


def markdown(results: Results) -> str:
    """Return the block for docs/benchmarks.md, without its markers."""
    lines = [
        "| " + " | ".join(_COLUMNS) + " |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(f"| {name} | " + " | ".join(_cells(row)) + " |" for name, row in results.rows() if row),
        "",
        "| target | measured | wanted | |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {t['name']} | {t['value']:g} | {_limit(t)} | {'met' if t['met'] else 'missed'} |"
            for t in results.targets()
        ),
        "",
        f"{len(results.single.stretches)} rounds of {results.seconds:g} s, alternating; generator: "
        f"{results.generator}"
        + (f", ceiling {results.ceiling:,.0f} requests/s" if results.ceiling else "")
        + ". "
        + "; ".join(f"{name}: {value}" for name, value in results.machine.items())
        + ".",
        *(line for said in _where(results) for line in ("", said)),
    ]
    return "\n".join(lines)


def replace_block(text: str, block: str) -> str:
    """Return a document with the text between its markers replaced.

    Raises:
        ValueError: The markers are not there, in this order.
    """
    start, end = text.index(BEGIN), text.index(END)
    if start > end:
        raise ValueError("the markers are in the wrong order")
    return f"{text[: start + len(BEGIN)]}\n{block}\n{text[end:]}"
