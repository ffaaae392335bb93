"""Hillstrom's campaign from the file to the verdict: import, report, and what could be learned from it."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from actors.experiments.statistics import sample_ratio
from actors.ports import Store
from actors.stores.sqlite import SqliteStore
from actors.wire.glimpses import Glimpse
from scripts.experiments.campaign import (
    NAME,
    NUMBERS,
    OUTCOMES,
    WORDS,
    import_rows,
    playbook_of,
    read_rows,
)
from scripts.experiments.policy import Comparison, Logged, columns_of, learn_and_judge
from serve_app.experiments import ExperimentReader

LOST = 0.03
"""Share of the men's arm that is taken away to see whether the sample ratio notices."""
_ALL_ROWS = 1 << 40


def run(path: Path, data: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Import a campaign into a new store and return the report and the policy's value.

    The store is in `data`, or in a folder that is removed afterwards.

    Raises:
        Failure: The file is not the campaign, or the store is in use.
    """
    rows = read_rows(path)
    with tempfile.TemporaryDirectory(prefix="righttime-") as scratch:
        folder = data or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(folder / "righttime.db", rows, say))


async def _run(
    file: Path, rows: list[dict[str, Any]], say: Callable[[str], None]
) -> dict[str, Any]:
    store: Store = SqliteStore.open(file)
    try:
        return await _measure(store, rows, say)
    finally:
        await store.close()


async def _measure(
    store: Store, rows: list[dict[str, Any]], say: Callable[[str], None]
) -> dict[str, Any]:
    playbook = playbook_of()

    def progress(taken: int) -> None:
        if taken % 10_000 == 0:
            say(f"{taken:,} events taken ...")

    began = time.monotonic()
    imported = await import_rows(store, rows, playbook, progress)
    took_s = time.monotonic() - began
    say(f"{imported.events:,} events in {took_s:.0f} s; reading the journal ...")
    columns: dict[int, dict[str, Any]] = {}

    def remember(number: int, turn: Glimpse) -> None:
        if turn.event is not None:
            columns[number] = turn.event[2]

    reader = ExperimentReader(store, remember)
    experiment = playbook.experiments.by_name[NAME]
    report = await reader.of(experiment, playbook, imported.until_ms, _ALL_ROWS)
    units = reader.tally.units(NAME)
    numbers = list(units)
    arms = [arm.name for arm in experiment.arms]
    logged = Logged(
        columns_of([columns[number] for number in numbers], NUMBERS, WORDS),
        np.array([arms.index(units[number].arm) for number in numbers]),
        np.array([arm.share for arm in experiment.arms]),
        np.array([units[number].values[OUTCOMES.index("visit")] for number in numbers]),
    )
    policy = {
        name: asdict(value) if isinstance(value, Comparison) else value
        for name, value in learn_and_judge(logged, arms).items()
    }
    return {
        "events": imported.events,
        "importSeconds": round(took_s, 1),
        "report": report,
        "policy": policy,
        "withMensLost": _short(report),
    }


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """Return what the sample ratio says with part of the men's arm taken away."""
    counts = {arm["name"]: arm["reached"] for arm in report["arms"]}
    lost = round(LOST * counts["Mens E-Mail"])
    counts["Mens E-Mail"] -= lost
    found = sample_ratio(list(counts.values()), [arm["share"] for arm in report["arms"]])
    return {"lost": lost, **(found._asdict() if found is not None else {})}
