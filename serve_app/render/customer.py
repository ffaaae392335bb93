"""A customer as a JSON value."""

from typing import Any

from actors.domain.actions import OpenEffect
from actors.domain.conversation import Utterance
from actors.domain.economics import STANDARD, Economics, contact_cost_minor
from actors.domain.habits import local_hours, preferred_hours
from actors.domain.ids import customer_text, effect_text
from actors.domain.instants import format_instant
from actors.domain.profile import ConsentState, Profile, Purchases
from actors.domain.state import CustomerState
from actors.lifetime.evaluate import Lifetime
from actors.patterns import (
    survival,
    usual_categories,
    usual_channels,
    usual_gap_days,
    usual_spend_minor,
)
from serve_app.render.histories import histories_json
from serve_app.render.journeys import journeys_json
from serve_app.render.values import MoneyFormat, identities_json, instant, zone_offset_ms


def customer_json(
    state: CustomerState, currency: str, now_ms: int, economics: Economics = STANDARD
) -> dict[str, Any]:
    """Return the panoramic profile as of `now_ms`, and where the conversation stands.

    `economics` are what profit and loss is worked out with.
    """
    money = MoneyFormat(currency)
    profile = state.profile
    return {
        "customerId": customer_text(state.number),
        "seq": state.seq,
        "identities": identities_json(state.identities),
        "linked": identities_json(state.linked),
        "traits": profile.traits,
        "groups": [
            {
                "kind": each.kind,
                "groupId": each.group_id,
                "since": instant(each.since_ms),
                "leftAt": instant(each.left_at_ms),
            }
            for each in sorted(state.groups, key=lambda g: (g.left_at_ms > 0, g.since_ms, g.key))
        ],
        "timezone": profile.timezone or None,
        "locale": profile.locale or None,
        "firstSeenAt": instant(profile.first_seen_at_ms),
        "lastSeenAt": instant(profile.last_seen_at_ms),
        "lateEvents": profile.late_events,
        "purchases": _purchases(profile.purchases, money),
        "departments": {
            name: _purchases(book, money) for name, book in sorted(profile.departments.items())
        },
        "couponsUsed": profile.coupons_used,
        "redemptions": profile.redemptions,
        "views": profile.views,
        **_contact_history(profile, money, economics),
        **histories_json(profile, money, now_ms, economics),
        "patterns": patterns_json(state.patterns, currency, now_ms),
        "conversation": _conversation(state, money),
        "effects": [
            _open_effect(state.number, effect, money) for effect in reversed(state.effects)
        ],
        "scenarios": journeys_json(state.journeys, state.number),
        "timers": [
            {
                "key": timer.key,
                "dueAt": format_instant(timer.due_at_ms),
                "kind": timer.kind,
                "subject": timer.subject or None,
            }
            for timer in sorted(state.timers, key=lambda t: (t.due_at_ms, t.key))
        ],
    }


def _purchases(book: Purchases, money: MoneyFormat) -> dict[str, Any]:
    return {
        "orders": book.orders,
        "refunds": book.refunds,
        "items": book.items,
        "spend": money(book.spend_minor),
        "firstAt": instant(book.first_at_ms),
        "lastAt": instant(book.last_at_ms),
    }


def _contact_history(profile: Profile, money: MoneyFormat, economics: Economics) -> dict[str, Any]:
    ahead_ms = zone_offset_ms(profile.timezone, profile.last_seen_at_ms)
    return {
        "channels": {
            name: {
                "events": use.events,
                "lastSeenAt": instant(use.last_seen_at_ms),
                "visits": use.visits,
                "preferredHours": preferred_hours(local_hours(use.hours, ahead_ms)),
                "contacts": use.contacts,
                "costToServe": money(contact_cost_minor(name, use, money.scale, economics)),
            }
            for name, use in sorted(profile.channels.items())
        },
        "responses": {
            action: {
                "offered": history.offered,
                "seen": history.seen,
                "taken": history.taken,
                "refused": history.refused,
                "lastOfferedAt": instant(history.last_offered_at_ms),
                "lastRefusedAt": instant(history.last_refused_at_ms),
            }
            for action, history in sorted(profile.responses.items())
        },
        "contacts": [
            {
                "at": format_instant(contact.at_ms),
                "channel": contact.channel,
                "action": contact.action,
                "purpose": contact.purpose,
            }
            for contact in reversed(profile.contacts)
        ],
        "consents": [_consent(key, each) for key, each in sorted(profile.consents.items())],
    }


