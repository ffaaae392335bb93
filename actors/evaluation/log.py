"""Logged decisions as arrays, and what of them no estimator can do without."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

_SUM = 1e-6
"""By how much probabilities may miss 1: files round them."""
_NONE = 1e-12
"""A probability below which a policy is taken never to do something."""


class Unsupported(ValueError):  # noqa: N818 - it says what the log does, not that something broke
    """A log cannot say anything about a policy; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """n decisions among A actions, with a policy to judge on them.

    `action` (n) are positions among the actions; `reward` (n) is what each brought at once; `propensity`
    (n) the probability with which the logged action was taken. `target` (n × A) are the policy's
    probabilities, rows adding up to 1. `behaviour` (n × A) are the log's, where it knows them all. `cell`
    (n) are states that the reward model tells apart, 0, 1, …; `cluster` (n) whose decisions they are,
    0, 1, …: those of one customer are not independent. Without one each decision stands for itself.
    """

    action: Places
    reward: Numbers
    propensity: Numbers
    target: Numbers
    behaviour: Numbers | None = None
    cell: Places | None = None
    cluster: Places | None = None
    actions: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """Return the number of decisions."""
        return len(self.action)

    @property
    def weights(self) -> Numbers:
        """Return the importance weights, the policy's probability over the log's."""
        found: Numbers = self.target[np.arange(self.size), self.action] / self.propensity
        return found

    def rows(self, which: Any) -> "Log":
        """Return some of the decisions, of the same actions."""
        return Log(
            action=self.action[which],
            reward=self.reward[which],
            propensity=self.propensity[which],
            target=self.target[which],
            behaviour=None if self.behaviour is None else self.behaviour[which],
            cell=None if self.cell is None else self.cell[which],
            cluster=None if self.cluster is None else self.cluster[which],
            actions=self.actions,
        )

    def name_of(self, action: int) -> str:
        """Return what people call an action."""
        return self.actions[action] if action < len(self.actions) else str(action)


def check(log: Log) -> None:
    """See to it that the log can say something about the policy at all.

    Raises:
        Unsupported: Too few decisions, figures that are no probabilities or rewards, or an action
            that the policy takes and the log never could.
    """
    if log.size < 2:
        raise Unsupported(f"{log.size} decisions are too few: two at least")
    if not np.isfinite(log.reward).all():
        raise Unsupported("a reward is not a finite number")
    bad = ~((log.propensity > 0.0) & (log.propensity <= 1.0 + _SUM))
    if bad.any():
        raise Unsupported(
            f"{bad.sum():,} of {log.size:,} propensities are not in (0, 1]: the first is"
            f" {log.propensity[bad][0]:g}, in row {int(bad.argmax())}"
        )
    _check_probabilities(log.target, "the policy's")
    if log.behaviour is not None:
        _check_probabilities(log.behaviour, "the log's")
    _check_support(log)


def _check_probabilities(given: Numbers, whose: str) -> None:
    bad = ~((given >= 0.0).all(axis=1) & (np.abs(given.sum(axis=1) - 1.0) <= _SUM))
    if bad.any():
        row = int(bad.argmax())
        raise Unsupported(
            f"{whose} probabilities are negative or do not add up to 1 in {bad.sum():,} rows: the"
            f" first is row {row}, with a sum of {given[row].sum():g}"
        )


def _check_support(log: Log) -> None:
    """Refuse zero support: what the log cannot have taken has no weight that could make up for it.

    Where the log's whole distribution is not known, an action counts as supported once it was taken.
    """
    if log.behaviour is not None:
        without = (log.target > _NONE) & (log.behaviour <= 0.0)
        why = "gave no probability to"
    else:
        taken = np.bincount(log.action, minlength=log.target.shape[1]) > 0
        without = (log.target > _NONE) & ~taken
        why = "never took"
    if without.any():
        mass = float((log.target * without).sum() / log.size)
        action = int(without.any(axis=0).argmax())
        raise Unsupported(
            f"zero support: the policy has {mass:.2%} of its probability on actions that the log {why},"
            f" as {log.name_of(action)!r}; no estimate can make up for that"
        )
