"""Where a customer stands in scenarios, as JSON values."""

from typing import Any

from actors.domain.ids import effect_text
from actors.domain.instants import format_instant
from actors.domain.journeys import Instance, Journeys, Token
from serve_app.render.values import instant


def journeys_json(journeys: Journeys, number: int) -> list[dict[str, Any]]:
    """Return the instances under way of the customer with this number, in the order of their start."""
    return [_instance(each, number) for each in journeys.instances]


def memory_json(journeys: Journeys) -> dict[str, Any]:
    """Return what is remembered beside the instances: starts, what is queued, patterns, signals."""
    return {
        "starts": [
            {"scenario": name, "key": key, "at": format_instant(at_ms)}
            for (name, key), at_ms in journeys.starts.items()
        ],
        "queued": [
            {"scenario": name, "key": key, "at": format_instant(at_ms), "data": data}
            for name, key, at_ms, data in journeys.queued
        ],
        "patterns": [
            {"scenario": name, "key": key, "progress": progress}
            for (name, _, key), progress in journeys.patterns.items()
        ],
        "heard": [
            {"signal": each.key, "at": format_instant(each.at_ms), "properties": each.properties}
            for each in journeys.recent
        ],
    }


def _instance(instance: Instance, number: int) -> dict[str, Any]:
    return {
        "scenario": instance.scenario,
        "version": instance.digest,
        "instance": instance.id,
        "key": instance.key or None,
        "startedAt": format_instant(instance.started_ms),
        "at": [_token(token) for token in instance.tokens],
        "data": instance.data,
        "sent": [effect_text(origin or number, seq, n) for seq, n, origin in instance.sent],
        "goals": instance.met,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "step": token.step,
        "since": format_instant(token.since_ms),
        "until": instant(token.due_ms),
    }
