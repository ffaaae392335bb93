"""Ridge regressions side by side, one for each arm: the numbers behind LinUCB and LinTS.

With A = ridge·I + Σ x·xᵀ and b = Σ r·x over an arm's outcomes, an arm's mean is θᵀx with θ = A⁻¹b, and its width
sqrt(xᵀA⁻¹x) (disjoint LinUCB: Li, Chu, Langford and Schapire, WWW 2010, algorithm 1). A⁻¹ is kept by Sherman and
Morrison's formula, and made anew from A every `REBUILT` outcomes of the arm, so that rounding never adds up.
"""

from collections.abc import Sequence

import numpy as np

from serve_app.models.interface import Numbers

RIDGE = 1.0
REBUILT = 1024


class LinearArms:
    """Any number of arms over features of one length.

    `half_life` is in outcomes of an arm, 0 for never; forgetting draws A to ridge·I and b to 0, when A⁻¹ is made anew.
    """

    def __init__(self, width: int, half_life: float = 0.0, ridge: float = RIDGE) -> None:
        self._width = width
        self._ridge = ridge
        # Forgetting in steps of at most a tenth of a half-life.
        self._rebuilt = REBUILT
        self._keep = 1.0
        if half_life:
            self._rebuilt = int(min(REBUILT, max(1.0, half_life / 10)))
            self._keep = float(0.5 ** (self._rebuilt / half_life))
        self.count = 0
        self.a: Numbers = np.empty((0, width, width))
        self.inverse: Numbers = np.empty((0, width, width))
        self.b: Numbers = np.empty((0, width))
        self.learned: list[int] = []
        self._theta: Numbers = np.empty((0, width))
        self._stale: set[int] = set()

    def add(self) -> int:
        """Add an arm; return its number, from 0."""
        arm = self.count
        if arm >= len(self.b):
            room = max(8, 2 * arm)
            self.a = _grown(self.a, room)
            self.inverse = _grown(self.inverse, room)
            self.b = _grown(self.b, room)
            self._theta = _grown(self._theta, room)
        self.a[arm] = np.eye(self._width) * self._ridge
        self.inverse[arm] = np.eye(self._width) / self._ridge
        self.learned.append(0)
        self.count += 1
        return arm

    def restore(self, a: Numbers, inverse: Numbers, b: Numbers) -> None:
        """Take the arms of a checkpoint in place of those here; `learned` is for the caller to set."""
        self.a, self.inverse, self.b = a, inverse, b
        self.count = len(b)
        self._theta = np.zeros_like(b)
        self._stale = set(range(len(b)))

    def learn(self, arm: int, x: Numbers, reward: float) -> None:
        """Take the reward of an arm for features x."""
        inverse = self.inverse[arm]
        along = inverse @ x
        inverse -= np.multiply.outer(along, along / (1.0 + x @ along))
        self.a[arm] += np.multiply.outer(x, x)
        self.b[arm] += reward * x
        self._stale.add(arm)
        self.learned[arm] += 1
        if self.learned[arm] % self._rebuilt == 0:
            self._rebuild(arm)

    def correct(self, arm: int, x: Numbers, change: float) -> None:
        """Change the reward of an outcome that was learned: exact, because A does not depend on it."""
        self.b[arm] += change * x
        self._stale.add(arm)

    def _rebuild(self, arm: int) -> None:
        if self._keep < 1.0:
            self.a[arm] *= self._keep
            self.a[arm][np.diag_indices(self._width)] += (1.0 - self._keep) * self._ridge
            self.b[arm] *= self._keep
        inverse = np.linalg.inv(self.a[arm])
        self.inverse[arm] = (inverse + inverse.T) / 2.0

    def means_and_widths(self, x: Numbers, arms: Sequence[int]) -> tuple[Numbers, Numbers]:
        """Return θᵀx and sqrt(xᵀA⁻¹x), a row for each row of x and a column for each arm."""
        for arm in sorted(self._stale):
            self._theta[arm] = self.inverse[arm] @ self.b[arm]
        self._stale.clear()
        picked = list(arms)
        whole = picked == list(range(len(picked)))
        inverse = self.inverse[: len(picked)] if whole else self.inverse[picked]
        theta = self._theta[: len(picked)] if whole else self._theta[picked]
        # All the products of rows with matrices are one: BLAS is far faster at a single large one.
        flat = inverse.transpose(1, 0, 2).reshape(self._width, -1)
        products = (x @ flat).reshape(len(x), len(picked), self._width)
        squares = np.einsum("nkd,nd->nk", products, x)
        return x @ theta.T, np.sqrt(np.maximum(squares, 0.0))


def _grown(array: Numbers, room: int) -> Numbers:
    larger = np.zeros((room, *array.shape[1:]))
    larger[: len(array)] = array
    return larger
