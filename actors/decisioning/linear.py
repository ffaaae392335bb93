"""Comparisons that are linear in days, read from the tokens of a lowered rule."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from actors.playbook.fields import NEVER_DAYS
from actors.playbook.references import Token

_DAY_MS = 86_400_000
_RELATIONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_CONSTANT = -1

Sum = dict[int, float]
"""Factors by the position of the value; the one at `_CONSTANT` stands for itself."""


class NotLinearError(Exception):
    """The comparison is none, or not linear in values."""


@dataclass(frozen=True, slots=True)
class Line:
    """Left minus right of a comparison: `constant` and (position, factor, whether it moves)."""

    constant: float
    parts: tuple[tuple[int, float, bool], ...]

    def meets_ms(self, values: Sequence[Any], now_ms: int) -> int:
        """Return the first instant after now to look at, 0 for never.

        There both sides meet, as `values` say. It may be a millisecond or two early, because sums are rounded.
        """
        height, slope = self.constant, 0.0
        try:
            for position, factor, moves in self.parts:
                value: float = values[position]
                height += factor * value
                if moves and value != NEVER_DAYS:
                    slope += factor
            at_ms = floor(now_ms - height / slope * _DAY_MS) - 1
        except (TypeError, ValueError, ArithmeticError):
            return 0  # sides that never meet, or of types that CEL does not compare
        if at_ms > now_ms:
            return at_ms
        return 0 if at_ms + 3 <= now_ms else now_ms + 1


def compare(
    tokens: Sequence[Token], positions: Mapping[str, int], moving: Collection[str]
) -> tuple[int, float] | Line:
    """Return a comparison of days with a number as (position, number), any other as a line.

    `positions` are those of values, `moving` names the variables that grow by one a day.

    Raises:
        NotLinearError: It cannot be solved.
    """
    if (
        len(tokens) == 3
        and tokens[0].text in moving
        and tokens[1].text in _RELATIONS
        and tokens[2].kind == "number"
    ):
        return positions[tokens[0].text], _number(tokens[2].text)
    reader = _Reader(tokens, positions)
    total = reader.sum()
    if reader.next() not in _RELATIONS:
        raise NotLinearError
    _add(total, reader.sum(), -1.0)
    if not reader.at_end():
        raise NotLinearError
    constant = total.pop(_CONSTANT, 0.0)
    days = {positions[name] for name in moving}
    return Line(constant, tuple((place, k, place in days) for place, k in total.items()))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise NotLinearError from None


def _add(total: Sum, other: Sum, factor: float) -> None:
    for place, k in other.items():
        total[place] = total.get(place, 0.0) + factor * k


class _Reader:
    """Reads sums by CEL's precedence."""

    def __init__(self, tokens: Sequence[Token], positions: Mapping[str, int]) -> None:
        self._tokens, self._at = tokens, 0
        self._positions = positions

    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def peek(self) -> str:
        if self.at_end():
            return ""
        token = self._tokens[self._at]
        return "" if token.kind == "string" else token.text

    def next(self) -> str:
        text = self.peek()
        self._at += 1
        return text

    def sum(self) -> Sum:
        total = self._product()
        while (sign := self.peek()) in {"+", "-"}:
            self._at += 1
            _add(total, self._product(), 1.0 if sign == "+" else -1.0)
        return total

    def _product(self) -> Sum:
        product = self._factor()
        while (sign := self.peek()) in {"*", "/"}:
            self._at += 1
            text, other = self.peek(), self._factor()
            if sign == "/":
                # An int is divided without a rest: only a literal double is sure to be none.
                if "." not in text or not other.get(_CONSTANT):
                    raise NotLinearError
                other = {_CONSTANT: 1.0 / other[_CONSTANT]}
            if other.keys() != {_CONSTANT}:
                product, other = other, product
            if other.keys() != {_CONSTANT}:
                raise NotLinearError
            product = {place: k * other[_CONSTANT] for place, k in product.items()}
        return product

    def _factor(self) -> Sum:
        text = self.next()
        if text == "-":
            return {place: -k for place, k in self._factor().items()}
        if text == "(" or (text == "double" and self.next() == "("):
            total = self.sum()
            if self.next() != ")":
                raise NotLinearError
            return total
        if text[:1].isdigit():
            return {_CONSTANT: _number(text)}
        if text not in self._positions or self.peek() in {".", "[", "("}:
            raise NotLinearError
        return {self._positions[text]: 1.0}
