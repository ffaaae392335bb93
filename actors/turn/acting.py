"""Events, questions and timers: begin or wake, then decide once the scores are there."""

from collections.abc import Callable
from functools import lru_cache, partial

from actors.decisioning.arbitration import choose, rows_of, scores_by_action
from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.exploration import seed_of
from actors.decisioning.funnel import prepare
from actors.decisioning.inputs import ENGINE_VERSION, Choice, DecisionInput, Prepared, Proposal
from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import SEGMENTS, standing_of
from actors.decisioning.plan import Standing, plan_of
from actors.decisioning.record import DecisionRecord, outcome_of
from actors.domain.events import DECIDE, REVIEW, Event, event_time
from actors.domain.fold import fold
from actors.domain.groups import NO_GROUPS, Groups
from actors.domain.ids import Identity
from actors.domain.scores import Score, Scores
from actors.domain.state import MAX_IDENTITIES, CustomerState, Timer
from actors.identity import may_claim, note_of_limit, remember
from actors.playbook.group_model import GROUP
from actors.playbook.identity_model import IdentityRules
from actors.playbook.model import Playbook, Trigger
from actors.scenarios.progress import CLOSE, Advance, advance, concerns, hear
from actors.turn.belonging import belong, counters_of, own_groups
from actors.turn.crediting import credit
from actors.turn.effects import close_windows, commit_effect, record_effect, void_withdrawn
from actors.turn.enrolling import arms_of, enlist, enrol
from actors.turn.feeding import feed
from actors.turn.following import follow, look_after_effects, look_again
from actors.turn.forgetting import RETENTION, forget, look_after_age
from actors.turn.holding import SEND, look_after_held, release_due, review, withdraw_waiting
from actors.turn.noticing import ABSENCE, miss, notice
from actors.turn.policing import police
from actors.turn.repeating import show_again, standing_effects
from actors.turn.spending import funds_of, pay, refresh
from actors.turn.suggesting import suggested_in
from actors.turn.travelling import SCENARIO, concerned, data_of, decided, travel
from actors.turn.under_way import NOTHING, AtHand, Turn
from actors.turn.withdrawing import withdraw

Chooser = Callable[[Prepared, DecisionInput, dict[int, Score], Playbook], Choice]
"""What fills the slots of a decision: `actors.decisioning.arbitration.choose`, or another policy."""

_KINDS = frozenset({CLOSE, ABSENCE, SEGMENTS, RETENTION, SCENARIO, SEND})
"""Of timers, but those of triggers."""


