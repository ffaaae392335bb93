"""Rules: CEL expressions, compiled once, that fail closed."""

from math import isfinite
from typing import Any

import cel

from actors.playbook.fields import resolve
from actors.playbook.lowering import lower
from actors.playbook.references import tokenize, uses


class Rule:
    """A compiled CEL expression.

    `paths` are the catalogue's fields that it uses; `keys` the literal keys it looks up in maps, as
    (path, key); `whole` the maps that it uses otherwise, so that no set of keys is enough for it.
    `lowered` is the same expression over the flat `variables`, on which `met` runs it.

    Raises:
        ValueError: The expression does not compile; the parser's message names line:column.
    """

    __slots__ = ("_execute", "_met", "keys", "lowered", "paths", "source", "variables", "whole")

    def __init__(self, source: str) -> None:
        self.source = source
        self._execute = cel.compile(source).execute
        self.lowered, self.variables = lower(source)
        self._met = cel.compile(self.lowered).execute
        paths, keys, whole = set(), set(), set()
        for use in uses(tokenize(source)):
            field, inside = resolve(use.parts)
            if field is None:
                continue
            paths.add(field.path)
            if field.is_map and inside:
                keys.add((field.path, inside[0]))
            elif field.is_map:
                whole.add(field.path)
        self.paths = frozenset(paths)
        self.keys = frozenset(keys)
        self.whole = frozenset(whole)

    def __repr__(self) -> str:
        return f"Rule({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def evaluate(self, ctx: cel.Context) -> Any:
        """Return what the expression gives, with the library's errors: for checks and explanations.

        Raises:
            Exception: Whatever the library raises: KeyError for a missing key, TypeError for types
                that do not fit, RuntimeError for an unknown variable or function, and others.
        """
        return self._execute(ctx)

    def holds(self, ctx: cel.Context) -> bool:
        """Return whether the rule is true; an error, or a value that is not a bool, is false."""
        try:
            return self._execute(ctx) is True
        except Exception:  # noqa: BLE001 - fails closed, whatever the library raises
            return False

    def met(self, flat: cel.Context) -> bool:
        """Return whether the rule is true on its flat variables; anything else than true is false.

        The engine's way of asking: see `lowering`.
        """
        try:
            return self._met(flat) is True
        except Exception:  # noqa: BLE001 - fails closed, whatever the library raises
            return False

    def value(self, ctx: cel.Context, default: float) -> float:
        """Return the number that the expression gives, or `default` when it gives none."""
        try:
            result = self._execute(ctx)
        except Exception:  # noqa: BLE001 - fails closed, whatever the library raises
            return default
        if isinstance(result, bool) or not isinstance(result, int | float) or not isfinite(result):
            return default
        return float(result)