def _consent(key: str, consent: ConsentState) -> dict[str, Any]:
    channel, _, purpose = key.partition("|")
    return {
        "channel": channel,
        "purpose": purpose,
        "status": consent.status,
        "at": format_instant(consent.at_ms),
        "source": consent.source,
        "expiresAt": instant(consent.expires_at_ms),
        "basis": consent.basis or None,
    }


def _conversation(state: CustomerState, money: MoneyFormat) -> dict[str, Any]:
    talk = state.conversation
    cart = {"id": talk.cart_id, "items": talk.cart_items, "value": money(talk.cart_minor)}
    return {
        "lastIntent": talk.last_intent or None,
        "lastChannel": talk.last_channel or None,
        "cart": cart if talk.cart_id else None,
        "turns": [
            {
                "at": format_instant(turn.at_ms),
                "channel": turn.channel,
                "who": turn.who,
                "about": turn.about,
                "seq": turn.seq,
                "outcome": turn.answer.outcome if turn.answer else None,
                **_meaning(turn),
            }
            for turn in reversed(talk.turns)
        ],
        "threads": [
            {
                "kind": thread.kind,
                "key": thread.key,
                "channel": thread.channel,
                "openedAt": instant(thread.opened_at_ms),
                "lastAt": instant(thread.last_at_ms),
                "closed": thread.closed,
                "topic": thread.topic or None,
                "items": thread.items,
                "value": money(thread.minor),
            }
            for thread in reversed(talk.threads)
        ],
    }


def _meaning(turn: Utterance) -> dict[str, Any]:
    said = turn.meaning
    return {
        "intent": (said.intent or None) if said else None,
        "topic": (said.topic or None) if said else None,
        "sentiment": said.sentiment if said else None,
    }


def lifetime_json(lifetime: Lifetime | None, currency: str) -> dict[str, Any] | None:
    """Return what a customer is expected to bring, by the fitted model."""
    if lifetime is None:
        return None
    money = MoneyFormat(currency)
    worth = lifetime.value_minor
    return {
        "probabilityAlive": round(lifetime.alive, 4),
        "expectedOrders": round(lifetime.purchases, 4),
        "value": None if worth is None else money(worth),
    }


def patterns_json(patterns: list[Any], currency: str, now_ms: int) -> dict[str, Any]:
    """Return what is usual for a customer, and how likely it is that she would stay away so long."""
    return {
        "usualGapDays": round(usual_gap_days(patterns), 2) or None,
        "usualSpend": MoneyFormat(currency)(round(usual_spend_minor(patterns))),
        "channels": {name: round(share, 3) for name, share in usual_channels(patterns).items()},
        "categories": {name: round(share, 3) for name, share in usual_categories(patterns).items()},
        "survival": round(survival(patterns, now_ms), 4),
    }


def _open_effect(number: int, effect: OpenEffect, money: MoneyFormat) -> dict[str, Any]:
    return {
        "effectKey": effect_text(effect.origin or number, effect.seq, effect.n),
        "action": effect.action,
        "channel": effect.channel,
        "segment": effect.segment,
        "at": format_instant(effect.at_ms),
        "expiresAt": format_instant(effect.expires_at_ms),
        "outcome": effect.outcome or None,
        "seenAt": instant(effect.seen_at_ms),
        "clickedAt": instant(effect.clicked_at_ms),
        "reward": money(effect.reward_minor),
    }
