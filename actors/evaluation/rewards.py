"""Reward models: what each action would bring in each state, and how much every decision moved that.

`influence` is the derivative of a mean of model values by the weight of each decision (the infinitesimal
jackknife: Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982, ch. 6), so that intervals
know that the model was fitted on the same log.
"""

from typing import Any, Protocol

import numpy as np

from actors.evaluation.log import Log, Numbers, Places


class RewardModel(Protocol):
    """What decisions would have brought."""

    values: Numbers
    """(n × A): the expected reward of every action in the state of every decision."""

    def influence(self, demand: Numbers) -> Numbers:
        """Return (n): how each decision moved the mean over rows of Σ_a demand(n × A) · values, times n."""
        ...


class Table:
    """q(s, a) = (sum of rewards + m · μ) / (count + m) of state and action; μ is the log's mean reward.

    m pulls what was rarely taken towards the mean. With `folds` above 1, decision i is told what the
    decisions of other folds brought; its fold is that of its cluster, or its position, modulo folds.
    """

    def __init__(self, log: Log, pull: float = 1.0, folds: int = 1) -> None:
        self._log, self._pull = log, pull
        self._cell = np.zeros(log.size, dtype=np.int64) if log.cell is None else log.cell
        self._shape = (int(self._cell.max()) + 1, log.target.shape[1])
        if folds <= 1:
            q, self._counts = self._fit(slice(None))
            self.values: Numbers = q[self._cell]
            return
        fold = (np.arange(log.size) if log.cluster is None else log.cluster) % folds
        self.values = np.empty(log.target.shape)
        for each in range(folds):
            inside = fold == each
            q, _ = self._fit(~inside)
            self.values[inside] = q[self._cell[inside]]
        self._counts = self._fit(slice(None))[1]

    def _fit(self, which: Any) -> tuple[Numbers, Numbers]:
        rewards = self._log.reward[which]
        at = self._cell[which] * self._shape[1] + self._log.action[which]
        size = self._shape[0] * self._shape[1]
        counts = np.bincount(at, minlength=size).reshape(self._shape).astype(float)
        sums = np.bincount(at, weights=rewards, minlength=size).reshape(self._shape)
        mean = rewards.mean() if len(rewards) else 0.0
        safe = np.where(counts + self._pull > 0.0, counts + self._pull, 1.0)
        fitted = np.where(counts + self._pull > 0.0, (sums + self._pull * mean) / safe, mean)
        return fitted, counts

    def influence(self, demand: Numbers) -> Numbers:
        """Return how each decision moved the mean of demand · values, times n."""
        log, m = self._log, self._pull
        asked = np.zeros(self._shape)
        np.add.at(asked, self._cell, demand)
        share = asked / np.maximum(self._counts + m, 1e-300)
        own = np.arange(log.size)
        missed = log.reward - self.values[own, log.action]
        of_mean = (
            float((share * m).sum()) / log.size
        )  # through μ, towards which the table is pulled
        found: Numbers = share[self._cell, log.action] * missed
        found += of_mean * (log.reward - log.reward.mean())
        return found


class Ridge:
    """One ridge regression of the reward an action, over columns (n × k) of which the first is 1.

    The first column has no penalty.
    """

    def __init__(self, log: Log, columns: Numbers, penalty: float = 10.0) -> None:
        self._log, self._columns = log, columns
        self.models, self._inverses = fit_ridge(
            columns, log.action, log.reward, log.target.shape[1], penalty
        )
        self.values: Numbers = columns @ self.models.T

    def influence(self, demand: Numbers) -> Numbers:
        """Return how each decision moved the mean of demand · values, times n."""
        log, x = self._log, self._columns
        missed = log.reward - self.values[np.arange(log.size), log.action]
        pulls = np.einsum("ak,akl->al", demand.T @ x, self._inverses)
        found: Numbers = np.einsum("nk,nk->n", pulls[log.action], x) * missed
        return found


class Given:
    """Values that somebody else made: (n × A). They are taken as they stand, without an error of their own."""

    def __init__(self, values: Numbers) -> None:
        self.values = values

    def influence(self, demand: Numbers) -> Numbers:
        """Return zeros: these values do not depend on the log."""
        return np.zeros(len(demand))


def fit_ridge(
    columns: Numbers, action: Places, reward: Numbers, actions: int, penalty: float
) -> tuple[Numbers, Numbers]:
    """Return a ridge regression an action, (A × k), and the inverses of its equations, (A × k × k)."""
    width = columns.shape[1]
    ridge = penalty * np.eye(width)
    ridge[0, 0] = 0.0
    models, inverses = np.zeros((actions, width)), np.zeros((actions, width, width))
    for each in range(actions):
        x, y = columns[action == each], reward[action == each]
        if len(y):
            models[each] = np.linalg.solve(x.T @ x + ridge, x.T @ y)
            inverses[each] = np.linalg.pinv(x.T @ x + ridge)
    return models, inverses


def corrected(values: Numbers, action: Places, reward: Numbers, propensity: Numbers) -> Numbers:
    """Return (n × A) values with what they missed for the logged actions added, over its propensity.

    Their mean under any policy is its doubly robust value; of a single column, that of one action for all.
    """
    found = values.copy()
    rows = np.arange(len(action))
    found[rows, action] += (reward - values[rows, action]) / propensity
    return found
