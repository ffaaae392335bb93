"""Briefings as JSON values, camelCase, times RFC 3339, money in units, with their narrative."""

from typing import Any

from actors.briefing import Briefing, narrate
from actors.briefing import model as m
from actors.domain.ids import customer_text
from actors.domain.instants import format_instant
from actors.playbook.durations import format_duration
from serve_app.render import instant, units


def context_json(briefing: Briefing) -> dict[str, Any]:
    """Return a briefing and its narrative."""
    b = briefing
    return {
        "customerId": customer_text(b.number),
        "seq": b.seq,
        "at": format_instant(b.at_ms),
        "purpose": b.purpose,
        "channel": b.channel,
        "permitted": not b.refusal,
        "refusal": b.refusal or None,
        "parts": list(b.parts),
        "who": None if b.who is None else _who(b.who),
        "tier": b.tier or None,
        "serviceLevel": b.service_level or None,
        "routing": b.routing,
        "replyWithin": format_duration(b.reply_within_ms) if b.reply_within_ms else None,
        "segments": list(b.segments),
        "relationship": None if b.relationship is None else _relationship(b.relationship, b),
        "channels": [_channel(each) for each in b.channels],
        "threads": [_thread(each, b) for each in b.threads],
        "scenarios": [_position(each) for each in b.positions],
        "offers": [_offer(each) for each in b.offers],
        "say": [_say(each) for each in b.say],
        "avoid": [_avoid(each) for each in b.avoid],
        "narrative": narrate(b),
    }


def _money(minor: int, b: Briefing) -> dict[str, Any]:
    return {"amount": units(minor, b.minor_digits), "currency": b.currency}


def _who(who: m.Who) -> dict[str, Any]:
    return {
        "firstName": who.first_name or None,
        "known": who.known,
        "since": instant(who.since_at_ms),
        "locale": who.locale or None,
        "timezone": who.timezone or None,
    }


def _relationship(book: m.Relationship, b: Briefing) -> dict[str, Any]:
    return {
        "orders": book.orders,
        "spend": _money(book.spend_minor, b),
        "lastOrderAt": instant(book.last_order_at_ms),
    }


def _said(said: m.Said | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {
        "at": instant(said.at_ms),
        "about": said.about,
        "intent": said.intent or None,
        "topic": said.topic or None,
        "sentiment": said.sentiment or None,
        "outcome": said.outcome or None,
    }


def _channel(stand: m.ChannelStand) -> dict[str, Any]:
    return {
        "channel": stand.channel,
        "lastSeenAt": instant(stand.last_seen_at_ms),
        "customer": _said(stand.customer),
        "us": _said(stand.us),
    }


def _thread(thread: m.OpenThread, b: Briefing) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": thread.kind,
        "id": thread.key,
        "channel": thread.channel,
        "openedAt": instant(thread.opened_at_ms),
        "lastAt": instant(thread.last_at_ms),
        "topic": thread.topic or None,
    }
    if thread.kind == "cart":
        shown["cart"] = {"items": thread.items, "value": _money(thread.minor, b)}
    if thread.kind == m.OFFER:
        shown["action"] = thread.action
        shown["expiresAt"] = instant(thread.expires_at_ms)
    return shown


def _position(position: m.Position) -> dict[str, Any]:
    return {
        "scenario": position.scenario,
        "key": position.key or None,
        "steps": list(position.steps),
        "dueAt": instant(position.due_at_ms),
        "proposes": list(position.actions),
    }


def _offer(offer: m.Offered) -> dict[str, Any]:
    return {
        "effectKey": offer.effect_key,
        "action": offer.action,
        "label": offer.label,
        "channel": offer.channel,
        "at": instant(offer.at_ms),
        "expiresAt": instant(offer.expires_at_ms),
        "outcome": offer.outcome or None,
        "answeredAt": instant(offer.answered_at_ms),
        "pending": offer.pending,
        "times": offer.times,
    }


def _say(say: m.Say) -> dict[str, Any]:
    return {
        "kind": say.kind,
        "id": say.key,
        "channel": say.channel or None,
        "topic": say.topic or None,
        "action": say.action or None,
        "label": say.label or None,
        "until": instant(say.until_ms),
        "here": say.here,
    }


def _avoid(avoid: m.Avoid) -> dict[str, Any]:
    return {
        "reason": avoid.reason,
        "about": avoid.about or None,
        "label": avoid.label or None,
        "until": instant(avoid.until_ms),
    }
