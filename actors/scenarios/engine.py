"""What a turn tells the scenarios of a customer, and what it asks them: see docs/scenarios.md.

Every function here is pure but for the journeys, which it changes in place. `world` is the customer around them
at this turn. Nothing is remembered between two calls but what the journeys hold.
"""

from collections.abc import Mapping
from typing import Any

from actors.domain.journeys import Journeys
from actors.playbook.model import Playbook
from actors.scenarios.hearing import close, hear_one, is_awaited
from actors.scenarios.index import definition
from actors.scenarios.merging import merge_journeys, part_journeys
from actors.scenarios.moving import move
from actors.scenarios.offering import (
    offers,
    take_answer,
    take_called,
    take_passing,
    take_refused,
    take_sent,
)
from actors.scenarios.run import Run
from actors.scenarios.starting import release
from actors.scenarios.waiting import MAX_FIRED, fire, next_wait
from actors.scenarios.world import CallOut, Offer, Progress, Signal, World

__all__ = [
    "answered",
    "called",
    "definition",
    "hear",
    "held",
    "is_awaited",
    "lost",
    "merge_journeys",
    "next_wait",
    "offers",
    "part_journeys",
    "refused",
    "sent",
    "touch",
    "wake",
]


def hear(
    journeys: Journeys, signal: Signal, playbook: Playbook, world: World, now_ms: int
) -> Progress:
    """Let instances and starts hear a signal, and all that is emitted because of it.

    A moment after now counts as now.
    """
    if not is_awaited(journeys, playbook, signal.key):
        return Progress()
    run = Run(journeys, playbook, world, now_ms)
    if signal.at_ms > now_ms:
        signal = Signal(signal.key, now_ms, signal.seq, signal.properties, signal.instance)
    hear_one(run, signal)
    return close(run)


def wake(
    journeys: Journeys, instance_id: int, now_ms: int, playbook: Playbook, world: World
) -> Progress:
    """Let an instance go on whose timer has fired. It may fire late, twice, or for nothing."""
    run = Run(journeys, playbook, world, now_ms)
    instance = next((each for each in journeys.instances if each.id == instance_id), None)
    scenario = None if instance is None else definition(playbook, instance)
    if instance is None or scenario is None:  # nothing can go on: `touch` sees to what is left
        run.progress.waits[instance_id] = 0
        return run.progress
    run.touched[instance_id] = instance
    for token in instance.tokens:
        if token.try_ms <= now_ms:
            token.try_ms = 0
    for _ in range(MAX_FIRED):
        if not fire(run, scenario, instance):
            break
        release(run)
    return close(run)


def sent(
    journeys: Journeys,
    offer: Offer,
    seq: int,
    n: int,
    now_ms: int,
    playbook: Playbook,
    world: World,
) -> Progress:
    """Take that an offer has become the effect `n` of turn `seq`."""
    run = Run(journeys, playbook, world, now_ms)
    take_sent(run, offer, seq, n)
    return close(run)


def lost(
    journeys: Journeys, offer: Offer, why: str, now_ms: int, playbook: Playbook, world: World
) -> Progress:
    """Take that an offer was not the best, or worth less than nothing."""
    run = Run(journeys, playbook, world, now_ms)
    take_passing(run, offer, "lost", why)
    return close(run)


def held(
    journeys: Journeys, offer: Offer, why: str, now_ms: int, playbook: Playbook, world: World
) -> Progress:
    """Take that an offer is held back for now."""
    run = Run(journeys, playbook, world, now_ms)
    take_passing(run, offer, "held", why)
    return close(run)


def refused(
    journeys: Journeys,
    offer: Offer,
    why: str,
    retry_at_ms: int,
    now_ms: int,
    playbook: Playbook,
    world: World,
) -> Progress:
    """Take that an offer was not allowed; `retry_at_ms` is when it may be, 0 when that is not known.

    A mandatory one goes on if `why` is `consent`, or begins with that and a colon.
    """
    run = Run(journeys, playbook, world, now_ms)
    take_refused(run, offer, why, retry_at_ms)
    return close(run)


def called(journeys: Journeys, call: CallOut, seq: int, n: int) -> None:
    """Take that a call has become the effect `n` of turn `seq`."""
    take_called(journeys, call, seq, n)


def answered(  # noqa: PLR0913 - what an answer is, and the turn around it
    journeys: Journeys,
    call: tuple[int, int, int],
    ok: bool,
    properties: Mapping[str, Any],
    at_ms: int,
    now_ms: int,
    playbook: Playbook,
    world: World,
) -> Progress:
    """Take the answer, or the failure, of the call that was effect (seq, n, origin)."""
    run = Run(journeys, playbook, world, now_ms)
    take_answer(run, call, ok, properties, at_ms)
    return close(run)


def touch(journeys: Journeys, playbook: Playbook, now_ms: int, world: World) -> Progress:
    """Move instances of other versions to the one in force, where that is declared."""
    run = Run(journeys, playbook, world, now_ms)
    for instance in tuple(journeys.instances):
        move(run, instance)
        release(run)
    return close(run)
