"""What scenarios add to a turn: the same turns with them and without, block by block."""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from actors.domain.ids import IdSpace
from actors.domain.journeys import Journeys
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle, library
from actors.playbook.model import Playbook
from actors.wire.state import pack_state, unpack_state
from scripts.bench.core import START_MS, event_of, newcomer, one_turn

LIMIT_US = 60.0
CUSTOMERS = 100
INSTANCES = 3
_MINUTE_MS = 60_000

_HEARD = (
    ("a page that no scenario listens to", "Products Searched", {"query": "pears"}),
    ("a view that one start listens to", "Product Viewed", {"product_id": "p-1", "price": 3.5}),
    ("an order that all of them hear", "Order Completed", {"order_id": "o-1", "total": 9.9}),
)


@dataclass(frozen=True, slots=True)
class Added:
    """One kind of event: µs of a turn with and without scenarios, medians of blocks."""

    what: str
    with_us: float
    without_us: float

    @property
    def added_us(self) -> float:
        """What the scenarios cost."""
        return self.with_us - self.without_us


def measure(blocks: int = 15) -> list[Added]:
    """Return what scenarios add, for customers who are in three of the ten that are loaded.

    States are unpacked for each turn, outside the time that is taken, so every turn meets the same.
    """
    bundle = library("retail")
    loaded = compile_bundle(bundle)
    bare = compile_bundle({name: text for name, text in bundle.items() if name != "scenarios.yaml"})
    ids = IdSpace(b"benchmark")
    travelling = [_traveller(newcomer(ids, f"bench-{i}"), loaded) for i in range(CUSTOMERS)]
    resting = [_without(packed) for packed in travelling]
    found = []
    for what, name, properties in _HEARD:
        with_us, without_us = [], []
        for _ in range(blocks):  # alternating, so that both meet the same noise
            with_us.append(_block(travelling, name, properties, loaded))
            without_us.append(_block(resting, name, properties, bare))
        found.append(Added(what, median(with_us[2:]), median(without_us[2:])))
    return found


def _traveller(state: CustomerState, playbook: Playbook) -> bytes:
    """Return a customer with a history, who is in three scenarios."""
    user = state.identities[0].value
    told = [
        ("Order Completed", {"order_id": "o-0", "total": 30.0}),
        ("Product Added", {"cart_id": "c-1", "product_id": "p-1", "price": 3.0, "quantity": 1}),
        ("Product Added", {"cart_id": "c-2", "product_id": "p-2", "price": 4.0, "quantity": 1}),
    ]
    for i, (name, properties) in enumerate(told):
        event = event_of(_raw(user, name, properties, f"{user}-{i}"))
        one_turn(state, event, playbook, START_MS + i * _MINUTE_MS)
    under_way = state.journeys.instances
    while len(under_way) > INSTANCES:
        under_way.pop(0)
    if len(under_way) != INSTANCES:
        raise RuntimeError(f"{len(under_way)} instances are under way, expected {INSTANCES}")
    return pack_state(state)


def _without(packed: bytes) -> bytes:
    state = unpack_state(packed)
    state.journeys = Journeys()
    state.timers = [timer for timer in state.timers if timer.kind != "scenario"]
    return pack_state(state)


def _raw(user: str, name: str, properties: dict[str, Any], message: str) -> dict[str, object]:
    return {
        "messageId": message,
        "userId": user,
        "event": name,
        "properties": properties,
        "context": {"channel": "web", "placements": ["home_hero"]},
    }


def _block(
    packed: Sequence[bytes], name: str, properties: dict[str, Any], playbook: Playbook
) -> float:
    turns = []
    for data in packed:
        state = unpack_state(data)
        user = state.identities[0].value
        turns.append((state, event_of(_raw(user, name, properties, f"{user}-now"))))
    gc.collect()
    gc.disable()
    began = time.process_time()
    for state, event in turns:
        one_turn(state, event, playbook, START_MS + 10 * _MINUTE_MS)
    took = time.process_time() - began
    gc.enable()
    return took / len(turns) * 1e6
