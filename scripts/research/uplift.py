"""Scores of a file, judged by the uplift that they find."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.evaluation.uplift import auuc, qini, uplift_at
from scripts.output import Failure
from scripts.research.reading import Columns, read_columns

Asked = tuple[str, str, str, str | None]
"""Columns of outcome and treatment, and the values of the treated and, or None, of the others."""


def judged(
    source: Path, scores: Sequence[str], asked: Asked, shares: Sequence[float]
) -> dict[str, Any]:
    """Return Qini, AUUC and uplift at shares of every score, and the uplift of all.

    Raises:
        Failure: The file cannot be read, a column is missing, or it holds something else.
    """
    if not scores:
        raise Failure("--score: name a column")
    columns = read_columns(source)
    outcome_name, treatment, treated_value, control = asked
    group = [str(each) for each in _column(columns, treatment)]
    if treated_value not in group:
        values = ", ".join(repr(each) for each in sorted(set(group))[:8])
        raise Failure(f"nobody has {treatment} {treated_value!r}: there are {values}")
    inside = [control is None or each in (treated_value, control) for each in group]
    treated = np.array([each == treated_value for each in group])[inside].astype(np.int64)
    outcome = _numbers(columns, outcome_name)[inside]
    try:
        rows = [_judged(columns, name, outcome, treated, inside, shares) for name in scores]
    except ValueError as error:
        raise Failure(f"{source}: {error}") from error
    return {
        "file": str(source),
        "outcome": outcome_name,
        "treated": int(treated.sum()),
        "others": int((1 - treated).sum()),
        "uplift": float(outcome[treated == 1].mean() - outcome[treated == 0].mean()),
        "scores": rows,
    }


def _judged(
    columns: Columns,
    name: str,
    outcome: Any,
    treated: Any,
    inside: Sequence[bool],
    shares: Sequence[float],
) -> dict[str, Any]:
    score = _numbers(columns, name)[list(inside)]
    return {
        "name": name,
        "qini": qini(outcome, score, treated),
        "auuc": auuc(outcome, score, treated),
        "at": [
            {
                "share": share,
                "uplift": uplift_at(outcome, score, treated, share),
                "byGroup": uplift_at(outcome, score, treated, share, by_group=True),
            }
            for share in shares
        ],
    }


def _column(columns: Columns, name: str) -> Sequence[Any]:
    if name not in columns:
        raise Failure(f"there is no column {name!r}: the file has {', '.join(columns)}")
    return columns[name]


def _numbers(columns: Columns, name: str) -> Any:
    try:
        return np.array(_column(columns, name), dtype=float)
    except (TypeError, ValueError) as error:
        raise Failure(f"column {name!r} does not hold numbers") from error
