"""Plots of a simulation, as PNG. Needs matplotlib."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from actors.playbook.model import Playbook
from actors.simulation.people import DAY_MS
from scripts.simulation.simulate import Result
from scripts.simulation.summary import days_of

COLOURS = ("#1f6f8b", "#d1495b", "#66a182", "#edae49", "#5b4b8a", "#8d6a4f")
DAILY: tuple[tuple[str, str, str, str, str], ...] = (
    ("revenue", "revenue_minor", "customers", "Revenue", "a customer and day, {money}"),
    ("contacts", "messages", "customers", "Contacts", "messages a customer and day"),
    ("fatigue", "fatigue", "customers", "Fatigue", "messages remembered, a customer"),
    ("churn", "active", "customers", "Who still comes", "share of customers"),
    ("taken", "taken", "decisions", "Offers taken", "a decision"),
    ("regret", "regret", "decisions", "Regret against the oracle", "a decision, {money}"),
    ("cost", "cost_minor", "customers", "What treatments cost", "a customer and day, {money}"),
)
"""(file, measure, what it is divided by, title, unit)."""


def plot_all(
    results: Sequence[Result], summary: dict[str, Any], playbook: Playbook, out: Path
) -> list[Path]:
    """Draw every plot into a folder; return their files in the order of a report."""
    out.mkdir(parents=True, exist_ok=True)
    scale = 10**playbook.minor_digits
    made = []
    for name, measure, per, title, unit in DAILY:
        money = measure.endswith("_minor") or measure == "regret"
        path = out / f"{name}.png"
        label = unit.format(money=playbook.currency)
        _daily(results, (measure, per), title, label, scale if money else 1, path)
        made.append(path)
    for key, name, title in (("by_tier", "tiers", "tier"), ("by_arm", "arms", "arm")):
        path = out / f"{name}.png"
        _bars(summary, key, f"By {title}", playbook, path)
        made.append(path)
    made += _budgets(results, playbook, out)
    return made


def _figure(title: str, unit: str) -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(8.0, 4.0), layout="constrained")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _daily(
    results: Sequence[Result],
    measure: tuple[str, str],
    title: str,
    unit: str,
    scale: int,
    path: Path,
) -> None:
    figure, axes = _figure(title, unit)
    for place, result in enumerate(results):
        days = days_of(result.outcome.parts, *measure)
        first = days.days[0] if days.days else 0
        x = [day - first + 1 for day in days.days]
        colour = COLOURS[place % len(COLOURS)]
        mean, reach = days.mean / scale, days.reach / scale
        axes.plot(x, mean, color=colour, label=result.label, linewidth=1.6)
        axes.fill_between(x, mean - reach, mean + reach, color=colour, alpha=0.2, linewidth=0)
    axes.set_xlabel("day")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if measure[0] == "active":
        axes.set_ylim(top=1.0)
    else:
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(summary: dict[str, Any], key: str, title: str, playbook: Playbook, path: Path) -> None:
    """Draw what customers of each tier or arm were worth: revenue, what offers brought, regret."""
    scale = 10**playbook.minor_digits
    policies = summary["policies"]
    names = sorted({name for each in policies.values() for name in each[key]})
    regrets = key.replace("by", "regret_by")
    figure, all_axes = plt.subplots(
        1, 3, figsize=(11.0, 1.6 + 0.45 * len(names) * len(policies)), layout="constrained"
    )
    for axes, (what, unit) in zip(
        all_axes,
        (
            ("revenue_minor", "revenue a customer"),
            ("net_minor", "offers' value less cost, a customer"),
            (regrets, "regret a decision"),
        ),
        strict=True,
    ):
        height = 0.8 / len(policies)
        for place, (label, each) in enumerate(policies.items()):
            found = each[regrets] if what == regrets else {n: each[key][n][what] for n in each[key]}
            for row, name in enumerate(names):
                one = found.get(name)
                if one is None:
                    continue
                mean = one["mean"] / scale
                reach = [[mean - one["low"] / scale], [one["high"] / scale - mean]]
                axes.barh(
                    row + place * height,
                    mean,
                    height * 0.9,
                    xerr=reach,
                    color=COLOURS[place % len(COLOURS)],
                    label=label if not row else None,
                    error_kw={"elinewidth": 1, "alpha": 0.7},
                )
        axes.set_xlabel(f"{unit}, {playbook.currency}")
        middle = height * (len(policies) - 1) / 2
        axes.set_yticks([row + middle for row in range(len(names))], _short(names))
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    for axes in all_axes[1:]:
        axes.set_yticklabels([])
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    if len(policies) > 1:
        all_axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _short(names: Sequence[str]) -> list[str]:
    return [name or "none yet" for name in names]


def _budgets(results: Sequence[Result], playbook: Playbook, out: Path) -> list[Path]:
    """Draw how much of each shared budget was used, period by period, beside what there was."""
    made = []
    for budget in playbook.budgets.shared:
        figure, axes = _figure(f"Budget {budget.name}", "used, of 1 a period")
        limit = max(1, budget.limit or 0)
        count = len(results)
        buckets = sorted(
            {row[1] for result in results for row in result.outcome.spent if row[0] == budget.name}
        )
        for place, result in enumerate(results):
            used = {row[1]: row[2] / limit for row in result.outcome.spent if row[0] == budget.name}
            x = [i + 0.8 * place / count for i in range(len(buckets))]
            heights = [used.get(bucket, 0.0) for bucket in buckets]
            colour = COLOURS[place % len(COLOURS)]
            axes.bar(x, heights, 0.75 / count, color=colour, label=result.label)
        step = max(1, len(buckets) // 10)
        axes.set_xticks(range(0, len(buckets), step), [_date(b) for b in buckets[::step]])
        axes.axhline(1.0, color="black", linewidth=1, linestyle="--")
        axes.set_ylim(0.0, 1.15)
        if buckets:
            axes.legend(frameon=False)
        else:
            axes.text(0.5, 0.5, "nothing was spent of it", transform=axes.transAxes, ha="center")
        path = out / f"budget-{budget.name}.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
        made.append(path)
    return made


def _date(at_ms: int) -> str:
    if at_ms < DAY_MS:
        return "all"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d %b")
