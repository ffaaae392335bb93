"""The numbers of a population: what is fitted to data, and what has to be assumed.

A distribution over customers is given by its quantiles at evenly spaced probabilities from 0 to 1, between
which values are interpolated; so a gamma distribution of rates (with which counts are negative binomial) and
one that was measured look the same here.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GRID = 4000


def gamma_quantiles(shape: float, mean: float, count: int = 41) -> list[float]:
    """Return quantiles of a gamma distribution, the last at 0.999 instead of 1.

    The density is summed on a grid of logarithms, which is enough for three digits at any shape.
    """
    x = np.linspace(-14.0 / max(shape, 0.2) - 2.0, np.log(60.0), _GRID)
    weights = np.exp(shape * x - shape * np.exp(x))  # the density of log(X), X of mean 1
    cumulated = np.cumsum(weights)
    asked = np.linspace(0.0, 1.0, count)
    asked[-1] = 0.999
    found = np.exp(np.interp(asked, cumulated / cumulated[-1], x)) * mean
    return [round(float(each), 6) for each in found]


def quantiles_at(table: list[float], probabilities: Floats) -> Floats:
    """Return values at probabilities in [0, 1), interpolated."""
    found: Floats = np.interp(probabilities, np.linspace(0.0, 1.0, len(table)), np.array(table))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationModel:
    """What a population is drawn from. Amounts are in minor units, rates in visits a day.

    Fitted where `source` names data: `visit_rates`, `basket_means` and `basket_spreads` (mean and standard
    deviation of the logarithm of a basket) are quantiles over customers; `basket_shape` are quantiles of a
    customer's standardised baskets, empty for normal ones; `copula` are the correlations of their
    normal scores, in that order; `rhythm` multiplies the rate by how many days ago the last visit was, from 0,
    the last for all later, and `rhythm_rare` does for those whose rate is below `often`; `weekdays` (from Monday) and `hours` (UTC) are factors with mean 1; `categories` are
    shares of spend and `evenness` their Dirichlet weight; `redemption` is the share of coupons used, by type of
    campaign; `leave` is the hazard a day to stop coming, and `come_back` to begin again.

    Assumed, for no public data has them: the shares of `channels` with `loyalty_to_channel` as their Dirichlet
    weight; `buys` is how often a visit on a channel ends in an order. `offer_log_odds` and `offer_spread` are mean and standard deviation over customers of the log-odds that a
    noticed offer is taken, `price_log_odds` what an offer's value adds for each doubling over 1 unit of
    currency, `taste_log_odds` what a liked category adds; `action_spread` how much actions differ.
    `message_log_odds` is added for messages, `attention` how often the next place on a page is looked at.
    `fatigue_half_life_days` is how soon messages are forgotten, `fatigue_log_odds` what each remembered one
    costs; `unsubscribe` and `spam` are the chances of a message with no fatigue; `consent` is the share who can
    be written to; `complaint` the chance that an order ends in one.
    """

    source: str = "assumed"
    visit_rates: list[float] = field(default_factory=lambda: gamma_quantiles(1.1, 0.19))
    basket_means: list[float] = field(default_factory=lambda: [6.0, 7.0, 7.4, 7.9, 8.6])
    basket_spreads: list[float] = field(default_factory=lambda: [0.5, 0.8, 1.0, 1.1, 1.5])
    basket_shape: list[float] = field(default_factory=list)
    copula: list[list[float]] = field(
        default_factory=lambda: [[1.0, -0.2, 0.1], [-0.2, 1.0, -0.1], [0.1, -0.1, 1.0]]
    )
    rhythm: list[float] = field(default_factory=lambda: [0.6, 1.0, 1.1, 1.1, 1.1, 1.1, 1.2, 1.0])
    rhythm_rare: list[float] = field(default_factory=list)
    often: float = 0.0
    weekdays: list[float] = field(default_factory=lambda: [1.0, 0.9, 0.9, 0.9, 1.0, 1.1, 1.2])
    hours: list[float] = field(
        default_factory=lambda: [0.1] * 8 + [0.8] * 4 + [1.6] * 10 + [0.6, 0.3]
    )
    categories: dict[str, float] = field(
        default_factory=lambda: {"GROCERY": 0.6, "PRODUCE": 0.15, "MEAT": 0.15, "DELI": 0.1}
    )
    evenness: float = 12.0
    redemption: dict[str, float] = field(
        default_factory=lambda: {"Type A": 0.1, "Type B": 0.03, "Type C": 0.03}
    )
    leave: float = 0.0008
    come_back: float = 0.004

    channels: dict[str, float] = field(
        default_factory=lambda: {"store": 0.7, "web": 0.18, "app": 0.12}
    )
    loyalty_to_channel: float = 4.0
    buys: dict[str, float] = field(default_factory=lambda: {"store": 1.0, "web": 0.4, "app": 0.4})
    offer_log_odds: float = -3.0
    offer_spread: float = 0.8
    price_log_odds: float = 0.35
    taste_log_odds: float = 1.5
    action_spread: float = 0.5
    message_log_odds: float = 0.3
    attention: float = 0.75
    fatigue_half_life_days: float = 10.0
    fatigue_log_odds: float = -0.25
    unsubscribe: float = 0.002
    spam: float = 0.0002
    consent: float = 0.65
    complaint: float = 0.004

    def to_json(self) -> str:
        """Return it as JSON, for people to read and to change."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "PopulationModel":
        """Read what `to_json` wrote; what is left out has its default.

        Raises:
            ValueError: It is no JSON object, or has a field that there is none of or that holds something else.
        """
        found: Any = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("a population's model is a JSON object")  # noqa: TRY004 - of the text
        unknown = sorted(found.keys() - {each.name for each in fields(cls)})
        if unknown:
            raise ValueError(f"a population's model has no {unknown[0]!r}")
        usual = asdict(cls())
        for name in sorted(found):
            if not _alike(found[name], usual[name]):
                kind = _KINDS[type(usual[name])]
                raise ValueError(f"{name!r} of a population's model is not {kind}")
        return cls(**found)


_KINDS = {str: "text", float: "a number", list: "a list of numbers", dict: "numbers by name"}


def _alike(value: object, usual: object) -> bool:
    """Return whether a value is of the kind of the usual one: text, number, or numbers by name or in order."""
    if isinstance(usual, str):
        return isinstance(value, str)
    if isinstance(usual, dict):
        return isinstance(value, dict) and all(_alike(each, 0.0) for each in value.values())
    if isinstance(usual, list):
        of = usual[0] if usual else 0.0
        return isinstance(value, list) and all(_alike(each, of) for each in value)
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def default_model() -> PopulationModel:
    """Return the model that is fitted to the households of the demo; see docs/simulation.md."""
    text = (files("actors.simulation") / "households.json").read_text(encoding="utf-8")
    return PopulationModel.from_json(text)
