"""Commands that need more than the customer's own state: unmerging and erasing."""

from collections.abc import Sequence

from actors.decisioning.journal import TurnRecord
from actors.domain.events import ERASE, MERGE, UNMERGE, Command
from actors.domain.ids import IdSpace, customer_text
from actors.playbook.model import Playbook
from actors.ports import Erasure, JournalKind, Lookup, Store
from actors.session.answers import answer
from actors.session.changes import Chain
from actors.session.jobs import Job
from actors.session.lineage import merged_into
from actors.session.parting import part
from actors.session.traces import traces_of
from actors.wire.markers import pack_erased
from actors.wire.messages import Answer, Code


async def carry_out(
    store: Store, chains: Sequence[Chain], playbook: Playbook, ids: IdSpace, now_ms: int
) -> None:
    """Carry out the command with which a chain begins; consents are turns and come later."""
    for chain in chains:
        job = chain.jobs[0]
        item = job.item
        if chain.broken or not isinstance(item, Command):
            continue
        if item.kind == MERGE and not chain.settled:
            job.answer = _not_merged(chain, job, item, playbook)
        elif item.kind == UNMERGE:
            refusal = await part(store, chain, job, item, playbook, now_ms)
            if refusal:
                job.answer = Answer(Code.REFUSED, detail=refusal)
        elif item.kind == ERASE:
            await _erase(store, chain, job, item, ids, now_ms)


def _not_merged(chain: Chain, job: Job, command: Command, playbook: Playbook) -> Answer:
    """Answer a merge of customers who are one already, or who may not be."""
    if job.refused:
        return Answer(Code.REFUSED, detail=job.refused[0].detail)
    record = TurnRecord(at_ms=0, received_at_ms=0, command=command, result={"merged": None})
    return answer(record, chain.number, chain.seq_before, playbook)


async def _erase(
    store: Store, chain: Chain, job: Job, command: Command, ids: IdSpace, now_ms: int
) -> None:
    """Wipe out a customer and all who were merged into it; what stays is the receipt."""
    state = chain.state
    numbers = (chain.number, *await merged_into(store, chain.number))
    found = await store.lookup(Lookup(owned_by=numbers))
    identities = [one for owned in found.identities.values() for one in owned]
    state.seq += 1
    chain.marker = pack_erased(now_ms)
    chain.erasure = Erasure(
        numbers,
        tuple(ids.identity_hash(i) for i in identities),
        now_ms,
        await traces_of(store, numbers),
    )
    record = TurnRecord(
        at_ms=now_ms,
        received_at_ms=now_ms,
        command=command,
        result={
            "erasedAtMs": now_ms,
            "customers": [customer_text(number) for number in numbers],
            "identities": len(identities),
            "turns": state.seq - 1,
            "timers": len(state.timers),
            "effects": len(await store.outbox_of(numbers)),
        },
    )
    chain.settle(job, record, JournalKind.ERASURE)
