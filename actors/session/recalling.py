"""Effects that a customer's state has forgotten, and that something in a group is about."""

from dataclasses import replace

from actors import turn as core
from actors.domain.errors import CodecError
from actors.domain.events import Event, Response
from actors.domain.ids import parse_effect
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.ports import Lookup, Store
from actors.session.answers import FORGOTTEN_EFFECT, NO_EFFECT
from actors.session.changes import Chain
from actors.session.jobs import Job
from actors.wire.markers import Redirect, read_marker
from actors.wire.messages import Answer, Code
from actors.wire.records import unpack_turn

Place = tuple[int, int, int]
_MOST_HOPS = 8


async def recall_effects(store: Store, chains: list[Chain], playbook: Playbook) -> None:
    """Read back the turns whose effects a state has forgotten, into `Chain.recalled`.

    An effect that is known now is kept at hand: a timer of this group may make the state forget
    it before its response has its turn. A response to an effect that there is not gets its answer; an
    order that names one is taken all the same.
    """
    wanted: list[tuple[Chain, Job, Place]] = []
    for chain in chains:
        for job in chain.jobs:
            item = job.item
            if isinstance(item, Response):
                key = parse_effect(item.effect_key)
                effect = chain.state.effect(key[1], key[2], chain.origin(key[0]))
                if effect is None:
                    wanted.append((chain, job, key))
                else:
                    chain.recalled[key] = effect
            elif isinstance(item, Event):
                place = core.effect_wanted(chain.state, item, playbook)
                if place is not None and await _theirs(store, place[0], chain.number):
                    wanted.append((chain, job, place))
    if not wanted:
        return
    turns = tuple({(number, seq) for _, _, (number, seq, _) in wanted})
    found = await store.lookup(Lookup(turns=turns))
    for chain, job, key in wanted:
        _take(chain, job, key, found.turns.get(key[:2]))


def recall_for(
    chain: Chain, state: CustomerState, event: Event, now_ms: int, playbook: Playbook
) -> None:
    """Take back into a state what an event is about, where it was read from the journal."""
    place = core.effect_wanted(state, event, playbook)
    effect = None if place is None else chain.recalled.get(place)
    if effect is not None:
        core.recall(state, replace(effect), now_ms)


def _take(chain: Chain, job: Job, key: Place, payload: bytes | None) -> None:
    answers = isinstance(job.item, Response)
    try:
        effect = core.effect_of(unpack_turn(payload), key[2]) if payload else None
    except CodecError as error:
        if answers:
            job.answer = Answer(Code.FAILED, detail=str(error))
        return
    if effect is not None:
        effect.origin = chain.origin(key[0])
        chain.recalled[key] = effect
    elif answers:
        detail = FORGOTTEN_EFFECT if payload == b"" else NO_EFFECT
        job.answer = Answer(Code.UNKNOWN_EFFECT, detail=detail)


async def _theirs(store: Store, number: int, holder: int) -> bool:
    """Return whether a number is a customer's own, or that of somebody who is part of it now."""
    for _ in range(_MOST_HOPS):
        if number == holder:
            return True
        row = (await store.lookup(Lookup(numbers=(number,)))).customers.get(number)
        marker = None if row is None else read_marker(row.state)
        if not isinstance(marker, Redirect):
            return False
        number = marker.target
    return False
