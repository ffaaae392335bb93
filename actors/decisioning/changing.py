"""Until when the value of a rule stays as it is, from the values of its parts.

A part of an expression that is false stays so until its own next crossing, and for as long the whole
of an `&&` is false whatever becomes of the others; with `||` it is the same of what is true. So of a
customer with two orders nothing that is asked only of those with ten has to be looked at.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from actors.decisioning.linear import Line
from actors.domain.state import CustomerState
from actors.playbook.fields import NEVER_DAYS
from actors.playbook.references import Token

NEVER: Final = 1 << 60
"""Later than any instant."""
LEAF: Final = 0
AND: Final = 1
OR: Final = 2
_UNKNOWN: Final = -1
_DAY_MS: Final = 86_400_000

Step = Callable[[CustomerState, int], int | None]
"""Returns when a field that otherwise stands still changes next, after an instant."""


class Part:
    """A part of a rule: `&&` or `||` of others, or a leaf with all that moves in it.

    `place` is that of a leaf's value among the values of all leaves, -1 where that cannot be asked. `ends` are lengths in
    ms by the position of the days, shortest first.
    """

    def __init__(self, kind: int, text: str, children: "list[Part]") -> None:
        self.kind = kind
        self.text = text
        self.children = children
        self.place = -1
        self.ends: list[tuple[int, list[int]]] = []
        self.lines: list[Line] = []
        self.steps: list[Step] = []

    def leaves(self) -> "list[Part]":
        """Return the leaves, in order."""
        if self.kind == LEAF:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]

    def moves(self) -> bool:
        """Return whether anything in it changes by time alone."""
        return any(leaf.ends or leaf.lines or leaf.steps for leaf in self.leaves())

    def value(self, given: Sequence[bool]) -> int:
        """Return 1 or 0, or -1 where that is not known, from the values of leaves."""
        if self.kind == LEAF:
            return _UNKNOWN if self.place < 0 else int(given[self.place])
        decided = 0 if self.kind == AND else 1
        known = 1 - decided
        for child in self.children:
            found = child.value(given)
            if found == decided:
                return decided
            if found == _UNKNOWN:
                known = _UNKNOWN
        return known

    def until_ms(
        self, given: Sequence[bool], state: CustomerState, values: Sequence[Any], now_ms: int
    ) -> int:
        """Return an instant before which the value stays; `NEVER` if nothing moves."""
        if self.kind == LEAF:
            return self._crosses_ms(state, values, now_ms)
        decided = 0 if self.kind == AND else 1
        latest = 0
        for child in self.children:
            if child.value(given) == decided:
                latest = max(latest, child.until_ms(given, state, values, now_ms))
                if latest >= NEVER:
                    return NEVER
        if latest:
            return latest
        first = NEVER
        for child in self.children:
            first = min(first, child.until_ms(given, state, values, now_ms))
        return first

    def _crosses_ms(self, state: CustomerState, values: Sequence[Any], now_ms: int) -> int:
        first_ms = NEVER
        for position, ends in self.ends:
            days: float = values[position]
            if days == NEVER_DAYS:
                continue
            gone_ms = int(days * _DAY_MS + 0.5)
            for end_ms in ends:
                if end_ms > gone_ms:
                    first_ms = min(first_ms, now_ms + end_ms - gone_ms)
                    break
        for line in self.lines:
            at_ms = line.meets_ms(values, now_ms)
            if at_ms:
                first_ms = min(first_ms, at_ms)
        for step in self.steps:
            step_ms = step(state, now_ms)
            if step_ms is not None:
                first_ms = min(first_ms, step_ms)
        return first_ms


def parts_of(source: str, tokens: list[Token]) -> Part:
    """Return the structure of an expression; what is neither `&&` nor `||` is a leaf."""
    return _part(source, tokens, 0, len(tokens))


def _part(source: str, tokens: list[Token], start: int, end: int) -> Part:
    text = source[tokens[start].start : tokens[end - 1].end]
    cuts = _cuts(tokens, start, end)
    signs = {tokens[i].text for i in cuts}
    if not cuts:
        if tokens[start].text == "(" and _closes(tokens, start) == end - 1:
            return _part(source, tokens, start + 1, end - 1)
        return Part(LEAF, text, [])
    if "?" in signs:
        return Part(LEAF, text, [])
    sign = "||" if "||" in signs else "&&"
    edges = [start - 1, *[i for i in cuts if tokens[i].text == sign], end]
    children = [_part(source, tokens, left + 1, right) for left, right in pairwise(edges)]
    return Part(OR if sign == "||" else AND, text, children)


def _cuts(tokens: list[Token], start: int, end: int) -> list[int]:
    """Return the places of `&&`, `||`, `?` and `:` outside of all brackets."""
    found, depth = [], 0
    for i in range(start, end):
        text = tokens[i].text if tokens[i].kind == "op" else ""
        if text in {"(", "[", "{"}:
            depth += 1
        elif text in {")", "]", "}"}:
            depth -= 1
        elif depth == 0 and text in {"&&", "||", "?", ":"}:
            found.append(i)
    return found


def _closes(tokens: list[Token], start: int) -> int:
    """Return the place of the bracket that closes the one at `start`."""
    depth = 0
    for i in range(start, len(tokens)):
        if tokens[i].kind == "op":
            depth += (tokens[i].text == "(") - (tokens[i].text == ")")
            if depth == 0:
                return i
    return -1
