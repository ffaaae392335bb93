"""How customers behave: one small interface for each side, with a default that can be replaced.

Whatever is random comes from `Chance`, so that it is the same in every process; whatever somebody
remembers is a column of `People`. Instances hold nothing that changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import exp, log, log2
from typing import NamedTuple, Protocol

import numpy as np

from actors.simulation.draws import Chance
from actors.simulation.model import PopulationModel
from actors.simulation.people import Floats, People
from actors.simulation.population import USUAL, scores

VISIT, ORDER, MESSAGE = "visit", "order", "message"
"""Kinds of occasions on which somebody meets offers."""


class Occasion(NamedTuple):
    """When and where a customer meets offers. `category` is what the visit is about, or empty."""

    at_ms: int
    channel: str
    kind: str = VISIT
    category: str = ""


class Offer(NamedTuple):
    """What is offered. `value_minor` is its worth to the company, in minor units of money."""

    action: str
    group: str
    value_minor: float
    channel: str
    placement: str = ""


class Basket(NamedTuple):
    """What somebody buys at once: amounts in minor units, by category."""

    total_minor: int
    categories: dict[str, int]
    items: int


class Arrival(Protocol):
    """When customers come."""

    def expected(self, people: People, day: int) -> Floats:
        """Return how many visits each is expected to make on a day, given as its number since 1970."""
        ...


class Shopping(Protocol):
    """What customers look for and buy."""

    def category(self, people: People, i: int, chance: Chance) -> str:
        """Return what a visit is about."""
        ...

    def basket(
        self, people: People, i: int, occasion: Occasion, extra_minor: float, chance: Chance
    ) -> Basket | None:
        """Return what customer `i` buys on a visit, None for nothing.

        `extra_minor` is what offers just taken are worth.
        """
        ...


class Appeal(Protocol):
    """How well an offer is liked."""

    def utilities(
        self, people: People, i: int, occasion: Occasion, offers: Sequence[Offer]
    ) -> list[float]:
        """Return the log-odds that customer `i` takes each offer, once noticed, rather than nothing."""
        ...


class Choosing(Protocol):
    """Which of several offers is noticed, and taken."""

    def probability(self, utility: float, place: int) -> float:
        """Return the probability with which an offer is noticed at a place and taken, were it alone."""
        ...

    def choose(self, utilities: Sequence[float], chance: Chance) -> tuple[int, int]:
        """Return how many were noticed, from the first on, and which of them was taken, or -1."""
        ...


class Feeling(Protocol):
    """How satisfied and how tired customers are, and when they say so."""

    def fatigue(self, people: People, i: int, at_ms: int) -> float:
        """Return how many messages are remembered at an instant."""
        ...

    def reached(self, people: People, i: int, at_ms: int) -> None:
        """Take note that a message has come."""
        ...

    def happened(self, people: People, i: int, what: str) -> None:
        """Take note of `order`, `taken`, `complaint` or `pestered`."""
        ...

    def unsubscribes(self, people: People, i: int, at_ms: int) -> float:
        """Return the probability that a message makes somebody unsubscribe."""
        ...

    def complains(self, people: People, i: int) -> float:
        """Return the probability that an order ends in a complaint."""
        ...


class Staying(Protocol):
    """Who stops coming, and who comes back."""

    def leaving(self, people: People, day: int) -> Floats:
        """Return the probability of each who comes to stop on a day."""
        ...

    def returning(self, people: People, day: int) -> Floats:
        """Return the probability of each who has stopped to begin again on a day."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Visits at gamma-distributed rates, modulated by the days since the last one and by the weekday."""

    model: PopulationModel
    _rhythms: Floats = field(init=False)

    def __post_init__(self) -> None:
        rare = self.model.rhythm_rare or self.model.rhythm
        object.__setattr__(self, "_rhythms", np.array([rare, self.model.rhythm]))

    def expected(self, people: People, day: int) -> Floats:
        """See `Arrival.expected`."""
        since = np.clip(day - people.last_day, 0, self._rhythms.shape[1] - 1)
        often = (people.rate >= self.model.often).astype(np.int64)
        weekday = self.model.weekdays[(day + 3) % 7]  # 1970 began on a Thursday
        mood = 0.5 + 0.5 * people.satisfaction / USUAL
        found: Floats = people.rate * self._rhythms[often, since] * weekday * mood * people.active
        return found


