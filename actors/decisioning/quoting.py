"""Where the placeholders of a template find their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.decisioning.context import variable_quoted
from actors.playbook.templates import SUGGESTED, Template


@dataclass(frozen=True, slots=True)
class Quote:
    """Where a placeholder's value stands: a position in `ContextBuilder.names`, or -1 for the tier.

    `key` is looked up in the value, when it is a map.
    """

    name: str
    position: int
    key: str


def quotes_of(template: Template, positions: Mapping[str, int]) -> tuple[Quote, ...]:
    """Return where to find what a template quotes."""
    quotes = []
    for placeholder in dict.fromkeys(template.placeholders):
        if placeholder.path == SUGGESTED:
            continue  # the turn knows it
        variable = variable_quoted(placeholder)
        if variable is not None:
            key = placeholder.key if variable.key is None else ""
            quotes.append(Quote(placeholder.name, positions[variable.name], key))
        elif placeholder.path == "tier":
            quotes.append(Quote(placeholder.name, -1, ""))
    return tuple(quotes)


def quoted_values(quotes: Sequence[Quote], values: Sequence[Any], tier: str) -> dict[str, object]:
    """Return what placeholders stand for, by their names."""
    quoted: dict[str, object] = {}
    for quote in quotes:
        value = tier if quote.position < 0 else values[quote.position]
        if quote.key:
            value = value.get(quote.key) if isinstance(value, dict) else None
        quoted[quote.name] = value
    return quoted
