"""Scenarios in a turn: what it lets instances hear, what they offer, and what becomes of that.

The engine (`actors.scenarios`) walks the instances; here its wishes become effects, timers and traits.
"""

from typing import Any

from actors.decisioning.context import Occasion
from actors.decisioning.inputs import Choice, Chosen, Proposal, Ranked, Removal
from actors.decisioning.plan import Standing
from actors.domain.actions import CALL, OpenEffect
from actors.domain.conversation import CASE
from actors.domain.dialogue import close_thread, open_thread
from actors.domain.events import ANSWER, DECIDE, ENTER, Command
from actors.domain.journeys import Instance
from actors.playbook.model import Action, Playbook, event_key
from actors.playbook.scenario_model import LAUNCH
from actors.scenarios import engine
from actors.scenarios.world import CallOut, Offer, Progress, Signal
from actors.turn.effects import commit_effect, learn, queue_for_system
from actors.turn.mandatory import permitted
from actors.turn.spending import pay
from actors.turn.surroundings import Surroundings
from actors.turn.timing import keep_timer
from actors.turn.under_way import Turn

SCENARIO = "scenario"
"""Kind of the timers of instances; their keys are `scenario/` and the instance's id."""

_CALL_PURPOSE = "call"
_MAX_MANDATORY = 16
"""Mandatory messages that one turn sends at most; the others have a turn of their own, at once."""


def scenario_timer(instance_id: int) -> str:
    """Return the key of an instance's timer."""
    return f"{SCENARIO}/{instance_id}"


def concerned(turn: Turn, playbook: Playbook) -> bool:
    """Return whether this customer is in a scenario, or could enter one by some signal."""
    return bool(turn.state.journeys.instances or playbook.scenarios)


def travel(
    turn: Turn, playbook: Playbook, occasion: Occasion, standing: Standing
) -> tuple[list[Proposal], Standing]:
    """Let the scenarios hear what this turn is about, and then what has changed by it.

    Returns:
        What they propose, and where the customer stands after what they have set.
    """
    record, state = turn.record, turn.state
    event = record.event
    own = None
    if event is not None and event.type != DECIDE:
        key = event_key(event.type, event.name)
        own = Signal(key, record.at_ms, state.seq, event.properties)
    world = Surroundings(state, playbook, record.received_at_ms, occasion, standing, own)
    if _any_earlier(state.journeys.instances, playbook):
        moved = engine.touch(state.journeys, playbook, record.received_at_ms, world)
        _settle(turn, moved, playbook, world)
    if own is not None:
        hear(turn, own, playbook, world)
    elif record.timer is not None and record.timer[1] == SCENARIO:
        _resume(turn, record.timer[0], playbook, world)
    elif record.response is not None and turn.answered is not None:
        hear_outcome(turn, turn.answered, record.response.outcome, playbook, world)
    elif record.command is not None:
        _obey(turn, record.command, playbook, world)
    for effect in turn.credited:
        hear_outcome(turn, effect, "convert", playbook, world)
    hear_changes(turn, playbook, world)
    proposals = _offer(turn, playbook, world)
    return proposals, world.standing()


def _any_earlier(instances: list[Instance], playbook: Playbook) -> bool:
    known = playbook.scenarios_by_name
    for instance in instances:
        current = known.get(instance.scenario)
        if current is None or current.digest != instance.digest:
            return True
    return False


def _is_earlier(instance: Instance, playbook: Playbook) -> bool:
    known = playbook.scenarios_by_name.get(instance.scenario)
    return known is None or known.digest != instance.digest


def _obey(turn: Turn, command: Command, playbook: Playbook, world: Surroundings) -> None:
    given = command.arguments
    if command.kind == ENTER:
        _enter(turn, given, playbook, world)
    elif command.kind == ANSWER:
        number = given["number"]
        origin = 0 if number == turn.state.number else number
        call = (given["seq"], given["n"], origin)
        _answer(turn, call, given["ok"], given["properties"], playbook, world)


def _enter(turn: Turn, given: dict[str, Any], playbook: Playbook, world: Surroundings) -> None:
    """Let a launch be heard, once: an operator's order may reach a customer again."""
    starts, record = turn.state.journeys.starts, turn.record
    launch = (f"@{given['launch']}", "")
    if launch in starts:
        record.result = {"entered": False}
        return
    starts[launch] = record.received_at_ms
    key = f"{LAUNCH}{given['scenario']}"
    hear(turn, Signal(key, record.at_ms, turn.state.seq, given["data"]), playbook, world)
    record.result = {"entered": any(line.what == "started" for line in record.lines)}


