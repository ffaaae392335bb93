from dataclasses import replace

from actors.decisioning.context import FIELD_NAMES, Occasion, builder_of
from actors.decisioning.profile_fields import MAPS, PLAIN, SCALARS
from actors.domain.economics import economics_of
from actors.domain.fold import fold
from actors.domain.folding.outreach import note_outcome, note_sent
from actors.playbook.fields import AFTER_SEGMENTS, CATALOGUE
from tests.builders import DAY, NOW, make_event, make_playbook, make_state, order

EVENTS = [
    make_event(type="identify", channel="web", traits={"city": "Graz"}),
    order(20.0, channel="store", properties={"discount": 1.5}),
    order(40.0, at=NOW + 5 * DAY, channel="store"),
    make_event("Product Clicked", properties={"category": "FRUIT"}, channel="web"),
    make_event("Products Searched", properties={"category": "FRUIT"}, channel="web"),
    make_event("Campaign Redeemed", properties={"campaign_id": 8}, channel="mail"),
    make_event("Lead Captured", properties={"lead_id": 1}, channel="web"),
    make_event("Lead Qualified", at=NOW + 1, properties={"lead_id": 0}, channel="web"),
    make_event("Case Opened", properties={"case_id": "k1"}, channel="call_center"),
    make_event("Satisfaction Rated", properties={"satisfaction": 5}),
    make_event("Satisfaction Rated", at=NOW + 1, properties={"satisfaction": 2}),
    make_event("Credit Granted", properties={"limit": 300, "balance": 12.5}),
    make_event("Payment Due", properties={"amount": 30}),
    make_event("Payment Missed"),
    make_event("Review Submitted", properties={"rating": 5}),
    make_event("Referral Sent"),
]
KNOWN = {
    "profile.gap_days": 5.0,
    "profile.loyalty_stage": "repeat_buyer",
    "profile.profit": 60 * 0.25 - 33.0,
    "profile.cost_to_serve": 33.0,
    "profile.discounts": 1.5,
    "profile.open_cases": 1,
    "profile.days_since_case": 10.0,
    "profile.last_satisfaction": 2,
    "profile.satisfaction": 3.5,
    "profile.credit_limit": 300.0,
    "profile.credit_balance": 12.5,
    "profile.payments_due": 30.0,
    "profile.missed_payments": 1,
    "profile.days_since_missed_payment": 10.0,
    "profile.reviews": 1,
    "profile.referrals": 1,
    "profile.campaigns": 1,
    "profile.campaign_redemptions": 1,
    "profile.lead_stage": "qualified",
    "profile.preferred_hour": 8,
    "profile.channel_visits": {"store": 2},
    "profile.service_contacts": {"call_center": 1},
    "profile.clicks": {"FRUIT": 1},
    "profile.searches": {"FRUIT": 1},
    "profile.days_since_interest": {"FRUIT": 10.0},
    "profile.sent": {"email": 1},
    "profile.message_clicks": {"email": 1},
    "profile.trait_days": {"city": 10.0},
}
UNKNOWN = {
    "profile.loyalty_stage": "prospect",
    "profile.lead_stage": "",
    "profile.preferred_hour": -1,
    "profile.days_since_case": 36500.0,
    "profile.days_since_missed_payment": 36500.0,
    "profile.days_since_interest": 36500.0,
    "profile.trait_days": 36500.0,
}


def read(state, now):
    """Read every field through a playbook whose one rule names it, with a key where it is a map."""
    found = {}
    for path, known in KNOWN.items():
        keyed = isinstance(known, dict)
        term = f"{path}['{next(iter(known))}']" if keyed else path
        text = CATALOGUE[path].type == "string"
        playbook = make_playbook(
            segments={"s": {"when": f"{term} == {chr(39) * 2 if text else 0}"}}
        )
        (value,) = builder_of(playbook).build(state, Occasion("", "", "", {}, {}, late=False), now)
        found[path] = {next(iter(known)): value} if keyed else value
    return found


def test_every_field_of_the_catalogue_has_a_reader_and_the_reverse():
    assert CATALOGUE.keys() - AFTER_SEGMENTS == FIELD_NAMES
    assert SCALARS.keys() | PLAIN.keys() | MAPS.keys() == KNOWN.keys()


def test_rules_read_the_histories():
    state = make_state()
    for event in EVENTS:
        fold(state, event, event.at_ms, event.at_ms, 2)
    note_sent(state.profile, "email", 0.1)
    note_outcome(state.profile, "email", "click", NOW)

    assert read(state, NOW + 10 * DAY) == KNOWN


def test_what_never_happened_reads_as_nothing_or_as_very_long_ago():
    found = read(make_state(), NOW)

    for path, known in KNOWN.items():
        value = found[path]
        value = next(iter(value.values())) if isinstance(known, dict) else value
        assert value == UNKNOWN.get(path, 0), path


def test_profit_and_cost_are_worked_out_with_what_the_playbook_states():
    state = make_state()
    for event in EVENTS:
        fold(state, event, event.at_ms, event.at_ms, 2)
    plain = make_playbook(
        segments={"s": {"when": "profile.profit > 0.0 && profile.cost_to_serve > 0.0"}}
    )
    stated = replace(plain, economics=economics_of(0.5, {"call_center": 2.0}))
    occasion = Occasion("", "", "", {}, {}, late=False)

    costs = {
        book.economics.margin: dict(
            zip(
                builder_of(book).names,
                builder_of(book).build(state, occasion, NOW + 10 * DAY),
                strict=True,
            )
        )
        for book in (plain, stated)
    }

    assert sorted(costs[0.25].values()) == [60 * 0.25 - 33.0, 33.0]
    assert sorted(costs[0.5].values()) == [2.0, 60 * 0.5 - 2.0]
