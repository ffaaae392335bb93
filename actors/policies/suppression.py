"""Silence after an answer, a purchase, a complaint or a bounce, for a time."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import inf

from actors.domain.profile import Profile
from actors.playbook.model import Playbook
from actors.playbook.policy_model import (
    ACTION,
    ALL,
    ANSWERS,
    CHANNEL,
    COMPLAINT,
    GROUP,
    PURCHASE,
    PURPOSE,
    Suppress,
)
from actors.policies.contact_pressure import group_of
from actors.policies.verdicts import Silence

_OF_CASES = frozenset({ALL, PURPOSE})
"""A case is about no action and no channel that we write to."""

Since = tuple[int, Silence]
"""When a silence began, and the silence."""


def silences_of(profile: Profile, playbook: Playbook, now_ms: int) -> tuple[Silence, ...]:
    """Return what is silent now, in the order of the rules, each once."""
    if not playbook.policies.suppress or not _may_be(profile, playbook):
        return ()
    return tuple(dict.fromkeys([each for _, each in silences_since(profile, playbook, now_ms)]))


def _may_be(profile: Profile, playbook: Playbook) -> bool:
    """Return whether a customer has done anything that a rule looks at; mostly that is all there is to it."""
    answers, purchases, cases = _needed(playbook)
    return bool(
        (answers and profile.answers)
        or (cases and profile.service.cases)
        or (purchases and profile.purchases.orders)
    )


@lru_cache(maxsize=16)
def _needed(playbook: Playbook) -> tuple[bool, bool, bool]:
    """Return whether any rule looks at answers, at purchases, and at cases."""
    rules = playbook.policies.suppress
    return (
        any(rule.after in ANSWERS for rule in rules),
        any(rule.after == PURCHASE for rule in rules),
        any(rule.after == COMPLAINT and rule.scope in _OF_CASES for rule in rules),
    )


def silenced_by(
    silences: Sequence[Silence], action_key: str, group: str, channel: str, purpose: str
) -> Silence | None:
    """Return the silence that covers a candidate and lasts longest, or None."""
    found: Silence | None = None
    for each in silences:
        if _covers(each, (action_key, group, channel, purpose)) and (
            found is None or _end(each) > _end(found)
        ):
            found = each
    return found


def _end(silence: Silence) -> float:
    return silence.until_ms or inf


def _covers(silence: Silence, candidate: tuple[str, str, str, str]) -> bool:
    action_key, group, channel, purpose = candidate
    scope, name = silence.scope, silence.name
    if scope == ALL:
        return True
    if scope == ACTION:
        return name == action_key
    if scope == GROUP:
        return name in (group, f"{group}|{purpose}")
    if scope == CHANNEL:
        return name in (channel, f"{channel}|{purpose}")
    return name == purpose


def silences_since(profile: Profile, playbook: Playbook, now_ms: int) -> list[Since]:
    """Return what is silent now with the instant at which it began to be."""
    found: list[Since] = []
    if not _may_be(profile, playbook):
        return found
    for rule in playbook.policies.suppress:
        if rule.after in ANSWERS and profile.answers:
            found += _answers(rule, profile, playbook, now_ms)
        if rule.after == PURCHASE and profile.purchases.orders:
            at_ms = profile.purchases.last_at_ms
            if at_ms + rule.for_ms > now_ms:
                found += _everything(rule, at_ms, at_ms + rule.for_ms)
        elif rule.after == COMPLAINT and rule.scope in _OF_CASES and profile.service.cases:
            found += _cases(rule, profile, now_ms)
    return found


def _answers(rule: Suppress, profile: Profile, playbook: Playbook, now_ms: int) -> Iterator[Since]:
    for key, at_ms in profile.answers.items():
        outcome, action, channel = key.split("|")
        if outcome != rule.after or at_ms + rule.for_ms <= now_ms:
            continue
        if rule.scope == ALL:
            yield from _everything(rule, at_ms, at_ms + rule.for_ms)
            continue
        known = playbook.action(action)
        purpose = known.purpose if known is not None else ""
        for name in _names(rule, action, channel, purpose):
            yield at_ms, Silence(rule.scope, name, f"after {rule.after}", at_ms + rule.for_ms)


def _names(rule: Suppress, action: str, channel: str, purpose: str) -> Iterator[str]:
    """Yield what of its scope a rule silences after an answer to an action on a channel."""
    purposes = rule.purposes
    if rule.scope == ACTION:
        if purposes is None or purpose in purposes:
            yield action
    elif rule.scope in {GROUP, CHANNEL}:
        name = channel if rule.scope == CHANNEL else group_of(action)
        if purposes is None:
            yield name
        else:
            yield from (f"{name}|{each}" for each in sorted(purposes))
    elif purposes is not None:
        yield from sorted(purposes)
    elif purpose:
        yield purpose


def _cases(rule: Suppress, profile: Profile, now_ms: int) -> Iterator[Since]:
    for case in profile.service.cases:
        if rule.topics is not None and case.topic not in rule.topics:
            continue
        until_ms = case.closed_at_ms + rule.for_ms if case.closed_at_ms else 0
        if not until_ms or until_ms > now_ms:
            yield from _everything(rule, case.opened_at_ms or case.changed_at_ms, until_ms)


def _everything(rule: Suppress, at_ms: int, until_ms: int) -> list[Since]:
    """Return what a rule silences that is about no action: all purposes, or those that it names."""
    why = f"after {rule.after}" if until_ms else f"open {rule.after}"
    if rule.purposes is None:
        return [(at_ms, Silence(ALL, "", why, until_ms))]
    return [(at_ms, Silence(PURPOSE, each, why, until_ms)) for each in sorted(rule.purposes)]
