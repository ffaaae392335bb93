"""Arbitration: priority = propensity × context weight × value × lever − cost, slot by slot."""

from itertools import chain

from actors.decisioning.exploration import choose_index
from actors.decisioning.inputs import (
    ARBITRATION,
    CONTACT_POLICY,
    Candidate,
    Choice,
    Chosen,
    DecisionInput,
    Prepared,
    Ranked,
    Removal,
)
from actors.decisioning.plan import Plan, plan_of
from actors.domain.scores import Score, ScoreRow, Scores
from actors.playbook.model import Playbook

MAX_OUTBOUND = 1
"""Outbound actions that one turn may start."""
_OUTBOUND = [("", "outbound")] * MAX_OUTBOUND


def rows_of(prepared: Prepared, playbook: Playbook) -> list[ScoreRow]:
    """Return one row per distinct action among the candidates, in order of first appearance."""
    rows = plan_of(playbook).rows[prepared.tier]
    return [rows[i] for i in dict.fromkeys([each.action for each in prepared.candidates])]


def scores_by_action(prepared: Prepared, playbook: Playbook, scores: Scores) -> dict[int, Score]:
    """Align the scorer's answer with `rows_of`; without an answer each action has its own prior."""
    indices = dict.fromkeys([candidate.action for candidate in prepared.candidates])
    if scores.prior:
        return {i: Score(playbook.actions[i].starting_propensity, 0.0) for i in indices}
    return dict(zip(indices, scores.rows, strict=True))


def choose(
    prepared: Prepared, given: DecisionInput, scores: dict[int, Score], playbook: Playbook
) -> Choice:
    """Fill the slots: placements in the order asked, then one outbound message.

    An action is chosen at most once. Doing nothing is worth 0 and wins against everything that is
    not worth more. Ties go to the action's key, then to the channel.
    """
    plan = plan_of(playbook)
    removed = list(prepared.removed)
    by_slot = _worthwhile(prepared, scores, playbook, removed)
    chosen: list[Chosen] = []
    used: set[int] = set()
    slots = [(p, p) for p in given.placements[: given.max_actions]]
    slots += _OUTBOUND
    taken = [count for count, _ in given.caps]
    for placement, stream in slots:
        open_to = by_slot.get(placement)
        if open_to is None:
            continue
        if chosen:
            open_to = [
                r
                for r in open_to
                if r.action not in used and _has_room(r, taken, plan, playbook, removed)
            ]
            if not open_to:
                continue
        index, chosen_with = choose_index(given.seed, f"slot/{stream}", len(open_to))
        picked = open_to[index]
        used.add(picked.action)
        for i in plan.options[picked.action][picked.channel].caps:
            taken[i] += 1
        rank = 1
        for earlier in chosen:
            rank += bool(earlier.ranked.placement) == bool(placement)
        chosen.append(Chosen(picked, rank, chosen_with))
    everything = tuple(chain.from_iterable(by_slot.values()))
    return Choice(everything, tuple(chosen), tuple(removed))


def _worthwhile(
    prepared: Prepared, scores: dict[int, Score], playbook: Playbook, removed: list[Removal]
) -> dict[str, list[Ranked]]:
    """Return what is worth more than nothing, by placement, best first."""
    by_slot: dict[str, list[Ranked]] = {}
    for candidate in prepared.candidates:
        ranked = _rank(candidate, prepared, scores, playbook)
        if ranked.priority_minor > 0.0:
            group = by_slot.get(ranked.placement)
            if group is None:
                by_slot[ranked.placement] = [ranked]
            else:
                group.append(ranked)
        else:
            removed.append(
                Removal(candidate.action, candidate.channel, ARBITRATION, "worth less than nothing")
            )
    actions = playbook.actions
    for group in by_slot.values():
        if len(group) > 1:
            group.sort(key=lambda r: (-r.priority_minor, actions[r.action].key, r.channel))
    return by_slot


def _has_room(
    ranked: Ranked, taken: list[int], plan: Plan, playbook: Playbook, removed: list[Removal]
) -> bool:
    """Return whether caps have room left beside what this turn has chosen already."""
    for i in plan.options[ranked.action][ranked.channel].caps:
        cap = playbook.caps[i]
        if taken[i] >= cap.limit:
            removed.append(Removal(ranked.action, ranked.channel, CONTACT_POLICY, cap.name))
            return False
    return True


def _rank(
    candidate: Candidate, prepared: Prepared, scores: dict[int, Score], playbook: Playbook
) -> Ranked:
    index, channel, placement, trigger = candidate
    propensity, observations, *_ = scores[index]
    action, weight = playbook.actions[index], prepared.weights[index]
    value_minor, lever = action.value_minor, action.lever
    cost_minor = action.treatments[channel].cost_minor
    return Ranked(
        index,
        channel,
        placement,
        trigger,
        propensity,
        observations,
        weight,
        value_minor,
        lever,
        cost_minor,
        propensity * weight * value_minor * lever - cost_minor,
    )
