"""A profile written straight to bytes, as `profile` flattens it: for a core that runs as machine code."""

from librt.strings import BytesWriter

from actors.domain.histories import Campaign, Case, Credit, Lead, Ledger, Service, Voice
from actors.domain.profile import ChannelUse, ConsentState, Contact, Profile, Purchases
from actors.wire.native_writing import (
    begin_list,
    begin_map,
    put,
    put_2,
    put_3,
    put_int,
    put_list,
    put_map,
    put_row_of_6,
    put_text,
)


def put_profile(w: BytesWriter, p: Profile, places: dict[str, int]) -> None:
    """Write a profile, in the order of its fields; `places` are the places of actions in its responses."""
    known = bool(p.answers or p.dead)
    begin_list(w, 27 if known else 25)
    put_map(w, p.traits)
    put_text(w, p.timezone)
    put_text(w, p.locale)
    _put_purchases(w, p.purchases)
    begin_map(w, len(p.departments))
    for name, purchases in p.departments.items():
        put_text(w, name)
        _put_purchases(w, purchases)
    begin_map(w, len(p.channels))
    for name, use in p.channels.items():
        put_text(w, name)
        _put_channel(w, use)
    begin_map(w, len(p.responses))
    for name, r in p.responses.items():
        put_text(w, name)
        put_row_of_6(
            w, r.offered, r.seen, r.taken, r.refused, r.last_offered_at_ms, r.last_refused_at_ms
        )
    begin_list(w, len(p.contacts))
    for contact in p.contacts:
        _put_contact(w, contact, places)
    begin_map(w, len(p.consents))
    for name, consent in p.consents.items():
        put_text(w, name)
        _put_consent(w, consent)
    put_map(w, p.views)
    put_3(w, p.coupons_used, p.redemptions, p.first_seen_at_ms)
    put_2(w, p.last_seen_at_ms, p.late_events)
    _put_histories(w, p)
    if known:
        put_map(w, p.answers)
        put_map(w, p.dead)


def _put_histories(w: BytesWriter, p: Profile) -> None:
    begin_map(w, len(p.trait_origins))
    for name, origin in p.trait_origins.items():
        put_text(w, name)
        begin_list(w, 2)
        put_int(w, origin.at_ms)
        put_text(w, origin.source)
    begin_list(w, len(p.trait_changes))
    for change in p.trait_changes:
        begin_list(w, 4)
        put_text(w, change.name)
        put_int(w, change.at_ms)
        put_text(w, change.source)
        put(w, change.old)
    _put_ledger(w, p.ledger)
    begin_map(w, len(p.interests))
    for name, interest in p.interests.items():
        put_text(w, name)
        begin_list(w, 3)
        put_3(w, interest.clicks, interest.searches, interest.last_at_ms)
    begin_map(w, len(p.outreach))
    for name, o in p.outreach.items():
        put_text(w, name)
        put_row_of_6(w, o.sent, o.cost_millis, o.seen, o.clicked, o.bounced, o.last_clicked_at_ms)
    begin_map(w, len(p.campaigns))
    for name, campaign in p.campaigns.items():
        put_text(w, name)
        _put_campaign(w, campaign)
    _put_service(w, p.service)
    _put_credit(w, p.credit)
    _put_voice(w, p.voice)
    begin_list(w, len(p.leads))
    for lead in p.leads:
        _put_lead(w, lead)


def _put_purchases(w: BytesWriter, p: Purchases) -> None:
    put_row_of_6(w, p.orders, p.refunds, p.items, p.spend_minor, p.first_at_ms, p.last_at_ms)


def _put_channel(w: BytesWriter, c: ChannelUse) -> None:
    begin_list(w, 7 if c.contacts else 4)
    put_3(w, c.events, c.last_seen_at_ms, c.visits)
    put_list(w, c.hours)
    if c.contacts:
        put_3(w, c.contacts, c.costed, c.contact_cost_minor)


def _put_contact(w: BytesWriter, c: Contact, places: dict[str, int]) -> None:
    begin_list(w, 4 if not c.seq else 7 if c.origin else 6)
    put_int(w, c.at_ms)
    put_text(w, c.channel)
    put_action(w, c.action, places)
    put_text(w, c.purpose)
    if c.seq:
        put_2(w, c.seq, c.n)
        if c.origin:
            put_int(w, c.origin)