class Baskets:
    """Log-normal baskets, of two categories by the customer's tastes, larger by what was taken."""

    def __init__(self, model: PopulationModel, margin: float = 0.25) -> None:
        """`margin` is the part of a price that is an offer's value to the company."""
        self._model = model
        self._names = list(model.categories)
        self._margin = margin

    def category(self, people: People, i: int, chance: Chance) -> str:
        """See `Shopping.category`."""
        return self._names[_place(people.tastes[i], chance.uniform("category"))]

    def basket(
        self, people: People, i: int, occasion: Occasion, extra_minor: float, chance: Chance
    ) -> Basket | None:
        """See `Shopping.basket`."""
        buys = self._model.buys.get(occasion.channel, 0.4)
        if extra_minor > 0.0:
            buys = 1.0 - (1.0 - buys) * 0.7
        if chance.uniform("buy") >= buys:
            return None
        score = self._score(chance.uniform("basket"))
        usual = exp(people.basket.item(i) + people.spread.item(i) * score)
        total = max(1, round(usual + extra_minor / self._margin))
        first = self.category(people, i, chance)
        second = self._names[_place(people.tastes[i], chance.uniform("second_category"))]
        most = total if second == first else round(total * 0.6)
        split = {first: most} if most == total else {first: most, second: total - most}
        return Basket(total, split, 1 + int(total / 300 * (0.5 + chance.uniform("items"))))

    def _score(self, point: float) -> float:
        """Return how far a basket is from the usual one, in standard deviations of its logarithm."""
        shape = self._model.basket_shape
        if not shape:
            return float(scores(np.float64(point)))  # type: ignore[arg-type]
        place = point * (len(shape) - 1)
        low = int(place)
        return shape[low] + (place - low) * (shape[low + 1] - shape[low])


def _place(cumulated: Floats, point: float) -> int:
    return min(int(cumulated.searchsorted(point, side="right")), len(cumulated) - 1)


class Liking:
    """Log-odds that add up: the customer, the action, its value, tastes, fatigue, the channel."""

    def __init__(self, model: PopulationModel, feeling: Feeling) -> None:
        self._model = model
        self._feeling = feeling
        self._names = list(model.categories)
        self._of_action: dict[tuple[str, float], tuple[float, float, int]] = {}

    def utilities(
        self, people: People, i: int, occasion: Occasion, offers: Sequence[Offer]
    ) -> list[float]:
        """See `Appeal.utilities`."""
        model = self._model
        base = people.offers.item(i) + 2.0 * (people.satisfaction.item(i) - USUAL)
        tired = self._feeling.fatigue(people, i, occasion.at_ms)
        base += model.fatigue_log_odds * people.tiring.item(i) * tired
        if occasion.kind == MESSAGE:
            base += model.message_log_odds
        price = people.price.item(i)
        known, found = self._of_action, []
        for offer in offers:
            key = (offer.action, offer.value_minor)
            quality, doublings, category = known.get(key) or self._learn(offer)
            utility = base + quality + price * doublings
            if category >= 0:
                tastes = people.tastes[i]
                share = float(tastes[category] - (tastes[category - 1] if category else 0.0))
                utility += model.taste_log_odds * share / (share + 0.1)
            found.append(utility)
        return found

    def _learn(self, offer: Offer) -> tuple[float, float, int]:
        """Return what holds of an action for everybody: its quality, what its value adds, its category or -1.

        The quality is drawn by its name, so that it is the same in every population.
        """
        digest = blake2b(offer.action.encode(), digest_size=8).digest()
        point = np.float64(int.from_bytes(digest, "big") / 2.0**64)
        quality = self._model.action_spread * float(scores(point))  # type: ignore[arg-type]
        share = self._model.redemption.get(offer.action.split("/")[-1].replace("_", " ").title())
        if share is not None:  # a coupon of a kind that was measured
            quality = log(share / (1.0 - share)) - self._model.offer_log_odds
        doublings = self._model.price_log_odds * log2(1.0 + max(offer.value_minor, 0.0) / 100.0)
        words = {part.lower() for part in offer.action.replace("_", "/").split("/")}
        category = next(
            (k for k, name in enumerate(self._names) if words & set(name.lower().split())), -1
        )
        said = self._of_action[offer.action, offer.value_minor] = (quality, doublings, category)
        return said


