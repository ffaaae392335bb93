"""Policies from outside: whoever says with which probability each survivor is to be chosen.

The funnel has run before: consent, contact caps, budgets and eligibility hold whatever a policy wants. What a
policy chooses is one of the survivors of a slot, or nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from math import isfinite
from typing import Any

from actors.decisioning.arbitration import choose
from actors.decisioning.exploration import choose as pick
from actors.decisioning.inputs import Choice, Chosen, DecisionInput, Draw, Prepared, Ranked
from actors.domain.scores import Score, Scores
from actors.playbook.model import Playbook
from actors.simulation.recording import features_of_state
from actors.turn import Turn
from actors.turn import decide as engine_decides

Policy = Callable[[Mapping[str, Any], Sequence[str]], Sequence[float]]
"""Given what is known of a decision, and actions as `key|channel` with `""` (nothing) last: probabilities."""

Decide = Callable[[Turn, Scores, Playbook], None]

NOTHING = ""
_ROUNDING = 1e-6


class PolicyError(ValueError):
    """A policy's answer is no probability distribution; the sentence says of what."""


def load_policy(name: str) -> Policy:
    """Return the object that `module:object` names.

    Raises:
        ValueError: There is no such module, or nothing callable of that name in it.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no policy {name!r}: {error}") from error
    if not callable(found):
        raise ValueError(f"{name!r} cannot be called")  # noqa: TRY004 - of what was typed
    policy: Policy = found
    return policy


def context_of(
    given: DecisionInput, prepared: Prepared, placement: str, ranked: Sequence[Ranked]
) -> dict[str, Any]:
    """Return what a policy is told: instants in ms, money in minor units; lists go with the actions.

    The names are those of the columns of the table of decisions, as far as they are known before one.
    """
    return {
        "at_ms": given.at_ms,
        "channel": given.channel,
        "slot": placement,
        "tier": prepared.tier,
        "segments": list(prepared.segments),
        "arms": ";".join([f"{name}={given.arms[name]}" for name in sorted(given.arms)]),
        "scores": [*[each.propensity for each in ranked], 0.0],
        "priorities": [*[each.priority_minor for each in ranked], 0.0],
        "gains": [*[each.value_minor for each in ranked], 0.0],
        "costs": [*[each.cost_minor for each in ranked], 0.0],
    }


def deciding(policy: Policy, name: str) -> Decide:
    """Return what decides turns by a policy; their records say so, and replay does not compare them."""

    def decide(turn: Turn, scores: Scores, playbook: Playbook) -> None:
        def told(context: Mapping[str, Any], actions: Sequence[str]) -> Sequence[float]:
            features = features_of_state(turn.state, turn.record.received_at_ms)
            try:
                return policy({**context, "features": features}, actions)
            except Exception as error:
                raise PolicyError(f"{name} failed: {type(error).__name__}: {error}") from error

        def chooser(
            prepared: Prepared, given: DecisionInput, scores: dict[int, Score], playbook: Playbook
        ) -> Choice:
            choice = choose(prepared, given, scores, playbook)
            return rechosen(choice, prepared, given, playbook, told)

        engine_decides(turn, scores, playbook, chooser, f"policy {name}")

    return decide


def rechosen(
    choice: Choice, prepared: Prepared, given: DecisionInput, playbook: Playbook, policy: Policy
) -> Choice:
    """Fill the slots of a decision anew, by a policy, in the order in which they were drawn.

    Nothing is said twice, and of a group one thing. What stands in a placement already stays there.

    Raises:
        PolicyError: The policy's answer is no distribution over what it was asked about.
    """
    stays = [each for each in choice.chosen if each.again is not None]
    said = {playbook.actions[each.ranked.action].group for each in stays}
    ranked, chosen, draws = list(choice.ranked), list(stays), []
    places = {slot: rank for rank, slot in enumerate(given.placements)}
    for draw in choice.draws:
        here = [
            i
            for i, each in enumerate(ranked)
            if each.placement == draw.placement and playbook.actions[each.action].group not in said
        ]
        found = _asked(policy, given, prepared, draw.placement, [ranked[i] for i in here], playbook)
        for i, probability in zip(here, found, strict=False):
            ranked[i] = ranked[i]._replace(probability=probability)
        picked = pick(given.seed, f"policy/{draw.placement}", found)
        draws.append(Draw(draw.placement, len(here), found[-1], 0, 0.0))
        if picked < len(here):
            best = ranked[here[picked]]
            said.add(playbook.actions[best.action].group)
            chosen.append(Chosen(best, 1, best.probability))
    chosen.sort(key=lambda each: places.get(each.ranked.placement, len(places)))
    winners = tuple([ranked.index(each.ranked) for each in chosen])
    rows = [list(each) for each in ranked]
    return Choice(rows, tuple(chosen), choice.removed, tuple(draws), winners)


def _asked(
    policy: Policy,
    given: DecisionInput,
    prepared: Prepared,
    placement: str,
    ranked: Sequence[Ranked],
    playbook: Playbook,
) -> list[float]:
    """Return the probabilities of survivors and, last, of nothing."""
    names = [f"{playbook.actions[each.action].key}|{each.channel}" for each in ranked]
    context = context_of(given, prepared, placement, ranked)
    found = [float(each) for each in policy(context, [*names, NOTHING])]
    if len(found) != len(names) + 1:
        raise PolicyError(f"a policy gave {len(found)} probabilities for {len(names) + 1} actions")
    if not all(isfinite(each) and each >= 0.0 for each in found):
        raise PolicyError("a policy gave a probability that is none")
    if abs(sum(found) - 1.0) > _ROUNDING:
        raise PolicyError(f"a policy's probabilities sum to {sum(found):.6f}")
    return found