def put_action(w: BytesWriter, action: str, places: dict[str, int]) -> None:
    """Write the place of an action, or its key where it has none."""
    place = places.get(action)
    if place is None:
        put_text(w, action)
    else:
        put_int(w, place)


def _put_consent(w: BytesWriter, c: ConsentState) -> None:
    whole = bool(c.expires_at_ms or c.basis)
    begin_list(w, 5 if whole else 3)
    put_text(w, c.status)
    put_int(w, c.at_ms)
    put_text(w, c.source)
    if whole:
        put_int(w, c.expires_at_ms)
        put_text(w, c.basis)


def _put_ledger(w: BytesWriter, b: Ledger) -> None:
    if not (
        b.previous_order_at_ms
        or b.first_order_minor
        or b.refunded_minor
        or b.discount_minor
        or b.goods_minor
        or b.goods_known_minor
    ):
        begin_list(w, 0)
        return
    put_row_of_6(
        w,
        b.previous_order_at_ms,
        b.first_order_minor,
        b.refunded_minor,
        b.discount_minor,
        b.goods_minor,
        b.goods_known_minor,
    )


def _put_campaign(w: BytesWriter, c: Campaign) -> None:
    begin_list(w, 7 if c.origin else 6 if c.redeemed else 4)
    put_text(w, c.kind)
    put_3(w, c.seq, c.assigned_at_ms, c.received_at_ms)
    if c.origin or c.redeemed:
        put_2(w, c.redeemed, c.last_redeemed_at_ms)
        if c.origin:
            put_int(w, c.origin)


def _put_service(w: BytesWriter, s: Service) -> None:
    if not (
        s.cases
        or s.opened
        or s.closed
        or s.ratings
        or s.rating_sum
        or s.last_rating
        or s.last_rated_at_ms
    ):
        begin_list(w, 0)
        return
    begin_list(w, 7)
    put_3(w, s.opened, s.closed, s.ratings)
    put_3(w, s.rating_sum, s.last_rating, s.last_rated_at_ms)
    begin_list(w, len(s.cases))
    for case in s.cases:
        _put_case(w, case)


def _put_case(w: BytesWriter, c: Case) -> None:
    begin_list(w, 10)
    put_text(w, c.case_id)
    put_text(w, c.topic)
    put_text(w, c.state)
    put_text(w, c.priority)
    put_text(w, c.channel)
    put_3(w, c.opened_at_ms, c.changed_at_ms, c.closed_at_ms)
    put_2(w, c.satisfaction, c.contacts)


def _put_credit(w: BytesWriter, c: Credit) -> None:
    if not (
        c.limit_minor
        or c.limit_at_ms
        or c.balance_minor
        or c.balance_at_ms
        or c.due_minor
        or c.paid_minor
        or c.missed
        or c.last_paid_at_ms
        or c.last_missed_at_ms
    ):
        begin_list(w, 0)
        return
    begin_list(w, 9)
    put_3(w, c.limit_minor, c.limit_at_ms, c.balance_minor)
    put_3(w, c.balance_at_ms, c.due_minor, c.paid_minor)
    put_3(w, c.missed, c.last_paid_at_ms, c.last_missed_at_ms)


def _put_voice(w: BytesWriter, v: Voice) -> None:
    if not (
        v.reviews
        or v.praises
        or v.last_review_at_ms
        or v.referrals
        or v.referrals_converted
        or v.last_referral_at_ms
    ):
        begin_list(w, 0)
        return
    put_row_of_6(
        w,
        v.reviews,
        v.praises,
        v.last_review_at_ms,
        v.referrals,
        v.referrals_converted,
        v.last_referral_at_ms,
    )


def _put_lead(w: BytesWriter, x: Lead) -> None:
    begin_list(w, 6)
    put_text(w, x.lead_id)
    put_text(w, x.topic)
    put_text(w, x.stage)
    put_text(w, x.channel)
    put_2(w, x.value_minor, x.at_ms)
