"""Logged decisions as they are read from wherever they are, before there is a policy to judge on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from actors.evaluation.log import Log, Numbers, Places
from scripts.output import Failure

MAX_STATES = 1000


@dataclass(slots=True, kw_only=True)
class Logged:
    """n decisions among A actions. `columns` are whatever else is known of each, by name.

    `behaviour` (n × A) are the log's probabilities, with 0 for what could not be chosen; None where only that
    of the logged action is known, and everything could be. `priorities` (n × A) are the arbitration's. `offered`
    (n) are the names of what could be chosen, in the order of the lists among the columns.
    """

    actions: tuple[str, ...]
    action: Places
    reward: Numbers
    propensity: Numbers
    columns: Mapping[str, Sequence[Any]]
    behaviour: Numbers | None = None
    priorities: Numbers | None = None
    offered: Sequence[Sequence[str]] | None = None

    @property
    def size(self) -> int:
        """Return the number of decisions."""
        return len(self.action)

    def column(self, name: str) -> Sequence[Any]:
        """Return a column.

        Raises:
            Failure: There is none of that name.
        """
        if name not in self.columns:
            raise Failure(
                f"the log has no column {name!r}: it has {', '.join(sorted(self.columns))}"
            )
        return self.columns[name]

    def states(self, names: Sequence[str]) -> Places | None:
        """Number the states that columns tell apart; None without columns.

        Raises:
            Failure: They tell almost everything apart.
        """
        if not names:
            return None
        found = numbered(
            list(zip(*(map(_plain, self.column(name)) for name in names), strict=True))
        )
        if found.max() >= min(MAX_STATES, max(2, self.size // 4)):
            raise Failure(
                f"{', '.join(names)} tell {int(found.max()) + 1:,} states apart, more than"
                " a table of rewards can learn: name coarser columns, or use --features"
            )
        return found

    def clusters(self, name: str | None) -> Places | None:
        """Number those whose decisions these are."""
        return None if name is None else numbered(list(map(_plain, self.column(name))))

    def log(self, target: Numbers, states: Sequence[str], cluster: str | None) -> Log:
        """Return what the estimators need, with a policy's probabilities."""
        return Log(
            action=self.action,
            reward=self.reward,
            propensity=self.propensity,
            target=target,
            behaviour=self.behaviour,
            cell=self.states(states),
            cluster=self.clusters(cluster),
            actions=self.actions,
        )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def numbered(values: Sequence[Any]) -> Places:
    """Return for each value its number in the order of first appearance."""
    at: dict[Any, int] = {}
    return np.array([at.setdefault(value, len(at)) for value in values], dtype=np.int64)


def features(logged: Logged, names: Sequence[str]) -> Numbers:
    """Return columns for a regression: 1, numbers standardised, words one column a value but the first.

    Raises:
        Failure: A column is missing, or has too many words.
    """
    found = [np.ones(logged.size)]
    for name in names:
        values = logged.column(name)
        try:
            numbers = [np.array(values, dtype=float)]
        except (TypeError, ValueError):
            words = sorted({str(value) for value in values})
            if len(words) > MAX_STATES:
                raise Failure(f"column {name!r} has {len(words):,} different words") from None
            numbers = [np.array([str(v) == word for v in values], float) for word in words[1:]]
        for column in numbers:
            spread = float(column.std())
            found.append((column - column.mean()) / (spread or 1.0))
    return np.column_stack(found)