class Cascade:
    """Places are looked at one after the other, and one of what was seen is taken by a logit.

    Sources: Craswell et al. (2008) for the cascade, McFadden (1974) for the multinomial logit.
    """

    def __init__(self, model: PopulationModel) -> None:
        self._attention = model.attention

    def probability(self, utility: float, place: int) -> float:
        """See `Choosing.probability`."""
        return float(self._attention ** (place + 1)) / (1.0 + exp(-utility))

    def choose(self, utilities: Sequence[float], chance: Chance) -> tuple[int, int]:
        """See `Choosing.choose`."""
        look, noticed = chance.uniform("notice"), 0
        reach = self._attention
        while noticed < len(utilities) and look < reach:
            noticed += 1
            reach *= self._attention
        weights = [exp(utility) for utility in utilities[:noticed]]
        point = chance.uniform("take") * (1.0 + sum(weights))
        for place, weight in enumerate(weights):
            point -= weight
            if point < 0.0:
                return noticed, place
        return noticed, -1


class Moods:
    """Fatigue that halves in some days, and satisfaction that comes back to what is usual."""

    def __init__(self, model: PopulationModel) -> None:
        self._model = model
        self._half_ms = model.fatigue_half_life_days * 86_400_000.0

    def fatigue(self, people: People, i: int, at_ms: int) -> float:
        """See `Feeling.fatigue`."""
        tired = people.fatigue.item(i)
        if not tired:
            return 0.0
        return tired * float(0.5 ** (max(0, at_ms - people.fatigue_ms.item(i)) / self._half_ms))

    def reached(self, people: People, i: int, at_ms: int) -> None:
        """See `Feeling.reached`."""
        people.fatigue[i] = self.fatigue(people, i, at_ms) + 1.0
        people.fatigue_ms[i] = at_ms

    def happened(self, people: People, i: int, what: str) -> None:
        """See `Feeling.happened`."""
        now = people.satisfaction.item(i)
        now += (USUAL - now) * 0.05 + _FELT.get(what, 0.0)
        people.satisfaction[i] = min(1.0, max(0.0, now))

    def unsubscribes(self, people: People, i: int, at_ms: int) -> float:
        """See `Feeling.unsubscribes`."""
        tired = self.fatigue(people, i, at_ms) * people.tiring.item(i)
        return min(1.0, self._model.unsubscribe * (1.0 + tired * tired))

    def complains(self, people: People, i: int) -> float:
        """See `Feeling.complains`."""
        return min(1.0, self._model.complaint * (USUAL / max(0.1, people.satisfaction.item(i))))


_FELT = {"order": 0.002, "taken": 0.02, "complaint": -0.25, "pestered": -0.02}


class Loyalty:
    """Leaving is rare, likelier for the dissatisfied; some who left come back."""

    def __init__(self, model: PopulationModel) -> None:
        self._model = model

    def leaving(self, people: People, day: int) -> Floats:
        """See `Staying.leaving`."""
        # Asked of those who come, so that the hazard a day is the same for frequent and rare visitors.
        often = np.maximum(people.rate, 0.02)
        found: Floats = self._model.leave / often * np.exp(6.0 * (USUAL - people.satisfaction))
        return np.minimum(found, 1.0)

    def returning(self, people: People, day: int) -> Floats:
        """See `Staying.returning`."""
        found: Floats = np.full(len(people), self._model.come_back)
        return found


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All sides of a customer. `dataclasses.replace` puts another one in the place of one."""

    arrival: Arrival
    shopping: Shopping
    appeal: Appeal
    choosing: Choosing
    feeling: Feeling
    staying: Staying


def usual_behaviour(model: PopulationModel) -> Behaviour:
    """Return the defaults with the numbers of a model."""
    feeling = Moods(model)
    return Behaviour(
        arrival=Rhythm(model),
        shopping=Baskets(model),
        appeal=Liking(model, feeling),
        choosing=Cascade(model),
        feeling=feeling,
        staying=Loyalty(model),
    )
