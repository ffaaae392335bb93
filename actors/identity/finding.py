"""Which identities an event carries besides the one that routes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.domain.ids import Identity
from actors.identity.normalising import normalised
from actors.playbook.identity_model import IdentityKind, IdentityRules, Source

LINKING = frozenset({"identify", "alias"})
"""Types of events whose traits say who somebody is; on others they only describe."""

Note = str
"""A sentence for the journal that names a kind, never a value."""


def identities_of(
    event_type: str,
    identities: Sequence[Identity],
    traits: Mapping[str, Any],
    context: Mapping[str, Any],
    rules: IdentityRules,
) -> tuple[list[Identity], list[Note]]:
    """Return the further identities that an event names, each once, and notes on those left out.

    `identities[0]` routes the event and is not returned. If it is blocked it stands for a crowd: then
    nothing is attached to it. The others come in their order, then those found in the traits of
    `identify` and `alias` (also in `context.traits`), then those in the context, kinds in the order of
    the playbook. Kinds that are not `unique` are among them: they describe, nobody owns them.
    """
    first = identities[0]
    if rules.is_blocked(first.kind, first.value):
        return [], [f"blocked_identity: {first.kind}"]
    found: dict[Identity, None] = {}
    notes: list[Note] = []
    for identity in identities[1:]:
        _take(rules.kind(identity.kind), identity.kind, identity.value, rules, found, notes)
    if event_type in LINKING:
        named = context.get("traits")
        for described in (traits, named) if isinstance(named, Mapping) else (traits,):
            _search(described, rules.trait_sources, rules, found, notes)
    if context:
        _search(context, rules.context_sources, rules, found, notes)
    found.pop(first, None)
    return list(found), notes


def _search(
    values: Mapping[str, Any],
    sources: tuple[Source, ...],
    rules: IdentityRules,
    found: dict[Identity, None],
    notes: list[Note],
) -> None:
    for kind, path in sources:
        value: Any = values
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            _take(kind, kind.name, value, rules, found, notes)


def _take(
    rule: IdentityKind,
    kind: str,
    value: Any,
    rules: IdentityRules,
    found: dict[Identity, None],
    notes: list[Note],
) -> None:
    text = normalised(rule, value)
    if text is None:
        notes.append(f"not_an_identity: {kind}")
    elif rules.is_blocked(kind, text):
        notes.append(f"blocked_identity: {kind}")
    else:
        found[Identity(kind, text)] = None
