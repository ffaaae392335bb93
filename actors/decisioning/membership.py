"""Segments over time: who is in which, since when, and when that may change with no event."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.crossings import crossings_of, lasting
from actors.decisioning.plan import Standing, plan_of
from actors.domain.groups import GroupState
from actors.domain.state import CustomerState, Timer
from actors.playbook.model import Playbook

SEGMENTS = "segments"
"""Kind and key of the one timer that looks at a customer's segments."""

TOUCHED = frozenset(
    {
        *("profile.offered", "profile.sent", "profile.contacts_7d", "profile.contacts_30d"),
        *("profile.profit", "profile.cost_to_serve", "profile.campaigns", "profile.loyalty_stage"),
        *("conversation.turns", "conversation.last_intent", "conversation.last_channel"),
    }
)
"""Fields that an effect of the customer's own turn may change."""


def standing_of(
    state: CustomerState, playbook: Playbook, now_ms: int, groups: Sequence[GroupState] = ()
) -> Standing:
    """Return where a customer stands at an instant at which nothing happens."""
    occasion = Occasion("", "", "", {}, {}, late=False, groups=groups)
    return plan_of(playbook).stand(builder_of(playbook).build(state, occasion, now_ms))


@lru_cache(maxsize=16)
def names_of(playbook: Playbook) -> frozenset[str]:
    """Return the names of the segments that one can be a member of."""
    return frozenset(segment.name for segment in lasting(playbook))


@lru_cache(maxsize=16)
def touched_by_effects(playbook: Playbook) -> bool:
    """Return whether an effect may change a membership."""
    return any(not segment.rule.paths.isdisjoint(TOUCHED) for segment in lasting(playbook))


def difference(
    state: CustomerState, held: Sequence[str], playbook: Playbook
) -> tuple[list[str], list[str]]:
    """Return (entered, left): in the playbook's order, and in the order of entering."""
    known, names = state.segments, names_of(playbook)
    if len(held) == len(known) and known.keys() <= names and all(map(known.__contains__, held)):
        return [], []  # as mostly
    entered = [name for name in held if name not in known and name in names]
    return entered, [name for name in known if name not in held or name not in names]


def next_look_ms(
    state: CustomerState, values: Sequence[Any], playbook: Playbook, now_ms: int
) -> int | None:
    """Return an instant before which no membership changes if nothing happens; None for never."""
    crossings = crossings_of(playbook)
    return crossings.next_ms(state, values, now_ms) if crossings.moves else None


def look_soon(state: CustomerState, playbook: Playbook, now_ms: int) -> None:
    """Have the segments of somebody looked at who is not whom they were last looked at for."""
    if state.segments or playbook.segments:
        look_at(state, now_ms)


def look_at(state: CustomerState, at_ms: int | None) -> Timer | None:
    """Set or move the timer of the segments in a state, or take it away.

    Returns:
        The timer when its stored row has to be written: a row that is earlier than the state says
        stays, and is moved when it is found due.
    """
    timers, known = state.timers, None
    for timer in timers:
        if timer.key == SEGMENTS:
            if timer.due_at_ms == at_ms:
                return None
            known = timer
            break
    if known is not None:
        timers = [timer for timer in timers if timer is not known]
    if at_ms is None:
        state.timers = timers
        return None
    new = Timer(SEGMENTS, at_ms, SEGMENTS)
    state.timers = [*timers, new]
    return None if known is not None and known.due_at_ms < at_ms else new
