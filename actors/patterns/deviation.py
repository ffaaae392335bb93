"""What a pattern says when it is broken."""

from typing import NamedTuple

ABSENCE = "absence"
RHYTHM_SLOWER = "rhythm_slower"
RHYTHM_FASTER = "rhythm_faster"
SPEND_DROP = "spend_drop"
SPEND_RISE = "spend_rise"
CHANNEL_SHIFT = "channel_shift"
CATEGORY_SHIFT = "category_shift"

DEVIATIONS = (
    ABSENCE,
    RHYTHM_SLOWER,
    RHYTHM_FASTER,
    SPEND_DROP,
    SPEND_RISE,
    CHANNEL_SHIFT,
    CATEGORY_SHIFT,
)
"""Every name that a deviation can have."""


class Deviation(NamedTuple):
    """Something significant relative to what is usual for this customer.

    Attributes:
        name: One of `DEVIATIONS`.
        strength: How far from usual, 0 (not at all) to 1. For gaps and amounts
            1 − smaller ÷ larger, so that half and double are both 0.5; for a
            mix the change of the share.
        surprise: How unlikely that is by chance, in nats; comparable between
            deviations of one name only, because each name has its own measure.
        usual: Her baseline before: days between visits, minor units a
            purchase, or a share of her events.
        now: The same for what she did lately.
        events: How many of her events speak for it; 0 for an absence.
        about: The channel or category, else empty.
    """

    name: str
    strength: float
    surprise: float
    usual: float
    now: float
    events: int
    about: str = ""


def contrast(usual: float, now: float) -> float:
    """Return 1 − smaller ÷ larger of two positive values."""
    low, high = (usual, now) if usual < now else (now, usual)
    return 1.0 - low / high if high > 0 else 0.0
