"""Whether intervals keep their word: how often they contain a truth that is known."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from actors.evaluation.estimators import ESTIMATORS
from actors.evaluation.intervals import LEVEL, Interval
from actors.evaluation.judging import judge
from scripts.output import Failure
from scripts.research.worlds import WORLDS, World

BEGIN = "<!-- evaluate coverage: begin -->"
END = "<!-- evaluate coverage: end -->"
KINDS = ("asymptotic", "bootstrap", "lift")
"""Intervals that are counted: two of the value, and that of the difference from the log."""
_BELOW, _ABOVE = 0.0042, 0.0041
"""Probabilities of fewer than 181 and of more than 197 of 200, at 95 %: ranges of other numbers follow."""
WARNED, ADAPTIVE = "warned", "adaptive"


def range_of(cases: int) -> tuple[int, int]:
    """Return between which counts of so many 95 % intervals should contain the truth; (181, 197) of 200."""
    chance = [comb(cases, k) * LEVEL**k * (1 - LEVEL) ** (cases - k) for k in range(cases + 1)]
    low = next(k for k in range(cases + 1) if sum(chance[: k + 1]) > _BELOW)
    high = next(k for k in range(cases, -1, -1) if sum(chance[k:]) > _ABOVE)
    return low, high


def _contains(interval: Interval, truth: float) -> int:
    return int(interval.low <= truth <= interval.high)


def column_of(world: World, warned: bool) -> str:
    """Return where a case is counted: a plain world's own column, or that of adaptive or warned ones."""
    return ADAPTIVE if world.adaptive else WARNED if warned else world.name


def counted(seeds: int, resamples: int, console: Console) -> dict[str, Any]:
    """Draw logs of every world, judge its policy on each, and count; the same whenever it is run.

    Returns:
        `rows`, one an estimator, with counts by column: `cases`, how many intervals of each kind contain the
        truth, and `ranges` of them where they are held to it; `met` says whether all are inside.
    """
    counts: dict[tuple[str, str], Counter[str]] = {}
    for world, seed in _cases(seeds, console):
        truth, usual = world.truth, world.usual
        found = judge(world.log(seed), np.random.default_rng(seed), resamples=resamples)
        for each in found.estimates:
            warned = bool(found.reliability.warnings or each.warnings)
            count = counts.setdefault((each.name, column_of(world, warned)), Counter())
            count["cases"] += 1
            count["warned"] += warned
            count["asymptotic"] += _contains(each.asymptotic, truth)
            count["bootstrap"] += _contains(each.bootstrap, truth)
            if not world.adaptive:  # what a learner itself would bring on average is not known
                count["lift"] += _contains(each.lift_interval, truth - usual)
    plain = plain_names()
    columns = [*plain, WARNED, ADAPTIVE]
    rows = [_row(name, columns, counts) for name in ESTIMATORS]
    return {"seeds": seeds, "resamples": resamples, "plain": plain, "rows": rows}


def plain_names() -> list[str]:
    """Return the worlds whose cases are held to the range."""
    return [world.name for world in WORLDS if not world.adaptive and not world.far]


def _cases(seeds: int, console: Console) -> Iterator[tuple[World, int]]:
    pairs: Iterable[tuple[World, int]] = [(world, s) for world in WORLDS for s in range(seeds)]
    if console.is_terminal:
        pairs = track(list(pairs), "Judging logs ...", console=console, transient=True)
    yield from pairs


def _row(
    name: str, columns: list[str], counts: dict[tuple[str, str], Counter[str]]
) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = {}
    for column in columns:
        count = counts.get((name, column), Counter())
        cells[column] = {key: count[key] for key in ("cases", *KINDS)}
        if column not in (WARNED, ADAPTIVE):
            low, high = range_of(count["cases"])
            cells[column] |= {
                "range": [low, high],
                "met": all(low <= count[kind] <= high for kind in KINDS),
            }
        if column == ADAPTIVE:
            cells[column]["warned"] = count["warned"]
            del cells[column]["lift"]
    met = all(cell.get("met", True) for cell in cells.values())
    return {"name": name, "met": met, "columns": cells}


def rendered(found: dict[str, Any]) -> str:
    """Return the counts as a table of Markdown."""
    plain = found["plain"]
    head = [
        "estimator",
        *[f"{name}: asymptotic / bootstrap / lift" for name in plain],
        "with a warning: cases, asymptotic / bootstrap",
        "adaptive logs: cases (warned), asymptotic / bootstrap",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in found["rows"]:
        cells = row["columns"]
        texts = [_plain_text(cells[name], found["seeds"]) for name in plain]
        warned, adaptive = cells[WARNED], cells[ADAPTIVE]
        texts.append(f"{warned['cases']}: {warned['asymptotic']} / {warned['bootstrap']}")
        texts.append(
            f"{adaptive['cases']} ({adaptive['warned']}):"
            f" {adaptive['asymptotic']} / {adaptive['bootstrap']}"
        )
        lines.append("| " + " | ".join([row["name"], *texts]) + " |")
    return "\n".join(lines)


def _plain_text(cell: dict[str, Any], seeds: int) -> str:
    of = "" if cell["cases"] == seeds else f" of {cell['cases']}"
    out = "" if cell["met"] else " (out of range)"
    return " / ".join(str(cell[kind]) for kind in KINDS) + of + out


def written(path: Path, found: dict[str, Any]) -> None:
    """Put the table between its marks in a page.

    Raises:
        Failure: The page has no such marks.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise Failure(f"--write: cannot read {path}: {error}") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failure(f"--write: {path} has no {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n{rendered(found)}\n{END}{after}")
