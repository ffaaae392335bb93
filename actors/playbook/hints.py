"""Words that help the author of a playbook: the nearest valid name, and what a value looks like."""

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 8
_SHOWN = 60


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `name` was most likely meant to be, or None."""
    by_folded = {choice.casefold(): choice for choice in sorted(choices)}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def expected(name: str, choices: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: what was expected, and the nearest."""
    known = sorted(choices)
    hint = nearest(name, known)
    if not known:
        return "; none is defined"
    listed = ", ".join(known[:_LISTED]) + (", …" if len(known) > _LISTED else "")
    end = f"; expected one of {listed}" if len(known) > 1 else f"; expected {listed}"
    return end + (f"; did you mean {hint!r}?" if hint else "")


def describe(value: object) -> str:
    """Return a short description of a YAML value for an error message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
