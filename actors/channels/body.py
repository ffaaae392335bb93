"""The JSON that every way out carries: one shape for webhook, file and stream."""

import json
from typing import Any

import msgpack

from actors.domain.errors import CodecError
from actors.domain.ids import customer_text, decision_text, effect_text
from actors.domain.instants import format_instant
from actors.ports import OutboxItem


def key_of(item: OutboxItem) -> str:
    """Return the effect key under which this row is delivered, whatever the channel."""
    return effect_text(item.number, item.seq, item.n)


def purpose_of(item: OutboxItem) -> str:
    """Return the purpose of an effect; empty when its payload was wiped out or cannot be read."""
    try:
        purpose = msgpack.unpackb(item.payload)["purpose"]
    except (ValueError, TypeError, KeyError):
        return ""
    return purpose if isinstance(purpose, str) else ""


def effect_fields(item: OutboxItem) -> dict[str, Any]:
    """Return what a channel is told of an effect, in the order in which it is written.

    `placement`, `address` and `identities` are present only when the row has them. `committedAt` is on the
    machine clock, `expiresAt` on the business clock; they differ when that one is virtual.

    Raises:
        CodecError: The row's payload cannot be read.
    """
    try:
        payload = msgpack.unpackb(item.payload)
        fields: dict[str, Any] = {
            "effectKey": key_of(item),
            "customerId": customer_text(item.number),
            "decisionId": decision_text(item.number, item.seq),
            "channel": item.channel,
            "action": payload["action"],
            "purpose": payload["purpose"],
        }
        if payload.get("placement"):
            fields["placement"] = payload["placement"]
        fields["content"] = payload["content"]
        fields["committedAt"] = format_instant(item.committed_at_ms)
        fields["expiresAt"] = format_instant(item.expires_at_ms)
        if payload.get("address"):
            fields["address"] = payload["address"]
        if payload.get("recipient"):
            fields["identities"] = payload["recipient"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(
            f"the payload of effect {key_of(item)} cannot be read: {type(error).__name__}"
        ) from error
    return fields


def effect_body(item: OutboxItem) -> bytes:
    """Return `effect_fields` as compact JSON in UTF-8, on one line.

    Raises:
        CodecError: The row's payload cannot be read, or holds what JSON cannot say.
    """
    fields = effect_fields(item)
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (ValueError, TypeError) as error:
        raise CodecError(
            f"the payload of effect {key_of(item)} is not JSON: {type(error).__name__}"
        ) from error
