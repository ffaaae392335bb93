"""What the evaluation says: bars, tables, one JSON object."""

from typing import Any

from rich.console import Console
from rich.table import Table

from actors.patterns import ABSENCE_LEVEL, DEVIATIONS
from scripts.patterns.evaluation import CHANGES, LEVELS, SOON, Detection, Evaluation

MAX_FALSE_ALARMS = 0.05
MAX_STOP_GAPS = 8.0
MAX_BASKETS = 15
MAX_MISSED = 0.15
BEGIN = "<!-- patterns evaluate: begin -->"
END = "<!-- patterns evaluate: end -->"
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def bars(found: Evaluation) -> list[dict[str, Any]]:
    """Return every bar with what was measured; `met` says whether it holds."""
    halved = found.changes["spend halved"]
    median = halved.quantile(0.5)
    rows = [
        (f"false alarms per customer-month: {name}", alarms, MAX_FALSE_ALARMS)
        for name in DEVIATIONS
        for alarms in (found.monthly(found.false_alarms, name),)
    ]
    rows += [
        (
            "a stop of visits, mean gaps until found, median",
            found.stop_quantile(0.5),
            MAX_STOP_GAPS,
        ),
        ("spend halved, baskets until found, median", median or float("inf"), MAX_BASKETS),
        ("spend halved, share missed", halved.missed, MAX_MISSED),
    ]
    return [
        {"name": name, "measured": round(value, 3), "wanted": f"≤ {bar:g}", "met": value <= bar}
        for name, value, bar in rows
    ]


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return everything measured under the names of the JSON result."""
    detections = {**found.changes, "spend halved, order as it was": found.in_order}
    return {
        "households": found.households,
        "baskets": found.baskets,
        "customerMonths": round(found.months, 1),
        "bars": bars(found),
        "alarmsPerCustomerMonth": {
            name: {
                "shuffled": round(found.monthly(found.false_alarms, name), 4),
                "asItWas": round(found.monthly(found.in_life, name), 4),
            }
            for name in DEVIATIONS
        },
        "plainTwiceUsualGapPerCustomerMonth": round(found.plain / found.months, 3),
        "stopFoundAfterMeanGaps": {str(s): round(found.stop_quantile(s), 2) for s in SHARES},
        "stopsNeverFound": found.unknown_stops,
        "gapsLongerThanLevel": {
            str(level): round(found.longer[level] / found.gaps, 4) for level in LEVELS
        },
        "changes": {what: _detection(detection) for what, detection in detections.items()},
    }


def markdown(found: Evaluation) -> str:
    """Return the tables as a block for a document."""
    result = as_json(found)
    changes = result["changes"]
    lines = [
        f"{found.households:,} households, {found.baskets:,} baskets, "
        f"{found.months:,.0f} customer-months.",
        "",
        "| bar | measured | wanted | |",
        "| --- | ---: | ---: | --- |",
    ]
    lines += [
        f"| {bar['name']} | {bar['measured']:g} | {bar['wanted']} | "
        f"{'met' if bar['met'] else 'missed'} |"
        for bar in result["bars"]
    ]
    lines += [
        "",
        "| alarms per customer-month | shuffled (all false) | in the order as it was |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {rates['shuffled']:.4f} | {rates['asItWas']:.4f} |"
        for name, rates in result["alarmsPerCustomerMonth"].items()
    ]
    plain = result["plainTwiceUsualGapPerCustomerMonth"]
    lines += [
        f"| for comparison: a gap twice her mean gap | {plain:.3f} | |",
        "",
        "| a stop of visits is found after | " + " | ".join(f"{s:.0%}" for s in SHARES) + " |",
        "| --- |" + " ---: |" * len(SHARES),
        "| mean gaps, at most, for this share of households | "
        + " | ".join(f"{found.stop_quantile(s):.1f}" for s in SHARES)
        + " |",
        "",
        "| survival level | " + " | ".join(f"{level:g}" for level in LEVELS) + " |",
        "| --- |" + " ---: |" * len(LEVELS),
        "| share of gaps that were longer | "
        + " | ".join(f"{found.longer[level] / found.gaps:.4f}" for level in LEVELS)
        + " |",
        "",
        f"| change in the second half | looked for | median baskets | within {SOON} | "
        "without a change | never found | without a change |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {what} | {row['name']} | {row['medianBaskets'] or '–'} | {row['withinSoon']:.1%} | "
        f"{row['withinSoonByChance']:.1%} | {row['missed']:.1%} | {row['quietUnchanged']:.1%} |"
        for what, row in changes.items()
    ]
    return "\n".join(lines)


def show(console: Console, found: Evaluation) -> None:
    """Print the bars and how fast each change is found."""
    table = Table(show_edge=False)
    for name in ("bar", "measured", "wanted", ""):
        table.add_column(name, overflow="fold")
    for bar in bars(found):
        mark = "[green]met[/]" if bar["met"] else "[bold red]missed[/]"
        table.add_row(bar["name"], f"{bar['measured']:g}", bar["wanted"], mark)
    console.print(table)
    for what in CHANGES:
        found_after = found.changes[what]
        median = found_after.quantile(0.5)
        console.print(
            f"{what}: {found_after.name} after {median or 'no'} baskets at the median, "
            f"{found_after.missed:.1%} missed"
        )
    console.print(f"absence is judged at a survival level of {ABSENCE_LEVEL:g}")


def replace_block(text: str, block: str) -> str:
    """Return a document with the text between its markers replaced.

    Raises:
        ValueError: The markers are not there, in this order.
    """
    start, end = text.index(BEGIN), text.index(END)
    if start > end:
        raise ValueError("the markers are in the wrong order")
    return f"{text[: start + len(BEGIN)]}\n{block}\n{text[end:]}"


def _detection(detection: Detection) -> dict[str, Any]:
    return {
        "name": detection.name,
        "medianBaskets": detection.quantile(0.5),
        "withinSoon": round(detection.soon, 3),
        "withinSoonByChance": round(detection.soon_by_chance, 3),
        "missed": round(detection.missed, 3),
        "quietUnchanged": round(detection.quiet_unchanged, 3),
    }
