"""Two profiles as one: a declared strategy for every field of every part.

| what | how |
| --- | --- |
| counts, sums, hours | added |
| first and last instants | the earliest, the latest |
| what an instant belongs to (limit, balance, rating, stage, topic …) | as it was at the later one |
| time zone, locale | of the side that was seen last and says one |
| consents | denied before granted before unknown; the later act keeps time and source |
| contacts, changes of traits | all, the newest within the limit |
| traits | as the playbook declares, see `traits` |

Exact whatever the order of several merges, except: a time zone when the side seen last says none; and
what a mapping or list had no room for and meets again later.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from actors.domain.fold import MAX_CONSENTS
from actors.domain.histories import (
    MAX_CAMPAIGNS,
    MAX_CHANGES_OF_ONE_TRAIT,
    MAX_CLOSED_CASES,
    MAX_INTERESTS,
    MAX_LEADS,
    MAX_OPEN_CASES,
    MAX_OUTREACH,
    MAX_TRAIT_CHANGES,
    Campaign,
    Case,
    Credit,
    Interest,
    Lead,
    Ledger,
    Outreach,
    Service,
    TraitChange,
    Voice,
)
from actors.domain.profile import (
    MAX_ANSWERS,
    MAX_CHANNELS,
    MAX_CONTACTS,
    MAX_DEPARTMENTS,
    MAX_RESPONSES,
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)
from actors.merging.joins import (
    Record,
    add,
    add_each,
    earliest,
    latest,
    listed,
    named,
    newest,
    order_of,
    union,
    union_with_rest,
)
from actors.merging.traits import join_traits

_DENIED = "denied"


def join_profiles(a: Profile, b: Profile, strategies: Mapping[str, str]) -> Profile:
    """Return both profiles as one. `strategies` are those of traits, by name.

    The arguments may be exchanged. They are taken over: neither is to be used afterwards.
    """
    merged: Profile = PROFILE(a, b)
    merged.traits, merged.trait_origins = join_traits(
        (a.traits, a.trait_origins), (b.traits, b.trait_origins), strategies
    )
    return merged


PURCHASES = Record(
    Purchases,
    {
        "orders": add,
        "refunds": add,
        "items": add,
        "spend_minor": add,
        "first_at_ms": earliest,
        "last_at_ms": max,
    },
)
LEDGER = Record(
    Ledger,
    {
        "previous_order_at_ms": max,
        "first_order_minor": add,
        "refunded_minor": add,
        "discount_minor": add,
        "goods_minor": add,
        "goods_known_minor": add,
    },
)
"""For what does not depend on when the orders were; see `_orders` for the rest."""


def _orders(a: tuple[Purchases, Ledger], b: tuple[Purchases, Ledger]) -> tuple[Any, Any]:
    """Join purchases with their ledger: the last order but one may be the other side's last."""
    ledger: Ledger = LEDGER(a[1], b[1])
    if a[0].first_at_ms != b[0].first_at_ms and a[0].orders and b[0].orders:
        first = min(a, b, key=lambda side: side[0].first_at_ms)
        ledger.first_order_minor = first[1].first_order_minor
    ledger.previous_order_at_ms = max(
        ledger.previous_order_at_ms, min(a[0].last_at_ms, b[0].last_at_ms)
    )
    return PURCHASES(a[0], b[0]), ledger


CHANNEL = Record(
    ChannelUse,
    {
        "events": add,
        "last_seen_at_ms": max,
        "visits": add,
        "hours": add_each,
        "contacts": add,
        "costed": add,
        "contact_cost_minor": add,
    },
)
RESPONSES = Record(
    ResponseHistory,
    {
        "offered": add,
        "seen": add,
        "taken": add,
        "refused": add,
        "last_offered_at_ms": max,
        "last_refused_at_ms": max,
    },
)


def _consent(a: ConsentState, b: ConsentState) -> ConsentState:
    """Return the denial, or of two acts that say the same the later one."""
    return max(a, b, key=_denial)


def _denial(consent: ConsentState) -> tuple[Any, ...]:
    ties = [order_of(getattr(consent, each.name)) for each in fields(consent)]
    return (consent.status == _DENIED, consent.at_ms, ties)


def _consents(a: dict[str, ConsentState], b: dict[str, ConsentState]) -> dict[str, ConsentState]:
    merged: dict[str, ConsentState] = _ALL_CONSENTS(a, b)
    # The first granted one makes room for a denial: it should be the oldest.
    return dict(sorted(merged.items(), key=lambda item: (item[1].at_ms, item[0])))


_ALL_CONSENTS = union(_consent, MAX_CONSENTS, lambda _, consent: _denial(consent))

INTEREST = Record(Interest, {"clicks": add, "searches": add, "last_at_ms": max})
OUTREACH = Record(
    Outreach,
    {
        "sent": add,
        "cost_millis": add,
        "seen": add,
        "clicked": add,
        "bounced": add,
        "last_clicked_at_ms": max,
    },
)
CAMPAIGN = Record(
    Campaign,
    {
        "kind": named,
        ("assigned_at_ms", "seq", "origin"): latest(0),
        "received_at_ms": max,
        "redeemed": add,
        "last_redeemed_at_ms": max,
    },
)


def _first(a: tuple[int, str], b: tuple[int, str]) -> tuple[int, str]:
    """Return the (instant, word) that came first; 0 is never."""
    return min(a, b, key=lambda each: (not each[0], *each))


