"""Messages that wait: held until their planned time, judged again before they go, given back if they do not.

A message is judged by its customer, in a turn: when its time has come (the timer `send`), or when the
check before an attempt did not say a clear yes (the command `review`). Whatever is decided is written with
what it changes: the reservation, the row in the outbox, the customer's memory of it.
"""

from collections.abc import Mapping
from typing import Any

from actors.domain.actions import NOT_TAUGHT, OpenEffect
from actors.domain.profile import Contact
from actors.domain.state import CustomerState, Timer
from actors.playbook.model import Playbook
from actors.policies.contact_pressure import reserve
from actors.policies.sending import may_go
from actors.policies.verdicts import Verdict
from actors.turn.belonging import contact_groups, own_groups
from actors.turn.policing import move_contact, unreserve
from actors.turn.timing import keep_timer
from actors.turn.under_way import Turn

SEND = "send"
"""The key and the kind of the timer of whoever has messages that wait."""

MAX_HELD = 24
"""Held messages of one customer; beyond it the first to be made is dropped."""


def look_after_held(turn: Turn) -> None:
    """See to it that held messages are looked at when the first of them is to go."""
    held = held_effects(turn.state)
    if len(held) > MAX_HELD:
        held.sort(key=lambda e: (e.at_ms, e.seq, e.n))
        for effect in held[: len(held) - MAX_HELD]:
            drop(turn, effect, "too many messages are held")
        held = held_effects(turn.state)
    due = [effect.send_at_ms for effect in held]
    keep_timer(turn, SEND, SEND, min(due, default=None), always=True)


def wait_for_held(state: CustomerState) -> None:
    """Let a state that was put together have the timer that it needs, and no other."""
    due = [effect.send_at_ms for effect in held_effects(state)]
    state.timers = [timer for timer in state.timers if timer.key != SEND]
    if due:
        state.timers.append(Timer(SEND, min(due), SEND))


def held_effects(state: CustomerState) -> list[OpenEffect]:
    """Return the messages that wait for their time, in the order in which they were made."""
    return [effect for effect in state.effects if effect.send_at_ms]


def release_due(turn: Turn, playbook: Playbook) -> None:
    """Judge what was held until now, in order of its time, and give back what was withdrawn in time.

    What the store has, `Turn.waiting`, is believed: after an unmerge a customer may remember as held what
    went while it was part of another.
    """
    now_ms = turn.record.received_at_ms
    for effect in sorted(turn.state.effects, key=lambda e: (e.send_at_ms, e.seq, e.n)):
        held = turn.waiting.get(turn.state.place_of(effect))
        if held is False:
            effect.send_at_ms = 0
            give_back(turn, effect)
        elif 0 < effect.send_at_ms <= now_ms:
            if held:
                judge(turn, effect, playbook)
            else:
                effect.send_at_ms = 0
    look_after_held(turn)


def review(turn: Turn, given: Mapping[str, Any], playbook: Playbook) -> None:
    """Judge a message that a check before an attempt has held back.

    `given` are its `number`, `seq`, `n`, `action`, `channel`, `purpose`, `at_ms`, `expires_at_ms`, and whether an
    attempt at it has begun, `attempted`: the customer may have forgotten it.
    """
    state = turn.state
    origin = 0 if given["number"] == state.number else given["number"]
    effect = state.effect(given["seq"], given["n"], origin) or OpenEffect(
        given["seq"],
        given["n"],
        given["action"],
        given["channel"],
        "",
        given["at_ms"],
        given["expires_at_ms"],
        origin=origin,
        purpose=given["purpose"],
    )
    judge(turn, effect, playbook, attempted=given["attempted"])
    look_after_held(turn)


def judge(turn: Turn, effect: OpenEffect, playbook: Playbook, *, attempted: bool = False) -> None:
    """Let a message go, wait longer, or be dropped.

    `attempted` says that an attempt at it has begun: then it may have arrived, its reservation is kept
    whatever happens, and it waits in its channel's queue.
    """
    state, now_ms = turn.state, turn.record.received_at_ms
    place = state.place_of(effect)
    said = may_go(state, effect, playbook, now_ms, origin=effect.origin, groups=own_groups(turn))
    until_ms = max(said.until_ms, now_ms + 1)
    if said.verdict is Verdict.ALLOW:
        _count(turn, effect, now_ms, playbook)
        effect.send_at_ms = 0
        turn.released.append((*place, now_ms))
        return
    if said.verdict is Verdict.DROP or until_ms >= effect.expires_at_ms:
        drop(turn, effect, said.why, attempted=attempted)
        return
    _count(turn, effect, until_ms, playbook, attempted=attempted)
    turn.record.notes.append(f"held: {effect.action}: {said.why}")
    if attempted:
        turn.released.append((*place, until_ms))
    else:
        effect.send_at_ms = until_ms
        turn.postponed.append((*place, until_ms))


def _count(
    turn: Turn, effect: OpenEffect, at_ms: int, playbook: Playbook, *, attempted: bool = False
) -> None:
    """Let a message count as a contact at an instant; one whose reservation was forgotten gets it anew."""
    key, profile = _key(effect), turn.state.profile
    if any((each.origin, each.seq, each.n) == key for each in profile.contacts):
        move_contact(turn, key, at_ms, playbook, attempted=attempted)
        return
    said = (effect.channel, effect.action, effect.purpose)
    contact = Contact(at_ms, *said, effect.seq, effect.n, effect.origin)
    reserve(profile, playbook, contact, turn.record.received_at_ms, is_message=True)
    contact_groups(turn, playbook, contact)


def _key(effect: OpenEffect) -> tuple[int, int, int]:
    return effect.origin, effect.seq, effect.n


def drop(turn: Turn, effect: OpenEffect, why: str, *, attempted: bool = False) -> None:
    """End a message that waits; unless an attempt began, it is as if it had never been."""
    late = effect.expires_at_ms <= turn.record.received_at_ms
    turn.dropped.append((*turn.state.place_of(effect), late, why))
    turn.record.notes.append(f"dropped: {effect.action}: {why}")
    effect.send_at_ms = 0
    if not attempted:
        give_back(turn, effect)


def give_back(turn: Turn, effect: OpenEffect) -> None:
    """Take back the reservation of what was never attempted, and forget it: nothing is learned of it."""
    unreserve(turn, _key(effect))
    turn.given_back.append(turn.state.place_of(effect))
    turn.state.effects = [each for each in turn.state.effects if each is not effect]


def withdraw_waiting(turn: Turn) -> None:
    """Give back what this turn has cancelled, where that is certain; have the rest looked up.

    What is held has not been attempted. Of what was handed over only the store can say whether an attempt
    had begun: the timer `send` asks it, once this turn is committed.
    """
    gone, doubtful = set(turn.cancelled), False
    for effect in list(turn.state.effects):
        if turn.state.place_of(effect) not in gone:
            continue
        unwritten = effect.seq == turn.state.seq and not effect.origin
        if effect.send_at_ms or unwritten:
            effect.send_at_ms = 0
            give_back(turn, effect)
        else:
            # Withdrawn anew by every event that says so, it is looked up once; see `void_withdrawn`.
            doubtful |= effect.label == NOT_TAUGHT and not effect.outcome
    look_after_held(turn)
    if doubtful:
        keep_timer(turn, SEND, SEND, turn.record.received_at_ms, always=True)
