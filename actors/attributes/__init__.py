"""Declared attributes of a customer: folded event by event, read at an instant.

The state is `CustomerState.attributes`: by the key of a series, a list whose layout is `buckets`'.
"""

from actors.attributes.merging import merge
from actors.attributes.reading import next_change_ms, read, read_all, rule_value, value_at
from actors.attributes.updating import update

__all__ = ["merge", "next_change_ms", "read", "read_all", "rule_value", "update", "value_at"]
