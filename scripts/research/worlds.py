"""Made-up worlds of which the truth is known: logs drawn from them say whether intervals contain it.

States are few and drawn anew for every decision (or, in `customers`, for every customer), rewards depend on
state and action, and the policy to judge is fixed. What it is worth follows exactly from the tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.evaluation.log import Log, Numbers, Places

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """States × actions, and how a log comes about.

    `shares` (states) say how often a state is met; `means` (states × actions) what an action brings on
    average; `target` and `behaviour` (states × actions) are the policies. `adaptive` logs are taken by a
    learner instead, whose probabilities depend on what it saw.
    """

    name: str
    says: str
    size: int
    shares: Numbers
    means: Numbers
    target: Numbers
    behaviour: Numbers
    rewards: Callable[[Rng, Numbers], Numbers]
    adaptive: bool = False
    far: bool = False
    """Made so that the log says too little."""
    each: int = 1
    """Decisions of a customer on average; above 1 they cluster."""

    @property
    def truth(self) -> float:
        """Return what the policy brings on average."""
        return float(self.shares @ (self.target * self.means).sum(axis=1))

    @property
    def usual(self) -> float:
        """Return what the logging policy brings on average; not of an adaptive log."""
        return float(self.shares @ (self.behaviour * self.means).sum(axis=1))

    def log(self, seed: int) -> Log:
        """Draw a log."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        if self.each > 1:
            return self._of_customers(rng)
        state = rng.choice(len(self.shares), size=self.size, p=self.shares)
        if self.adaptive:
            return self._learned(rng, state)
        behaviour = self.behaviour[state]
        action = drawn(rng, behaviour)
        reward = self.rewards(rng, self.means[state, action])
        return self._logged(state, action, reward, behaviour)

    def _logged(
        self,
        state: Places,
        action: Places,
        reward: Numbers,
        behaviour: Numbers,
        cluster: Places | None = None,
    ) -> Log:
        return Log(
            action=action,
            reward=reward,
            propensity=behaviour[np.arange(len(action)), action],
            target=self.target[state],
            behaviour=behaviour,
            cell=state,
            cluster=cluster,
        )

    def _of_customers(self, rng: Rng) -> Log:
        """Customers keep their state, and like everything more or less than others do: by 0 to 2."""
        customers = self.size // self.each
        number = rng.geometric(1.0 / self.each, size=customers)
        cluster = np.repeat(np.arange(customers), number)
        state = rng.choice(len(self.shares), size=customers, p=self.shares)[cluster]
        liking = (2.0 * rng.beta(1.0, 1.0, size=customers))[cluster]
        behaviour = self.behaviour[state]
        action = drawn(rng, behaviour)
        reward = self.rewards(rng, liking * self.means[state, action])
        return self._logged(state, action, reward, behaviour, cluster)

    def _learned(self, rng: Rng, state: Places) -> Log:
        """Let a learner choose: a tenth at random, else what has been best in this state, learned by 50."""
        states, actions = self.means.shape
        counts, sums = np.zeros((states, actions)), np.zeros((states, actions))
        action, reward = np.zeros(self.size, dtype=np.int64), np.zeros(self.size)
        behaviour = np.zeros((self.size, actions))
        for first in range(0, self.size, 50):
            now = slice(first, first + 50)
            best = ((sums + 0.1) / (counts + 1.0)).argmax(axis=1)
            table = np.full((states, actions), 0.1 / actions)
            table[np.arange(states), best] += 0.9
            behaviour[now] = table[state[now]]
            action[now] = drawn(rng, behaviour[now])
            reward[now] = self.rewards(rng, self.means[state[now], action[now]])
            np.add.at(counts, (state[now], action[now]), 1.0)
            np.add.at(sums, (state[now], action[now]), reward[now])
        return self._logged(state, action, reward, behaviour)


def drawn(rng: Rng, probabilities: NDArray[np.float64]) -> Places:
    """Draw a position of each row by its probabilities."""
    reached = np.cumsum(probabilities, axis=1)
    points = rng.random(len(probabilities)) * reached[:, -1]
    place = (points[:, None] >= reached).sum(axis=1)
    found: Places = np.minimum(place, probabilities.shape[1] - 1)
    return found


def leaning(means: Numbers, strength: float, least: float) -> Numbers:
    """Return probabilities that lean towards what brings more, each at least `least`."""
    scaled = (means - means.mean(axis=1, keepdims=True)) / means.std()
    free = np.exp(strength * scaled)
    free /= free.sum(axis=1, keepdims=True)
    found: Numbers = least + (1.0 - means.shape[1] * least) * free
    return found


def clicks(rng: Rng, means: Numbers) -> Numbers:
    """Return 1 with the mean's probability, else 0."""
    return (rng.random(len(means)) < means).astype(float)


def spend(rng: Rng, means: Numbers) -> Numbers:
    """Return what is bought, log-normal, by one in ten: mostly nothing, seldom much."""
    bought = rng.random(len(means)) < 0.1
    return bought * means * 10.0 * rng.lognormal(-0.32, 0.8, size=len(means))


RATES = np.array(
    [
        [0.05, 0.08, 0.12, 0.03, 0.10],
        [0.10, 0.04, 0.06, 0.15, 0.08],
        [0.02, 0.03, 0.05, 0.04, 0.12],
        [0.20, 0.15, 0.10, 0.08, 0.05],
    ]
)
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
_TARGET = leaning(RATES, 1.5, 0.01)
_FROM = leaning(RATES, -0.4, 0.05)


def _world(name: str, says: str, size: int, **changes: Any) -> World:
    usual: dict[str, Any] = {
        "means": RATES,
        "target": _TARGET,
        "behaviour": _FROM,
        "rewards": clicks,
    }
    return World(name=name, says=says, size=size, shares=SHARES, **(usual | changes))


WORLDS = (
    _world("clicks", "2,000 decisions, rates of 2 to 20 %", 2000),
    _world(
        "spend",
        "6,000 decisions, one in ten buys, amounts log-normal",
        6000,
        means=100.0 * RATES,
        rewards=spend,
    ),
    _world(
        "customers",
        "about 3,000 decisions of 600 customers with likings of their own",
        3000,
        each=5,
    ),
    _world(
        "far",
        "2,000 decisions, of which the policy would have taken few",
        2000,
        target=leaning(RATES, 4.0, 0.0),
        behaviour=leaning(RATES, -2.5, 0.004),
        far=True,
    ),
    _world(
        "learner",
        "2,000 decisions of an ε-greedy learner (ε .1) that learns after each 50",
        2000,
        adaptive=True,
    ),
)
"""Three plain logs, one that says too little, and one by a policy that learned on the way."""
