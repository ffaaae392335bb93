"""One customer, stepped from occasion to occasion.

This is compiled, and behaviours may be anybody's: what they answer is made a Python number here, since
numpy's are none for machine code.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from actors.simulation.behaviour import MESSAGE, Basket, Behaviour, Occasion, Offer
from actors.simulation.draws import Chance
from actors.simulation.people import People

_PESTERED = 4.0
"""From so many remembered messages on a further one annoys."""


class Reaction(NamedTuple):
    """What somebody did with offers: how many were noticed, which was taken, or -1."""

    noticed: int
    taken: int
    unsubscribed: bool = False
    spam: bool = False


class Customer:
    """A row of `People` with its behaviour. What she remembers is in the columns."""

    __slots__ = ("behaviour", "i", "people")

    def __init__(self, people: People, i: int, behaviour: Behaviour) -> None:
        self.people = people
        self.i = i
        self.behaviour = behaviour

    def appeal(self, offer: Offer, occasion: Occasion, place: int = 0) -> float:
        """Return the true probability that an offer is noticed and taken, if it is the only one."""
        return self.appeals((offer,), occasion, place)[0]

    def appeals(self, offers: Sequence[Offer], occasion: Occasion, place: int = 0) -> list[float]:
        """Return the same for several offers, each as if it were the only one."""
        probability: Any = self.behaviour.choosing.probability
        appeal: Any = self.behaviour.appeal
        found = appeal.utilities(self.people, self.i, occasion, offers)
        return [float(probability(utility, place)) for utility in found]

    def react(self, occasion: Occasion, offers: Sequence[Offer], chance: Chance) -> Reaction:
        """Meet offers, in the order in which they stand; what it does to her is remembered.

        A message is one offer; to have received it tires, whether it is noticed or not.
        """
        people, i = self.people, self.i
        appeal: Any = self.behaviour.appeal
        choosing: Any = self.behaviour.choosing
        feeling: Any = self.behaviour.feeling
        noticed, taken = 0, -1
        utilities = appeal.utilities(people, i, occasion, offers) if offers else ()
        if len(utilities):
            chosen = choosing.choose(utilities, chance)
            noticed, taken = int(chosen[0]), int(chosen[1])
        unsubscribed = spam = False
        if occasion.kind == MESSAGE:
            odds = float(feeling.unsubscribes(people, i, occasion.at_ms))
            unsubscribed = taken < 0 and chance.uniform("unsubscribe") < odds
            spam = taken < 0 and chance.uniform("spam") < odds * 0.1
            if float(feeling.fatigue(people, i, occasion.at_ms)) >= _PESTERED:
                feeling.happened(people, i, "pestered")
            feeling.reached(people, i, occasion.at_ms)
        if taken >= 0:
            feeling.happened(people, i, "taken")
        return Reaction(noticed, taken, unsubscribed, spam)

    def buy(self, occasion: Occasion, extra_minor: float, chance: Chance) -> Basket | None:
        """Buy, or not; `extra_minor` is what offers taken on the way are worth."""
        basket = self.behaviour.shopping.basket(self.people, self.i, occasion, extra_minor, chance)
        if basket is not None:
            self.people.orders[self.i] += 1
            self.behaviour.feeling.happened(self.people, self.i, "order")
        return basket