def begin(
    state: CustomerState,
    event: Event,
    playbook: Playbook,
    now_ms: int,
    owners: dict[Identity, int] | None = None,
    groups: Groups = NO_GROUPS,
    at_hand: AtHand = NOTHING,
) -> Turn:
    """Fold an event (or a `decide` question), advance the triggers, and prepare the decision.

    `owners` tells for identities on the event, other than the first, who owns them already; `groups`
    are the records of the groups that it names and of those that the customer belongs to; `at_hand` is what
    the shell knows of switches and budgets.
    """
    when = event_time(event, now_ms)
    turn = Turn(state, TurnRecord(at_ms=when.at_ms, received_at_ms=now_ms, event=event))
    turn.groups = groups
    at_hand.give(turn)
    if when.clamped:
        turn.record.notes.append("clamped")
    forget(turn, playbook)
    _identify(turn, event, owners or {}, playbook.identities)
    if event.type != DECIDE:
        turn.record.notes += fold(state, event, when.at_ms, now_ms, playbook.minor_digits)
        notice(turn, event, when.at_ms, playbook)
        enlist(turn, event, when.at_ms, playbook)
        if event.type == GROUP:
            belong(turn, event, when.at_ms, playbook)
        if "consent" in event.context:
            withdraw(turn, playbook)
        credit(turn, event, when.at_ms, playbook)
    state.seq += 1
    started = event.type != DECIDE and concerns(state, event, playbook)
    if event.type == DECIDE and not event.placements:
        event.placements = playbook.default_placements.get(event.channel, ())
        event.max_actions = event.max_actions or len(event.placements)
    followed = playbook.segments or playbook.triggers_by_change or state.segments
    travels = concerned(turn, playbook)
    if not started and not event.placements and not followed and not travels:
        return turn
    occasion = Occasion(
        event.type,
        event.name,
        event.channel,
        event.properties,
        event.traits,
        "late" in turn.record.notes,
        own_groups(turn),
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
    if travels:
        offered, standing = travel(turn, playbook, occasion, standing)
        proposals += offered
    _prepare(turn, playbook, proposals, standing, event)
    return turn


def reconsider(turn: Turn, playbook: Playbook) -> None:
    """Look at segments and scenarios after an outcome, a command or a timer."""
    if turn.record.timer is None:  # else it is done
        forget(turn, playbook)
    command = turn.record.command
    if command is not None and command.kind == REVIEW:
        review(turn, command.arguments, playbook)
    travels = concerned(turn, playbook)
    if not (playbook.segments or playbook.triggers_by_change or turn.state.segments or travels):
        return
    now_ms = turn.record.received_at_ms
    standing = standing_of(turn.state, playbook, now_ms, own_groups(turn))
    heard = follow(turn, standing, playbook)
    proposals = _hear(turn, heard, playbook, standing)
    if travels:
        occasion = Occasion("timer", "", "", {}, {}, late=False, groups=own_groups(turn))
        offered, standing = travel(turn, playbook, occasion, standing)
        proposals += offered
    _prepare(turn, playbook, proposals, standing, None)


def wake(
    state: CustomerState,
    timer: Timer,
    playbook: Playbook,
    now_ms: int,
    groups: Groups = NO_GROUPS,
    at_hand: AtHand = NOTHING,
) -> Turn:
    """Fire a timer that the state still holds; `groups` and `at_hand` are as for `begin`."""
    record = TurnRecord(
        at_ms=timer.due_at_ms, received_at_ms=now_ms, timer=(timer.key, timer.kind, timer.subject)
    )
    turn = Turn(state, record)
    turn.groups = groups
    at_hand.give(turn)
    state.seq += 1
    state.timers = [t for t in state.timers if t.key != timer.key]
    turn.timers_deleted.append(timer.key)
    forget(turn, playbook)
    if timer.kind in _KINDS:
        if timer.kind == CLOSE:
            close_windows(turn, now_ms)
        elif timer.kind == ABSENCE:
            miss(turn, now_ms)
        elif timer.kind == SEND:
            release_due(turn, playbook)
        reconsider(turn, playbook)
        return turn
    trigger = next((t for t in playbook.triggers if t.name == timer.subject), None)
    if trigger is None:
        record.notes.append("trigger is no longer in the playbook")
        reconsider(turn, playbook)
        return turn
    occasion = Occasion(
        "timer", trigger.on, "", dict(timer.data), {}, late=False, groups=own_groups(turn)
    )
    values = builder_of(playbook).build(state, occasion, now_ms)
    standing = plan_of(playbook).stand(values)
    heard = follow(turn, standing, playbook)
    proposals = [_proposal(trigger), *_hear(turn, heard, playbook, standing)]
    if concerned(turn, playbook):
        offered, standing = travel(turn, playbook, occasion, standing)
        proposals += offered
    _prepare(turn, playbook, proposals, standing, None)
    return turn


def recount(turn: Turn, playbook: Playbook) -> None:
    """Count again what others said to the customer's groups, and spent, since the turn began.

    Caps only fill up meanwhile, so that what is left to choose from has been scored.
    """
    refresh(turn, playbook)
    given = turn.given
    if given is None or not own_groups(turn):
        return
    caps = counters_of(turn, playbook)
    later = {at_ms: counters_of(turn, playbook, at_ms) for at_ms in given.caps_later}
    if caps != given.caps or later != given.caps_later:
        given.caps, given.caps_later = caps, later
        turn.prepared = prepare(given, playbook)
        turn.rows = rows_of(turn.prepared, playbook, given.context)


def decide(
    turn: Turn,
    scores: Scores,
    playbook: Playbook,
    chooser: Chooser = choose,
    engine: str = ENGINE_VERSION,
) -> None:
    """Arbitrate with the scores for `turn.rows`, in their order, and write the effects.

    A simulation may let another `chooser` fill the slots; `engine` is then what the record says of it.
    """
    given, prepared = turn.given, turn.prepared
    if given is None or prepared is None:
        _finish(turn, playbook)
        return
    by_action = scores_by_action(prepared, playbook, scores)
    choice = chooser(prepared, given, by_action, playbook)
    turn.record.decision = DecisionRecord(
        engine=engine,
        playbook=playbook.version,
        model=scores.model,
        model_version=scores.version,
        prior=scores.prior,
        given=given,
        scores=dict(by_action),
        outcome=outcome_of(prepared, choice),
    )
    for chosen in choice.chosen:
        if chosen.again is not None:
            show_again(turn, chosen, prepared.tier, playbook, given.context)
            continue
        data = data_of(turn, chosen.ranked.trigger)
        effect = commit_effect(turn, chosen, prepared.tier, playbook, given.context, data)
        turn.committed.append((chosen, effect))
        pay(turn, playbook, effect, prepared.segments, chosen.ranked.trigger)
    enrol(turn, choice, playbook)
    decided(turn, choice, playbook)
    _finish(turn, playbook)


def _finish(turn: Turn, playbook: Playbook) -> None:
    """See to what a turn leaves behind, whatever it was about."""
    if turn.cancelled:
        withdraw_waiting(turn)
    for effect in turn.outbox:
        if effect.send_at_ms:
            look_after_held(turn)
            break
    void_withdrawn(turn)
    look_after_effects(turn, playbook)
    look_after_age(turn, playbook)
    feed(turn, playbook)


def _identify(turn: Turn, event: Event, owners: dict[Identity, int], rules: IdentityRules) -> None:
    """Take what identities the event brings: claim the unowned, link or refuse those of others.

    Beyond the limit of its kind an identity stays unowned; those the customer has, and those named
    before it, come first.
    """
    state = turn.state
    for place, identity in enumerate(event.identities):
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
        elif may_claim(state, identity, rules):
            turn.claimed.append(identity)
            remember(state, identity, rules)
        else:
            turn.record.notes.append(note_of_limit(identity.kind, place))


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
    if not step.proposed:
        return []
    known = _proposals(playbook)
    return [known[trigger.name] for trigger in step.proposed]


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


@lru_cache(maxsize=16)
def _proposals(playbook: Playbook) -> dict[str, Proposal]:
    """Return what each trigger of a playbook proposes, by its name."""
    return {trigger.name: _proposal(trigger) for trigger in playbook.triggers}


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
    placements = tuple(dict.fromkeys(event.placements)) if event is not None else ()
    if not placements and not proposals:
        return
    said = police(turn, playbook, proposals, standing.tier)
    funds, prices = funds_of(turn, playbook)
    turn.given = DecisionInput(
        at_ms=turn.record.received_at_ms,
        seed=seed_of(turn.state.number, turn.state.seq),
        channel=event.channel if event is not None else "",
        placements=placements,
        max_actions=event.max_actions if event is not None else 0,
        context=list(standing.values),
        caps=said.caps,
        refused=said.refused,
        consents=said.consents,
        proposals=tuple(proposals),
        paused=turn.paused,
        silences=said.silences,
        planned=said.planned,
        caps_later=said.caps_later,
        recent=said.recent,
        barred=said.barred,
        arms=arms_of(turn, playbook),
        funds=funds,
        prices=prices,
        standing=standing_effects(turn, playbook, event, placements),
        suggested=suggested_in(event) if playbook.suggests else {},
    )
    turn.prepared = prepare(turn.given, playbook, standing)
    turn.rows = rows_of(turn.prepared, playbook, turn.given.context)
