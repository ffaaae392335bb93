"""Reading properties that anybody may have sent: the wrong shape reads as nothing."""

from collections.abc import Callable
from typing import Any

from actors.domain.events import Event
from actors.domain.profile import MAX_CHANNELS, ChannelUse, Profile
from actors.domain.state import CustomerState

OTHER = "*other"
"""Where amounts go once a mapping has reached its limit: sums stay whole."""

MAX_SUM = 2**62
MAX_NAME = 64
MAX_WORD = 24
_MAX_COUNT = 1_000_000_000

Handler = Callable[[CustomerState, Event, int, int, list[str]], None]
"""Takes state, event, its time, minor digits and the notes."""


def bounded(amount: int) -> int:
    """Keep what hostile events add up to within what can be stored; no real sum comes near."""
    if -MAX_SUM <= amount <= MAX_SUM:
        return amount
    return MAX_SUM if amount > 0 else -MAX_SUM


def count_of(value: Any, default: int = 0) -> int:
    """Return a whole number below 10⁹, or `default` when it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT:
        return value
    return default


def text_of(value: Any, limit: int = MAX_NAME) -> str:
    """Return a text, or a whole number as text, cut to `limit`; empty when it is neither."""
    if isinstance(value, str):
        return value[:limit]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return ""


def rating_of(value: Any) -> int:
    """Return a rating of 1 to 5, or 0 when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if value in {1, 2, 3, 4, 5} else 0


def channel_use(profile: Profile, channel: str) -> ChannelUse:
    """Return the use of a channel; beyond the limit, that of all others together."""
    use = profile.channels.get(channel)
    if use is None:
        if len(profile.channels) >= MAX_CHANNELS:
            channel = OTHER
        use = profile.channels.setdefault(channel, ChannelUse())
    return use
