"""Until when the value of a rule stays as it is, from the values of its parts.

A part of an expression that is false stays so until its own next crossing, and for as long the whole
of an `&&` is false whatever becomes of the others; with `||` it is the same of what is true. So of a
customer with two orders nothing that is asked only of those with ten has to be looked at.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import floor
from typing import Any, Final

from actors.decisioning.linear import Line
from actors.domain.state import CustomerState
from actors.playbook.fields import NEVER_DAYS
from actors.playbook.references import Token, closing, cuts_of

NEVER: Final = 1 << 60
"""Later than any instant."""
_UNKNOWN: Final = -1
_DAY_MS: Final = 86_400_000

Step = Callable[[CustomerState, int], int | None]
"""Returns when a field that otherwise stands still changes next, after an instant."""


class Moment:
    """A customer at an instant: the values of fields by position, those of leaves by place."""

    def __init__(
        self, state: CustomerState, now_ms: int, values: Sequence[Any], given: Sequence[bool]
    ) -> None:
        self.state = state
        self.now_ms = now_ms
        self.values = values
        self.given = given
        self._steps: dict[Step, int] = {}

    def next_ms(self, step: Step) -> int:
        """Return when a step comes next, worked out once however many leaves ask; `NEVER` if not."""
        found = self._steps.get(step, 0)
        if not found:
            step_ms = step(self.state, self.now_ms)
            found = NEVER if step_ms is None else step_ms
            self._steps[step] = found
        return found


class Part:
    """A part of a rule: `&&` or `||` of its children, or without any a leaf with all that moves in it.

    `decisive` is the value of a child that decides the whole: 0 for `&&`, 1 for `||`. `place` is that of a leaf's value
    among the values of all leaves, -1 where that cannot be asked. `ends` are lengths in ms by the position of the days,
    shortest first.
    """

    def __init__(self, text: str, children: "list[Part]", decisive: int = 0) -> None:
        self.text = text
        self.children = children
        self.decisive = decisive
        self.place = -1
        self.ends: list[tuple[int, list[int]]] = []
        self.lines: list[Line] = []
        self.steps: list[Step] = []

    def leaves(self) -> "list[Part]":
        """Return the leaves, in order."""
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]

    def moves(self) -> bool:
        """Return whether anything in it changes by time alone."""
        return any(leaf.ends or leaf.lines or leaf.steps for leaf in self.leaves())

    def value(self, given: Sequence[bool]) -> int:
        """Return 1 or 0, or -1 where that is not known, from the values of leaves."""
        if not self.children:
            return _UNKNOWN if self.place < 0 else int(given[self.place])
        known = 1 - self.decisive
        for child in self.children:
            found = child.value(given)
            if found == self.decisive:
                return found
            if found == _UNKNOWN:
                known = _UNKNOWN
        return known

    def until_ms(self, moment: Moment) -> int:
        """Return an instant before which the value stays; `NEVER` if nothing moves."""
        if not self.children:
            return self._crosses_ms(moment)
        latest = 0
        for child in self.children:
            if child.value(moment.given) == self.decisive:
                latest = max(latest, child.until_ms(moment))
                if latest >= NEVER:
                    return NEVER
        if latest:
            return latest
        first = NEVER
        for child in self.children:
            first = min(first, child.until_ms(moment))
        return first

    def _crosses_ms(self, moment: Moment) -> int:
        values, now_ms = moment.values, moment.now_ms
        first_ms = NEVER
        for position, ends in self.ends:
            days: float = values[position]
            if days == NEVER_DAYS:
                continue
            gone_ms = floor(days * _DAY_MS + 0.5)
            for end_ms in ends:
                if end_ms > gone_ms:
                    first_ms = min(first_ms, now_ms + end_ms - gone_ms)
                    break
        for line in self.lines:
            at_ms = line.meets_ms(values, now_ms)
            if at_ms:
                first_ms = min(first_ms, at_ms)
        for step in self.steps:
            first_ms = min(first_ms, moment.next_ms(step))
        return first_ms


def parts_of(source: str, tokens: list[Token]) -> Part:
    """Return the structure of an expression; what is neither `&&` nor `||` is a leaf."""
    return _part(source, tokens, 0, len(tokens))


def _part(source: str, tokens: list[Token], start: int, end: int) -> Part:
    cuts = cuts_of(tokens, start, end)
    if not cuts and closing(tokens, start) == end - 1:
        return _part(source, tokens, start + 1, end - 1)
    signs = {tokens[i].text for i in cuts}
    text = source[tokens[start].start : tokens[end - 1].end]
    if not cuts or "?" in signs:
        return Part(text, [])
    sign = "||" if "||" in signs else "&&"
    edges = [start - 1, *[i for i in cuts if tokens[i].text == sign], end]
    children = [_part(source, tokens, left + 1, right) for left, right in pairwise(edges)]
    return Part(text, children, decisive=1 if sign == "||" else 0)
