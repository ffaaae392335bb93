"""The core's front door: `begin` and `decide` for events, `wake` for timers, `respond` for outcomes.

Pure: time comes in as arguments, chance is keyed by customer and turn. A turn takes over the state it
is given: the caller has decoded it for this turn and throws it away if the turn is not committed.
"""

from dataclasses import dataclass, field
from typing import Any

from actors.decisioning.arbitration import choose, rows_of, scores_by_action
from actors.decisioning.context import Occasion, builder_of, quoted_values
from actors.decisioning.exploration import seed_of
from actors.decisioning.funnel import Standing, prepare, stand
from actors.decisioning.inputs import ENGINE_VERSION, Chosen, DecisionInput, Prepared, Proposal
from actors.decisioning.journal import Lesson, TurnRecord
from actors.decisioning.record import DecisionRecord, outcome_of
from actors.domain.actions import (
    INLINE,
    NEGATIVE,
    OUTBOUND,
    POSITIVE,
    RECORDED,
    WITHDRAWING,
    Effect,
    OpenEffect,
)
from actors.domain.conversation import Utterance
from actors.domain.events import Event, Response, event_time
from actors.domain.fold import fold, set_consent
from actors.domain.ids import Identity
from actors.domain.profile import MAX_RESPONSES, Contact, ResponseHistory
from actors.domain.scores import ScoreRow, Scores
from actors.domain.state import MAX_IDENTITIES, MAX_OPEN_EFFECTS, CustomerState, Timer
from actors.playbook.model import Playbook, Trigger
from actors.playbook.templates import render
from actors.policies.contact_pressure import counters, reserve
from actors.scenarios.progress import CLOSE, TRIGGER, Advance, advance, concerns

DECIDE = "decide"
_REMEMBER_MS = 14 * 86_400_000
"""How long after its window an effect stays in the state; later outcomes find it in the journal."""


@dataclass(slots=True)
class Turn:
    """One turn under way, and when it is done what it wrote besides the state.

    `rows` are the propensities asked for; empty when nothing is to be decided. `outbox` are the
    effects to deliver, `cancelled` the (seq, n) of effects to withdraw.
    """

    state: CustomerState
    record: TurnRecord
    rows: list[ScoreRow] = field(default_factory=list)
    given: DecisionInput | None = None
    prepared: Prepared | None = None
    claimed: list[Identity] = field(default_factory=list)
    timers_set: list[Timer] = field(default_factory=list)
    timers_deleted: list[str] = field(default_factory=list)
    outbox: list[Effect] = field(default_factory=list)
    cancelled: list[tuple[int, int]] = field(default_factory=list)


def begin(
    state: CustomerState,
    event: Event,
    playbook: Playbook,
    now_ms: int,
    owners: dict[Identity, int] | None = None,
) -> Turn:
    """Fold an event (or a `decide` question), advance the triggers, and prepare the decision.

    `owners` tells for identities on the event, other than the first, who owns them already.
    """
    when = event_time(event, now_ms)
    turn = Turn(state, TurnRecord(at_ms=when.at_ms, received_at_ms=now_ms, event=event))
    if when.clamped:
        turn.record.notes.append("clamped")
    _identify(turn, event, owners or {})
    if event.type != DECIDE:
        turn.record.notes += fold(state, event, when.at_ms, now_ms, playbook.minor_digits)
    state.seq += 1
    started = event.type != DECIDE and concerns(state, event, playbook)
    if event.type == DECIDE and not event.placements:
        event.placements = playbook.default_placements.get(event.channel, ())
        event.max_actions = event.max_actions or len(event.placements)
    if not started and not event.placements:
        return turn
    occasion = Occasion(
        event.type,
        event.name,
        event.channel,
        event.properties,
        event.traits,
        "late" in turn.record.notes,
    )
    values = builder_of(playbook).build(state, occasion, now_ms)
    standing = stand(values, playbook)
    proposals: list[Proposal] = []
    if started:
        step = advance(state, event, when.at_ms, playbook, standing.context)
        proposals = _apply(turn, step, playbook, standing)
    _prepare(turn, playbook, proposals, values, standing, event)
    return turn


def wake(state: CustomerState, timer: Timer, playbook: Playbook, now_ms: int) -> Turn:
    """Fire a timer that the state still holds."""
    record = TurnRecord(
        at_ms=timer.due_at_ms, received_at_ms=now_ms, timer=(timer.key, timer.kind, timer.subject)
    )
    turn = Turn(state, record)
    state.seq += 1
    state.timers = [t for t in state.timers if t.key != timer.key]
    turn.timers_deleted.append(timer.key)
    if timer.kind == CLOSE:
        _close_windows(turn, now_ms)
        return turn
    trigger = next((t for t in playbook.triggers if t.name == timer.subject), None)
    if trigger is None:
        record.notes.append("trigger is no longer in the playbook")
        return turn
    occasion = Occasion("timer", trigger.on, "", dict(timer.data), {}, late=False)
    values = builder_of(playbook).build(state, occasion, now_ms)
    _prepare(turn, playbook, [_proposal(trigger)], values, stand(values, playbook), None)
    return turn


