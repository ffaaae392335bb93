"""Who is it? From items to customers, with as few reads as possible."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from actors.domain.errors import CodecError
from actors.domain.ids import Identity, IdSpace
from actors.ports import FirstAnswer, Found, Lookup, Store, StoredCustomer
from actors.session.activations import Activation, Activations
from actors.wire.state import unpack_state

_MAX_GENERATIONS = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one item needs: a customer by number or by first identity, and who owns the others."""

    number: int
    identity: Identity | None
    others: tuple[Identity, ...]
    message: bytes | None


@dataclass(slots=True)
class Resolved:
    """What the group knows before its turns. `fresh` are customers that have no row yet.

    `derived` are the numbers that identities without an owner would get: a claim of one by another
    customer of the same group is settled by the commit, in the order of the group.
    """

    owners: dict[Identity, int] = field(default_factory=dict)
    customers: dict[int, Activation] = field(default_factory=dict)
    derived: dict[Identity, int] = field(default_factory=dict)
    fresh: dict[int, tuple[Identity, int]] = field(default_factory=dict)
    messages: dict[bytes, FirstAnswer] = field(default_factory=dict)


class Resolver:
    """Finds customers in the activations, else in the store, else derives a new one."""

    def __init__(self, store: Store, ids: IdSpace, activations: Activations) -> None:
        self._store = store
        self._ids = ids
        self._activations = activations

    async def resolve(self, wanted: Sequence[Wanted], now_machine_ms: int) -> Resolved:
        """Return owners, customers and first answers for a group, in one read as a rule.

        A second read is needed only when a new customer's number is taken by somebody else.
        """
        known = Resolved()
        identities: dict[Identity, None] = {}
        numbers: dict[int, None] = {}
        for want in wanted:
            if want.identity is not None:
                self._recall(want.identity, known, identities, numbers)
            elif not self._activate(want.number, known):
                numbers[want.number] = None
            for other in want.others:
                self._recall(other, known, identities, numbers, derive=False)
        messages = tuple(dict.fromkeys(w.message for w in wanted if w.message is not None))
        if identities or numbers or messages:
            lookup = Lookup(tuple(identities), tuple(numbers), messages)
            self._take(await self._store.lookup(lookup), known, now_machine_ms)
        firsts = dict.fromkeys(w.identity for w in wanted if w.identity is not None)
        await self._derive([i for i in firsts if i not in known.owners], known, now_machine_ms)
        return known

    def _recall(
        self,
        identity: Identity,
        known: Resolved,
        identities: dict[Identity, None],
        numbers: dict[int, None],
        *,
        derive: bool = True,
    ) -> None:
        number = self._activations.number_of(identity)
        if number is not None and self._activate(number, known):
            known.owners[identity] = number
            return
        identities[identity] = None
        if derive:
            numbers[self._ids.customer_number(identity)] = None

    def _activate(self, number: int, known: Resolved) -> bool:
        activation = self._activations.get(number)
        if activation is None:
            return False
        known.customers[number] = activation
        return True

    def _take(self, found: Found, known: Resolved, now_machine_ms: int) -> None:
        known.owners.update(found.owners)
        known.messages.update(found.messages)
        for number, row in found.customers.items():
            known.customers.setdefault(number, activation_of(row, now_machine_ms))

    async def _derive(
        self, identities: list[Identity], known: Resolved, now_machine_ms: int
    ) -> None:
        """Give each unknown identity a number that nobody has: generation 0, unless it is taken."""
        generation = 0
        while identities:
            if generation == _MAX_GENERATIONS:
                raise RuntimeError("no free customer number; is the store's key constant?")
            taken = []
            for identity in identities:
                number = self._ids.customer_number(identity, generation)
                if number in known.customers or (
                    number in known.fresh and known.fresh[number][0] != identity
                ):
                    taken.append(identity)
                else:
                    known.derived[identity] = number
                    known.fresh[number] = (identity, generation)
            generation += 1
            identities = taken
            if identities:
                numbers = tuple(self._ids.customer_number(i, generation) for i in identities)
                self._take(await self._store.lookup(Lookup(numbers=numbers)), known, now_machine_ms)


def activation_of(row: StoredCustomer, now_machine_ms: int) -> Activation:
    """Return the activation of a stored customer; that its state is damaged is said at its turn."""
    identities: tuple[Identity, ...] = ()
    with suppress(CodecError):
        identities = tuple(unpack_state(row.state).identities)
    return Activation(row.number, row.partition, row.seq, row.state, now_machine_ms, identities)
