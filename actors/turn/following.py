"""Following a customer's segments in a turn: who enters, who leaves, when to look again."""

from actors.decisioning.foresight import foresight_of
from actors.decisioning.membership import (
    SEGMENTS,
    difference,
    look_at,
    next_look_ms,
    standing_of,
    touched_by_effects,
)
from actors.decisioning.plan import Standing
from actors.playbook.model import Playbook, Trigger
from actors.turn.under_way import Turn

_AT_ONCE_MS = 3
"""A guess so near is mostly two sides of a rule that are equal just now, as of a customer who is new."""
_AGAIN_MS = 60_000
"""The least time between two looks of which each would cause the next."""


def follow(turn: Turn, standing: Standing, playbook: Playbook) -> list[Trigger]:
    """Let the customer enter and leave segments.

    Returns:
        The triggers that wait for that, or for what was found unusual in this turn, unjudged.
    """
    state = turn.state
    entered, left = difference(state, standing.segments, playbook)
    if not entered and not left and not turn.deviations:
        return []
    waiting = playbook.triggers_by_change
    unusual = [
        trigger
        for deviation in turn.deviations
        for trigger in waiting.get(f"deviation:{deviation.name}", ())
    ]
    if not entered and not left:
        return unusual
    for name in left:
        del state.segments[name]
    for name in entered:
        state.segments[name] = turn.record.received_at_ms
    turn.entered += entered
    turn.left += left
    keys = [*(f"entered:{name}" for name in entered), *(f"left:{name}" for name in left)]
    turn.record.notes += [key.replace(":", ": ", 1) for key in keys]
    return [trigger for key in keys for trigger in waiting.get(key, ())] + unusual


def look_again(turn: Turn, standing: Standing, playbook: Playbook) -> None:
    """Set the timer at which a membership may change without an event.

    On events it is a cheap guess that is never late; the timer itself looks for what really changes, and
    so does an event whose guess is for at once: that costs less than a turn.
    """
    now_ms, timer = turn.record.received_at_ms, turn.record.timer
    if timer is not None and timer[1] == SEGMENTS:
        at_ms = foresight_of(playbook).next_change_ms(turn.state, now_ms)
    else:
        at_ms = next_look_ms(turn.state, standing.values, playbook, now_ms)
        if at_ms is not None and at_ms - now_ms <= _AT_ONCE_MS:
            at_ms = foresight_of(playbook).next_change_ms(turn.state, now_ms)
    _set(turn, at_ms)


def look_after_effects(turn: Turn, playbook: Playbook) -> None:
    """See to it that what this turn's own effects changed is looked at in a turn of its own."""
    if not turn.record.effects or not touched_by_effects(playbook):
        return
    now_ms, timer = turn.record.received_at_ms, turn.record.timer
    standing = standing_of(turn.state, playbook, now_ms)
    entered, left = difference(turn.state, standing.segments, playbook)
    if not entered and not left:
        look_again(turn, standing, playbook)
    else:
        repeated = timer is not None and timer[1] == SEGMENTS
        _set(turn, now_ms + (_AGAIN_MS if repeated else 0))


def _set(turn: Turn, at_ms: int | None) -> None:
    state = turn.state
    known = at_ms is None and any(timer.key == SEGMENTS for timer in state.timers)
    timer = look_at(state, at_ms)
    if timer is not None:
        turn.timers_set = [t for t in turn.timers_set if t.key != SEGMENTS] + [timer]
    elif known:
        turn.timers_set = [t for t in turn.timers_set if t.key != SEGMENTS]
        turn.timers_deleted.append(SEGMENTS)
