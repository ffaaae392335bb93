"""What a customer's arms change in a decision, and which experiments the decision has reached."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from actors.playbook.experiment_model import ARBITRATED, Arm, Experiment, Experiments
from actors.playbook.model import Action

Pair = tuple[int, str]
"""An action's index and a channel."""


class Bar(NamedTuple):
    """An arm that removes candidates, and what is said of those."""

    experiment: Experiment
    arm: Arm
    rule: str


def scenario_of(trigger: str) -> str:
    """Return the scenario or trigger that a proposal is from; empty for what nobody proposed."""
    return trigger.partition(":")[0]


def bars_of(arms: Mapping[str, str], experiments: Experiments) -> tuple[Bar, ...]:
    """Return what the arms of a customer remove: nothing, for nearly everybody."""
    barring = experiments.barring
    return tuple([Bar(*barring[of], f"{of[0]}: {of[1]}") for of in arms.items() if of in barring])


def refusal(bars: Sequence[Bar], action: Action, channel: str, trigger: str) -> str:
    """Return which experiment and arm remove a candidate; empty when none does.

    `trigger` is the name of the proposal that it is from, empty for one that may stand in a reply.
    """
    for experiment, arm, rule in bars:
        if (action.index, channel) not in experiment.covers:
            continue
        if experiment.scenarios is not None and scenario_of(trigger) not in experiment.scenarios:
            continue
        if arm.hold or (arm.actions is not None and action.key not in arm.actions):
            return rule
    return ""


def policy_of(arms: Mapping[str, str], experiments: Experiments) -> str:
    """Return how a decision for these arms is taken: one of `POLICIES`, the first that differs."""
    deciding = experiments.deciding
    return next((deciding[of] for of in arms.items() if of in deciding), ARBITRATED)


def reaches(
    experiment: Experiment,
    arrived: Sequence[Pair],
    proposed: Iterable[tuple[str, Sequence[int], Sequence[str] | None]],
) -> bool:
    """Return whether any candidate in an experiment's scope has come as far as experiments.

    `arrived` are those that have, whatever the experiments and all that follows made of them: or an arm
    could change who is counted in it. `proposed` are (trigger, actions, channels or None for any).
    """
    if experiment.scenarios is None:
        return not experiment.covers.isdisjoint(arrived)
    here = experiment.covers.intersection(arrived)
    return any(
        scenario_of(trigger) in experiment.scenarios
        and any(i in actions and (channels is None or c in channels) for i, c in here)
        for trigger, actions, channels in proposed
    )
