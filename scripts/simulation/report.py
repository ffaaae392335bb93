"""`report.html`: one page that says what was simulated and what came of it; its plots lie beside it."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from scripts.simulation.summary import MONEY

_NAMES = {
    "revenue_minor": "revenue",
    "net_minor": "offers' value less cost",
    "value_minor": "offers' value",
    "cost_minor": "cost of treatments",
    "contacts": "messages",
    "orders": "orders",
    "taken": "offers taken",
    "active": "still coming",
    "satisfaction": "satisfaction",
}
_LEAST_P = 0.001
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;text-align:right;
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
img{max-width:100%;margin:.5rem 0}.note{color:#666;font-size:90%}
"""


def report(summary: dict[str, Any], plots: Sequence[Path], digits: int, currency: str) -> str:
    """Return the page."""
    spec, scale = summary["spec"], 10**digits
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Simulation</title>",
        f"<style>{_STYLE}</style><h1>Simulation</h1>",
        f"<p>{spec['population']:,} customers, {spec['days']} days, seed {spec['seed']}.",
        f" Money in {escape(currency)}; figures a customer, with 95 % intervals.</p>",
        _policies(summary, scale),
    ]
    for label, each in summary["compared"].items():
        parts.append(_compared(label, each, scale))
    parts += [f"<img src='plots/{escape(path.name)}' alt='{escape(path.stem)}'>" for path in plots]
    parts.append(
        "<p class='note'>Regret is what the best of the survivors (or nothing) was truly worth in the"
        " mean, less what was chosen; only a simulation knows it. Bands are 95 % intervals over parts of"
        " the population, which are independent but for what they learn together and budgets they share.</p>"
    )
    return "".join(parts) + "</html>\n"


def _policies(summary: dict[str, Any], scale: int) -> str:
    policies = summary["policies"]
    rows = ["<tr><th></th>" + "".join(f"<th>{escape(label)}</th>" for label in policies) + "</tr>"]
    for name, title in _NAMES.items():
        cells = [_interval(each["all"][name], name, scale) for each in policies.values()]
        rows.append(f"<tr><td>{title}</td>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    regrets = [each["regret_minor"] for each in policies.values()]
    cells = ["" if one is None else _interval(one, "net_minor", scale) for one in regrets]
    rows.append(
        "<tr><td>regret a decision</td>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"
    )
    for name in ("decisions", "decisions_a_second", "bytes_a_customer"):
        cells = [f"{each[name]:,}" for each in policies.values()]
        rows.append(
            f"<tr><td>{name.replace('_', ' ')}</td>"
            + "".join(f"<td>{c}</td>" for c in cells)
            + "</tr>"
        )
    return "<table>" + "".join(rows) + "</table>"


def _compared(label: str, each: dict[str, Any], scale: int) -> str:
    rows = ["<tr><th></th><th>difference</th><th>p</th><th>found with power 80 %</th></tr>"]
    for name, title in _NAMES.items():
        one = each["differences"][name]
        unit = scale if name in MONEY else 1
        rows.append(
            f"<tr><td>{title}</td><td>{_interval(one, name, scale)}</td>"
            f"<td>{_p(one['p'])}</td><td>{one['detectable'] / unit:,.4f}</td></tr>"
        )
    return (
        f"<h2>{escape(label)} against {escape(each['with'])}</h2>"
        "<p>Customer by customer: both policies met the same people with the same chances.</p>"
        "<table>" + "".join(rows) + "</table>"
    )


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= _LEAST_P else f"&lt; {_LEAST_P}"


def _interval(one: dict[str, float], name: str, scale: int) -> str:
    unit = scale if name in MONEY else 1
    mean, low, high = (one[key] / unit for key in ("mean", "low", "high"))
    return f"{mean:,.3f} <span class='note'>({low:,.3f} – {high:,.3f})</span>"