def hear(turn: Turn, signal: Signal, playbook: Playbook, world: Surroundings) -> None:
    """Let the scenarios hear something."""
    journeys, now_ms = turn.state.journeys, turn.record.received_at_ms
    if engine.is_awaited(journeys, playbook, signal.key):
        _settle(turn, engine.hear(journeys, signal, playbook, world, now_ms), playbook, world)


def hear_changes(turn: Turn, playbook: Playbook, world: Surroundings) -> None:
    """Let the scenarios hear what has changed about the customer in this turn."""
    if not (turn.entered or turn.left or turn.deviations):
        return
    at_ms, seq = turn.record.received_at_ms, turn.state.seq
    keys = [*(f"entered:{name}" for name in turn.entered), *(f"left:{name}" for name in turn.left)]
    for key in keys:
        hear(turn, Signal(key, at_ms, seq), playbook, world)
    for deviation in turn.deviations:
        properties = {"strength": deviation.strength, "about": deviation.about}
        key = f"deviation:{deviation.name}"
        hear(turn, Signal(key, at_ms, seq, properties), playbook, world)


def hear_outcome(
    turn: Turn, effect: OpenEffect, outcome: str, playbook: Playbook, world: Surroundings
) -> None:
    """Let the instance that caused an effect hear how it was taken."""
    name = (effect.seq, effect.n, effect.origin)
    properties = {"action": effect.action, "channel": effect.channel}
    for instance in [i for i in turn.state.journeys.instances if name in i.sent]:
        signal = Signal(
            f"outcome:{outcome}", turn.record.at_ms, turn.state.seq, properties, instance.id
        )
        hear(turn, signal, playbook, world)


def _resume(turn: Turn, key: str, playbook: Playbook, world: Surroundings) -> None:
    """Let an instance go on whose timer has fired."""
    instance_id = int(key.rpartition("/")[2])
    progress = engine.wake(
        turn.state.journeys, instance_id, turn.record.received_at_ms, playbook, world
    )
    _settle(turn, progress, playbook, world)


def _answer(
    turn: Turn,
    call: tuple[int, int, int],
    ok: bool,
    properties: dict[str, object],
    playbook: Playbook,
    world: Surroundings,
) -> None:
    """Take the answer of a webhook that an instance has called."""
    record = turn.record
    progress = engine.answered(
        turn.state.journeys,
        call,
        ok,
        properties,
        record.at_ms,
        record.received_at_ms,
        playbook,
        world,
    )
    _settle(turn, progress, playbook, world)


def _offer(turn: Turn, playbook: Playbook, world: Surroundings) -> list[Proposal]:
    """Send what must be sent, and return what competes; `turn.offers` says for whom."""
    turn.world = world
    proposals: list[Proposal] = []
    if not turn.state.journeys.instances:
        return proposals
    for each in _send_mandatory(turn, playbook, world):
        if each.mandatory:
            continue
        name = f"{each.scenario}:{each.step}:{each.instance}.{each.token}"
        turn.offers[name] = each
        channels = None if each.channels is None else tuple(sorted(each.channels))
        actions = tuple(action.index for action in _actions(turn, each, playbook))
        proposals.append(Proposal(name, actions, channels))
    return proposals


def data_of(turn: Turn, trigger: str) -> dict[str, object] | None:
    """Return the data of the instance that proposed under this name, or None."""
    found = turn.offers.get(trigger)
    if found is None:
        return None
    instance = _instance(turn, found)
    return None if instance is None else instance.data


def decided(turn: Turn, choice: Choice, playbook: Playbook) -> None:
    """Tell the instances what has become of their offers; effects are committed already."""
    world = turn.world
    if not turn.offers or world is None:
        return
    journeys, now_ms = turn.state.journeys, turn.record.received_at_ms
    sent = {chosen.ranked.trigger: effect for chosen, effect in turn.committed}
    for name, each in turn.offers.items():
        effect = sent.get(name)
        if effect is not None:
            progress = engine.sent(journeys, each, effect.seq, effect.n, now_ms, playbook, world)
        else:
            ranked = [r for r in choice.ranked if r.trigger == name]
            why, retry_at_ms = _why_not(turn, each, ranked, choice, playbook)
            if retry_at_ms is None:
                progress = engine.lost(journeys, each, why, now_ms, playbook, world)
            else:
                progress = engine.refused(journeys, each, why, retry_at_ms, now_ms, playbook, world)
        _settle(turn, progress, playbook, world)
    _send_mandatory(turn, playbook, world)


