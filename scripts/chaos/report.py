"""What a run found: a table by fault, as text, JSON and Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.chaos.findings import Finding
from scripts.chaos.history import NEVER_MS, Write
from scripts.chaos.nemesis import Tried

BETWEEN = "between faults"
_DUPLICATES = {"duplicate"}
_MOST_SHOWN = 20


@dataclass(slots=True)
class Row:
    """All tries of one fault.

    `gap_ms` is the longest that any request took, `wrong` counts what is neither lost nor there twice.
    """

    fault: str
    tried: int = 0
    missed: int = 0
    in_flight: int = 0
    gap_ms: int = 0
    restarts: int = 0
    lost: int = 0
    duplicates: int = 0
    wrong: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """One run; `command` does it again."""

    command: str
    seed: int
    minutes: float
    store: str
    machine: dict[str, str]
    tried: list[Tried]
    findings: list[Finding]
    writes: Sequence[Write]
    counts: dict[str, int]
    untried: dict[str, str]
    disk: str
    clean: bool = True
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = rows_of(self.tried, self.findings, self.writes)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings and self.clean

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it."""
        return {
            "command": self.command,
            "store": self.store,
            "seed": self.seed,
            "minutes": self.minutes,
            "machine": self.machine,
            "disk": self.disk,
            **self.counts,
            "faults": [
                {
                    "fault": row.fault,
                    "tried": row.tried,
                    "missed": row.missed,
                    "inFlight": row.in_flight,
                    "longestGapS": round(row.gap_ms / 1000, 3),
                    "startsByOperator": row.restarts,
                    "lost": row.lost,
                    "duplicates": row.duplicates,
                    "wrong": row.wrong,
                }
                for row in self.rows
            ],
            "notTried": self.untried,
            "findings": [f"{each.kind}: {each.text}" for each in self.findings],
            "endedCleanly": self.clean,
            "passed": self.passed,
        }


def rows_of(
    tried: Sequence[Tried], findings: Sequence[Finding], writes: Sequence[Write]
) -> list[Row]:
    """Return the table. What is wrong counts for the fault during which the message was under way."""
    rows: dict[str, Row] = {}
    for each in tried:
        row = rows.setdefault(each.fault, Row(each.fault))
        if each.missed:
            row.missed += 1
            continue
        row.tried += 1
        row.in_flight += each.in_flight
        row.gap_ms = max(row.gap_ms, each.gap_ms)
        row.restarts += each.restarts
    under_way = {write.message: write for write in writes if write.how != "again"}
    for finding in findings:
        fault = _fault_of(under_way.get(finding.message), tried)
        row = rows.setdefault(fault, Row(fault))
        row.lost += finding.kind == "lost"
        row.duplicates += finding.kind in _DUPLICATES
        row.wrong += finding.kind != "lost" and finding.kind not in _DUPLICATES
    return sorted(rows.values(), key=lambda row: (row.fault == BETWEEN, row.fault))


def _fault_of(write: Write | None, tried: Sequence[Tried]) -> str:
    if write is None:
        return BETWEEN
    ended_ms = NEVER_MS if write.ended_ms == NEVER_MS else write.ended_ms
    for each in reversed(tried):
        if each.began_ms <= ended_ms and write.began_ms <= each.back_ms:
            return each.fault
    return BETWEEN


def show(console: Console, report: Report) -> None:
    """Print the table, what was not tried, and what is wrong."""
    table = Table(title=f"Faults, store {report.store}", title_justify="left", show_edge=False)
    for name in (
        "fault",
        "tried",
        "in flight",
        "longest gap s",
        "starts",
        "lost",
        "twice",
        "wrong",
    ):
        table.add_column(name, justify="left" if name == "fault" else "right")
    for row in report.rows:
        table.add_row(*_cells(row))
    console.print(table)
    counts = report.counts
    console.print(
        f"\n{counts['acknowledged']:,} messages of {counts['customers']:,} customers acknowledged, "
        f"{counts['unanswered']:,} never; {counts['reads']:,} reads, {counts['deliveries']:,} deliveries, "
        f"{counts['timers']:,} timers; {counts['looks']:,} looks at the map, {counts['takeovers']:,} new epochs."
    )
    for fault, why in report.untried.items():
        console.print(f"Not tried: {fault}: {why}", markup=False)
    by_kind = Counter(each.kind for each in report.findings)
    for each in report.findings[:_MOST_SHOWN]:
        console.print(f"{each.kind}: {each.text}", markup=False)
    if report.passed:
        console.print(
            "[green]Nothing is lost, nothing is there twice, all that was checked holds.[/]"
        )
    else:
        what = ", ".join(f"{n} {kind}" for kind, n in sorted(by_kind.items())) or "no clean end"
        console.print(f"[bold red]Wrong: {what}. Run it again with --seed {report.seed}.[/]")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.fault,
        f"{row.tried}" + (f" (+{row.missed} missed)" if row.missed else ""),
        f"{row.in_flight}",
        f"{row.gap_ms / 1000:.1f}",
        f"{row.restarts}",
        f"{row.lost}",
        f"{row.duplicates}",
        f"{row.wrong}",
    )


def markdown(report: Report) -> str:
    """Return the table as Markdown, with what produced it."""
    counts = report.counts
    lines = [
        f"`{report.command}` on {report.store}: "
        f"{counts['acknowledged']:,} messages of {counts['customers']:,} customers acknowledged, "
        f"{counts['reads']:,} reads, {counts['deliveries']:,} deliveries, {counts['timers']:,} timers fired, "
        f"{counts['takeovers']:,} new epochs; {len(report.findings)} findings. "
        + "; ".join(f"{key}: {value}" for key, value in report.machine.items())
        + f". Disk: {report.disk}.",
        "",
        told(counts),
        "",
        "| fault | tried | events in flight | longest gap in service | starts by the operator | lost "
        "| duplicates |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.fault} | {row.tried} | {row.in_flight} | {row.gap_ms / 1000:.1f} s | {row.restarts} "
        f"| {row.lost} | {row.duplicates} |"
        for row in report.rows
    ]
    if report.untried:
        lines += ["", "Not tried in this run:"]
        lines += [f"- {fault}: {why}" for fault, why in report.untried.items()]
    return "\n".join(lines) + "\n"


_HABITS = {"replyDropped": "dropped", "sentTwice": "twice", "inPairs": "pair", "sentAgain": "again"}


def habits(writes: Sequence[Write]) -> dict[str, int]:
    """Return how many messages were sent in each of the ways that are faults of clients.

    Of those whose reply was not waited for only the ones whose reply did not come before.
    """
    found: dict[str, set[str]] = {name: set() for name in _HABITS}
    for write in writes:
        for name, how in _HABITS.items():
            if write.how == how and (how != "dropped" or write.attempts > 1):
                found[name].add(write.message)
    return {name: len(messages) for name, messages in found.items()}


def told(counts: Mapping[str, int]) -> str:
    """Return `habits` as a sentence."""
    return (
        f"Of the messages {counts['replyDropped']:,} lost their first reply, because the connection was broken "
        f"meanwhile, {counts['sentTwice']:,} were sent twice at once, {counts['inPairs']:,} at once with "
        f"another one of the same customer, and {counts['sentAgain']:,} again long after they were answered."
    )


def write_into(text: str, section: str, begin: str, end: str) -> str:
    """Return a document in which what stands between two markers is replaced.

    Raises:
        ValueError: The document has no such markers.
    """
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"there is no {begin} … {end} to write into")
    return f"{head}{begin}\n{section}{end}{tail}"
