"""Effects of a turn: making them, remembering them, closing their windows, learning from them."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from actors.decisioning.context import with_instance
from actors.decisioning.inputs import Chosen, Ranked
from actors.decisioning.journal import Lesson, TurnRecord
from actors.decisioning.plan import plan_of
from actors.decisioning.quoting import quoted_values
from actors.domain.actions import (
    CALL,
    FEED,
    INLINE,
    NOT_TAUGHT,
    OUTBOUND,
    RECORDED,
    REFUSED,
    TAKEN,
    VOID,
    Effect,
    OpenEffect,
)
from actors.domain.conversation import Utterance, answered
from actors.domain.folding.outreach import note_sent
from actors.domain.profile import MAX_RESPONSES, Contact, ResponseHistory
from actors.domain.state import MAX_OPEN_EFFECTS, CustomerState, Timer
from actors.playbook.model import Playbook, Trigger
from actors.playbook.templates import render
from actors.policies.contact_pressure import caps_over, reserve
from actors.policies.quiet import plan_send
from actors.scenarios.progress import CLOSE
from actors.turn.belonging import contact_groups
from actors.turn.suggesting import suggested_values
from actors.turn.under_way import Turn

_LABEL = attrgetter("label")
_REMEMBER_MS = 14 * 86_400_000
"""How long after its window an effect stays in the state; later outcomes find it in the journal."""


def open_effect(effect: Effect) -> OpenEffect:
    """Return what a state remembers of an effect just made."""
    return OpenEffect(
        effect.seq,
        effect.n,
        effect.action,
        effect.channel,
        effect.segment,
        effect.at_ms,
        effect.expires_at_ms,
        purpose=effect.purpose if effect.mode == OUTBOUND else "",
        placement=effect.placement if effect.mode == INLINE else "",
    )


def effect_of(record: TurnRecord, n: int) -> OpenEffect | None:
    """Return the n-th effect of a journalled turn, or None when it has no such effect.

    What was said to another system is no offer, and nobody answers it.
    """
    for effect in record.effects:
        if effect.n == n and not effect.action.startswith((CALL, FEED)):
            return open_effect(effect)
    return None


def commit_effect(
    turn: Turn,
    chosen: Chosen,
    tier: str,
    playbook: Playbook,
    values: Sequence[Any],
    data: Mapping[str, Any] | None = None,
) -> Effect:
    """Turn a chosen candidate into an effect: shown in the reply, or queued for its channel.

    `values` are those of the rules; `data` that of the scenario's instance which proposed it.
    """
    ranked = chosen.ranked
    action = playbook.actions[ranked.action]
    now_ms = turn.record.received_at_ms
    if data is not None:
        values = with_instance(values, playbook, data)
    effect = Effect(
        seq=turn.state.seq,
        n=len(turn.record.effects),
        action=action.key,
        channel=ranked.channel,
        placement=ranked.placement,
        mode=INLINE if ranked.placement else OUTBOUND,
        purpose=action.purpose,
        segment=tier,
        at_ms=now_ms,
        expires_at_ms=now_ms + action.expires_after_ms,
        rank=chosen.rank,
        propensity=ranked.propensity,
        priority_minor=ranked.priority_minor,
        chosen_with=chosen.chosen_with,
        cause=ranked.trigger,
        send_at_ms=0
        if ranked.placement
        else _planned_at(turn, playbook, ranked.channel, action.purpose),
        content=content_of(turn, ranked, tier, playbook, values),
    )
    add_effect(turn, playbook, effect)
    return effect


def _planned_at(turn: Turn, playbook: Playbook, channel: str, purpose: str) -> int:
    """Return when a message is to go, 0 for at once; what must be sent is in no decision's input."""
    if not playbook.policies.quiet and not playbook.policies.holidays:
        return 0
    now_ms, given = turn.record.received_at_ms, turn.given
    # A scenario that offers something may have changed where the customer is.
    if given is not None and not turn.offers:
        known = given.planned.get(f"{channel}|{purpose}")
        if known is not None:
            return known.at_ms
    planned = plan_send(turn.state.profile, playbook, channel, purpose, now_ms)
    return 0 if planned.at_ms == now_ms else planned.at_ms


