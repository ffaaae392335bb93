"""Who is it? From items to customers, with as few reads as possible."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from actors.domain.budgets import Window
from actors.domain.errors import CodecError
from actors.domain.ids import Identity, IdSpace
from actors.ports import FirstAnswer, Found, Lookup, Store, StoredCustomer
from actors.session.activations import Activation, Activations
from actors.wire.markers import Erased, Redirect, read_marker
from actors.wire.state import identities_in

_MAX_GENERATIONS = 8


@dataclass(slots=True, init=False)
class Wanted:
    """What one item needs: a customer by number or by first identity, and who owns the others.

    `reread` asks for what is stored, not for what is held here: nothing will be written that could
    show that it is old. `also` are further customers by number.
    """

    number: int
    identity: Identity | None
    others: tuple[Identity, ...]
    message: bytes | None
    reread: bool = False
    also: tuple[int, ...] = ()

    def __init__(
        self,
        number: int,
        identity: Identity | None,
        others: tuple[Identity, ...],
        message: bytes | None,
        *,
        reread: bool = False,
        also: tuple[int, ...] = (),
    ) -> None:
        """Take what is needed; written out, because every item makes one."""
        self.number = number
        self.identity = identity
        self.others = others
        self.message = message
        self.reread = reread
        self.also = also


@dataclass(slots=True, init=False)
class Resolved:
    """What the group knows before its turns. `fresh` are customers that have no row yet.

    `derived` are the numbers that identities without an owner would get: a claim of one by another
    customer of the same group is settled by the commit, in the order of the group. `forward` leads
    from customers who were merged to those who remain; `erased` and `tombstones` hold the instants
    of erasures, `spent` what stands in the windows of budgets. `asked` says that the store was asked: else
    nothing is known of messages.
    """

    owners: dict[Identity, int] = field(default_factory=dict)
    customers: dict[int, Activation] = field(default_factory=dict)
    derived: dict[Identity, int] = field(default_factory=dict)
    fresh: dict[int, tuple[Identity, int]] = field(default_factory=dict)
    messages: dict[bytes, FirstAnswer] = field(default_factory=dict)
    forward: dict[int, int] = field(default_factory=dict)
    erased: dict[int, int] = field(default_factory=dict)
    tombstones: dict[Identity, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    asked: bool = False

    def __init__(self) -> None:
        """Begin with nothing known; written out, because every group makes one."""
        self.owners = {}
        self.customers = {}
        self.derived = {}
        self.fresh = {}
        self.messages = {}
        self.forward = {}
        self.erased = {}
        self.tombstones = {}
        self.spent = {}
        self.asked = False

    def exists(self, number: int) -> bool:
        """Return whether a customer has or had this number."""
        return number in self.customers or number in self.forward or number in self.erased

    def follow(self, number: int) -> int:
        """Return who a customer is now."""
        while number in self.forward:
            number = self.forward[number]
        return number


class Resolver:
    """Finds customers in the activations, else in the store, else derives a new one."""

    def __init__(self, store: Store, ids: IdSpace, activations: Activations) -> None:
        self._store = store
        self._ids = ids
        self._activations = activations

    async def resolve(
        self,
        wanted: Sequence[Wanted],
        now_machine_ms: int,
        budgets: tuple[Window, ...] = (),
        spent: dict[str, int] | None = None,
    ) -> Resolved:
        """Return owners, customers and first answers for a group, in one read as a rule.

        A second read is needed only when a new customer's number is taken by somebody else; none with
        `spent`, what stands in the windows, when all customers are held here.
        """
        known = Resolved()
        identities: dict[Identity, None] = {}
        numbers: dict[int, None] = {}
        for want in wanted:
            if want.reread:
                self._forget(want)
            if want.identity is not None:
                self._recall(want.identity, known, identities, numbers)
            elif not self._activate(want.number, known):
                numbers[want.number] = None
            for other in want.others:
                self._recall(other, known, identities, numbers, derive=False)
            numbers.update((n, None) for n in want.also if not self._activate(n, known))
        messages = tuple(dict.fromkeys(w.message for w in wanted if w.message is not None))
        if spent is not None and not identities and not numbers:
            known.spent = spent
        elif identities or numbers or messages or budgets:
            known.asked = True
            tombs = {self._ids.identity_hash(one): one for one in identities}
            lookup = Lookup(
                tuple(identities), tuple(numbers), messages, (), tuple(tombs), budgets=budgets
            )
            found = await self._store.lookup(lookup)
            known.spent = found.spent
            await self._take(found, known, now_machine_ms)
            known.tombstones.update((tombs[one], at_ms) for one, at_ms in found.tombstones.items())
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

    def _forget(self, want: Wanted) -> None:
        numbers = {want.number, *want.also}
        for identity in (*want.others, *((want.identity,) if want.identity else ())):
            numbers.add(self._activations.number_of(identity) or 0)
        for number in numbers:
            self._activations.drop(number)

    async def _take(self, found: Found, known: Resolved, now_machine_ms: int) -> None:
        """Take what was found, and go on reading while it only says where a customer went.

        Who remains is read too: what is held here of them may be from before they went on themselves.
        """
        known.owners.update(found.owners)
        known.messages.update(found.messages)
        beyond = []
        for number, row in found.customers.items():
            marker = _marker_in(row)
            if marker is None:
                known.customers[number] = activation_of(row, now_machine_ms)
            elif isinstance(marker, Erased):
                known.erased[number] = marker.at_ms
            else:
                known.forward[number] = marker.target
                known.customers.pop(number, None)
                beyond.append(marker.target)
        beyond = [n for n in beyond if n not in found.customers and n not in known.forward]
        if beyond:
            further = await self._store.lookup(Lookup(numbers=tuple(beyond)))
            await self._take(further, known, now_machine_ms)

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
                if known.exists(number) or (
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
                found = await self._store.lookup(Lookup(numbers=numbers))
                await self._take(found, known, now_machine_ms)


def _marker_in(row: StoredCustomer) -> Redirect | Erased | None:
    """Return the marker in a row; None for a state, and for what is damaged, which is said at its turn."""
    with suppress(CodecError):
        return read_marker(row.state)
    return None


def activation_of(row: StoredCustomer, now_machine_ms: int) -> Activation:
    """Return the activation of a stored customer; that its state is damaged is said at its turn."""
    identities: tuple[Identity, ...] = ()
    with suppress(CodecError):
        identities = identities_in(row.state)
    return Activation(row.number, row.partition, row.seq, row.state, now_machine_ms, identities)
