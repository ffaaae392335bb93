"""Any text as a database can hold it."""

_ESCAPED = "\ufdd0"


def to_text(text: str) -> str:
    """Return what a database can hold of any text: NUL and lone surrogates are escaped, reversibly."""
    if text.isprintable():
        return text
    return _ESCAPED + text.encode("unicode_escape").decode("ascii")


def from_text(stored: str) -> str:
    """Undo `to_text`."""
    if stored.startswith(_ESCAPED):
        return stored[1:].encode("ascii").decode("unicode_escape")
    return stored
