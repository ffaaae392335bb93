"""A profile as positional lists; parts that hold nothing take one byte each."""

from typing import Any

from actors.domain.histories import (
    Campaign,
    Case,
    Credit,
    Interest,
    Lead,
    Ledger,
    Outreach,
    Service,
    TraitChange,
    TraitOrigin,
    Voice,
)
from actors.domain.profile import (
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)

_CORE = 15
"""Fields that rows had before histories were kept."""


def _purchases(p: Purchases) -> list[int]:
    return [p.orders, p.refunds, p.items, p.spend_minor, p.first_at_ms, p.last_at_ms]


def _channel(c: ChannelUse) -> tuple[Any, ...]:
    use = (c.events, c.last_seen_at_ms, c.visits, c.hours)
    return (*use, c.contacts, c.costed, c.contact_cost_minor) if c.contacts else use


def _ledger(b: Ledger) -> tuple[int, ...]:
    fields = (
        b.previous_order_at_ms,
        b.first_order_minor,
        b.refunded_minor,
        b.discount_minor,
        b.goods_minor,
        b.goods_known_minor,
    )
    return fields if any(fields) else ()


def _campaign(c: Campaign) -> tuple[Any, ...]:
    met = (c.kind, c.seq, c.assigned_at_ms, c.received_at_ms)
    if c.origin:
        return (*met, c.redeemed, c.last_redeemed_at_ms, c.origin)
    return (*met, c.redeemed, c.last_redeemed_at_ms) if c.redeemed else met


def _case(c: Case) -> tuple[Any, ...]:
    return (
        c.case_id,
        c.topic,
        c.state,
        c.priority,
        c.channel,
        c.opened_at_ms,
        c.changed_at_ms,
        c.closed_at_ms,
        c.satisfaction,
        c.contacts,
    )


def _service(s: Service) -> tuple[Any, ...]:
    sums = (s.opened, s.closed, s.ratings, s.rating_sum, s.last_rating, s.last_rated_at_ms)
    return (*sums, [_case(case) for case in s.cases]) if s.cases or any(sums) else ()


def _service_from(v: list[Any]) -> Service:
    return Service(v[0], v[1], v[2], v[3], v[4], v[5], [Case(*c) for c in v[6]]) if v else Service()


def _credit(c: Credit) -> tuple[int, ...]:
    fields = (
        c.limit_minor,
        c.limit_at_ms,
        c.balance_minor,
        c.balance_at_ms,
        c.due_minor,
        c.paid_minor,
        c.missed,
        c.last_paid_at_ms,
        c.last_missed_at_ms,
    )
    return fields if any(fields) else ()


def _voice(v: Voice) -> tuple[int, ...]:
    fields = (
        v.reviews,
        v.praises,
        v.last_review_at_ms,
        v.referrals,
        v.referrals_converted,
        v.last_referral_at_ms,
    )
    return fields if any(fields) else ()


def _consent(c: ConsentState) -> tuple[Any, ...]:
    if c.expires_at_ms or c.basis:
        return (c.status, c.at_ms, c.source, c.expires_at_ms, c.basis)
    return (c.status, c.at_ms, c.source)


def _contact(c: Contact, places: dict[str, int]) -> tuple[Any, ...]:
    said = (c.at_ms, c.channel, places.get(c.action, c.action), c.purpose)
    if not c.seq:
        return said
    return (*said, c.seq, c.n, c.origin) if c.origin else (*said, c.seq, c.n)


def places_of(p: Profile) -> dict[str, int]:
    """Return the places of actions in a profile's responses: they stand for the keys elsewhere."""
    return {action: i for i, action in enumerate(p.responses)}


def profile_fields(p: Profile, places: dict[str, int] | None = None) -> list[Any]:
    """Flatten a profile, in the order of its fields; `places` are its `places_of`."""
    places = places_of(p) if places is None else places
    return [
        p.traits,
        p.timezone,
        p.locale,
        _purchases(p.purchases),
        {name: _purchases(d) for name, d in p.departments.items()},
        {name: _channel(c) for name, c in p.channels.items()},
        {
            name: (
                r.offered,
                r.seen,
                r.taken,
                r.refused,
                r.last_offered_at_ms,
                r.last_refused_at_ms,
            )
            for name, r in p.responses.items()
        },
        [_contact(c, places) for c in p.contacts],
        {name: _consent(c) for name, c in p.consents.items()},
        p.views,
        p.coupons_used,
        p.redemptions,
        p.first_seen_at_ms,
        p.last_seen_at_ms,
        p.late_events,
        *_histories(p),
    ]


def _histories(p: Profile) -> tuple[Any, ...]:
    return (
        p.trait_origins,
        [(c.name, c.at_ms, c.source, c.old) for c in p.trait_changes],
        _ledger(p.ledger),
        {name: (i.clicks, i.searches, i.last_at_ms) for name, i in p.interests.items()},
        {
            name: (o.sent, o.cost_millis, o.seen, o.clicked, o.bounced, o.last_clicked_at_ms)
            for name, o in p.outreach.items()
        },
        {name: _campaign(c) for name, c in p.campaigns.items()},
        _service(p.service),
        _credit(p.credit),
        _voice(p.voice),
        [(x.lead_id, x.topic, x.stage, x.channel, x.value_minor, x.at_ms) for x in p.leads],
        *((p.answers, p.dead) if p.answers or p.dead else ()),
    )


def profile_from_fields(v: list[Any]) -> Profile:
    """Rebuild a profile from `profile_fields`; what an older row lacks is empty."""
    actions = list(v[6])
    for contact in v[7]:
        if type(contact[2]) is int:
            contact[2] = actions[contact[2]]
    return Profile(
        v[0],
        v[1],
        v[2],
        Purchases(*v[3]),
        {name: Purchases(*d) for name, d in v[4].items()},
        {name: ChannelUse(*c) for name, c in v[5].items()},
        {name: ResponseHistory(*r) for name, r in v[6].items()},
        [Contact(*c) for c in v[7]],
        {name: ConsentState(*c) for name, c in v[8].items()},
        *v[9:_CORE],
        *(_histories_from(v[_CORE:]) if len(v) > _CORE else ()),
    )


def _histories_from(v: list[Any]) -> tuple[Any, ...]:
    return (
        {name: TraitOrigin(*o) for name, o in v[0].items()},
        [TraitChange(*c) for c in v[1]],
        Ledger(*v[2]),
        {name: Interest(*i) for name, i in v[3].items()},
        {name: Outreach(*o) for name, o in v[4].items()},
        {name: Campaign(*c) for name, c in v[5].items()},
        _service_from(v[6]),
        Credit(*v[7]),
        Voice(*v[8]),
        [Lead(*x) for x in v[9]],
        *v[10:],
    )
