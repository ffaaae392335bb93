"""Turns and their effects as JSON values."""

from typing import Any

from actors.decisioning.journal import Credited, TurnRecord
from actors.domain.actions import Effect
from actors.domain.events import Command, Event
from actors.domain.ids import customer_text, decision_text, effect_text
from actors.domain.instants import format_instant
from actors.domain.merges import MergeRecord
from actors.ports import JournalKind, TimelineRow
from actors.scenarios.world import Line
from actors.turn import DECIDE
from actors.wire.records import unpack_turn
from serve_app.envelope import minor_digits
from serve_app.render.values import MoneyFormat, identities_json, units

KIND_NAMES = {
    JournalKind.EVENT: "event",
    JournalKind.DECIDE: "decide",
    JournalKind.OUTCOME: "outcome",
    JournalKind.WAKE: "wake",
    JournalKind.MERGE: "merge",
    JournalKind.UNMERGE: "unmerge",
    JournalKind.COMMAND: "command",
    JournalKind.ERASURE: "erasure",
}


def turn_json(row: TimelineRow, currency: str) -> dict[str, Any]:
    """Return one row of a timeline; of one whose payload is gone only when and what it was.

    Of another customer, with whom this one was merged, nothing is shown but the id.
    """
    turn = unpack_turn(row.payload) if row.payload else _emptied(row)
    money = MoneyFormat(currency)
    result: dict[str, Any] = {
        "customerId": customer_text(row.number),
        "seq": row.seq,
        "kind": KIND_NAMES[row.kind],
        "at": format_instant(turn.at_ms),
        "receivedAt": format_instant(turn.received_at_ms),
        "notes": turn.notes,
    }
    result |= _cause(turn, money)
    if turn.result:
        result["result"] = turn.result
    if turn.lines:
        result["scenarios"] = [line_json(line) for line in turn.lines]
    if turn.reached:
        result["experiments"] = turn.reached
    if turn.credits:
        result["credits"] = [_credit(each, money) for each in turn.credits]
    if turn.decision is not None:
        result["decisionId"] = decision_text(row.number, row.seq)
    digits = minor_digits(currency)
    result["effects"] = [effect_json(row.number, effect, digits) for effect in turn.effects]
    return result


def _cause(turn: TurnRecord, money: MoneyFormat) -> dict[str, Any]:
    """Return what the turn was about, under the name of its kind."""
    result: dict[str, Any] = {}
    if turn.event is not None:
        result["event"] = _event(turn.event)
    if turn.response is not None:
        value = turn.response.value_minor
        result["outcome"] = {
            "messageId": turn.response.message_id,
            "effectKey": turn.response.effect_key,
            "outcome": turn.response.outcome,
            "value": None if value is None else money(value),
        }
    if turn.timer is not None:
        key, kind, subject = turn.timer
        result["timer"] = {"key": key, "kind": kind, "subject": subject or None}
    if turn.merge is not None:
        result["merge"] = _merge(turn.merge)
    if turn.command is not None:
        result["command"] = _command(turn.command)
    return result


def _emptied(row: TimelineRow) -> TurnRecord:
    return TurnRecord(at_ms=row.at_ms, received_at_ms=row.at_ms, notes=["emptied"])


def _merge(merge: MergeRecord) -> dict[str, Any]:
    return {
        "survivor": customer_text(merge.survivor),
        "loser": customer_text(merge.loser),
        "source": merge.source,
        "sharedKind": merge.shared_kind or None,
    }


def _command(command: Command) -> dict[str, Any]:
    """Return what was asked for by hand, with ids and instants as the contract shows them."""
    given = dict(command.arguments)
    if isinstance(given.get("other"), int):
        given["other"] = customer_text(given["other"])
    if isinstance(given.get("expires_at_ms"), int):
        given["expiresAt"] = format_instant(given.pop("expires_at_ms"))
    return {"messageId": command.message_id, "kind": command.kind, "arguments": given}


def _event(event: Event) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "messageId": event.message_id,
        "type": event.type,
        "name": event.name or None,
        "channel": event.channel,
        "identities": identities_json(event.identities),
        "context": event.context,
    }
    if event.type != DECIDE:
        shown["properties"] = event.properties
        shown["traits"] = event.traits
    if event.placements:
        shown["placements"] = list(event.placements)
    return shown


def _credit(credited: Credited, money: MoneyFormat) -> dict[str, Any]:
    """Return which effect has credit for what, and why; less reward where it was taken back."""
    return {
        "effectKey": effect_text(credited.number, credited.seq, credited.n),
        "action": credited.action,
        "basis": credited.basis,
        "conversion": credited.name or None,
        "conversionId": credited.id or None,
        "reward": money(credited.reward_minor),
    }


def line_json(line: Line) -> dict[str, Any]:
    """Return what happened to one instance of a scenario."""
    return {
        "scenario": line.scenario,
        "instance": line.instance,
        "key": line.key or None,
        "what": line.what,
        "step": line.step or None,
        "why": line.why or None,
        "until": format_instant(line.until_ms) if line.until_ms else None,
    }


def effect_json(number: int, effect: Effect, digits: int) -> dict[str, Any]:
    """Return one effect of a turn."""
    return {
        "effectKey": effect_text(number, effect.seq, effect.n),
        "action": effect.action,
        "channel": effect.channel,
        "placement": effect.placement or None,
        "mode": effect.mode,
        "purpose": effect.purpose,
        "segment": effect.segment,
        "rank": effect.rank,
        "propensity": effect.propensity,
        "priority": units(effect.priority_minor, digits),
        "chosenWith": effect.chosen_with,
        "at": format_instant(effect.at_ms),
        "expiresAt": format_instant(effect.expires_at_ms),
        "content": effect.content,
    }
