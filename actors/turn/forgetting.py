"""Forgetting by age what a customer's own state keeps: traits, and what was said."""

from actors.domain.conversation import Conversation
from actors.domain.histories import TraitOrigin
from actors.domain.profile import Profile
from actors.domain.state import CustomerState, Timer
from actors.playbook.model import Playbook
from actors.playbook.retention_model import Retention, day_after
from actors.turn.timing import keep_timer
from actors.turn.under_way import Turn

RETENTION = "retention"
"""Kind and key of the timer by which a customer who stays away is forgotten in part."""


def forget(turn: Turn, playbook: Playbook) -> None:
    """Forget what has reached its age by now; the turn's notes name it, never what it was.

    A former value of a trait is as old as the one that replaced it. Threads that are open stay.
    """
    retention = playbook.retention
    if not retention.touches_state:
        return
    state, now_ms = turn.state, turn.record.received_at_ms
    notes = turn.record.notes
    if retention.traits_ms:
        gone = _forget_traits(state.profile, retention, now_ms)
        notes += [f"forgotten: trait {name}" for name in gone]
    if retention.conversation_ms:
        count = _forget_conversation(state.conversation, now_ms - retention.conversation_ms)
        if count:
            notes.append(f"forgotten: {count} of the conversation")


def look_after_age(turn: Turn, playbook: Playbook) -> None:
    """Set the timer for what reaches its age next, on the day after: one turn a day is enough."""
    retention = playbook.retention
    if not retention.touches_state:
        return
    due_at_ms = next_age_ms(turn.state, retention)
    keep_timer(turn, RETENTION, RETENTION, due_at_ms, always=True)


def asked(
    state: CustomerState, timer: Timer | None, playbook: Playbook, now_ms: int
) -> Timer | None:
    """Return the timer to fire for a row that may have been set from outside.

    It is the state's own `timer`, unless the playbook's ages have changed since that was set: then one
    for now, whose turn sets it anew.
    """
    retention = playbook.retention
    due_at_ms = next_age_ms(state, retention) if retention.touches_state else None
    if due_at_ms is None or (timer is not None and timer.due_at_ms == due_at_ms):
        return timer
    return Timer(RETENTION, now_ms, RETENTION)


def next_age_ms(state: CustomerState, retention: Retention) -> int | None:
    """Return the day on which something in a state will have reached its age; None for never."""
    profile, talk = state.profile, state.conversation
    ends: list[int] = []
    if retention.traits_ms:
        said = [(name, origin.at_ms) for name, origin in profile.trait_origins.items()]
        said += [(change.name, change.at_ms) for change in profile.trait_changes]
        known = profile.trait_origins
        said += [(name, profile.last_seen_at_ms) for name in profile.traits if name not in known]
        ends = [at_ms + age for name, at_ms in said if (age := retention.trait_ms(name))]
    if retention.conversation_ms:
        heard = [turn.at_ms for turn in talk.turns]
        heard += [thread.last_at_ms for thread in talk.threads if thread.closed]
        if talk.last_intent or talk.last_channel:
            heard.append(talk.last_heard_at_ms)
        if heard:
            ends.append(min(heard) + retention.conversation_ms)
    return day_after(min(ends)) if ends else None


def _forget_traits(profile: Profile, retention: Retention, now_ms: int) -> list[str]:
    """Forget traits that were last said too long ago, and former values; return their names."""
    origins = profile.trait_origins
    for name in profile.traits:
        if name not in origins:  # when it was said is not known: no later than this
            origins[name] = TraitOrigin(profile.last_seen_at_ms, "")

    def old(name: str, at_ms: int) -> bool:
        age_ms = retention.trait_ms(name)
        return bool(age_ms) and at_ms + age_ms <= now_ms

    gone = [name for name, origin in origins.items() if old(name, origin.at_ms)]
    named = [name for name in gone if profile.traits.pop(name, None) is not None]
    for name in gone:
        del origins[name]
    kept = [change for change in profile.trait_changes if not old(change.name, change.at_ms)]
    if len(kept) < len(profile.trait_changes):
        former = {c.name for c in profile.trait_changes} - {c.name for c in kept}
        named += sorted(former.difference(named))
        profile.trait_changes = kept
    return named


def _forget_conversation(talk: Conversation, before_ms: int) -> int:
    """Forget what was said, and threads that were closed, up to an instant; return how many."""
    turns = [turn for turn in talk.turns if turn.at_ms > before_ms]
    ended = [t for t in talk.threads if t.closed and t.last_at_ms <= before_ms]
    count = len(talk.turns) - len(turns) + len(ended)
    if count:
        talk.turns = turns
        talk.threads = [t for t in talk.threads if not (t.closed and t.last_at_ms <= before_ms)]
        last_ms = max((t.last_at_ms for t in ended), default=0)
        talk.forgotten_at_ms = max(talk.forgotten_at_ms, last_ms)
    if talk.last_heard_at_ms <= before_ms and (talk.last_intent or talk.last_channel):
        talk.last_intent = talk.last_channel = ""
        count += 1
    return count
