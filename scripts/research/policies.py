"""Policies to judge, as text names them: probabilities for every decision of a log."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.evaluation.log import Numbers
from actors.evaluation.records import NOTHING
from actors.simulation.choosing import Policy, load_policy
from scripts.importing import modules_from_here
from scripts.output import Failure
from scripts.research.logged import Logged
from scripts.research.reading import read_columns

FORMS = (
    "uniform, logged, greedy, epsilon:E, always:ACTION, FILE:COLUMN (a table of probabilities),"
    " or module:object"
)


def probabilities(text: str, logged: Logged) -> Numbers:
    """Return the probabilities (n × A) of the policy that a text names.

    Raises:
        Failure: The text names none, or it does not fit the log.
    """
    name, _, rest = text.partition(":")
    if text in _PLAIN:
        return _PLAIN[text](logged)
    if name == "epsilon":
        return _epsilon(logged, _share(rest))
    if name == "always" and rest:
        return _always(logged, rest)
    path, _, column = text.rpartition(":")
    if path and Path(path).is_file():
        return _table(logged, Path(path), column)
    if rest and all(part.isidentifier() for part in [*name.split("."), *rest.split(".")]):
        return _asked(logged, load(text))
    raise Failure(f"--policy {text!r}: expected {FORMS}")


def load(text: str) -> Policy:
    """Import a policy by `module:object`; modules of the current folder are found too.

    Raises:
        Failure: There is none, or it cannot be called.
    """
    modules_from_here()
    try:
        return load_policy(text)
    except ValueError as error:
        raise Failure(f"--policy: {error}") from error


def _open(logged: Logged) -> Numbers:
    """Return 1.0 for what can be chosen, by decision and action."""
    if logged.behaviour is None:
        return np.ones((logged.size, len(logged.actions)))
    competes = logged.behaviour > 0.0
    if logged.priorities is not None:
        competes |= logged.priorities > -np.inf
    return competes.astype(float)


def _uniform(logged: Logged) -> Numbers:
    """Share evenly among what competed; nothing is not chosen where something else could be."""
    weights = _open(logged)
    if NOTHING in logged.actions:
        place = logged.actions.index(NOTHING)
        weights[weights.sum(axis=1) > 1.0, place] = 0.0
    found: Numbers = weights / weights.sum(axis=1, keepdims=True)
    return found


def _logged(logged: Logged) -> Numbers:
    if logged.behaviour is None:
        raise Failure("--policy logged: the log knows only the propensities of what was chosen")
    return logged.behaviour


def _greedy(logged: Logged) -> Numbers:
    """Take what had the highest priority; nothing has 0."""
    if logged.priorities is None:
        raise Failure("--policy greedy: the log has no priorities; decisions of this system have")
    found = np.zeros(logged.priorities.shape)
    found[np.arange(logged.size), logged.priorities.argmax(axis=1)] = 1.0
    return found


def _epsilon(logged: Logged, epsilon: float) -> Numbers:
    return (1.0 - epsilon) * _greedy(logged) + epsilon * _uniform(logged)


def _always(logged: Logged, action: str) -> Numbers:
    """Take one action wherever it can be chosen, on whatever channel; elsewhere do as the log did."""
    places = [
        i
        for i, each in enumerate(logged.actions)
        if action == each or (action and each.rpartition("|")[0] == action)
    ]
    if not places:
        names = ", ".join(repr(each) for each in logged.actions[:8])
        raise Failure(f"--policy always: the log has no action {action!r}; it has {names}, …")
    can = _open(logged)
    weights = np.zeros_like(can)
    weights[:, places] = can[:, places]
    absent = weights.sum(axis=1) == 0.0
    if absent.any():
        weights[absent] = _logged(logged)[absent]
    found: Numbers = weights / weights.sum(axis=1, keepdims=True)
    return found


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0.0 <= found <= 1.0:
        raise Failure(f"--policy epsilon:{text}: expected a share from 0 to 1")
    return found


def _table(logged: Logged, path: Path, column: str) -> Numbers:
    """Look probabilities up in a file by the columns that it shares with the log.

    One of them must hold the actions; which one, is seen from its values.
    """
    table = read_columns(path)
    if column not in table:
        raise Failure(f"{path} has no column {column!r}: it has {', '.join(table)}")
    names = {name for name in table if name in logged.columns and name != column}
    actions = {each: i for i, each in enumerate(logged.actions)}
    by_action = [
        name
        for name in names
        if [str(each) for each in logged.columns[name]]
        == [logged.actions[i] for i in logged.action]
    ]
    if not by_action:
        raise Failure(f"{path}: no column is called as the log's column of actions")
    keys = sorted(names - set(by_action))
    rows: dict[tuple[Any, ...], Numbers] = {}
    for i, probability in enumerate(table[column]):
        key = tuple(table[name][i] for name in keys)
        place = actions.get(str(table[by_action[0]][i]))
        if place is None:
            if probability:
                raise Failure(
                    f"zero support: {path} gives {probability:g} to {table[by_action[0]][i]!r},"
                    " which the log never took"
                )
            continue
        rows.setdefault(key, np.zeros(len(actions)))[place] = probability
    return np.array([_row(rows, key, path) for key in _keys(logged, keys)])


def _keys(logged: Logged, names: Sequence[str]) -> list[tuple[Any, ...]]:
    if not names:
        return [()] * logged.size
    return list(zip(*(logged.columns[name] for name in names), strict=True))


def _row(rows: Mapping[tuple[Any, ...], Numbers], key: tuple[Any, ...], path: Path) -> Numbers:
    if key not in rows:
        raise Failure(f"{path} says nothing for {key}")
    return rows[key]


def _asked(logged: Logged, policy: Policy) -> Numbers:
    """Ask a policy about every decision, with the actions that could be chosen, nothing last."""
    at = {name: place for place, name in enumerate(logged.actions)}
    found = np.zeros((logged.size, len(logged.actions)))
    columns = list(logged.columns.items())
    for i in range(logged.size):
        names = logged.actions if logged.offered is None else logged.offered[i]
        answer = policy({name: values[i] for name, values in columns}, names)
        if len(answer) != len(names):
            raise Failure(f"the policy gave {len(answer)} probabilities for {len(names)} actions")
        np.add.at(found[i], [at[name] for name in names], answer)
    return found


_PLAIN: dict[str, Callable[[Logged], Numbers]] = {
    "uniform": _uniform,
    "logged": _logged,
    "greedy": _greedy,
}
