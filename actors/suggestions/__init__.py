"""Suggestive selling: what goes with a basket, from what was bought together."""

from actors.suggestions.model import (
    SETTING,
    ItemModel,
    Suggestion,
    from_bytes,
    to_bytes,
)

__all__ = ["SETTING", "ItemModel", "Suggestion", "from_bytes", "to_bytes"]
