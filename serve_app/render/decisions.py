"""Decision records as JSON values."""

from typing import Any

from actors.decisioning.inputs import DecisionInput, Ranked
from actors.decisioning.journal import TurnRecord
from actors.decisioning.record import STAGE_CODES
from actors.domain.ids import customer_text, decision_text, effect_text
from actors.domain.instants import format_instant
from actors.playbook.model import Playbook
from actors.policies.budgets import OF_CUSTOMER
from serve_app.render.values import instant, units


def _action(index: int, playbook: Playbook) -> str | None:
    return playbook.actions[index].key if 0 <= index < len(playbook.actions) else None


def decision_json(number: int, seq: int, turn: TurnRecord, playbook: Playbook) -> dict[str, Any]:
    """Return a decision record; `turn` has one, taken with this version of the playbook.

    Money is in units of the playbook's currency. priority = propensity × weight × value × lever −
    (cost + attention + shadow).
    """
    record = turn.decision
    if record is None:
        raise ValueError("the turn took no decision")
    given = record.given
    tier, segments, removed, ranked, chosen, *more = record.outcome
    candidates = [_candidate(Ranked(*each), playbook) for each in ranked]
    for position, rank, chosen_with, *again in chosen:
        candidates[position] |= {"chosen": True, "rank": rank, "chosenWith": chosen_with}
        if again:
            candidates[position]["again"] = effect_text(number, *again)
    return {
        "decisionId": decision_text(number, seq),
        "customerId": customer_text(number),
        "seq": seq,
        "at": format_instant(given.at_ms),
        "channel": given.channel,
        "placements": list(given.placements),
        "maxActions": given.max_actions,
        "currency": playbook.currency,
        "tier": tier,
        "segments": segments,
        "engine": record.engine,
        "playbook": record.playbook,
        "model": {
            "name": record.model,
            "version": record.model_version,
            "prior": record.prior,
        },
        "seed": str(given.seed),
        "chosen": [candidates[position] for position, *_ in chosen],
        "candidates": candidates,
        "removed": [_removal(each, playbook) for each in removed],
        "draws": [_draw(each) for each in (more[0] if more else ())],
        "inputs": _inputs(number, given, playbook),
    }


def _inputs(number: int, given: DecisionInput, playbook: Playbook) -> dict[str, Any]:
    """Return all that the decision was taken from, besides the scores and the playbook."""
    digits = playbook.minor_digits
    return {
        "context": given.context,
        "caps": _caps(given.caps, playbook),
        "capsLater": [
            {"at": format_instant(at_ms), "caps": _caps(counts, playbook)}
            for at_ms, counts in sorted(given.caps_later.items())
        ],
        "refusedUntil": {key: format_instant(at) for key, at in sorted(given.refused.items())},
        "consents": dict(sorted(given.consents.items())),
        "proposals": [
            {
                "trigger": proposal.trigger,
                "actions": [_action(index, playbook) for index in proposal.actions],
                "channels": None if proposal.channels is None else list(proposal.channels),
            }
            for proposal in given.proposals
        ],
        "paused": list(given.paused),
        "silences": [
            {
                "scope": each.scope,
                "name": each.name,
                "rule": each.rule,
                "until": instant(each.until_ms),
            }
            for each in given.silences
        ],
        "planned": {
            key: {"at": instant(each.at_ms), "why": each.why}
            for key, each in sorted(given.planned.items())
        },
        "recentContacts": given.recent,
        "barred": list(given.barred),
        "arms": dict(sorted(given.arms.items())),
        "funds": {
            key: _fund(key, left, playbook, digits) for key, left in sorted(given.funds.items())
        },
        "shadowPrices": dict(sorted(given.prices.items())),
        "standing": [
            {
                "placement": each.placement,
                "action": _action(each.action, playbook),
                "effectKey": effect_text(number, each.seq, each.n),
            }
            for each in given.standing
        ],
    }


def _caps(counts: tuple[tuple[int, int], ...], playbook: Playbook) -> list[dict[str, Any]]:
    return [
        {
            "cap": cap.name,
            "limit": cap.limit,
            "count": count,
            "oldestLeavesAt": instant(leaves_ms),
        }
        for cap, (count, leaves_ms) in zip(playbook.caps, counts, strict=False)
    ]


def _fund(key: str, left: float, playbook: Playbook, digits: int) -> float:
    """Return what is left of a budget: money in units of the currency, contacts as they are."""
    name = key.removesuffix(OF_CUSTOMER)
    budget = next((each for each in playbook.budgets.all if each.name == name), None)
    is_money = budget is None or budget.unit == "money"
    return units(left, digits) if is_money else left


def _candidate(ranked: Ranked, playbook: Playbook) -> dict[str, Any]:
    digits = playbook.minor_digits
    return {
        "action": _action(ranked.action, playbook),
        "channel": ranked.channel,
        "placement": ranked.placement or None,
        "trigger": ranked.trigger or None,
        "propensity": ranked.propensity,
        "sd": ranked.sd,
        "observations": ranked.observations,
        "positives": ranked.positives,
        "weight": ranked.weight,
        "value": units(ranked.value_minor, digits),
        "lever": ranked.lever,
        "cost": units(ranked.cost_minor, digits),
        "attention": units(ranked.attention_minor, digits),
        "shadow": units(ranked.shadow_minor, digits),
        "priority": units(ranked.priority_minor, digits),
        "probability": ranked.probability,
        "chosen": False,
    }


def _draw(fields: list[Any]) -> dict[str, Any]:
    placement, survivors, nothing, vectors, epsilon = fields
    return {
        "placement": placement or None,
        "survivors": survivors,
        "nothing": nothing,
        "vectors": vectors,
        "epsilon": epsilon,
    }


def _removal(fields: list[Any], playbook: Playbook) -> dict[str, Any]:
    action, channel, stage, rule, retry_at_ms = fields
    return {
        "action": _action(action, playbook),
        "channel": channel,
        "stage": STAGE_CODES[stage],
        "rule": rule,
        "retryAt": instant(retry_at_ms),
    }
