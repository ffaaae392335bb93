"""Traits: of every one the value that was said last, since when, by which channel, and what was before."""

from typing import Any

from actors.domain.folding.reading import MAX_NAME
from actors.domain.histories import (
    MAX_CHANGES_OF_ONE_TRAIT,
    MAX_OLD_VALUE,
    MAX_TRAIT_CHANGES,
    MAX_TRAIT_ORIGINS,
    TraitChange,
    TraitOrigin,
)
from actors.domain.profile import MAX_TRAITS, Profile

_MAX_TRAIT_SIZE = 1024


def take_traits(
    profile: Profile, traits: dict[str, Any], origin: TraitOrigin, newest: bool, notes: list[str]
) -> None:
    """Take what is not older than what is known, trait by trait; None removes.

    Of two at the same instant the later arrival holds. `newest` decides for a trait whose origin is
    not known: whether the event is the customer's last one.
    """
    known, origins = profile.traits, profile.trait_origins
    for name, value in traits.items():
        last = origins.get(name)
        older = (not newest and name in known) if last is None else origin.at_ms < last.at_ms
        if older:
            continue
        refused = _refused(known, name, value)
        if refused:
            notes.append(refused)
        elif value is not None or name in known or last is not None:
            _put(profile, name, value, origin)


def _refused(known: dict[str, Any], name: str, value: Any) -> str:
    if not isinstance(value, bool | int | float | None):
        if len(value if isinstance(value, str) else str(value)) > _MAX_TRAIT_SIZE:
            return "trait_too_large"
    elif value is None:
        return ""
    if name not in known and (len(known) >= MAX_TRAITS or len(name) > MAX_NAME):
        return "too_many_traits"
    return ""


def _put(profile: Profile, name: str, value: Any, origin: TraitOrigin) -> None:
    known, origins = profile.traits, profile.trait_origins
    if name in known:
        old = known[name]
        if old != value or type(old) is not type(value):
            _note_change(profile, TraitChange(name, origin.at_ms, origin.source, _short(old)))
    if value is None:
        known.pop(name, None)
    else:
        known[name] = value
    if name not in origins and len(origins) >= MAX_TRAIT_ORIGINS:
        _forget_removed(profile)
    origins[name] = origin


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    return (value if isinstance(value, str) else str(value))[:MAX_OLD_VALUE]


def _note_change(profile: Profile, change: TraitChange) -> None:
    changes = profile.trait_changes
    same = [i for i, each in enumerate(changes) if each.name == change.name]
    if len(same) >= MAX_CHANGES_OF_ONE_TRAIT:
        del changes[same[0]]
    elif len(changes) >= MAX_TRAIT_CHANGES:
        del changes[0]
    i = len(changes)
    while i > 0 and changes[i - 1].at_ms > change.at_ms:
        i -= 1
    changes.insert(i, change)


def _forget_removed(profile: Profile) -> None:
    """Make room: of the traits that were removed, forget the one removed longest ago."""
    origins = profile.trait_origins
    removed = [name for name in origins if name not in profile.traits]
    if removed:
        del origins[min(removed, key=lambda name: origins[name].at_ms)]