def decide(turn: Turn, scores: Scores, playbook: Playbook) -> None:
    """Arbitrate with the scores for `turn.rows`, in their order, and write the effects."""
    given, prepared = turn.given, turn.prepared
    if given is None or prepared is None:
        return
    by_action = scores_by_action(prepared, playbook, scores)
    choice = choose(prepared, given, by_action, playbook)
    turn.record.decision = DecisionRecord(
        engine=ENGINE_VERSION,
        playbook=playbook.version,
        model=scores.model,
        model_version=scores.version,
        prior=scores.prior,
        given=given,
        scores={i: (s.propensity, s.observations) for i, s in by_action.items()},
        outcome=outcome_of(prepared, choice),
    )
    for chosen in choice.chosen:
        _commit_effect(turn, chosen, prepared.tier, playbook)


def respond(
    state: CustomerState, response: Response, effect: OpenEffect, now_ms: int, minor_digits: int
) -> Turn:
    """Take an outcome for an effect of this customer.

    `effect` is the state's own entry, or one rebuilt from the journal when the state has forgotten
    it. Any number of outcomes may be reported; the models learn one label an effect, and a late yes
    takes a no back.
    """
    at_ms = now_ms if response.at_ms is None else min(response.at_ms, now_ms)
    turn = Turn(state, TurnRecord(at_ms=at_ms, received_at_ms=now_ms, response=response))
    state.seq += 1
    outcome = response.outcome
    history = _history(state, effect.action)
    if outcome == "impression":
        history.seen += 1
    if outcome == "convert":
        state.profile.redemptions += 1
    if outcome in POSITIVE and effect.label != 1:
        history.taken += 1
        _learn(turn, effect, taken=True)
    elif outcome in NEGATIVE and effect.label == -1:
        _learn(turn, effect, taken=False)
    if outcome in {"reject", "dismiss"}:
        history.refused += 1
        history.last_refused_at_ms = max(history.last_refused_at_ms, at_ms)
    if outcome in WITHDRAWING:
        set_consent(state.profile, effect.channel, False, at_ms, outcome)
        turn.cancelled = [(e.seq, e.n) for e in state.effects if e.channel == effect.channel]
    effect.outcome = outcome
    who = "us" if outcome in {"delivered", "bounce", "no_response"} else "customer"
    state.conversation.add(
        Utterance(at_ms, effect.channel, who, f"{outcome}: {effect.action}", state.seq)
    )
    return turn


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
    )


def effect_of(record: TurnRecord, n: int) -> OpenEffect | None:
    """Return the n-th effect of a journalled turn, or None when it has no such effect."""
    return next((open_effect(effect) for effect in record.effects if effect.n == n), None)


def _identify(turn: Turn, event: Event, owners: dict[Identity, int]) -> None:
    """Take what identities the event brings: claim the unowned, link or refuse those of others."""
    state = turn.state
    for identity in event.identities:
        if identity in state.identities:
            continue
        owner = owners.get(identity)
        if owner is not None and owner != state.number:
            turn.record.notes.append(f"identity_of_another: {identity.kind}")
            links = event.type in {"identify", "alias"} and len(state.linked) < MAX_IDENTITIES
            if links and identity not in state.linked:
                state.linked.append(identity)
        elif len(state.identities) < MAX_IDENTITIES:
            state.identities.append(identity)
            turn.claimed.append(identity)
        else:
            turn.record.notes.append("too_many_identities")


def _apply(turn: Turn, step: Advance, playbook: Playbook, standing: Standing) -> list[Proposal]:
    state = turn.state
    turn.record.notes += step.notes
    gone = set(step.stopped) | {timer.key for timer in step.started}
    if gone:
        state.timers = [t for t in state.timers if t.key not in gone]
        turn.timers_deleted += step.stopped
        state.timers += step.started
        turn.timers_set += step.started
    for trigger in step.recorded:
        _record_effect(turn, trigger, standing.tier, playbook)
    return [_proposal(trigger) for trigger in step.proposed]


def _proposal(trigger: Trigger) -> Proposal:
    channels = None if trigger.channels is None else tuple(sorted(trigger.channels))
    return Proposal(trigger.name, trigger.propose, channels)


