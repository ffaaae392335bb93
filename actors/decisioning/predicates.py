"""The rules of one playbook, ready to be asked: a list of values in, yes or no out."""

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cel import Context

from actors.playbook.direct import Guarded, Predicate, Predicates, guarded, simple, together
from actors.playbook.lowering import SEGMENTS
from actors.playbook.rules import Rule


def predicates_of(rules: Sequence[Rule], positions: Mapping[str, int]) -> Predicates:
    """Return how to ask some rules at once; `positions` are those of a `ContextBuilder`."""
    return together([_predicate(rule, positions) for rule in rules])


def _predicate(rule: Rule, positions: Mapping[str, int]) -> ast.expr | Guarded | Predicate:
    direct = simple(rule.lowered, rule.variables, positions)
    if direct is not None:
        return direct
    through_cel = _through_cel(rule, positions)
    return guarded(rule.lowered, rule.variables, positions, through_cel) or through_cel


def _through_cel(rule: Rule, positions: Mapping[str, int]) -> Predicate:
    """Few rules need CEL: each of these gets a context of its own, of its own variables."""
    variables = sorted(rule.variables)
    places = tuple([(v.name, positions[v.name]) for v in variables if v.name in positions])
    flags = tuple([(v.name, v.key) for v in variables if v.path == SEGMENTS and v.key is not None])
    listed = any(v.path == SEGMENTS and v.key is None for v in variables)
    tiered = any(v.path == "tier" for v in variables)

    def ask(values: Sequence[Any], segments: Collection[str], tier: str) -> bool:
        given = {name: values[position] for name, position in places}
        for name, segment in flags:
            given[name] = segment in segments
        if listed:
            given[SEGMENTS] = list(segments)
        if tiered:
            given["tier"] = tier
        # Everything at once: a context that is added to after an evaluation is built again inside.
        return rule.met(Context(variables=given))

    return ask
