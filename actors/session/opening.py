"""From jobs to chains: whose turns a group has, and which must wait for a merge."""

import logging
from collections.abc import Callable

from actors.domain.errors import CodecError
from actors.domain.events import OWN_TURNS, Command, Event, Response, event_time
from actors.domain.ids import home_partition
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.session.activations import Activations
from actors.session.answers import DAMAGED, ERASED, NO_CUSTOMER, NO_EFFECT
from actors.session.changes import Chain
from actors.session.jobs import Job
from actors.session.parties import Party, party_of
from actors.session.quarantine import Quarantine
from actors.session.resolving import Resolved
from actors.wire.messages import Answer, Code
from actors.wire.state import unpack_state

log = logging.getLogger(__name__)


SET_ASIDE_S = 60.0
"""When to ask again for a customer whose record is damaged: somebody must restore it first."""


class Opener:
    """Opens one chain a customer. A job that opens none has its answer, or waits: `again`."""

    def __init__(
        self,
        epoch_of: Callable[[int], int | None],
        activations: Activations,
        quarantine: Quarantine,
    ) -> None:
        self._quarantine = quarantine
        self._epoch_of = epoch_of
        self._activations = activations

    def open(
        self,
        jobs: list[Job],
        known: Resolved,
        playbook: Playbook,
        now_ms: int,
        *,
        indexed: bool = True,
    ) -> list[Chain]:
        """Return the chains of a group, in the order of their first jobs; see `Chain` for `indexed`.

        A job that changes who is who comes first in its chain: it waits until all earlier jobs of
        those who take part are committed, and all later ones wait for it.
        """
        chains: dict[int, Chain] = {}
        barred: set[int] = set()
        for job in jobs:
            try:
                party = party_of(job, known, playbook.identities)
            except CodecError as error:
                log.error("a customer who may have to be merged is damaged: %s", error)  # noqa: TRY400
                job.answer = Answer(Code.SET_ASIDE, detail=DAMAGED, retry_after_s=SET_ASIDE_S)
                continue
            numbers = {party.number, *party.losers}
            if party.refused and not job.reread:
                # No commit checks those who were refused, so that the truth is read first.
                job.reread = job.again = True
                barred |= numbers
                continue
            alone = bool(party.losers) or _stands_alone(job)
            if not barred.isdisjoint(numbers) or (alone and not numbers.isdisjoint(chains.keys())):
                job.again = True
                barred |= numbers
                continue
            chain = chains.get(party.number) or self._open(party, job, known, indexed=indexed)
            if chain is None or not _accepted(chain, job, known, now_ms):
                continue
            chains[party.number] = chain
            chain.jobs.append(job)
            job.refused = party.refused
            if party.losers:
                chain.joining = party
            if alone:
                barred |= numbers
        return [chain for chain in chains.values() if chain.jobs]

    def _open(self, party: Party, job: Job, known: Resolved, *, indexed: bool) -> Chain | None:
        number = party.number
        if number in known.erased:
            job.answer = Answer(Code.GONE, detail=ERASED)
            return None
        row = known.customers.get(number)
        partition = row.partition if row is not None else home_partition(number)
        epoch = self._epoch_of(partition)
        if epoch is None:
            job.answer = Answer(Code.NOT_MINE, number=number, partition=partition)
            return None
        if row is None and number in known.fresh:
            state = CustomerState(number, partition, generation=known.fresh[number][1])
            return Chain(number, partition, epoch, 0, state, indexed=indexed)
        if row is None:
            # An owner that is active elsewhere is known by its number only: it must be read there.
            unknown = isinstance(job.item, Response)
            job.answer = Answer(
                Code.UNKNOWN_EFFECT if unknown else Code.INVALID,
                detail=NO_EFFECT if unknown else NO_CUSTOMER,
            )
            return None
        try:
            state = self._activations.decoded(row) or unpack_state(row.state)
        except CodecError as error:
            log.error("customer %d is damaged and set aside: %s", number, error)  # noqa: TRY400
            self._quarantine.damaged(number, error)
            job.answer = Answer(Code.SET_ASIDE, detail=DAMAGED, retry_after_s=SET_ASIDE_S)
            return None
        return Chain(number, partition, epoch, row.seq, state, indexed=indexed)


def _stands_alone(job: Job) -> bool:
    return isinstance(job.item, Command) and job.item.kind not in OWN_TURNS


def _accepted(chain: Chain, job: Job, known: Resolved, now_ms: int) -> bool:
    """Return whether an event is from after all erasures of its identities; else answer it."""
    item = job.item
    if not isinstance(item, Event):
        return True
    erased_ms = chain.state.erased_before_ms
    for identity in item.identities:
        erased_ms = max(erased_ms, known.tombstones.get(identity, 0))
    if not erased_ms:
        return True
    if event_time(item, now_ms).at_ms < erased_ms:
        job.answer = Answer(Code.GONE, detail=ERASED)
        return False
    chain.state.erased_before_ms = erased_ms
    return True
