"""Whose job is it, and who becomes one customer by it?"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.domain.events import MERGE, UNMERGE, Command, Event
from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.identity import Refusal, may_merge, survivor_of
from actors.playbook.identity_model import IdentityRules
from actors.session.jobs import Job
from actors.session.resolving import Resolved
from actors.wire.state import unpack_state

LINKING = frozenset({"identify", "alias"})
"""Events that say who somebody is: they may make two customers one."""


@dataclass(slots=True, init=False)
class Party:
    """The customer whose turn a job is, those who are merged into this one first, and why not others.

    `shared` names, for each loser, the kind of identity that said so.
    """

    number: int
    losers: tuple[int, ...] = ()
    shared: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def __init__(
        self,
        number: int,
        losers: tuple[int, ...] = (),
        shared: tuple[str, ...] = (),
        refused: tuple[Refusal, ...] = (),
    ) -> None:
        self.number = number
        self.losers = losers
        self.shared = shared
        self.refused = refused


def party_of(job: Job, known: Resolved, rules: IdentityRules) -> Party:
    """Return who takes part in a job. An event's first identity decides, whoever it was sent to.

    Raises:
        CodecError: The state of somebody who may have to be merged is damaged.
    """
    item = job.item
    if isinstance(item, Command):
        number = known.follow(job.number)
        if item.kind in {MERGE, UNMERGE}:
            other = item.arguments.get("other")
            other = known.follow(other) if isinstance(other, int) and item.kind == MERGE else other
            if item.kind == MERGE and isinstance(other, int) and other != number:
                return _joined(number, {other: None}, known, rules, ())
        return Party(number)
    if not isinstance(item, Event) or not item.identities:
        return Party(known.follow(job.number))
    first = item.identities[0]
    number = known.follow(known.owners.get(first) or known.derived.get(first, job.number))
    if item.type in LINKING and len(item.identities) > 1 and not job.dry_run:
        others: dict[int, Identity | None] = {}
        for identity in item.identities[1:]:
            owner = known.owners.get(identity)
            if owner is not None and known.follow(owner) != number:
                others.setdefault(known.follow(owner), identity)
        if others:
            return _joined(number, others, known, rules, item.identities)
    return Party(number)


def _joined(
    anchor: int,
    others: dict[int, Identity | None],
    known: Resolved,
    rules: IdentityRules,
    named: Sequence[Identity],
) -> Party:
    """Join to the anchor whoever may be joined, one after the other, and find who remains."""
    here = _state_of(anchor, known)
    if here is None:
        return Party(anchor)
    fresh = anchor in known.fresh
    if fresh:
        # What the event itself says of somebody new counts where one customer has but one, or a user
        # would be joined to another. Of other kinds what is too many stays unowned afterwards.
        unowned = [i for i in named if known.owners.get(i) is None]
        here.identities = [i for i in unowned if i == named[0] or rules.kind(i.kind).limit == 1]
    together, refused, shared = [here], [], {anchor: ""}
    for number in sorted(others):
        other = _state_of(number, known)
        if other is None:
            continue
        sum_of_all = CustomerState(0, 0, identities=[i for s in together for i in s.identities])
        refusal = may_merge(sum_of_all, other, others[number], rules)
        if refusal is None:
            together.append(other)
            identity = others[number]
            shared[number] = "" if identity is None else identity.kind
        else:
            refused.append(refusal)
    survivor = together[0]
    for other in together[1:]:
        survivor = survivor_of(survivor, other)[0]
    losers = [s.number for s in together if s is not survivor and not (fresh and s is here)]
    kinds = tuple(shared[number] or shared[survivor.number] for number in losers)
    return Party(survivor.number, tuple(losers), kinds, tuple(refused))


def _state_of(number: int, known: Resolved) -> CustomerState | None:
    if number in known.fresh:
        return CustomerState(number, 0)
    row = known.customers.get(number)
    return None if row is None else unpack_state(row.state)
