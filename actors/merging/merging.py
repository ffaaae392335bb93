"""One customer of two, in place on the one who remains.

| part | how |
| --- | --- |
| identities, linked | all; beyond the limit first those of kinds that have no limit make room |
| profile | field by field, see `profiles` |
| conversation | see `actors.domain.conversation` |
| open effects | all; beyond the limit those that have their label go first, then the oldest |
| timers | all; of two with one key a wait keeps the later time, because it began anew, and any other the earlier |
| attributes, patterns | as their own packages say |

The result is the same for whoever survives and for any order of several merges, but for the exceptions
that `profiles` names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.domain.actions import OpenEffect
from actors.domain.conversation import merge_conversations
from actors.domain.ids import Identity
from actors.domain.state import (
    MAX_IDENTITIES,
    MAX_OPEN_EFFECTS,
    MAX_TIMERS,
    CustomerState,
    Timer,
)
from actors.merging.joins import order_of
from actors.merging.origins import seen_from
from actors.merging.profiles import join_profiles, without_turns
from actors.playbook.identity_model import UNLIMITED, IdentityRules
from actors.scenarios.progress import TRIGGER

Attributes = dict[str, list[Any]]
Patterns = list[Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """How the parts are joined whose layout others own. Each join must allow its arguments exchanged."""

    attributes: Callable[[Attributes, Attributes], Attributes]
    patterns: Callable[[Patterns, Patterns], Patterns]


@dataclass(slots=True)
class MergeResult:
    """What a merge changes besides the survivor's state.

    `moved` are the loser's identities, to be owned by the survivor from now on. `timers_set` are timers
    of the survivor that are new or due at another time, `timers_deleted` keys that it had no room for;
    all timers of the loser's row are to be deleted. `forgotten` are identities that the survivor's
    state has no room for: they are still its own.
    """

    moved: list[Identity]
    timers_set: list[Timer]
    timers_deleted: list[str]
    forgotten: list[Identity]


def merge(
    survivor: CustomerState, loser: CustomerState, rules: IdentityRules, parts: Parts
) -> MergeResult:
    """Make one customer of two, in `survivor`; `loser` is taken over and not to be used afterwards.

    `seq` and `generation` stay the survivor's: whoever commits the merge as a turn raises its `seq`.
    """
    if survivor.number == loser.number:
        raise ValueError("a customer cannot be merged with itself")
    seen_from(loser, loser.number, survivor.number)
    moved = list(loser.identities)
    forgotten = _identities(survivor, loser, rules)
    due_before = {timer.key: timer.due_at_ms for timer in survivor.timers}
    survivor.profile = join_profiles(
        survivor.profile, without_turns(loser.profile), rules.strategies
    )
    survivor.conversation = merge_conversations(survivor.conversation, loser.conversation)
    survivor.effects = _effects(survivor, loser)
    survivor.timers = _timers(survivor.timers, loser.timers)
    survivor.attributes = parts.attributes(survivor.attributes, loser.attributes)
    survivor.patterns = parts.patterns(survivor.patterns, loser.patterns)
    survivor.erased_before_ms = max(survivor.erased_before_ms, loser.erased_before_ms)
    survivor.segments = _segments(survivor.segments, loser.segments)
    kept = {timer.key for timer in survivor.timers}
    return MergeResult(
        moved=moved,
        timers_set=[t for t in survivor.timers if due_before.get(t.key) != t.due_at_ms],
        timers_deleted=[key for key in due_before if key not in kept],
        forgotten=forgotten,
    )


def _identities(
    survivor: CustomerState, loser: CustomerState, rules: IdentityRules
) -> list[Identity]:
    """Unite identities and links in the survivor; return the identities that there is no room for."""
    union = list(dict.fromkeys([*survivor.identities, *loser.identities]))
    links = dict.fromkeys([*survivor.linked, *loser.linked])
    stay = set(
        sorted(union, key=lambda i: (rules.kind(i.kind).limit == UNLIMITED, i))[:MAX_IDENTITIES]
    )
    survivor.identities = [identity for identity in union if identity in stay]
    survivor.linked = sorted(link for link in links if link not in union)[:MAX_IDENTITIES]
    return [identity for identity in union if identity not in stay]


def _effects(survivor: CustomerState, loser: CustomerState) -> list[OpenEffect]:
    def place(effect: OpenEffect) -> tuple[int, int, int, int]:
        return (effect.at_ms, effect.origin or survivor.number, effect.seq, effect.n)

    known: dict[tuple[int, int, int], OpenEffect] = {}
    for each in (*survivor.effects, *loser.effects):
        key = (each.origin, each.seq, each.n)
        twin = known.get(key)
        if twin is None or (each.label, each.outcome) > (twin.label, twin.outcome):
            known[key] = each
    effects = sorted(known.values(), key=lambda e: (e.label < 0, *place(e)))[-MAX_OPEN_EFFECTS:]
    return sorted(effects, key=place)


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
    "segments": "united, each since the earlier; the next turn looks at them",
}
"""What `merge` does with each field of a state."""
