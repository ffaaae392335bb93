"""A profile as positional lists."""

from typing import Any

from actors.domain.profile import (
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)


def _purchases(p: Purchases) -> list[int]:
    return [p.orders, p.refunds, p.items, p.spend_minor, p.first_at_ms, p.last_at_ms]


def profile_fields(p: Profile) -> list[Any]:
    """Flatten a profile, in the order of its fields."""
    return [
        p.traits,
        p.timezone,
        p.locale,
        _purchases(p.purchases),
        {name: _purchases(d) for name, d in p.departments.items()},
        {name: (c.events, c.last_seen_at_ms) for name, c in p.channels.items()},
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
        [(c.at_ms, c.channel, c.action, c.purpose) for c in p.contacts],
        {name: (c.status, c.at_ms, c.source) for name, c in p.consents.items()},
        p.views,
        p.coupons_used,
        p.redemptions,
        p.first_seen_at_ms,
        p.last_seen_at_ms,
        p.late_events,
    ]


def profile_from_fields(v: list[Any]) -> Profile:
    """Rebuild a profile from `profile_fields`."""
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
        *v[9:],
    )
