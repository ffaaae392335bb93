"""The reply to one event, as JSON text, made from what the journal holds.

The first answer and every later one to the same message come from the same record.
"""

from typing import Any

from pydantic_core import to_json

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import OUTBOUND, Effect
from actors.domain.ids import customer_text, decision_text, effect_text
from actors.domain.instants import format_instant


def action_json(effect: Effect, number: int, minor_digits: int) -> dict[str, Any]:
    """Return one action as the contract shows it; priority in currency units."""
    return {
        "effectKey": effect_text(number, effect.seq, effect.n),
        "action": effect.action,
        "channel": effect.channel,
        "placement": effect.placement or None,
        "content": effect.content,
        "rank": effect.rank,
        "propensity": effect.propensity,
        "priority": effect.priority_minor / 10**minor_digits,
        "expiresAt": format_instant(effect.expires_at_ms),
    }


def _shown(record: TurnRecord) -> list[Effect]:
    """Return what is not outbound; what is shown again stands by its rank among what is new."""
    shown = [effect for effect in record.effects if effect.mode != OUTBOUND]
    if record.again:
        shown = sorted([*shown, *record.again], key=lambda effect: effect.rank)
    return shown


def reply_json(
    record: TurnRecord, number: int, seq: int, minor_digits: int, *, duplicate: bool = False
) -> bytes:
    """Return the reply to the message that a turn took.

    `actions` are those returned to the channel that asked, and those that the event itself reports
    as delivered elsewhere; `outbound` counts what was queued for other channels.
    """
    message = record.event or record.response or record.command
    reply: dict[str, Any] = {
        "status": "duplicate" if duplicate else "accepted",
        "messageId": message.message_id if message is not None else None,
        "customerId": customer_text(number),
        "seq": seq,
    }
    if record.command is not None:
        return to_json(reply | record.result)
    if record.response is not None:
        reply["effectKey"] = record.response.effect_key
        reply["outcome"] = record.response.outcome
        return to_json(reply)
    reply["decisionId"] = decision_text(number, seq) if record.decision is not None else None
    reply["actions"] = [action_json(effect, number, minor_digits) for effect in _shown(record)]
    reply["outbound"] = sum(1 for effect in record.effects if effect.mode == OUTBOUND)
    return to_json(reply)
