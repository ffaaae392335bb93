"""Customers, turns and decisions as JSON values, camelCase, times RFC 3339, money in units."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actors.decisioning.funnel import STAGES
from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect, OpenEffect
from actors.domain.events import Event
from actors.domain.ids import Identity, customer_text, decision_text, effect_text
from actors.domain.profile import ConsentState, Profile, Purchases
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.ports import JournalKind, TimelineRow
from actors.turn import DECIDE
from actors.wire.instants import format_instant
from actors.wire.records import unpack_turn
from serve_app.envelope import minor_digits

KIND_NAMES = {
    JournalKind.EVENT: "event",
    JournalKind.DECIDE: "decide",
    JournalKind.OUTCOME: "outcome",
    JournalKind.WAKE: "wake",
}


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """The book currency and its number of minor digits."""

    currency: str

    def __call__(self, minor: float) -> dict[str, Any]:
        """Return an amount of minor units."""
        return {"amount": units(minor, minor_digits(self.currency)), "currency": self.currency}


def units(minor: float, digits: int) -> float:
    """Return minor units as currency units."""
    return minor / 10.0**digits


def instant(at_ms: int) -> str | None:
    """Return an instant of a state, where 0 means never."""
    return format_instant(at_ms) if at_ms else None


def identities_json(identities: Iterable[Identity]) -> list[dict[str, str]]:
    """Return identities in their order."""
    return [{"kind": each.kind, "value": each.value} for each in identities]


def customer_json(state: CustomerState, currency: str) -> dict[str, Any]:
    """Return the panoramic profile and where the conversation stands."""
    money = MoneyFormat(currency)
    profile = state.profile
    return {
        "customerId": customer_text(state.number),
        "seq": state.seq,
        "identities": identities_json(state.identities),
        "linked": identities_json(state.linked),
        "traits": profile.traits,
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
        **_contact_history(profile),
        "conversation": _conversation(state, money),
        "effects": [_open_effect(state.number, effect) for effect in reversed(state.effects)],
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


def _contact_history(profile: Profile) -> dict[str, Any]:
    return {
        "channels": {
            name: {"events": use.events, "lastSeenAt": instant(use.last_seen_at_ms)}
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
            }
            for turn in reversed(talk.turns)
        ],
    }


def _open_effect(number: int, effect: OpenEffect) -> dict[str, Any]:
    return {
        "effectKey": effect_text(number, effect.seq, effect.n),
        "action": effect.action,
        "channel": effect.channel,
        "segment": effect.segment,
        "at": format_instant(effect.at_ms),
        "expiresAt": format_instant(effect.expires_at_ms),
        "outcome": effect.outcome or None,
    }


def turn_json(row: TimelineRow, currency: str) -> dict[str, Any]:
    """Return one row of a timeline."""
    turn = unpack_turn(row.payload)
    money = MoneyFormat(currency)
    result: dict[str, Any] = {
        "seq": row.seq,
        "kind": KIND_NAMES[row.kind],
        "at": format_instant(turn.at_ms),
        "receivedAt": format_instant(turn.received_at_ms),
        "notes": turn.notes,
    }
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
    if turn.decision is not None:
        result["decisionId"] = decision_text(row.number, row.seq)
    digits = minor_digits(currency)
    result["effects"] = [effect_json(row.number, effect, digits) for effect in turn.effects]
    return result


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
