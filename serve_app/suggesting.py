"""Suggestive selling at the edge: what goes with the basket that an event or a question names.

What is found is written into the event's context, where the turn reads it and the journal keeps it; a
channel that has a recommender of its own writes `context.suggested` itself, and that stays.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from actors.domain.errors import CodecError
from actors.domain.events import Event
from actors.ports import Store
from actors.suggestions import SETTING, ItemModel, Suggestion, from_bytes
from actors.suggestions.model import MAX_BASKET, MAX_ITEM, USUAL

log = logging.getLogger(__name__)

BASKET, SUGGESTED = "basket", "suggested"
_KEEP_MS = 60_000
_COUNT = 5


class Suggester:
    """Asks the store's model of items; what it has is looked at again once a minute."""

    def __init__(self, store: Store, machine_ms: Callable[[], int]) -> None:
        self._store = store
        self._machine_ms = machine_ms
        self._read_at_ms: int | None = None
        self._data = b""
        self._model: ItemModel | None = None

    async def model(self) -> ItemModel | None:
        """Return the model in use, or None when none was fitted, or it cannot be read."""
        now_ms = self._machine_ms()
        if self._read_at_ms is None or not 0 <= now_ms - self._read_at_ms < _KEEP_MS:
            self._read_at_ms = now_ms
            data = await self._store.setting(SETTING) or b""
            if data != self._data:
                self._data, self._model = data, await asyncio.to_thread(_decoded, data)
        return self._model

    async def attach(self, event: Event) -> None:
        """Write what goes with the event's basket into its context; without a basket nothing."""
        if BASKET not in event.context and "products" not in event.properties:
            return
        if SUGGESTED in event.context:
            return
        basket = basket_of(event)
        model = await self.model() if basket else None
        found = [] if model is None else model.next_items(basket, _COUNT)
        if found:
            items = [{"item": each.item, "name": each.name} for each in found]
            event.context = event.context | {SUGGESTED: {USUAL: items}}


def basket_of(event: Event) -> list[str]:
    """Return the ids of the items in the context's `basket`, else of the event's `products`."""
    given: Any = event.context.get(BASKET)
    if not isinstance(given, list):
        given = event.properties.get("products")
    return ids_in(given)


def ids_in(given: object) -> list[str]:
    """Return the ids in a list of ids, or of products as Segment's e-commerce spec has them."""
    found: list[str] = []
    for each in given[-MAX_BASKET:] if isinstance(given, list) else ():
        item = each.get("product_id") if isinstance(each, dict) else each
        if isinstance(item, str | int) and not isinstance(item, bool):
            text = str(item)
            if 0 < len(text) <= MAX_ITEM:
                found.append(text)
    return found


def suggestions_json(model: ItemModel | None, basket: list[str], count: int) -> dict[str, Any]:
    """Return what goes with a basket; where nothing of it is known, what sells best."""
    found: list[Suggestion] = []
    basis = "none"
    if model is not None:
        found, basis = model.next_items(basket, count), "together"
        if not found:
            found, basis = model.best_sellers(basket, count), "best_sellers"
    return {
        "basis": basis,
        "items": [
            {"item": each.item, "name": each.name, "score": round(each.score, 6)} for each in found
        ],
    }


def _decoded(data: bytes) -> ItemModel | None:
    try:
        return from_bytes(data) if data else None
    except CodecError:
        log.exception("the model of items cannot be read")
        return None
