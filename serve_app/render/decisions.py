"""Decision records as JSON values."""

from typing import Any

from actors.decisioning.funnel import STAGES
from actors.decisioning.journal import TurnRecord
from actors.domain.ids import customer_text, decision_text
from actors.playbook.model import Playbook
from actors.wire.instants import format_instant
from serve_app.render.values import instant, units


def _action(index: int, playbook: Playbook) -> str | None:
    return playbook.actions[index].key if 0 <= index < len(playbook.actions) else None


def decision_json(number: int, seq: int, turn: TurnRecord, playbook: Playbook) -> dict[str, Any]:
    """Return a decision record; `turn` has one, taken with this version of the playbook.

    Money is in units of the playbook's currency. priority = propensity × weight × value × lever −
    cost.
    """
    record = turn.decision
    if record is None:
        raise ValueError("the turn took no decision")
    given = record.given
    tier, segments, removed, ranked, chosen = record.outcome
    candidates = [_candidate(each, playbook) for each in ranked]
    for position, rank, chosen_with in chosen:
        candidates[position] |= {"chosen": True, "rank": rank, "chosenWith": chosen_with}
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
        "chosen": [candidates[position] for position, _, _ in chosen],
        "candidates": candidates,
        "removed": [_removal(each, playbook) for each in removed],
        "inputs": {
            "context": given.context,
            "caps": [
                {
                    "cap": cap.name,
                    "limit": cap.limit,
                    "count": count,
                    "oldestLeavesAt": instant(leaves_ms),
                }
                for cap, (count, leaves_ms) in zip(playbook.caps, given.caps, strict=False)
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
        },
    }


def _candidate(fields: list[Any], playbook: Playbook) -> dict[str, Any]:
    digits = playbook.minor_digits
    action, channel, placement, trigger, propensity, observations, weight = fields[:7]
    value_minor, lever, cost_minor, priority_minor = fields[7:]
    return {
        "action": _action(action, playbook),
        "channel": channel,
        "placement": placement or None,
        "trigger": trigger or None,
        "propensity": propensity,
        "observations": observations,
        "weight": weight,
        "value": units(value_minor, digits),
        "lever": lever,
        "cost": units(cost_minor, digits),
        "priority": units(priority_minor, digits),
        "chosen": False,
    }


def _removal(fields: list[Any], playbook: Playbook) -> dict[str, Any]:
    action, channel, stage, rule, retry_at_ms = fields
    return {
        "action": _action(action, playbook),
        "channel": channel,
        "stage": STAGES[stage],
        "rule": rule,
        "retryAt": instant(retry_at_ms),
    }
