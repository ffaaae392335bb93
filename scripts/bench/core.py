"""The core alone: begin and decide in this process, with no store, no network and no Ray."""

import gc
import time
from itertools import islice
from statistics import median

from actors import turn as core
from actors.domain.errors import PlaybookError
from actors.domain.events import Event
from actors.domain.ids import Identity, IdSpace
from actors.domain.scores import Score, Scores
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle, library
from actors.playbook.model import Playbook
from scripts.bench.payloads import events
from scripts.output import Failure

STEP_MS = 1_800_000
START_MS = 1_767_225_600_000
"""2026-01-01: any instant does, as long as it is always the same."""


def measure(turns: int = 20_000, customers: int = 500, blocks: int = 10) -> float:
    """Return the CPU time of one turn in µs: the median over blocks of turns.

    The events are those of the HTTP benchmark, with the playbook `retail`; customers come by again
    and again, so that their profiles, conversations and effects have grown to what is usual. Every
    turn is decided, with scores as a model would give them. Turns that warm up are not counted.
    """
    try:
        playbook = compile_bundle(library("retail"))
    except PlaybookError as error:
        raise Failure(f"the retail playbook cannot be used: {error.problems[0]}") from error
    ids = IdSpace(b"benchmark")
    states = [newcomer(ids, f"bench-{i}") for i in range(1, customers + 1)]
    by_user = {state.identities[0].value: state for state in states}
    block = turns // blocks
    made = [event_of(raw) for raw in islice(events("core", customers, 1), 2 * turns)]
    now_ms = START_MS
    took: list[float] = []
    for start in range(0, 2 * turns, block):
        part = made[start : start + block]
        # The collector would charge one block for what others allocated.
        gc.collect()
        gc.disable()
        began = time.process_time()
        for event in part:
            now_ms += STEP_MS // customers
            one_turn(by_user[event.identities[0].value], event, playbook, now_ms)
        took.append((time.process_time() - began) / len(part) * 1e6)
        gc.enable()
    return median(took[blocks:])


def newcomer(ids: IdSpace, user: str) -> CustomerState:
    """Return a customer of whom nothing is known but a user id."""
    identity = Identity("user", user)
    return CustomerState(
        number=ids.customer_number(identity),
        partition=ids.partition_of(identity),
        identities=[identity],
    )


def event_of(raw: dict[str, object]) -> Event:
    """Return a track event of the benchmark as the core sees it."""
    context = raw["context"]
    properties = raw["properties"]
    if not isinstance(context, dict) or not isinstance(properties, dict):
        raise TypeError("an event of the benchmark has a context and properties")
    placements = tuple(context["placements"])
    return Event(
        message_id=str(raw["messageId"]),
        type="track",
        name=str(raw["event"]),
        identities=(Identity("user", str(raw["userId"])),),
        channel=context["channel"],
        properties=properties,
        context=context,
        placements=placements,
        max_actions=len(placements),
    )


def one_turn(state: CustomerState, event: Event, playbook: Playbook, now_ms: int) -> None:
    """Take an event and decide, with scores as a model would give them."""
    funds = {each.name: 1e9 for each in playbook.budgets.shared}
    turn = core.begin(state, event, playbook, now_ms, at_hand=core.AtHand(funds=funds))
    rows = tuple(Score(row.prior, 100.0) for row in turn.rows)
    core.decide(turn, Scores("bench", "1", prior=False, rows=rows), playbook)