def content_of(
    turn: Turn, ranked: Ranked, tier: str, playbook: Playbook, values: Sequence[Any]
) -> dict[str, Any]:
    """Return what an action says on its channel, in the customer's language, with the values of now."""
    action = playbook.actions[ranked.action]
    content = action.treatments[ranked.channel].content_in(turn.state.profile.locale)
    quotes = plan_of(playbook).options[ranked.action][ranked.channel].quotes
    quoted = quoted_values(quotes, values, tier)
    if action.suggest:
        quoted |= suggested_values(turn.record.event, action.suggest)
    return render(content, quoted)


def record_effect(turn: Turn, trigger: Trigger, tier: str, playbook: Playbook) -> None:
    """Log what another system has already delivered, so that its outcome can be credited."""
    action = playbook.actions[trigger.propose[0]]
    at_ms = turn.record.at_ms
    channel = min(trigger.channels or action.treatments)
    add_effect(
        turn,
        playbook,
        Effect(
            seq=turn.state.seq,
            n=len(turn.record.effects),
            action=action.key,
            channel=channel,
            placement="",
            mode=RECORDED,
            purpose=action.purpose,
            segment=tier,
            at_ms=at_ms,
            expires_at_ms=at_ms + action.expires_after_ms,
            propensity=action.starting_propensity,
        ),
    )


def queue_for_system(
    turn: Turn, action: str, channel: str, purpose: str, expires_at_ms: int, content: dict[str, Any]
) -> Effect:
    """Queue what another system is told: an effect, but nothing said to the customer."""
    effect = Effect(
        seq=turn.state.seq,
        n=len(turn.record.effects),
        action=action,
        channel=channel,
        placement="",
        mode=OUTBOUND,
        purpose=purpose,
        segment="",
        at_ms=turn.record.received_at_ms,
        expires_at_ms=expires_at_ms,
        content=content,
    )
    turn.record.effects.append(effect)
    turn.outbox.append(effect)
    return effect


def add_effect(turn: Turn, playbook: Playbook, effect: Effect) -> None:
    """Count an effect as a contact, remember it, and see that its window will be closed."""
    state = turn.state
    action = playbook.action(effect.action)
    treatment = None if action is None else action.treatments.get(effect.channel)
    note_sent(state.profile, effect.channel, 0.0 if treatment is None else treatment.cost_minor)
    turn.record.effects.append(effect)
    if effect.mode == OUTBOUND:
        turn.outbox.append(effect)
    is_message = effect.mode != INLINE
    over = caps_over(playbook, effect.channel, effect.action, effect.purpose)
    if over or (is_message and playbook.attention_ms):
        at_ms = effect.send_at_ms or effect.at_ms
        contact = Contact(at_ms, effect.channel, effect.action, effect.purpose)
        if effect.mode == OUTBOUND:
            contact.seq, contact.n = effect.seq, effect.n
        now_ms = turn.record.received_at_ms
        reserve(state.profile, playbook, contact, now_ms, is_message=is_message)
        if over and state.groups:
            contact_groups(turn, playbook, contact)
    history = history_of(state, effect.action)
    history.offered += 1
    history.last_offered_at_ms = max(history.last_offered_at_ms, effect.at_ms)
    state.conversation.add(
        Utterance(effect.at_ms, effect.channel, "us", effect.action, effect.seq, effect.n)
    )
    opened = open_effect(effect)
    if effect.mode == OUTBOUND and effect.send_at_ms > turn.record.received_at_ms:
        opened.send_at_ms = effect.send_at_ms
    remember(state, opened)
    close_at(turn, effect.expires_at_ms)


def remember(state: CustomerState, effect: OpenEffect) -> None:
    """Keep an effect in the state; beyond the limit one goes that has its label already."""
    effects = state.effects
    if len(effects) >= MAX_OPEN_EFFECTS:
        del effects[_spare(effects)]  # the journal keeps every effect anyway
    effects.append(effect)


def _spare(effects: Sequence[OpenEffect]) -> int:
    """Return the place of the oldest effect that has its label, else of the oldest that is not held.

    What is held is kept: nobody else would ever release it. A turn holds fewer than fit.
    """
    if effects[0].label >= 0 and not effects[0].send_at_ms:
        return 0  # the oldest one's window is mostly the first to close
    # Mostly none has a label, and this is asked at every turn of a busy customer.
    if max(map(_LABEL, effects)) >= 0:
        for i, effect in enumerate(effects):
            if effect.label >= 0 and not effect.send_at_ms:
                return i
    return next((i for i, effect in enumerate(effects) if not effect.send_at_ms), 0)


