"""One customer of two, in place on the one who remains.

| part | how |
| --- | --- |
| identities, linked | all; beyond the limit first those of kinds that have no limit make room |
| profile | field by field, see `profiles` |
| conversation | see `actors.domain.conversation` |
| open effects | all; beyond the limit those that have their label go first, then the oldest |
| conversions | all; of two with one id the credited one stays; beyond the limit the oldest go |
| invested | added up, bucket by bucket |
| timers | all; of two with one key a wait keeps the later time, because it began anew, and any other the earlier |
| attributes, patterns | as their own packages say |

The result is the same for whoever survives and for any order of several merges, but for the exceptions
that `profiles` names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.domain.actions import TAKEN, Conversion, OpenEffect
from actors.domain.conversation import merge_conversations
from actors.domain.groups import united
from actors.domain.state import (
    MAX_CONVERSIONS,
    MAX_IDENTITIES,
    MAX_OPEN_EFFECTS,
    MAX_TIMERS,
    CustomerState,
    Timer,
)
from actors.experiments.arms import united as united_arms
from actors.merging.joins import order_of
from actors.merging.origins import NOBODY, seen_from
from actors.merging.profiles import join_profiles
from actors.playbook.identity_model import UNLIMITED, IdentityRules
from actors.scenarios.progress import TRIGGER

Attributes = dict[str, list[Any]]
Patterns = list[Any]
Invested = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Parts:
    """How the parts are joined whose layout others own. Each join must allow its arguments exchanged."""

    attributes: Callable[[Attributes, Attributes], Attributes]
    patterns: Callable[[Patterns, Patterns], Patterns]


def merge(
    survivor: CustomerState, loser: CustomerState, rules: IdentityRules, parts: Parts
) -> None:
    """Make one customer of two, in `survivor`; `loser` is taken over and not to be used afterwards.

    `seq` and `generation` stay the survivor's: whoever commits the merge as a turn raises its `seq`.
    Identities that the state has no room for are the survivor's all the same: its owner's table has all.
    """
    if survivor.number == loser.number:
        raise ValueError("a customer cannot be merged with itself")
    for side in (survivor, loser):
        seen_from(side, side.number, NOBODY)  # or a tie would depend on who survives
    _identities(survivor, loser, rules)
    survivor.profile = join_profiles(survivor.profile, loser.profile, rules.strategies)
    survivor.conversation = merge_conversations(survivor.conversation, loser.conversation)
    survivor.effects = _effects(survivor, loser)
    survivor.conversions = _conversions(survivor.conversions, loser.conversions)
    survivor.invested = _invested(survivor.invested, loser.invested)
    survivor.timers = _timers(survivor.timers, loser.timers)
    survivor.attributes = parts.attributes(survivor.attributes, loser.attributes)
    survivor.patterns = parts.patterns(survivor.patterns, loser.patterns)
    survivor.erased_before_ms = max(survivor.erased_before_ms, loser.erased_before_ms)
    survivor.segments = _segments(survivor.segments, loser.segments)
    survivor.groups = united(survivor.groups, loser.groups)
    survivor.arms = united_arms(survivor.arms, loser.arms)
    seen_from(survivor, NOBODY, survivor.number)


def _identities(survivor: CustomerState, loser: CustomerState, rules: IdentityRules) -> None:
    """Unite identities and links in the survivor, as far as there is room."""
    union = list(dict.fromkeys([*survivor.identities, *loser.identities]))
    links = dict.fromkeys([*survivor.linked, *loser.linked])
    stay = set(
        sorted(union, key=lambda i: (rules.kind(i.kind).limit == UNLIMITED, i))[:MAX_IDENTITIES]
    )
    survivor.identities = [identity for identity in union if identity in stay]
    survivor.linked = sorted(link for link in links if link not in union)[:MAX_IDENTITIES]


def _effects(survivor: CustomerState, loser: CustomerState) -> list[OpenEffect]:
    def place(effect: OpenEffect) -> tuple[int, int, int, int]:
        return (effect.at_ms, effect.origin, effect.seq, effect.n)

    def told(effect: OpenEffect) -> tuple[bool, int, str, int, int, int]:
        last = (effect.reward_minor, effect.clicked_at_ms, effect.seen_at_ms)
        return (effect.label == TAKEN, effect.label, effect.outcome, *last)

    known: dict[tuple[int, int, int], OpenEffect] = {}
    for each in (*survivor.effects, *loser.effects):
        key = (each.origin, each.seq, each.n)
        twin = known.get(key)
        if twin is None or told(each) > told(twin):
            known[key] = each
    # What is held goes last: nobody else would ever release it.
    ranked = sorted(known.values(), key=lambda e: (e.send_at_ms > 0, e.label < 0, *place(e)))
    effects = ranked[-MAX_OPEN_EFFECTS:]
    return sorted(effects, key=place)


def _conversions(mine: list[Conversion], hers: list[Conversion]) -> list[Conversion]:
    known: dict[int, Conversion] = {}
    for each in (*mine, *hers):
        twin = known.get(each.id)
        if twin is None or _credited(each) > _credited(twin):
            known[each.id] = each
    kept = sorted(known.values(), key=lambda c: (bool(c.seq), c.at_ms, c.id))[-MAX_CONVERSIONS:]
    return sorted(kept, key=lambda c: (c.at_ms, c.id))


def _invested(mine: Invested, hers: Invested) -> Invested:
    both: Invested = {}
    for name in sorted(mine.keys() | hers.keys()):
        buckets = dict(mine.get(name, ()))
        for at_ms, amount in hers.get(name, ()):
            buckets[at_ms] = buckets.get(at_ms, 0) + amount
        both[name] = sorted(buckets.items())
    return both


def _credited(c: Conversion) -> tuple[bool, int, int, int, int, int]:
    return (bool(c.seq), c.at_ms, c.reward_minor, c.seq, c.n, c.origin)


def _segments(mine: dict[str, int], hers: dict[str, int]) -> dict[str, int]:
    return {
        name: min(each[name] for each in (mine, hers) if name in each)
        for name in sorted(mine.keys() | hers.keys())
    }


def _timers(mine: list[Timer], hers: list[Timer]) -> list[Timer]:
    known: dict[str, Timer] = {}
    for timer in (*mine, *hers):
        twin = known.get(timer.key)
        known[timer.key] = timer if twin is None else _timer(twin, timer)
    timers = sorted(known.values(), key=lambda t: (t.kind != TRIGGER, t.due_at_ms, t.key))
    return sorted(timers[-MAX_TIMERS:], key=lambda t: (t.due_at_ms, t.key))


def _timer(a: Timer, b: Timer) -> Timer:
    """Return the timer that stays of two with one key: of waits the later, else the earlier."""

    def tie(timer: Timer) -> tuple[str, str, tuple[int, str]]:
        return (timer.kind, timer.subject, order_of(timer.data))

    if a.kind == b.kind == TRIGGER:
        return max(a, b, key=lambda t: (t.due_at_ms, tie(t)))
    return min(a, b, key=lambda t: (t.due_at_ms, tie(t)))


STATE_PARTS = {
    "number": "the survivor's",
    "partition": "the survivor's",
    "seq": "the survivor's",
    "generation": "the survivor's",
    "identities": "united",
    "linked": "united",
    "profile": "joined",
    "conversation": "joined",
    "effects": "united",
    "timers": "united",
    "attributes": "joined",
    "patterns": "joined",
    "erased_before_ms": "the later",
    "conversions": "united, each credited once",
    "invested": "added up",
    "groups": "united, one membership of each group",
    "journeys": "the survivor's: the session joins them, because that ends some and withdraws offers",
    "segments": "united, each since the earlier; the next turn looks at them",
    "arms": "united; where they were in different ones, in none, and counted in none",
}
"""What `merge` does with each field of a state."""
