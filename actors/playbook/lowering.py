"""Lowering rules to flat variables, because the engine pays for every value it hands to CEL.

`profile.spend_by_department['MEAT'] > profile.spend` runs as `profile_spend_by_department_4d454154 >
profile_spend`: two plain values instead of nested maps; `'regular' in segments` becomes one bool.
Nothing else about a rule changes.
"""

from dataclasses import dataclass

from actors.playbook.fields import AFTER_SEGMENTS, Field, resolve
from actors.playbook.references import Token, Use, string_value, tokenize, uses

SEGMENTS = "segments"

_BEFORE_A_WHOLE_TERM = frozenset({"(", "[", ",", "&&", "||", "?", ":"})


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """One flat variable: a field, or with `key` one entry of a map whose entries have a default."""

    name: str
    path: str
    key: str | None = None


def variable_of(path: str, key: str | None = None) -> Variable:
    """Return the flat variable of a field or of an entry; distinct for distinct arguments."""
    name = path.replace(".", "_")
    if key is None:
        return Variable(name, path)
    return Variable(f"{name}_{key.encode('utf-8', 'surrogatepass').hex()}", path, key)


def lower(source: str) -> tuple[str, frozenset[Variable]]:
    """Return an expression over flat variables, and those that it uses."""
    tokens = tokenize(source)
    pieces: list[str] = []
    variables: set[Variable] = set()
    end = 0
    for use in uses(tokens):
        field, inside = resolve(use.parts)
        if field is None:
            continue
        start, taken = use.start, 1
        if field.path in AFTER_SEGMENTS:
            asked = _segment_asked(tokens, use) if field.path == SEGMENTS else None
            variable = variable_of(field.path) if asked is None else asked[0]
            start = use.start if asked is None else asked[1]
        else:
            variable, taken = _variable(use, field, inside)
        variables.add(variable)
        pieces += [source[end:start], variable.name]
        end = use.ends[taken - 1]
    return "".join([*pieces, source[end:]]), frozenset(variables)


def _segment_asked(tokens: list[Token], use: Use) -> tuple[Variable, int] | None:
    """Return the bool that `'name' in segments` asks for and where that begins, or None."""
    at = next(i for i, token in enumerate(tokens) if token.start == use.start)
    if not use.searched or len(use.parts) > 1 or at < 2 or tokens[at - 2].kind != "string":
        return None
    # In `a + 'name' in segments` the text is only a part of what is looked for.
    if at > 2 and tokens[at - 3].text not in _BEFORE_A_WHOLE_TERM:
        return None
    name = string_value(tokens[at - 2])
    return None if name is None else (variable_of(SEGMENTS, name), tokens[at - 2].start)


def _variable(use: Use, field: Field, inside: tuple[str, ...]) -> tuple[Variable, int]:
    """Return the variable of a use and how many of its parts the variable stands for."""
    parts = field.path.count(".") + 1
    # `has()` needs something to select from, and entries of dyn maps may really be missing.
    if field.is_map and inside and not field.is_dyn and not use.tested:
        return variable_of(field.path, inside[0]), parts + 1
    return variable_of(field.path), parts
