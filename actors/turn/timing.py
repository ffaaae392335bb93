"""Timers that a customer has one of each: set, moved and deleted in one way."""

from actors.domain.state import MAX_TIMERS, Timer
from actors.turn.under_way import Turn


def keep_timer(
    turn: Turn, key: str, kind: str, due_at_ms: int | None, *, always: bool = False
) -> bool:
    """Let the timer of this key be due at an instant, or never: None or 0.

    One that only moves later keeps its row: it is found due, and moved then. `always` sets a new one
    also where there is no room.

    Returns:
        False when there was no room for it.
    """
    timers = turn.state.timers
    known = None
    for timer in timers:
        if timer.key == key:
            known = timer
            break
    if not due_at_ms:
        if known is not None:
            turn.state.timers = [each for each in timers if each is not known]
            turn.timers_set = [each for each in turn.timers_set if each.key != key]
            turn.timers_deleted.append(key)
        return True
    if known is None:
        if len(timers) >= MAX_TIMERS and not always:
            return False
        known = Timer(key, due_at_ms, kind)
        timers.append(known)
        turn.timers_set.append(known)
        return True
    if due_at_ms < known.due_at_ms and not any(each is known for each in turn.timers_set):
        turn.timers_set.append(known)
    known.due_at_ms = due_at_ms
    return True
