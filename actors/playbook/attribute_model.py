"""What the core uses of declared attributes: series that are kept, and attributes read from them.

Attributes that differ only in their window share one series: orders in 30 and in 90 days are two
readings of the same buckets.
"""

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import cel

from actors.playbook.direct import Guarded, Predicates, guarded, simple, together
from actors.playbook.lowering import lower

COUNT, SUM, LOW, HIGH, FIRST, LAST, DISTINCT = "n", "s", "l", "h", "f", "z", "d"
"""Kinds of series, which are the first letters of their keys."""

FOREVER_MS = 1 << 62
"""The bucket width of what has no window: all of time is one bucket."""


_POSITIONS = {"event_type": 0, "event_name": 1, "event_channel": 2, "event_properties": 3}


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A rule on the event alone, over flat variables.

    `source` is what the author wrote; `lowered` is the same over `event_type`, `event_name`,
    `event_channel`, `event_properties` and one variable for each property that it names. `plain` are
    those of the first four that it needs, `properties` are (variable, property).
    """

    source: str
    lowered: str
    plain: frozenset[str]
    properties: tuple[tuple[str, str], ...]
    _execute: Any = field(init=False, repr=False)
    _ask: Predicates = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_execute", cel.compile(self.lowered).execute)
        object.__setattr__(self, "_ask", together([self._direct() or self._through_cel]))

    def met(self, event_type: str, name: str, channel: str, properties: dict[str, Any]) -> bool:
        """Return whether the rule is true of an event; an error, or no bool, is false."""
        return self._ask((event_type, name, channel, properties), (), "")[0]

    def _direct(self) -> ast.expr | Guarded | None:
        """Return the rule as Python where it is simple: handing over to CEL costs more than it."""
        lowered, variables = lower(self.source)
        return simple(lowered, variables, _POSITIONS) or guarded(
            lowered, variables, _POSITIONS, self._through_cel
        )

    def _through_cel(self, values: Sequence[Any], _: Collection[str], __: str) -> bool:
        properties = values[_POSITIONS["event_properties"]]
        variables: dict[str, Any] = {
            variable: properties[key] for variable, key in self.properties if key in properties
        }
        if self.plain:
            variables |= {variable: values[_POSITIONS[variable]] for variable in self.plain}
        try:
            return self._execute(cel.Context(variables=variables)) is True
        except Exception:  # noqa: BLE001 - fails closed, whatever the library raises
            return False


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """What series take from an event; they share it when path and decimals are the same.

    `digits` are the decimals that numbers keep as integers, or -1 for texts.
    """

    path: tuple[str, ...]
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """What is kept of a customer for one or more attributes, in buckets of `width_ms`.

    `key` is the kind and a hash of the definition, so that state of another definition is never
    read as this one's. Buckets are counted from 1970-01-01T00:00Z. `keep` is how many buckets are
    kept, the newest included. `property` is None for what counts events. `limit` bounds the values
    of a distinct series.
    """

    key: str
    kind: str
    width_ms: int
    keep: int
    channels: frozenset[str] | None = None
    where: Condition | None = None
    property: Property | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribute:
    """One declared attribute: how it is read from its series.

    `kind` is the declared one, `type` the type in rules: `int`, `double` or `string`. The window is
    the current bucket and the `buckets` - 1 before it; 0 stands for no window. `scale` is 10 to the
    number of decimals. `counts` is a mean's second series. A ratio has no series but two attributes,
    `of` and `to`. `default` is what rules read when there is nothing to tell.
    """

    name: str
    kind: str
    type: str
    description: str = ""
    series: Series | None = None
    counts: Series | None = None
    buckets: int = 0
    scale: int = 1
    of: "Attribute | None" = None
    to: "Attribute | None" = None
    default: int | float | str = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attributes:
    """All attributes of a playbook, in file order, and the series that each event touches.

    `by_event` is keyed by `model.event_key` and holds those that listen to every event too;
    `by_any` are those alone. `keys` are the keys of all series.
    """

    declared: tuple[Attribute, ...] = ()
    by_name: dict[str, Attribute] = field(default_factory=dict)
    by_event: dict[str, tuple[Series, ...]] = field(default_factory=dict)
    by_any: tuple[Series, ...] = ()
    keys: frozenset[str] = frozenset()
