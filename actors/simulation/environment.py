"""A Gymnasium environment: an agent says what each customer is offered next, in the real runtime.

One step is one slot that the engine would have filled: the funnel (eligibility, consent, contact caps,
budgets) has run, and the agent chooses among what is left, or nothing. Then the session commits, customers
react, and time goes on until the next slot. Needs the extra `research`.

    env = gymnasium.make("actors.simulation.environment:righttime/Customers-v0", customers=50, days=30)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from greenlet import getcurrent, greenlet
from gymnasium import spaces
from numpy.typing import NDArray

from actors.playbook.loader import compile_bundle, library
from actors.playbook.model import Playbook
from actors.simulation.behaviour import Behaviour, usual_behaviour
from actors.simulation.block import Block, World
from actors.simulation.choosing import deciding
from actors.simulation.learning import Frozen
from actors.simulation.ledger import FEATURES
from actors.simulation.model import PopulationModel, default_model
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.spec import Spec

Observation = dict[str, Any]
REWARDS = {"value": ("value_minor", "cost_minor"), "revenue": ("revenue_minor", "cost_minor")}
"""What a reward is: one sum less another, over all customers, since the last step."""
OFFER = ("propensity", "value", "cost")
"""What is known of each action: as a model scores it, and money in units of the currency."""
_SCALES = np.array([10.0, 1e5, 30.0, 90.0, 20.0, 10.0, 24.0, 7.0], dtype=np.float32)
"""By which `FEATURES` are divided, so that they are of the order of 1."""
_MOST = 10.0
_RICH = 1e6
_TRIES = 1000


class CustomersEnv(gymnasium.Env[Observation, np.int64]):
    """Customers of a simulated population, one decision after the other, in virtual time.

    Observation: `customer`, `ledger.FEATURES` scaled and clipped to [0, 10]; `slot`, 1 where the decision is,
    by channel and placement (`slots` names them, the last is outbound); `offers` (actions × `OFFER`), 0 for
    what cannot be chosen; `mask`, 1 for what can. Action 0 is nothing, k the k-th of `actions`; what the
    mask forbids is taken for nothing. `info["action_mask"]` is the mask again, as int8.

    Reward: what customers took since the last step, less what contacts cost, in units of the
    currency; answers come later than their step. An episode is truncated when its days are over; the rest of the
    rewards is paid then.

    The same seed gives the same customers, who do the same under the same actions.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own way

    def __init__(
        self,
        playbook: Playbook | None = None,
        *,
        customers: int = 1,
        days: int = 30,
        reward: str = "value",
        model: PopulationModel | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        """Without a playbook, the retail one of the library; without a model, the fitted households."""
        if reward not in REWARDS:
            raise ValueError(f"reward {reward!r}: expected {' or '.join(REWARDS)}")
        self._book = compile_bundle(library("retail")) if playbook is None else playbook
        self._model = default_model() if model is None else model
        self._behaviour = usual_behaviour(self._model) if behaviour is None else behaviour
        self._customers, self._days, self._paid = customers, days, REWARDS[reward]
        self._unit = 10.0**self._book.minor_digits
        self.actions = tuple(action.key for action in self._book.actions)
        self._index = {key: i + 1 for i, key in enumerate(self.actions)}
        self.slots = (
            *sorted({(c, p) for c, names in self._book.placements.items() for p in names}),
            ("", ""),
        )
        self._slot_at = {slot: i for i, slot in enumerate(self.slots)}
        count = len(self.actions) + 1
        self.action_space = spaces.Discrete(count)
        self.observation_space = spaces.Dict(
            {
                "customer": spaces.Box(0.0, _MOST, (len(FEATURES),), np.float32),
                "slot": spaces.MultiBinary(len(self.slots)),
                "offers": spaces.Box(0.0, _RICH, (count, len(OFFER)), np.float32),
                "mask": spaces.MultiBinary(count),
            }
        )
        self._playing: greenlet | None = None
        self._block: Block | None = None
        self._before = 0.0
        self._open: dict[int, int] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with new customers; whoever meets no decision in all the days is passed over."""
        super().reset(seed=seed)
        for _ in range(_TRIES):
            self._begin(int(self.np_random.integers(1 << 31)))
            asked = self._go_on(None)
            if asked is not None:
                return asked, self._info(asked)
        raise RuntimeError(f"nobody met a decision within {self._days} days")

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Choose, and go on to the next decision.

        Raises:
            RuntimeError: The episode is over, or has not begun.
        """
        if self._playing is None:
            raise RuntimeError("call reset first: there is no episode under way")
        asked = self._go_on(int(action))
        over = asked is None
        found = self._nothing() if asked is None else asked
        after = self._sum()
        reward, self._before = (after - self._before) / self._unit, after
        return found, reward, False, over, self._info(found)

    def close(self) -> None:
        """End the episode under way."""
        self._playing = None
        self._block = None

    def _begin(self, seed: int) -> None:
        spec = Spec(population=self._customers, days=self._days, seed=seed, blocks=1)
        people = Population(self._model, seed, spec.start_ms)
        world = World(spec, people, self._behaviour, self._book, deciding(self._asked, "agent"))
        self._block = block = Block(world, 0, Frozen())
        self._before = 0.0
        self._playing = greenlet(lambda _: block.run_until(spec.end_ms))

    def _go_on(self, action: int | None) -> Observation | None:
        """Let time go on with an action; return the next decision's observation, None at the end."""
        playing = self._playing
        if playing is None:
            return None
        playing.parent = getcurrent()
        asked: Observation | None = playing.switch(action)
        if playing.dead:
            self._playing = None
            self._check()
            return None
        return asked

    def _check(self) -> None:
        if self._block is not None and self._block.failed.counts:
            raise RuntimeError(f"turns failed: {self._block.failed.counts}")

    def _asked(self, context: Mapping[str, Any], names: Sequence[str]) -> Sequence[float]:
        """Answer the engine for one slot: hand over to whoever steps, and come back with the action.

        Of an action on several channels, the one of the highest priority is meant.
        """
        found = [0.0] * len(names)
        if len(names) > 1:
            observation = self._observe(context, names)
            current = getcurrent()
            assert current.parent is not None  # noqa: S101 - it runs only inside `_go_on`
            action = current.parent.switch(observation)
            found[self._open.get(action, len(names) - 1)] = 1.0
        else:
            found[-1] = 1.0
        return found

    def _observe(self, context: Mapping[str, Any], names: Sequence[str]) -> Observation:
        seen = self._nothing()
        features = np.array(context["features"], dtype=np.float32)
        seen["customer"] = np.clip(features / _SCALES, 0.0, _MOST)
        slot = (context["channel"], context["slot"]) if context["slot"] else ("", "")
        if slot in self._slot_at:
            seen["slot"][self._slot_at[slot]] = 1
        self._open = {}
        best = np.argsort([-each for each in context["priorities"][:-1]], kind="stable")
        for place in best.tolist():
            index = self._index[names[place].rpartition("|")[0]]
            if index in self._open:
                continue
            self._open[index] = place
            seen["mask"][index] = 1
            seen["offers"][index] = (
                context["scores"][place],
                context["gains"][place] / self._unit,
                context["costs"][place] / self._unit,
            )
        return seen

    def _nothing(self) -> Observation:
        """Return what is seen where nothing can be chosen, as at the end."""
        count = len(self.actions) + 1
        mask: NDArray[np.int8] = np.zeros(count, dtype=np.int8)
        mask[0] = 1
        return {
            "customer": np.zeros(len(FEATURES), dtype=np.float32),
            "slot": np.zeros(len(self.slots), dtype=np.int8),
            "offers": np.zeros((count, len(OFFER)), dtype=np.float32),
            "mask": mask,
        }

    def _info(self, seen: Observation) -> dict[str, Any]:
        block = self._block
        now_ms = 0 if block is None else block.clock.now_ms - block.world.spec.start_ms
        return {"action_mask": seen["mask"].copy(), "day": now_ms / DAY_MS}

    def _sum(self) -> float:
        assert self._block is not None  # noqa: S101 - an episode is under way
        gained, lost = (self._block.notes.totals[name] for name in self._paid)
        return float(gained.sum() - lost.sum())


gymnasium.register(
    "righttime/Customers-v0", entry_point="actors.simulation.environment:CustomersEnv"
)
