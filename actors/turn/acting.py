"""Events, questions and timers: begin or wake, then decide once the scores are there."""

from functools import partial

from actors.decisioning.arbitration import choose, rows_of, scores_by_action
from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.exploration import seed_of
from actors.decisioning.funnel import prepare
from actors.decisioning.inputs import ENGINE_VERSION, DecisionInput, Proposal
from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import SEGMENTS, standing_of
from actors.decisioning.plan import Standing, plan_of
from actors.decisioning.record import DecisionRecord, outcome_of
from actors.domain.events import Event, event_time
from actors.domain.fold import fold
from actors.domain.ids import Identity
from actors.domain.scores import Scores
from actors.domain.state import MAX_IDENTITIES, CustomerState, Timer
from actors.playbook.model import Playbook, Trigger
from actors.policies.consent import consents_at
from actors.policies.contact_pressure import counters
from actors.scenarios.progress import CLOSE, Advance, advance, concerns, hear
from actors.turn.effects import close_windows, commit_effect, record_effect
from actors.turn.following import follow, look_after_effects, look_again
from actors.turn.noticing import ABSENCE, miss, notice
from actors.turn.under_way import Turn
from actors.turn.withdrawing import withdraw

DECIDE = "decide"


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
        notice(turn, event, when.at_ms, playbook)
        if "consent" in event.context:
            withdraw(turn, playbook)
    state.seq += 1
    started = event.type != DECIDE and concerns(state, event, playbook)
    if event.type == DECIDE and not event.placements:
        event.placements = playbook.default_placements.get(event.channel, ())
        event.max_actions = event.max_actions or len(event.placements)
    followed = playbook.segments or playbook.triggers_by_change or state.segments
    if not started and not event.placements and not followed:
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
    plan = plan_of(playbook)
    standing = plan.stand(values)
    heard = follow(turn, standing, playbook)
    proposals: list[Proposal] = []
    if started:
        step = advance(state, event, when.at_ms, playbook, partial(plan.fires, standing))
        proposals = _apply(turn, step, playbook, standing)
    proposals += _hear(turn, heard, playbook, standing)
    _prepare(turn, playbook, proposals, standing, event)
    return turn


def reconsider(turn: Turn, playbook: Playbook) -> None:
    """Look at the segments after an outcome, a command or a timer, and let triggers hear of it."""
    if not (playbook.segments or playbook.triggers_by_change or turn.state.segments):
        return
    standing = standing_of(turn.state, playbook, turn.record.received_at_ms)
    heard = follow(turn, standing, playbook)
    proposals = _hear(turn, heard, playbook, standing)
    _prepare(turn, playbook, proposals, standing, None)


def wake(state: CustomerState, timer: Timer, playbook: Playbook, now_ms: int) -> Turn:
    """Fire a timer that the state still holds."""
    record = TurnRecord(
        at_ms=timer.due_at_ms, received_at_ms=now_ms, timer=(timer.key, timer.kind, timer.subject)
    )
    turn = Turn(state, record)
    state.seq += 1
    state.timers = [t for t in state.timers if t.key != timer.key]
    turn.timers_deleted.append(timer.key)
    if timer.kind in {CLOSE, ABSENCE, SEGMENTS}:
        if timer.kind == CLOSE:
            close_windows(turn, now_ms)
        elif timer.kind == ABSENCE:
            miss(turn, now_ms)
        reconsider(turn, playbook)
        return turn
    trigger = next((t for t in playbook.triggers if t.name == timer.subject), None)
    if trigger is None:
        record.notes.append("trigger is no longer in the playbook")
        reconsider(turn, playbook)
        return turn
    occasion = Occasion("timer", trigger.on, "", dict(timer.data), {}, late=False)
    values = builder_of(playbook).build(state, occasion, now_ms)
    standing = plan_of(playbook).stand(values)
    heard = follow(turn, standing, playbook)
    proposals = [_proposal(trigger), *_hear(turn, heard, playbook, standing)]
    _prepare(turn, playbook, proposals, standing, None)
    return turn


def decide(turn: Turn, scores: Scores, playbook: Playbook) -> None:
    """Arbitrate with the scores for `turn.rows`, in their order, and write the effects."""
    given, prepared = turn.given, turn.prepared
    if given is None or prepared is None:
        look_after_effects(turn, playbook)
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
        commit_effect(turn, chosen, prepared.tier, playbook)
    look_after_effects(turn, playbook)


def _identify(turn: Turn, event: Event, owners: dict[Identity, int]) -> None:
    """Take what identities the event brings: claim the unowned, link or refuse those of others."""
    state = turn.state
    for identity in event.identities:
        if identity in state.identities:
            continue
        owner = owners.get(identity)
        if owner == state.number:
            continue  # its own, for which the state had no room
        if owner is not None:
            turn.record.notes.append(f"identity_of_another: {identity.kind}")
            links = event.type in {"identify", "alias"} and len(state.linked) < MAX_IDENTITIES
            if links and identity not in state.linked:
                state.linked.append(identity)
        else:
            turn.claimed.append(identity)
            if len(state.identities) < MAX_IDENTITIES:
                state.identities.append(identity)


def _apply(turn: Turn, step: Advance, playbook: Playbook, standing: Standing) -> list[Proposal]:
    state = turn.state
    turn.record.notes += step.notes
    changed = [*step.started, *step.prolonged]
    gone = set(step.stopped) | {timer.key for timer in changed}
    if gone:
        state.timers = [t for t in state.timers if t.key not in gone]
        state.timers += changed
        turn.timers_deleted += step.stopped
        # The row of a prolonged wait stays where it is: when it fires early, it is moved once.
        turn.timers_set += step.started
    for trigger in step.recorded:
        record_effect(turn, trigger, standing.tier, playbook)
    return [_proposal(trigger) for trigger in step.proposed]


def _hear(
    turn: Turn, heard: list[Trigger], playbook: Playbook, standing: Standing
) -> list[Proposal]:
    """Advance the triggers on segments, once; what they cause is for the next turn to look at."""
    proposals: list[Proposal] = []
    if heard:
        fires = partial(plan_of(playbook).fires, standing)
        step = hear(turn.state, heard, turn.record.received_at_ms, fires)
        proposals = _apply(turn, step, playbook, standing)
    look_again(turn, standing, playbook)
    return proposals


def _proposal(trigger: Trigger) -> Proposal:
    channels = None if trigger.channels is None else tuple(sorted(trigger.channels))
    return Proposal(trigger.name, trigger.propose, channels)


def _prepare(
    turn: Turn,
    playbook: Playbook,
    proposals: list[Proposal],
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
        context=list(standing.values),
        caps=counters(profile, playbook.caps, now_ms),
        refused={
            key: history.last_refused_at_ms + silent_ms
            for key, history in profile.responses.items()
            if history.last_refused_at_ms and history.last_refused_at_ms + silent_ms > now_ms
        },
        consents=consents_at(profile.consents, now_ms),
        proposals=tuple(proposals),
    )
    turn.prepared = prepare(turn.given, playbook, standing)
    turn.rows = rows_of(turn.prepared, playbook)
