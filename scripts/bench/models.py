"""The models alone: what scoring and learning cost, and how exact the bandits' numbers are."""

import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from actors.domain.scores import ScoreRow
from serve_app.models.bandit import LinUCB
from serve_app.models.interface import Labelled, Numbers, Setup
from serve_app.models.kinds import new_model
from serve_app.models.linear_arms import LinearArms

ARMS, WIDTH, BATCH = 20, 30, 64
MOST_US = 15.0
MOST_S = 60.0
MOST_OFF = 1e-12
_REPEATS = 200


def measure_apart(outcomes: int = 1_000_000) -> dict[str, Any]:
    """Return what `measure` finds in a process whose linear algebra has one thread, as Ray gives a replica.

    Threads that wait for one another on busy cores made a choice a hundred times dearer.

    Raises:
        subprocess.CalledProcessError: It failed; its words are on stderr.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "scripts.bench.models", str(outcomes)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def measure(outcomes: int = 1_000_000) -> dict[str, Any]:
    """Return figures of 20 actions over 30 features, and of the other models beside them."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(outcomes, WIDTH)) / np.sqrt(WIDTH)
    arms = rng.integers(0, ARMS, outcomes)
    rewards = (rng.random(outcomes) < 0.1).astype(float)
    made = LinearArms(WIDTH)
    for _ in range(ARMS):
        made.add()
    began = time.process_time()
    for each, arm, reward in zip(x, arms.tolist(), rewards.tolist(), strict=True):
        made.learn(arm, each, reward)
    learned_s = time.process_time() - began
    asked = x[:BATCH]
    choice_us = _us(lambda: made.means_and_widths(asked, range(ARMS))) / BATCH
    off = _off(made, asked, (x, arms, rewards))
    through = _through_rows(rng)
    others = {kind: _other(kind, rng) for kind in ("beta", "logistic", "lints")}
    return {
        "actions": ARMS,
        "features": WIDTH,
        "batch": BATCH,
        "choiceUs": round(choice_us, 2),
        "choiceThroughRowsUs": round(through, 2),
        "outcomes": outcomes,
        "learnS": round(learned_s, 2),
        "largestDifference": off,
        "models": others,
        "met": choice_us <= MOST_US
        and learned_s * 1_000_000 / outcomes < MOST_S
        and off < MOST_OFF,
    }


def _us(run: Any) -> float:
    """Return the median CPU time of a call in µs."""
    took = []
    for _ in range(_REPEATS):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    return median(took) * 1e6


def _off(made: LinearArms, asked: Numbers, played: tuple[Numbers, Any, Numbers]) -> float:
    """Return by how much means and widths differ at most from the closed form."""
    x, arms, rewards = played
    means, widths = made.means_and_widths(asked, range(ARMS))
    off = 0.0
    for arm in range(ARMS):
        mine = x[arms == arm]
        a = np.eye(WIDTH) + mine.T @ mine
        theta = np.linalg.solve(a, mine.T @ rewards[arms == arm])
        width = np.sqrt(np.einsum("ij,ij->i", asked, np.linalg.solve(a, asked.T).T))
        off = max(off, float(np.abs(asked @ theta - means[:, arm]).max()))
        off = max(off, float(np.abs(width - widths[:, arm]).max()))
    return off


def _rows(rng: np.random.Generator, width: int) -> list[ScoreRow]:
    told = [tuple(rng.normal(size=width).tolist()) for _ in range(BATCH)]
    return [
        ScoreRow(f"offer/group/a{arm}", "gold", 0.1, "m@1", features)
        for features in told
        for arm in range(ARMS)
    ]


def _through_rows(rng: np.random.Generator) -> float:
    """Return µs a choice of `BATCH` customers through the interface that the server uses."""
    model, rows = LinUCB(Setup((True,) * (WIDTH - 1))), _rows(rng, WIDTH - 1)
    model.learn([Labelled(row, i % 2, 1 - i % 2) for i, row in enumerate(rows)])
    return _us(lambda: model.score(rows)) / BATCH


def _other(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Return what one row costs among many, and one lesson, with ten features."""
    width = 0 if kind == "beta" else 10
    model, rows = new_model(kind, Setup((True,) * width)), _rows(rng, width)
    lessons = [Labelled(row, i % 2, 1 - i % 2) for i, row in enumerate(rows)]
    began = time.process_time()
    model.learn(lessons)
    lesson_us = (time.process_time() - began) / len(lessons) * 1e6
    return {
        "rowUs": round(_us(lambda: model.score(rows)) / len(rows), 2),
        "lessonUs": round(lesson_us, 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