def _prepare(
    turn: Turn,
    playbook: Playbook,
    proposals: list[Proposal],
    values: list[Any],
    standing: Standing,
    event: Event | None,
) -> None:
    placements = event.placements if event is not None else ()
    if not placements and not proposals:
        return
    profile, now_ms = turn.state.profile, turn.record.received_at_ms
    silent_ms = playbook.suppress_after_refusal_ms
    turn.given = DecisionInput(
        at_ms=now_ms,
        seed=seed_of(turn.state.number, turn.state.seq),
        channel=event.channel if event is not None else "",
        placements=placements,
        max_actions=event.max_actions if event is not None else 0,
        context=values,
        caps=counters(profile, playbook.caps, now_ms),
        refused={
            key: history.last_refused_at_ms + silent_ms
            for key, history in profile.responses.items()
            if history.last_refused_at_ms and history.last_refused_at_ms + silent_ms > now_ms
        },
        consents={key: consent.status for key, consent in profile.consents.items()},
        proposals=tuple(proposals),
    )
    turn.prepared = prepare(turn.given, playbook, standing)
    turn.rows = rows_of(turn.prepared, playbook)


def _commit_effect(turn: Turn, chosen: Chosen, tier: str, playbook: Playbook) -> None:
    ranked = chosen.ranked
    action = playbook.actions[ranked.action]
    treatment = action.treatments[ranked.channel]
    now_ms = turn.record.received_at_ms
    given = turn.given.context if turn.given is not None else ()
    variables = dict(zip(builder_of(playbook).names, given, strict=True))
    _add_effect(
        turn,
        playbook,
        Effect(
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
            content=render(treatment.content, quoted_values(treatment.content, variables, tier)),
        ),
    )


def _record_effect(turn: Turn, trigger: Trigger, tier: str, playbook: Playbook) -> None:
    action = playbook.actions[trigger.propose[0]]
    at_ms = turn.record.at_ms
    channel = min(trigger.channels or action.treatments)
    _add_effect(
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


def _add_effect(turn: Turn, playbook: Playbook, effect: Effect) -> None:
    state = turn.state
    turn.record.effects.append(effect)
    if effect.mode == OUTBOUND:
        turn.outbox.append(effect)
    reserve(
        state.profile,
        playbook,
        Contact(effect.at_ms, effect.channel, effect.action, effect.purpose),
    )
    history = _history(state, effect.action)
    history.offered += 1
    history.last_offered_at_ms = max(history.last_offered_at_ms, effect.at_ms)
    state.conversation.add(Utterance(effect.at_ms, effect.channel, "us", effect.action, effect.seq))
    effects = state.effects
    effects.append(open_effect(effect))
    if len(effects) > MAX_OPEN_EFFECTS:
        # A label already given is the least to lose; the journal keeps every effect anyway.
        labelled = next((i for i, e in enumerate(effects) if e.label >= 0), 0)
        del effects[labelled]
    _close_at(turn, effect.expires_at_ms)


def _history(state: CustomerState, action: str) -> ResponseHistory:
    responses = state.profile.responses
    history = responses.get(action)
    if history is None:
        if len(responses) >= MAX_RESPONSES:
            del responses[min(responses, key=lambda key: responses[key].last_offered_at_ms)]
        history = responses[action] = ResponseHistory()
    return history


def _learn(turn: Turn, effect: OpenEffect, *, taken: bool) -> None:
    correction = -1 if taken and effect.label == 0 else 0
    turn.record.lessons.append(
        Lesson(
            action=effect.action,
            segment=effect.segment,
            taken=1 if taken else 0,
            refused=correction if taken else 1,
        )
    )
    effect.label = 1 if taken else 0


def _close_windows(turn: Turn, now_ms: int) -> None:
    kept = []
    for effect in turn.state.effects:
        if effect.label < 0 and effect.expires_at_ms <= now_ms:
            effect.outcome = effect.outcome or "no_response"
            _learn(turn, effect, taken=False)
        if effect.expires_at_ms + _REMEMBER_MS > now_ms:
            kept.append(effect)
    turn.state.effects = kept
    due_at_ms = min((e.expires_at_ms for e in kept if e.label < 0), default=0)
    if due_at_ms:
        _close_at(turn, due_at_ms)


def _close_at(turn: Turn, due_at_ms: int) -> None:
    """Keep one timer for all open windows, at the first that closes: a row a customer, not an effect."""
    state = turn.state
    known = next((t for t in state.timers if t.kind == CLOSE), None)
    if known is not None:
        if known.due_at_ms <= due_at_ms:
            return
        state.timers.remove(known)
        turn.timers_set = [t for t in turn.timers_set if t.key != CLOSE]
    timer = Timer(CLOSE, due_at_ms, CLOSE)
    state.timers.append(timer)
    turn.timers_set.append(timer)


__all__ = [
    "DECIDE",
    "TRIGGER",
    "Turn",
    "begin",
    "decide",
    "effect_of",
    "open_effect",
    "respond",
    "wake",
]
