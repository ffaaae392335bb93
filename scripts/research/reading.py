"""Logs from files: flat ones of anybody's, CSV or Parquet, and those of `righttime simulate`."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.evaluation.log import Numbers
from scripts.output import Failure
from scripts.research.logged import Logged

NEEDS = (
    "Parquet needs pyarrow: run `uv sync --extra research`, or pip install 'righttime[research]'"
)
Columns = dict[str, list[Any]]


def read_columns(path: Path) -> Columns:
    """Read a CSV (may be packed with gzip) or Parquet file; numbers of a CSV become numbers.

    Raises:
        Failure: There is no such file, or it is none of these.
    """
    if not path.is_file():
        raise Failure(f"there is no file {path}")
    if path.suffix == ".parquet":
        return read_parquet([path])
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        rows = list(csv.reader(text.splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"cannot read {path} as CSV: {error}") from error
    if len(rows) < 2:
        raise Failure(f"{path} has no rows")
    short = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if short is not None:
        raise Failure(f"{path}:{short + 1}: {len(rows[short])} fields, the head has {len(rows[0])}")
    return {
        name: _numbers(list(values))
        for name, values in zip(rows[0], zip(*rows[1:], strict=True), strict=True)
    }


def _numbers(values: list[str]) -> list[Any]:
    for kind in (int, float):
        try:
            return [kind(value) for value in values]
        except ValueError:
            continue
    return list(values)


def read_parquet(paths: Sequence[Path]) -> Columns:
    """Read Parquet files of the same columns, one after the other.

    Raises:
        Failure: pyarrow is not installed, or a file is damaged.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise Failure(NEEDS) from error
    found: Columns = {}
    for path in paths:
        try:
            table = parquet.read_table(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise Failure(f"cannot read {path} as Parquet: {error}") from error
        if found and set(table.column_names) != set(found):
            raise Failure(f"{path} has other columns than {paths[0]}")
        for name in table.column_names:
            found.setdefault(name, []).extend(table.column(name).to_pylist())
    return found


def flat(columns: Columns, action: str, reward: str, propensity: str) -> Logged:
    """Take a log with an action, a reward and a propensity a row.

    Raises:
        Failure: A column is missing, or holds no numbers where it has to.
    """
    for name in (action, reward, propensity):
        if name not in columns:
            raise Failure(f"the log has no column {name!r}: it has {', '.join(columns)}")
    names = columns[action]
    actions = tuple(str(each) for each in sorted(set(names)))
    at = {each: i for i, each in enumerate(actions)}
    return Logged(
        actions=actions,
        action=np.array([at[str(each)] for each in names], dtype=np.int64),
        reward=_column(columns, reward),
        propensity=_column(columns, propensity),
        columns=columns,
    )


def _column(columns: Columns, name: str) -> Numbers:
    try:
        return np.array(columns[name], dtype=float)
    except (TypeError, ValueError) as error:
        raise Failure(f"column {name!r} does not hold numbers") from error


def slots(columns: Mapping[str, Sequence[Any]], reward: Numbers) -> Logged:
    """Take decisions of slots: lists of actions with their probabilities and priorities, and one chosen."""
    lists = columns["actions"]
    actions = tuple(sorted({each for names in lists for each in names}))
    at = {each: i for i, each in enumerate(actions)}
    size = len(lists)
    lengths = np.array([len(names) for names in lists])
    rows = np.repeat(np.arange(size), lengths)
    places = np.array([at[each] for names in lists for each in names], dtype=np.int64)
    behaviour, priorities = np.zeros((size, len(actions))), np.full((size, len(actions)), -np.inf)
    np.add.at(behaviour, (rows, places), _chained(columns["probabilities"]))
    priorities[rows, places] = _chained(columns["priorities"])
    chosen = np.array(columns["chosen"], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    action = places[starts + np.where(chosen < 0, lengths - 1, chosen)]
    rest = {name: values for name, values in columns.items() if name not in _LISTS}
    return Logged(
        actions=actions,
        action=action,
        reward=reward,
        propensity=behaviour[np.arange(size), action],
        columns=rest,
        behaviour=behaviour,
        priorities=priorities,
        offered=lists,
    )


_LISTS = ("actions", "probabilities", "chosen", "propensity", "truth")


def _chained(lists: Sequence[Sequence[float]]) -> Numbers:
    return np.array([each for values in lists for each in values], dtype=float)


REWARDS = ("taken", "value", "credit")
Heard = dict[tuple[Any, ...], tuple[float, float]]
"""By effect, how often it was taken, and what conversions brought that are credited to it."""


def rewards(columns: Mapping[str, Sequence[Any]], heard: Heard, name: str) -> Numbers:
    """Return what each decision brought: 1 if it was `taken`, its `value` then, or the `credit` of conversions.

    Money is in minor units.

    Raises:
        Failure: There is no reward of that name.
    """
    if name not in REWARDS:
        raise Failure(f"--reward {name!r}: decisions of this system have {', '.join(REWARDS)}")
    keys = zip(columns["customer"], columns["seq"], columns["n"], strict=True)
    nothing = (0.0, 0.0)
    told = [heard.get(key, nothing) for key in keys]
    if name == "credit":
        return np.array([credit for _, credit in told])
    taken = np.array([float(often > 0) for often, _ in told])
    if name == "taken":
        return taken
    gains = zip(columns["gains"], columns["chosen"], strict=True)
    found: Numbers = taken * np.array([each[chosen] for each, chosen in gains])
    return found


def simulated(folder: Path, reward: str) -> Logged:
    """Read the decisions of one policy in the results of `righttime simulate`, with what came of them.

    Raises:
        Failure: The folder holds none, or those of several policies.
    """
    arms = sorted(path.parent for path in folder.glob("*/decisions") if path.is_dir())
    home = folder if (folder / "decisions").is_dir() else arms[0] if len(arms) == 1 else None
    if home is None:
        raise Failure(
            f"{folder} has no decisions"
            if not arms
            else f"{folder} has several policies' decisions: name {' or '.join(map(str, arms))}"
        )
    files = sorted((home / "decisions").glob("*.parquet"))
    if not files:
        raise Failure(f"{home / 'decisions'} holds no Parquet files")
    columns = read_parquet(files)
    return slots(columns, rewards(columns, _heard(home), reward))


def _heard(home: Path) -> Heard:
    """Read the outcomes: those of effects, and the credit for conversions that came later."""
    columns = read_parquet(sorted((home / "outcomes").glob("*.parquet")))
    found: Heard = {}
    names = ("customer", "seq", "n", "outcome", "taken", "reward_minor")
    for customer, seq, n, outcome, yes, minor in zip(
        *(columns.get(name, []) for name in names), strict=True
    ):
        key = (customer, seq, n)
        often, credit = found.get(key, (0.0, 0.0))
        if outcome.startswith(_CREDIT):
            credit += minor
        else:
            often += yes
        found[key] = (often, credit)
    return found


_CREDIT = "credit"
