"""The Open Bandit data set, where it is, and what obp 0.5.7 makes of it; small logs of one's own."""

import csv
import gzip
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from actors.evaluation.log import Log

DATA = Path(__file__).parents[4] / "shared" / "data"
OBD = DATA / "obd"
HILLSTROM = DATA / "hillstrom" / "hillstrom.csv.gz"
TABLE = OBD / "obd_policy_all.csv"
NAMES = {
    "ips": "ipw",
    "clipped": "ipw_clip5",
    "snips": "snipw",
    "dm": "dm",
    "dr": "dr",
    "sndr": "sndr",
    "switch-dr": "switch-dr_tau5",
    "dros": "dr-os_l10",
}
"""Our names, and those of the reference."""

needs_obd = pytest.mark.skipif(
    not OBD.is_dir(), reason="the Open Bandit data set is not at ../shared/data/obd"
)
needs_hillstrom = pytest.mark.skipif(
    not HILLSTROM.is_file(), reason="the Hillstrom data set is not at ../shared/data/hillstrom"
)


@cache
def reference():
    return json.loads((DATA / "reference" / "obd_all_ope.json").read_text())["all"]


@cache
def open_bandit(name):
    """Return items, positions, clicks and propensities of the log of one policy."""
    rows = list(
        csv.DictReader(
            gzip.decompress((OBD / f"{name}_all.csv.gz").read_bytes()).decode().splitlines()
        )
    )
    return (
        np.array([int(row["item_id"]) for row in rows]),
        np.array([int(row["position"]) for row in rows]),
        np.array([float(row["click"]) for row in rows]),
        np.array([float(row["pscore"]) for row in rows]),
    )


def bandit_log(name, policy):
    """Return the log of one policy with the probabilities of another."""
    item, position, click, propensity = open_bandit(name)
    table = np.full((3, 80), 1 / 80)
    if policy != "uniform":
        for row in csv.DictReader(TABLE.read_text().splitlines()):
            table[int(row["position"]), int(row["item_id"])] = float(row[f"pi_{policy}"])
    return Log(action=item, reward=click, propensity=propensity, target=table[position])


def small_log(n=4000, seed=5, **changes):
    """Return a log of three actions in two states; the policy to judge takes the second in the second."""
    rng = np.random.default_rng(seed)
    cell = rng.integers(2, size=n)
    behaviour = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])[cell]
    action = (rng.random((n, 1)) >= np.cumsum(behaviour, axis=1)).sum(axis=1)
    means = np.array([[0.3, 0.1, 0.2], [0.1, 0.6, 0.2]])
    target = np.array([[0.8, 0.1, 0.1], [0.05, 0.9, 0.05]])
    values = {
        "action": action,
        "reward": (rng.random(n) < means[cell, action]).astype(float),
        "propensity": behaviour[np.arange(n), action],
        "target": target[cell],
        "behaviour": behaviour,
        "cell": cell,
    }
    return Log(**(values | changes))


TRUTH = float(np.mean([0.8 * 0.3 + 0.1 * 0.1 + 0.1 * 0.2, 0.05 * 0.1 + 0.9 * 0.6 + 0.05 * 0.2]))
"""What the policy of `small_log` brings."""
