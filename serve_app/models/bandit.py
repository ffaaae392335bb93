"""LinUCB and LinTS behind the interface of models: what actions are worth beyond their prior.

An arm regresses the label minus the action's prior on (1, features), so that an action of which nothing is known has
its prior. Features are taken as they are: keep them near 1 with `scale` in the playbook.

LinUCB answers the upper bound, prior + θᵀx + width·sqrt(xᵀA⁻¹x), as a propensity that is certain (sd 0): whoever takes
the best then is optimistic. LinTS answers the mean with sd width·sqrt(xᵀA⁻¹x): whoever draws from it samples the
posterior. Both are cut to [0, 1].
"""

from collections.abc import Sequence

import msgpack
import numpy as np

from actors.domain.scores import Score, ScoreRow
from serve_app.models.interface import Labelled, Numbers, Setup, packed, sorted_rows, unpacked
from serve_app.models.linear_arms import LinearArms

MAX_ARMS = 200
"""Actions with an arm of their own; of further ones the prior is all that is known."""


class LinearBandit:
    """One arm an action, and the counts behind it."""

    kind = "lints"

    def __init__(self, setup: Setup) -> None:
        self.lessons = 0
        self._setup = setup
        self._arms = LinearArms(1 + len(setup.numeric), setup.half_life)
        self._numbers: dict[str, int] = {}
        self._counts: list[list[float]] = []

    def score(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        """Return what the kind answers, in the order of rows.

        Raises:
            ValueError: A row has not the features that the model was made for.
        """
        if not rows:
            return ()
        # A customer's rows share their features, which are worked out once.
        distinct: dict[tuple[float, ...], int] = {}
        lines = np.array([distinct.setdefault(row[4], len(distinct)) for row in rows])
        numbers, none = self._numbers, self._arms.count
        arms = np.array([numbers.get(row[0], none) for row in rows])
        x = self._matrix(list(distinct))
        mean = np.array([row[2] for row in rows])
        width = np.sqrt(np.einsum("ij,ij->i", x, x))[lines]
        known = arms < none
        wanted, columns = np.unique(arms[known], return_inverse=True)
        if len(wanted):
            means, widths = self._arms.means_and_widths(x, wanted.tolist())
            mean[known] += means[lines[known], columns]
            width[known] = widths[lines[known], columns]
        counts = np.array([*self._counts, [0.0, 0.0]])[arms]
        return self._answer(mean, width * self._setup.width, np.maximum(counts, 0.0))

    def _answer(self, mean: Numbers, spread: Numbers, counts: Numbers) -> tuple[Score, ...]:
        columns = (np.clip(mean, 0.0, 1.0), counts.sum(axis=1), spread, counts[:, 0])
        return tuple(map(Score._make, zip(*[each.tolist() for each in columns], strict=True)))

    def learn(self, labelled: Sequence[Labelled]) -> None:
        """Take lessons; one that takes a no back is exact, because a label never enters A."""
        self.lessons += len(labelled)
        for each in labelled:
            arm = self._arm(each.row.action)
            if arm < 0:
                continue
            (x,) = self._matrix([each.row.features])
            if each.corrects:
                self._arms.correct(arm, x, 1.0)
            elif (each.taken, each.refused) in {(1, 0), (0, 1)}:
                self._arms.learn(arm, x, each.taken - each.row.prior)
            self._counts[arm][0] += each.taken
            self._counts[arm][1] += each.refused

    def _arm(self, action: str) -> int:
        arm = self._numbers.get(action)
        if arm is None:
            if len(self._numbers) >= MAX_ARMS:
                return -1
            arm = self._numbers[action] = self._arms.add()
            self._counts.append([0.0, 0.0])
        return arm

    def _matrix(self, features: Sequence[tuple[float, ...]]) -> Numbers:
        given = np.array(features, dtype=np.float64).reshape(len(features), -1)
        if given.shape[1] != len(self._setup.numeric):
            raise ValueError(f"expected {len(self._setup.numeric)} features in each row")
        x = np.ones((len(given), 1 + given.shape[1]))
        x[:, 1:] = given
        return x

    def dump(self) -> bytes:
        """Return a checkpoint."""
        arms, n = self._arms, self._arms.count
        arrays = [packed(each[:n]) for each in (arms.a, arms.inverse, arms.b)]
        actions = sorted_rows(self._numbers)
        data: bytes = msgpack.packb([1, self.lessons, actions, self._counts, arms.learned, *arrays])
        return data

    @classmethod
    def load(cls, setup: Setup, data: bytes) -> "LinearBandit":
        """Rebuild a model from its checkpoint."""
        version, lessons, actions, counts, learned, *arrays = msgpack.unpackb(data)
        if version != 1:
            raise ValueError(f"checkpoint version {version!r}, expected 1")
        model = cls(setup)
        model.lessons, model._counts = lessons, counts
        model._numbers = {action: arm for arm, action in enumerate(actions)}
        n, width = len(actions), 1 + len(setup.numeric)
        a, inverse, b = arrays
        model._arms.restore(
            unpacked(a, n, width, width), unpacked(inverse, n, width, width), unpacked(b, n, width)
        )
        model._arms.learned = learned
        return model


class LinTS(LinearBandit):
    """Thompson sampling: the mean, and how far to draw around it."""


class LinUCB(LinearBandit):
    """The upper confidence bound as a certain propensity."""

    kind = "linucb"

    def _answer(self, mean: Numbers, spread: Numbers, counts: Numbers) -> tuple[Score, ...]:
        return super()._answer(mean + spread, np.zeros(len(spread)), counts)
