"""Words for times, channels, money, and for what others wrote."""

from unicodedata import category, normalize

MAX_QUOTE = 40
MAX_LABEL = 70

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_SOON_MS = 90 * _MINUTE
_PUNCTUATION = frozenset(" .,;!?%&+@/()'-_")
_CHANNELS = {
    "web": "on the website",
    "app": "in the app",
    "email": "by e-mail",
    "call_center": "at the call centre",
    "store": "in the store",
    "chat": "in the chat",
    "sms": "by text message",
    "push": "by push message",
    "mail": "by post",
    "kiosk": "at a kiosk",
    "social": "on social media",
}


def quoted(text: str, limit: int = MAX_QUOTE) -> str:
    """Return what someone else wrote, in quotation marks and harmless: one short line.

    Letters, digits and a little punctuation stay; anything else, such as line breaks, quotation
    marks, markup and what turns the direction of writing, becomes a blank.
    """
    return f"“{_plain(text, limit) or '…'}”"


def label(text: str) -> str:
    """Return a text of the playbook's author, cut, without its full stop."""
    return _plain(text, MAX_LABEL).rstrip(".!; ")


def channel_phrase(channel: str) -> str:
    """Return where something happened; channels that are not usual ones are quoted."""
    return _CHANNELS.get(channel) or f"on {quoted(channel, 20)}"


def ago(at_ms: int, now_ms: int) -> str:
    """Return how long ago an instant is, in one unit, rounded down."""
    since_ms = now_ms - at_ms
    return "just now" if since_ms < _MINUTE else f"{_span(since_ms)} ago"


def ahead(at_ms: int, now_ms: int) -> str:
    """Return how far ahead an instant is, in one unit, rounded down."""
    return f"in {_span(at_ms - now_ms)}" if at_ms - now_ms >= _MINUTE else "now"


def money(minor: int, digits: int, currency: str) -> str:
    """Return an amount with its currency, exactly."""
    whole, part = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{part:0{digits}d} {currency}" if digits else f"{sign}{whole} {currency}"


def count(n: int, one: str) -> str:
    """Return a number of things whose plural ends in s."""
    return f"{n} {one}" if n == 1 else f"{n} {one}s"


def listed(items: list[str], limit: int, separator: str = "; ") -> str:
    """Join the first items, and say how many are left out."""
    shown = separator.join(items[:limit])
    return shown if len(items) <= limit else f"{shown}{separator}and {len(items) - limit} more"


def _span(ms: int) -> str:
    if ms < _SOON_MS:
        return count(ms // _MINUTE, "minute")
    if ms < 2 * _DAY:
        return count(ms // _HOUR, "hour")
    return count(ms // _DAY, "day")


def _plain(text: str, limit: int) -> str:
    # What is cut off is not looked at; blanks may be squeezed out, hence the room to spare.
    start = normalize("NFC", text[: 4 * limit])
    kept = "".join([c if c in _PUNCTUATION or category(c)[0] in "LNM" else " " for c in start])
    words = " ".join(kept.split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"
