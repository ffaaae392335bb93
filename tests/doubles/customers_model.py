"""A slow model of who is who: every customer is the list of all that happened, and all is recomputed.

It knows nothing of numbers, partitions, states or strategies. Customers are told apart by `Customer`
objects; a loser of a merge lives on inside the survivor's list, from where an unmerge takes it out.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Name = tuple[str, str]
"""Kind and value, such as ("user", "ann")."""

DENIED, GRANTED = "denied", "granted"
SHARED = frozenset({"device"})
LINKING = frozenset({"identify", "alias"})


@dataclass(frozen=True)
class Fact:
    """One event: who it names, the routing name first, and what it says of consent."""

    message: str
    names: tuple[Name, ...]
    claimed: frozenset[Name]
    at_ms: int
    consents: tuple[tuple[str, bool], ...] = ()
    counts: bool = True


@dataclass(frozen=True)
class Joined:
    """That another customer became part of this one, with all it had been."""

    other: "Customer"


@dataclass(eq=False)
class Customer:
    """Everything that happened to one customer, in the order of its turns.

    `order` is when the model first saw the customer; a test may set it to what the survivor is chosen by
    where neither has a user id.
    """

    order: int
    story: list[Fact | Joined] = field(default_factory=list)

    def owned(self) -> set[Name]:
        """Names that belong to this customer."""
        found: set[Name] = set()
        for each in self.story:
            found |= each.claimed if isinstance(each, Fact) else each.other.owned()
        return found

    def messages(self) -> Counter[str]:
        """Events that count for this customer, each as often as it does."""
        found: Counter[str] = Counter()
        for each in self.story:
            if isinstance(each, Joined):
                found += each.other.messages()
            elif each.counts:
                found[each.message] += 1
        return found

    def consents(self) -> dict[str, tuple[str, int]]:
        """(status, time) by category; what is missing is unknown."""
        known: dict[str, tuple[str, int]] = {}
        for each in self.story:
            if isinstance(each, Joined):
                for category, theirs in each.other.consents().items():
                    mine = known.get(category, theirs)
                    known[category] = max(mine, theirs, key=lambda act: (act[0] == DENIED, act[1]))
            else:
                for category, granted in each.consents:
                    _act(known, category, granted, each.at_ms)
        return known

    def is_known(self) -> bool:
        """Whether somebody has given this customer a user id."""
        return any(kind == "user" for kind, _ in self.owned())


def _act(known: dict[str, tuple[str, int]], category: str, granted: bool, at_ms: int) -> None:
    """Take the latest act; of two at the same instant the denial."""
    before = known.get(category)
    if before is None or at_ms > before[1] or (at_ms == before[1] and not granted):
        known[category] = (GRANTED if granted else DENIED, at_ms)


class CustomersModel:
    """Several customers under events, merges and unmerges.

    `limits` is the most names of a kind that one customer has; kinds that are not in it have none.
    `blocked` are names that stand for a crowd. `order_of` gives the order of the customer who would begin
    with a name, where it is not that of arrival.
    """

    def __init__(
        self,
        limits: dict[str, int] | None = None,
        blocked: Iterable[Name] = (),
        order_of: Callable[[Name], int] | None = None,
    ) -> None:
        self.limits = (
            {"user": 1, "email": 5, "phone": 5, "loyalty": 5} if limits is None else limits
        )
        self.blocked = frozenset(blocked)
        self.order_of = order_of
        self._arrivals = 0
        self.customers: list[Customer] = []
        self.refused: list[str] = []

    def owner(self, name: Name) -> Customer | None:
        """Whose name it is now."""
        return next((each for each in self.customers if name in each.owned()), None)

    def event(
        self,
        kind: str,
        message: str,
        names: tuple[Name, ...],
        at_ms: int,
        consents: tuple[tuple[str, bool], ...] = (),
    ) -> Customer:
        """Take an event (`track`, `identify`, `alias` …); return whose it is."""
        first, others = names[0], [n for n in names[1:] if n[0] not in SHARED]
        if first in self.blocked:
            others = []
        others = [name for name in others if name not in self.blocked]
        customer = self.owner(first)
        new = None
        if customer is None:
            new = customer = Customer(self.order_of(first) if self.order_of else self._arrivals)
            customer.story.append(Fact("", (first,), frozenset({first}), 0, counts=False))
            self._arrivals += 1
            self.customers.append(customer)
        claimed: set[Name] = set()
        if kind in LINKING:
            found = {self.owner(name) for name in others} - {None, customer}
            customer = self._join([customer, *sorted(found, key=lambda c: c.order)], new)
            if new not in (
                None,
                customer,
            ):  # who was nobody before joins somebody: a name, no merge
                claimed = {first}
        for name in others:
            if self.owner(name) is None and self._has_room(customer, claimed, name[0]):
                claimed.add(name)
        customer.story.append(Fact(message, names, frozenset(claimed), at_ms, consents))
        return customer

    def _has_room(self, customer: Customer, claimed: set[Name], kind: str) -> bool:
        """Whether a customer may own one more of a kind, besides what it has claimed just now."""
        mine = Counter(each[0] for each in customer.owned() | claimed)
        return kind not in self.limits or mine[kind] < self.limits[kind]

    def act(
        self, customer: Customer, message: str, at_ms: int, consents: tuple[tuple[str, bool], ...]
    ) -> None:
        """Take what somebody says of consent about a customer, and not as one of its names."""
        customer.story.append(Fact(message, (), frozenset(), at_ms, consents))

    def _join(self, party: list[Customer], new: Customer | None = None) -> Customer:
        """Make one customer of the first and of all who may join; return who remains."""
        together = party[:1]
        for other in party[1:]:
            if self.may_merge(*together, other):
                together.append(other)
            else:
                self.refused.append("merge")
        survivor = min(together, key=lambda c: (not c.is_known(), c.order))
        for each in together:
            if each is not survivor:
                if each is not new:
                    survivor.story.append(Joined(each))
                self.customers.remove(each)
        return survivor

    def may_merge(self, *customers: Customer) -> bool:
        """Whether the rules let customers become one."""
        names = set[Name]().union(*(each.owned() for each in customers))
        kinds = Counter(kind for kind, _ in names)
        return not names & self.blocked and all(
            kinds[kind] <= limit for kind, limit in self.limits.items()
        )

    def merge(self, one: Customer, other: Customer) -> Customer | None:
        """Make one customer of two; return who remains, or None when it is refused."""
        if one is other:
            return one
        survivor = self._join([one, other])
        return None if one in self.customers and other in self.customers else survivor

    def may_unmerge(self, survivor: Customer, loser: Customer) -> bool:
        """Whether a customer was merged into another one."""
        return any(isinstance(each, Joined) and each.other is loser for each in survivor.story)

    def unmerge(self, survivor: Customer, loser: Customer) -> list[str]:
        """Take a merge back; return the messages that name both sides and stay with the survivor."""
        place = next(
            i
            for i, each in enumerate(survivor.story)
            if isinstance(each, Joined) and each.other is loser
        )
        later = survivor.story[place + 1 :]
        del survivor.story[place:]
        hers = loser.owned()
        mine = survivor.owned() - hers
        both = []
        for each in later:
            if isinstance(each, Joined):
                survivor.story.append(each)
                mine |= each.other.owned()
                continue
            named = set(each.names)
            is_hers = bool(named & hers) and not named & mine
            if named & hers and named & mine:
                both.append(each.message)
            (hers if is_hers else mine).update(each.claimed)
            side, spared = (loser, survivor) if is_hers else (survivor, loser)
            side.story.append(each)
            withdrawn = tuple((name, False) for name, granted in each.consents if not granted)
            if withdrawn:
                fact = Fact(each.message, (), frozenset(), each.at_ms, withdrawn, counts=False)
                spared.story.append(fact)
        self.customers.append(loser)
        return both
