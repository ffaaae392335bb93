"""What a playbook says of conversions, compiled."""

from dataclasses import dataclass, field

_DAY_MS = 86_400_000

Path = tuple[str, ...]
"""Keys from an event's properties inwards."""


@dataclass(frozen=True, slots=True)
class Converting:
    """How an event tells of a conversion, or of one that is taken back.

    Conversions of one `name` with one id are one conversion, whatever events told of it. `value` and
    `id` are where the amount and the id stand.
    """

    name: str
    value: Path
    id: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversions:
    """Events that are conversions, and those that take one back, by their names; how far back credit goes."""

    by_event: dict[str, Converting] = field(default_factory=dict)
    taken_back_by: dict[str, Converting] = field(default_factory=dict)
    click_ms: int = 7 * _DAY_MS
    impression_ms: int = _DAY_MS

    @property
    def reported(self) -> Converting:
        """What the order of a response is: the conversion named `order`, else the first that there is."""
        kinds = {kind.name: kind for kind in reversed(self.by_event.values())}
        return kinds.get(_ORDER.name) or next(reversed(kinds.values()), _ORDER)


_ORDER = Converting("order", ("total",), ("order_id",))
_REDEMPTION = Converting("redemption", ("value",), ("redemption_id",))

USUAL = Conversions(
    by_event={"Order Completed": _ORDER, "Coupon Redeemed": _REDEMPTION},
    taken_back_by={"Order Refunded": _ORDER},
)
"""What holds for a playbook without `conversions.yaml`."""
