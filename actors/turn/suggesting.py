"""Suggestions in a turn: which items models have found for it, before it came here.

The front door asks the models of items that are bought together, and writes what they say into the event's
context, so that it is kept with the event. A channel that has a recommender of its own may write it itself:

    context: {suggested: {items: [{item: "4711", name: "Oat milk"}]}}
"""

from typing import Any

from actors.domain.events import Event
from actors.playbook.templates import SUGGESTED

MAX_MODELS = 8
_MAX_ID = 200


def suggested_in(event: Event | None) -> dict[str, str]:
    """Return the first item that each model suggests; models that have none are left out."""
    if event is None or SUGGESTED not in event.context:
        return {}
    return {model: item for model, (item, _) in _first(event).items()}


def suggested_values(event: Event | None, model: str) -> dict[str, object]:
    """Return what the placeholders of a suggestion stand for."""
    found = _first(event).get(model)
    if found is None:
        return {}
    item, name = found
    return {f"{SUGGESTED}.item": item, f"{SUGGESTED}.name": name or item}


def _first(event: Event | None) -> dict[str, tuple[str, str]]:
    given: Any = None if event is None or not event.context else event.context.get(SUGGESTED)
    if not isinstance(given, dict):
        return {}
    found: dict[str, tuple[str, str]] = {}
    for model in sorted(name for name in given if isinstance(name, str))[:MAX_MODELS]:
        ranked = given[model]
        first = ranked[0] if isinstance(ranked, list) and ranked else None
        item = first.get("item") if isinstance(first, dict) else None
        if isinstance(item, str) and 0 < len(item) <= _MAX_ID and isinstance(first, dict):
            name = first.get("name")
            found[model] = (item, name if isinstance(name, str) else "")
    return found
