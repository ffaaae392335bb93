"""Customers drawn from a model: any part of a population is the same as in the whole."""

from statistics import NormalDist

import numpy as np

from actors.simulation.draws import TRAITS, uniforms
from actors.simulation.model import PopulationModel, gamma_quantiles, quantiles_at
from actors.simulation.people import DAY_MS, Floats, People

_NORMAL = NormalDist()
_STEPS = 4096
_SCORES = np.array([round(_NORMAL.inv_cdf((i + 0.5) / _STEPS), 9) for i in range(_STEPS)])
_POINTS = (np.arange(_STEPS) + 0.5) / _STEPS
_OWN = 9
"""Streams of a customer before those of tastes and channels."""
USUAL = 0.7
"""The satisfaction of somebody to whom nothing has happened."""


def scores(probabilities: Floats) -> Floats:
    """Return normal scores."""
    found: Floats = np.interp(probabilities, _POINTS, _SCORES)
    return found


def probabilities(normal: Floats) -> Floats:
    """Return what `scores` was given."""
    found: Floats = np.interp(normal, _SCORES, _POINTS)
    return found


class Population:
    """All customers of a seed; who they are is drawn when they are asked for."""

    def __init__(self, model: PopulationModel, seed: int, start_ms: int = 0) -> None:
        self.model = model
        self.seed = seed
        self.start_day = start_ms // DAY_MS

    def people(self, first: int, count: int) -> People:
        """Return the customers with indexes from `first` on."""
        model = self.model
        index = np.arange(first, first + count, dtype=np.int64)
        width = _OWN + len(model.categories) + len(model.channels)
        drawn = uniforms(self.seed, index, np.zeros(count, np.int64), width, TRAITS)
        tied = np.linalg.cholesky(np.array(model.copula))
        ranks = probabilities(scores(drawn[:, :3]) @ tied.T)
        rate = quantiles_at(model.visit_rates, ranks[:, 0])
        split = _OWN + len(model.categories)
        # Where somebody is in her own rhythm when it all begins: the age of a renewal process.
        ago = np.log(np.maximum(1e-12, 1.0 - drawn[:, 3])) / -np.maximum(rate, 1e-9)
        return People(
            index=index,
            rate=rate,
            basket=quantiles_at(model.basket_means, ranks[:, 1]),
            spread=quantiles_at(model.basket_spreads, ranks[:, 2]),
            tastes=_shares(drawn[:, _OWN:split], list(model.categories.values()), model.evenness),
            habits=_shares(
                drawn[:, split:], list(model.channels.values()), model.loyalty_to_channel
            ),
            offers=model.offer_log_odds + model.offer_spread * scores(drawn[:, 4]),
            price=np.exp(0.4 * scores(drawn[:, 5])),
            tiring=np.exp(0.5 * scores(drawn[:, 6])),
            consents=drawn[:, 7] < model.consent,
            fatigue=np.zeros(count),
            fatigue_ms=np.zeros(count, np.int64),
            satisfaction=np.clip(USUAL + 0.1 * scores(drawn[:, 8]), 0.0, 1.0),
            active=np.ones(count, np.bool_),
            last_day=self.start_day - 1 - np.minimum(ago, 365.0).astype(np.int64),
            orders=np.zeros(count, np.int64),
            met=np.zeros(count, np.bool_),
        )


def _shares(drawn: Floats, means: list[float], weight: float) -> Floats:
    """Return rows of a Dirichlet distribution, cumulated; the last column is 1."""
    total = sum(means)
    gammas = np.empty_like(drawn)
    for place, mean in enumerate(means):
        shape = max(weight * mean / total, 1e-3)
        gammas[:, place] = quantiles_at(gamma_quantiles(shape, shape, 201), drawn[:, place])
    cumulated = np.cumsum(gammas + 1e-12, axis=1)
    found: Floats = cumulated / cumulated[:, -1:]
    return found