CASE = Record(
    Case,
    {
        "case_id": max,
        ("changed_at_ms", "closed_at_ms", "state", "topic", "priority"): latest(0),
        ("opened_at_ms", "channel"): _first,
        "satisfaction": earliest,  # the lower one: 0 is none
        "contacts": add,
    },
)


def _case_rank(case: Case) -> tuple[int, str]:
    return (case.closed_at_ms or case.changed_at_ms, case.case_id)


def _cases(a: list[Case], b: list[Case]) -> list[Case]:
    """Join cases by their id: of the open ones those that moved last stay, and the last closed ones."""
    merged: list[Case] = _ALL_CASES(a, b)
    still_open = [case for case in merged if not case.closed_at_ms][-MAX_OPEN_CASES:]
    closed = [case for case in merged if case.closed_at_ms][-MAX_CLOSED_CASES:]
    return sorted([*still_open, *closed], key=lambda case: (case.opened_at_ms, case.case_id))


_ALL_CASES = listed(
    CASE, lambda case: case.case_id, 2 * (MAX_OPEN_CASES + MAX_CLOSED_CASES), _case_rank
)
SERVICE = Record(
    Service,
    {
        "opened": add,
        "closed": add,
        "ratings": add,
        "rating_sum": add,
        ("last_rated_at_ms", "last_rating"): latest(0),
        "cases": _cases,
    },
)
CREDIT = Record(
    Credit,
    {
        ("limit_at_ms", "limit_minor"): latest(0),
        ("balance_at_ms", "balance_minor"): latest(0),
        "due_minor": add,
        "paid_minor": add,
        "missed": add,
        "last_paid_at_ms": max,
        "last_missed_at_ms": max,
    },
)
VOICE = Record(
    Voice,
    {
        "reviews": add,
        "praises": add,
        "last_review_at_ms": max,
        "referrals": add,
        "referrals_converted": add,
        "last_referral_at_ms": max,
    },
)
LEAD = Record(
    Lead,
    {"lead_id": max, ("at_ms", "stage", "topic", "channel", "value_minor"): latest(0)},
)


def _change_order(change: TraitChange) -> tuple[Any, ...]:
    return (change.at_ms, change.name, change.source, order_of(change.old))


def _changes(a: list[TraitChange], b: list[TraitChange]) -> list[TraitChange]:
    kept: list[TraitChange] = []
    of_one: dict[str, int] = {}
    for change in sorted([*a, *b], key=_change_order, reverse=True):
        of_one[change.name] = of_one.get(change.name, 0) + 1
        if of_one[change.name] <= MAX_CHANGES_OF_ONE_TRAIT and len(kept) < MAX_TRAIT_CHANGES:
            kept.append(change)
    return kept[::-1]


def _whereabouts(a: tuple[int, str, str], b: tuple[int, str, str]) -> tuple[int, str, str]:
    """Join (last seen, time zone, locale): each of the two words as the side seen last says it."""
    late, early = sorted((a, b), reverse=True)
    return late[0], late[1] or early[1], late[2] or early[2]


def _contact_order(contact: Contact) -> tuple[int, str, str, str, int, int, int]:
    said = (contact.at_ms, contact.channel, contact.action, contact.purpose)
    return (*said, contact.origin, contact.seq, contact.n)


def _traits_are_joined_apart(a: Any, b: Any) -> Any:
    return a


PROFILE = Record(
    Profile,
    {
        ("traits", "trait_origins"): _traits_are_joined_apart,
        "trait_changes": _changes,
        ("last_seen_at_ms", "timezone", "locale"): _whereabouts,
        ("purchases", "ledger"): _orders,
        "departments": union_with_rest(PURCHASES, MAX_DEPARTMENTS),
        "channels": union_with_rest(CHANNEL, MAX_CHANNELS),
        "responses": union(
            RESPONSES,
            MAX_RESPONSES,
            lambda _, history: max(history.last_offered_at_ms, history.last_refused_at_ms),
        ),
        "contacts": newest(MAX_CONTACTS, _contact_order),
        "consents": _consents,
        "views": union_with_rest(add, MAX_DEPARTMENTS),
        "coupons_used": add,
        "redemptions": add,
        "first_seen_at_ms": earliest,
        "late_events": add,
        "interests": union_with_rest(INTEREST, MAX_INTERESTS),
        "outreach": union_with_rest(OUTREACH, MAX_OUTREACH),
        "campaigns": union(
            CAMPAIGN,
            MAX_CAMPAIGNS,
            lambda _, campaign: max(
                campaign.assigned_at_ms, campaign.received_at_ms, campaign.last_redeemed_at_ms
            ),
        ),
        "service": SERVICE,
        "credit": CREDIT,
        "voice": VOICE,
        "answers": union(max, MAX_ANSWERS, lambda _, at_ms: at_ms),
        "dead": union(max, MAX_OUTREACH, lambda channel, _: channel),
        "leads": listed(
            LEAD, lambda lead: lead.lead_id, MAX_LEADS, lambda lead: (lead.at_ms, lead.lead_id)
        ),
    },
)

RECORDS = (
    PROFILE,
    PURCHASES,
    LEDGER,
    CHANNEL,
    RESPONSES,
    INTEREST,
    OUTREACH,
    CAMPAIGN,
    CASE,
    SERVICE,
    CREDIT,
    VOICE,
    LEAD,
)
"""The parts that are joined field by field."""