def history_of(state: CustomerState, action: str) -> ResponseHistory:
    """Return how the customer has answered an action; the one offered longest ago makes room."""
    responses = state.profile.responses
    history = responses.get(action)
    if history is None:
        if len(responses) >= MAX_RESPONSES:
            del responses[min(responses, key=lambda key: responses[key].last_offered_at_ms)]
        history = responses[action] = ResponseHistory()
    return history


def learn(turn: Turn, effect: OpenEffect, *, taken: bool, reward_minor: int = 0) -> None:
    """Label an effect and write the lesson; a yes after a no takes the no back."""
    correction = -1 if taken and effect.label == REFUSED else 0
    turn.record.lessons.append(
        Lesson(
            action=effect.action,
            segment=effect.segment,
            taken=1 if taken else 0,
            refused=correction if taken else 1,
            channel=effect.channel,
            number=effect.origin or turn.state.number,
            seq=effect.seq,
            n=effect.n,
            reward_minor=reward_minor,
        )
    )
    effect.label = TAKEN if taken else REFUSED
    if taken:
        _wait_for_others(turn, effect)


def void_withdrawn(turn: Turn) -> None:
    """See to it that silence about what was withdrawn in this turn teaches nothing.

    What is given back was never sent. Of what is cancelled that is not known here: what nothing was
    heard of yet is taken for unsent, which errs on the side of not learning.
    """
    if not (turn.cancelled or turn.given_back):
        return
    state = turn.state
    unsent, doubtful = set(turn.given_back), set(turn.cancelled)
    for effect in state.effects:
        if effect.label == NOT_TAUGHT:
            place = state.place_of(effect)
            if place in unsent or (place in doubtful and not effect.outcome):
                effect.label = VOID


def close_windows(turn: Turn, now_ms: int) -> None:
    """Label what nobody took in time as not taken, forget what is long over, set the next timer.

    This is where a no is learned: before, a yes may still come. Silence about what is held even now, or has
    not arrived, says nothing.
    """
    kept = []
    for effect in turn.state.effects:
        if effect.label < 0 and effect.expires_at_ms <= now_ms and _never_arrived(turn, effect):
            effect.label = VOID
        elif effect.label < 0 and effect.expires_at_ms <= now_ms:
            if not effect.outcome:
                effect.outcome = "no_response"
                turn.closed.append(effect)
                answered(
                    turn.state.conversation,
                    effect.seq,
                    effect.n,
                    "no_response",
                    effect.expires_at_ms,
                    effect.origin,
                )
            learn(turn, effect, taken=False)
        if effect.expires_at_ms + _REMEMBER_MS > now_ms:
            kept.append(effect)
    turn.state.effects = kept
    due_at_ms = min((e.expires_at_ms for e in kept if e.label < 0), default=0)
    if due_at_ms:
        close_at(turn, due_at_ms)


def _never_arrived(turn: Turn, effect: OpenEffect) -> bool:
    if effect.send_at_ms:
        return True
    return turn.state.place_of(effect) in turn.unsent and not effect.outcome


def close_at(turn: Turn, due_at_ms: int) -> None:
    """Keep one timer for all open windows, at the first that closes: a row a customer, not an effect."""
    state = turn.state
    for known in state.timers:
        if known.kind != CLOSE:
            continue
        if known.due_at_ms <= due_at_ms:
            return
        state.timers.remove(known)
        turn.timers_set = [t for t in turn.timers_set if t.key != CLOSE]
        break
    timer = Timer(CLOSE, due_at_ms, CLOSE)
    state.timers.append(timer)
    turn.timers_set.append(timer)


def _wait_for_others(turn: Turn, taken: OpenEffect) -> None:
    """Let the timer stand at the first window that is still open: one that was waited for has its answer.

    One closing in five was of a window with nothing left to learn, which is a turn in vain.
    """
    state = turn.state
    for timer in state.timers:
        if timer.kind == CLOSE:
            break
    else:
        return
    if timer.due_at_ms < taken.expires_at_ms:
        return
    due_at_ms = min([e.expires_at_ms for e in state.effects if e.label < 0], default=0)
    if 0 < due_at_ms <= timer.due_at_ms:
        return
    state.timers.remove(timer)
    turn.timers_set = [t for t in turn.timers_set if t.key != CLOSE]
    if due_at_ms:
        close_at(turn, due_at_ms)
    else:
        turn.timers_deleted.append(CLOSE)
