"""Experiments in a turn: which arms a customer is in, and which of them are reached now."""

from functools import lru_cache

from actors.decisioning.inputs import (
    ARBITRATION,
    BUDGET,
    BUNDLING,
    CONTACT_POLICY,
    EXPERIMENT,
    PROPENSITY,
    TREATMENT,
    Choice,
)
from actors.domain.events import Event
from actors.experiments.arms import arms_at, fix
from actors.experiments.standing import reaches
from actors.playbook.experiment_model import Experiment
from actors.playbook.model import Playbook, event_key
from actors.turn.under_way import Turn

_ARRIVED = frozenset(
    {EXPERIMENT, CONTACT_POLICY, PROPENSITY, TREATMENT, ARBITRATION, BUNDLING, BUDGET}
)
"""Stages at which whoever is removed has come as far as experiments."""


def arms_of(turn: Turn, playbook: Playbook) -> dict[str, str]:
    """Return the customer's arm in each experiment: the one fixed before, else the one drawn."""
    if not playbook.experiments.all:
        return {}
    state = turn.state
    return arms_at(state.arms, state.number, turn.record.received_at_ms, playbook.experiments)


def enrol(turn: Turn, choice: Choice, playbook: Playbook) -> None:
    """Fix the arms of the experiments that this decision has reached."""
    given, fixed, experiments = turn.given, turn.state.arms, playbook.experiments
    if given is None or not given.arms:
        return
    within = _within_reach(playbook, "" if given.proposals else given.channel)
    new = [within[name] for name in given.arms if name not in fixed and name in within]
    if not new:
        return
    arrived = [(row[0], row[1]) for row in choice.rows]
    arrived += [(r.action, r.channel) for r in choice.removed if r.stage in _ARRIVED]
    proposed = [(p.trigger, p.actions, p.channels) for p in given.proposals]
    reached = {each.name: given.arms[each.name] for each in new if reaches(each, arrived, proposed)}
    turn.record.reached |= reached
    fix(fixed, reached, turn.record.received_at_ms, experiments)


@lru_cache(maxsize=256)
def _within_reach(playbook: Playbook, channel: str) -> dict[str, Experiment]:
    """Return the experiments that a decision may reach; it is about one channel alone, unless that is empty."""
    return {
        each.name: each
        for each in playbook.experiments.all
        if not channel
        or (each.scenarios is None and any(channel == named for _, named in each.covers))
    }


def enlist(turn: Turn, event: Event, at_ms: int, playbook: Playbook) -> None:
    """Take down the arm that another system has drawn, when this event says it.

    The first assignment stays: a later one to another arm changes nothing, and is noted.
    """
    experiments, record = playbook.experiments, turn.record
    if not experiments.by_event:
        return
    for each in experiments.by_event.get(event_key(event.type, event.name), ()):
        if not each.from_ms <= at_ms < each.until_ms:
            continue
        arm = event.properties.get(each.arm_property)
        before = turn.state.arms.get(each.name)
        if not isinstance(arm, str) or each.arm(arm) is None:
            record.notes.append(f"unknown_arm: {each.name}")
        elif before is None:
            record.reached[each.name] = arm
            fix(turn.state.arms, {each.name: arm}, at_ms, experiments)
        elif before[0] != arm:
            record.notes.append(f"another_arm: {each.name}")