def _why_not(
    turn: Turn, each: Offer, ranked: list[Ranked], choice: Choice, playbook: Playbook
) -> tuple[str, int | None]:
    """Return why an offer was not taken, and when to try again: None if it lost, 0 if not known."""
    actions = {action.index for action in _actions(turn, each, playbook)}
    if not actions:
        return "its actions are no longer in the playbook", 0
    if ranked:
        best = next((c.ranked for c in choice.chosen if not c.ranked.placement), None)
        return ("lost to " + playbook.actions[best.action].key if best else "no room"), None
    removed = [
        r
        for r in choice.removed
        if r.action in actions
        and (each.channels is None or not r.channel or r.channel in each.channels)
    ]
    if not removed:
        return "no candidate", 0
    worthless = [r for r in removed if r.stage == "arbitration"]
    if worthless:
        return worthless[0].rule, None
    soonest = min(removed, key=_retry_order)
    return f"{soonest.stage}: {soonest.rule}", soonest.retry_at_ms


def _retry_order(removal: Removal) -> tuple[bool, int]:
    return removal.retry_at_ms == 0, removal.retry_at_ms


def _actions(turn: Turn, each: Offer, playbook: Playbook) -> list[Action]:
    """Return the actions of an offer as the playbook in force has them."""
    instance = _instance(turn, each)
    if instance is None or not _is_earlier(instance, playbook):
        return [playbook.actions[index] for index in each.actions]
    book = playbook.earlier_books.get((each.scenario, instance.digest))
    if book is None:
        return []
    found = [playbook.action(book.actions[index].key) for index in each.actions]
    return [action for action in found if action is not None]


def _instance(turn: Turn, each: Offer) -> Instance | None:
    return next((i for i in turn.state.journeys.instances if i.id == each.instance), None)


def _send_mandatory(turn: Turn, playbook: Playbook, world: Surroundings) -> list[Offer]:
    """Send service messages, which do not compete and which no cap holds, where nothing else speaks against.

    Returns:
        All that is offered after that.
    """
    journeys, now_ms = turn.state.journeys, turn.record.received_at_ms
    tried: set[tuple[int, int, str]] = set()
    while True:
        offered = engine.offers(journeys, playbook, now_ms)
        if not offered:
            return offered
        due = [o for o in offered if o.mandatory and (o.instance, o.token, o.step) not in tried]
        if not due or len(tried) >= _MAX_MANDATORY:
            return offered
        each = due[0]
        tried.add((each.instance, each.token, each.step))
        ranked, why = permitted(
            turn, each, _actions(turn, each, playbook), playbook, world.standing()
        )
        if ranked is None:
            progress = engine.refused(journeys, each, why, 0, now_ms, playbook, world)
        else:
            instance = _instance(turn, each)
            data = {} if instance is None else instance.data
            standing = world.standing()
            effect = commit_effect(
                turn, Chosen(ranked, 1, 1.0), standing.tier, playbook, standing.values, data
            )
            pay(turn, playbook, effect, standing.segments, ranked.trigger)
            progress = engine.sent(journeys, each, effect.seq, effect.n, now_ms, playbook, world)
        _settle(turn, progress, playbook, world)


def _settle(turn: Turn, progress: Progress, playbook: Playbook, world: Surroundings) -> None:
    """Let a run of the engine have its consequences."""
    state, record = turn.state, turn.record
    record.lines += progress.lines
    if progress.notes or world.notes:
        record.notes += [*progress.notes, *world.notes]
        world.notes.clear()
    for opens, kind, subject, at_ms in progress.threads:
        step = open_thread if opens else close_thread
        step(state.conversation, kind or CASE, subject, "", at_ms, subject)
    if progress.withdrawn:
        gone = progress.withdrawn
        turn.outbox = [each for each in turn.outbox if (each.seq, each.n, 0) not in gone]
        turn.cancelled += [(origin or state.number, seq, n) for seq, n, origin in gone]
    for seq, n, origin in progress.converted:
        effect = state.effect(seq, n, origin)
        if effect is not None and effect.label != 1:
            effect.outcome = "convert"
            learn(turn, effect, taken=True)
    for call in progress.calls:
        _call(turn, call)
    for instance_id, due_at_ms in progress.waits.items():
        if not keep_timer(turn, scenario_timer(instance_id), SCENARIO, due_at_ms):
            record.notes.append("too many timers: a scenario goes on at the next turn only")


def _call(turn: Turn, call: CallOut) -> None:
    """Queue the call of a webhook."""
    action = f"{CALL}{call.scenario}/{call.step}"
    effect = queue_for_system(
        turn, action, call.channel, _CALL_PURPOSE, call.expires_at_ms, call.content
    )
    engine.called(turn.state.journeys, call, effect.seq, effect.n)
