"""Lowering rules to flat variables, because the engine pays for every value it hands to CEL.

`profile.spend_by_department['MEAT'] > profile.spend` runs as `profile_spend_by_department_4d454154 >
profile_spend`: two plain values instead of nested maps. Nothing else about a rule changes.
"""

from dataclasses import dataclass

from actors.playbook.fields import AFTER_SEGMENTS, Field, resolve
from actors.playbook.references import Use, tokenize, uses


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
    pieces: list[str] = []
    variables: set[Variable] = set()
    end = 0
    for use in uses(tokenize(source)):
        field, inside = resolve(use.parts)
        if field is None or field.path in AFTER_SEGMENTS:
            continue
        variable, taken = _variable(use, field, inside)
        variables.add(variable)
        pieces += [source[end : use.start], variable.name]
        end = use.ends[taken - 1]
    return "".join([*pieces, source[end:]]), frozenset(variables)


def _variable(use: Use, field: Field, inside: tuple[str, ...]) -> tuple[Variable, int]:
    """Return the variable of a use and how many of its parts the variable stands for."""
    parts = field.path.count(".") + 1
    # `has()` needs something to select from, and entries of dyn maps may really be missing.
    if field.is_map and inside and not field.is_dyn and not use.tested:
        return variable_of(field.path, inside[0]), parts + 1
    return variable_of(field.path), parts
