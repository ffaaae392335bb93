import pytest

from actors.domain.fold import OTHER, fold
from actors.domain.folding.campaigns import credit_campaign
from actors.domain.folding.outreach import note_outcome, note_sent
from actors.domain.histories import (
    MAX_CAMPAIGNS,
    MAX_INTERESTS,
    MAX_LEADS,
    MAX_OUTREACH,
    Ledger,
    Outreach,
)
from actors.domain.profile import Profile
from tests.builders import HOUR, MINUTE, NOW, make_event, make_state, order


def folded(*events):
    state, notes = make_state(), []
    for event in events:
        notes += fold(state, event, event.at_ms, event.at_ms, 2)
        state.seq += 1
    return state.profile, notes


def test_half_an_hour_of_silence_on_a_channel_ends_a_visit():
    times = [0, 30, 61, 62, 93]
    seen = [make_event(at=NOW + t * MINUTE) for t in times]
    elsewhere = make_event(at=NOW + 45 * MINUTE, channel="app")

    profile, _ = folded(*seen, elsewhere, make_event(at=NOW - HOUR))

    assert {n: (u.visits, u.events) for n, u in profile.channels.items()} == {
        "unknown": (3, 6),
        "app": (1, 1),
    }


def test_events_are_counted_by_hour_of_the_day_in_utc():
    profile, _ = folded(*[make_event(at=NOW + h * HOUR) for h in (0, 1, 24, 15, 16)])

    hours = profile.channels["unknown"].hours
    assert {h: n for h, n in enumerate(hours) if n} == {0: 1, 8: 2, 9: 1, 23: 1}


def test_the_order_before_the_last_and_the_worth_of_the_first_need_no_order_of_arrival():
    ats = {0: 10.0, 5: 20.0, 9: 40.0, 3: 80.0}
    events = [order(total, at=NOW + s * 1000) for s, total in ats.items()]
    expected = Ledger(previous_order_at_ms=NOW + 5000, first_order_minor=1000)

    for arrival in ([0, 1, 2, 3], [2, 1, 0, 3], [3, 2, 0, 1]):
        assert folded(*[events[i] for i in arrival])[0].ledger == expected
    assert folded(events[0])[0].ledger.previous_order_at_ms == 0


def test_two_orders_at_one_instant_are_no_time_apart_and_both_are_the_first():
    ledger = folded(order(1.0), order(2.0))[0].ledger

    assert (ledger.previous_order_at_ms, ledger.first_order_minor) == (NOW, 300)


def test_discounts_refunds_and_costs_of_goods_add_up():
    parts = {"coupon_discount": 0.5, "retail_discount": -1.25}
    profile, _ = folded(
        order(10.0, properties={"discount": 2, **parts}),
        order(10.0, properties=parts),
        order(30.0, properties={"cost": 12.5}),
        make_event("Order Refunded", properties={"total": -4}),
    )

    ledger = profile.ledger
    assert (ledger.discount_minor, ledger.refunded_minor) == (375, 400)
    assert (ledger.goods_minor, ledger.goods_known_minor) == (1250, 3000)


def test_views_clicks_and_searches_are_known_by_category():
    looked = [
        ("Product Viewed", 1, {"category": "FRUIT"}),
        ("Product Clicked", 5, {"category": "FRUIT"}),
        ("Products Searched", 3, {"category": "FRUIT", "query": "pears"}),
        ("Products Searched", 4, {"query": "pears"}),
        ("Product Viewed", 6, {}),
    ]

    profile, _ = folded(*[make_event(n, at=NOW + s, properties=p) for n, s, p in looked])

    found = {n: (i.clicks, i.searches, i.last_at_ms - NOW) for n, i in profile.interests.items()}
    assert found == {"FRUIT": (1, 1, 5), OTHER: (0, 1, 4)}
    assert profile.views == {"FRUIT": 1}


def test_beyond_the_limit_interests_and_outreach_flow_together():
    clicks = [
        make_event("Product Clicked", properties={"category": f"C{i}"})
        for i in range(MAX_INTERESTS + 9)
    ]
    profile, _ = folded(*clicks)
    for i in range(MAX_OUTREACH + 3):
        note_sent(profile, f"channel{i}", 1.0)

    assert profile.interests[OTHER].clicks == 9
    assert profile.outreach[OTHER].sent == 3


def test_a_campaign_is_known_from_assignment_to_redemption():
    about = {"campaign_id": 18, "campaign_type": "Type A"}
    state = make_state()
    for name, seconds in (("Received", 2), ("Assigned", 1), ("Redeemed", 3)):
        at = NOW + seconds * 1000
        fold(state, make_event(f"Campaign {name}", at=at, properties=about), at, at, 2)
        state.seq += 1
    credit_campaign(state.profile, 2, NOW + 9000)
    credit_campaign(state.profile, 77, NOW + 99_000)

    campaign = state.profile.campaigns["18"]
    assert (campaign.kind, campaign.seq, campaign.redeemed) == ("Type A", 2, 2)
    assert (campaign.assigned_at_ms, campaign.received_at_ms) == (NOW + 1000, NOW + 2000)
    assert campaign.last_redeemed_at_ms == NOW + 9000


def test_campaigns_are_bounded_and_the_one_heard_of_longest_ago_goes():
    made = [
        make_event("Campaign Assigned", at=NOW + i, properties={"campaign_id": i})
        for i in range(MAX_CAMPAIGNS + 2)
    ]

    profile, notes = folded(*made, make_event("Campaign Assigned", at=NOW + 99))

    assert list(profile.campaigns) == [str(i) for i in range(2, MAX_CAMPAIGNS + 2)]
    assert notes == ["campaign_without_id"]


def test_a_lead_goes_through_its_stages_and_the_latest_leads_are_kept():
    steps = [("Lost", 3, {}), ("Captured", 1, {"topic": "roof"}), ("Qualified", 2, {"value": 90})]
    events = [
        make_event(f"Lead {name}", at=NOW + s, channel=name, properties={"lead_id": "x", **more})
        for name, s, more in steps
    ]

    profile, _ = folded(*events)
    (lead,) = profile.leads
    assert (lead.stage, lead.topic, lead.value_minor, lead.channel) == (
        "lost",
        "roof",
        9000,
        "Captured",
    )

    many = [make_event("Lead Captured", at=NOW + i, properties={"lead_id": i}) for i in range(9)]
    assert [each.lead_id for each in folded(*many)[0].leads] == [str(i) for i in range(4, 9)]
    assert len(folded(*many)[0].leads) == MAX_LEADS


def test_reviews_and_referrals_are_heard():
    said = [
        ("Review Submitted", {"rating": 5}),
        ("Product Reviewed", {"rating": 3}),
        ("Product Reviewed", {}),
        ("Referral Sent", {}),
        ("Referral Converted", {}),
    ]

    voice = folded(*[make_event(n, at=NOW + i, properties=p) for i, (n, p) in enumerate(said)])[
        0
    ].voice

    assert (voice.reviews, voice.praises, voice.last_review_at_ms) == (3, 1, NOW + 2)
    assert (voice.referrals, voice.referrals_converted) == (1, 1)
    assert voice.last_referral_at_ms == NOW + 4


@pytest.mark.parametrize("name", ["Case Opened", "Payment Due", "Lead Lost", "Review Submitted"])
def test_only_track_events_make_history(name):
    event = make_event(name, type="page", properties={"case_id": "1", "amount": 1})

    profile, _ = folded(event)

    fresh = Profile()
    assert (profile.service, profile.credit) == (fresh.service, fresh.credit)
    assert (profile.leads, profile.voice) == (fresh.leads, fresh.voice)


def test_what_is_sent_costs_parts_of_a_cent_and_what_comes_back_is_counted():
    profile = Profile()

    note_sent(profile, "email", 0.2)
    note_sent(profile, "email", 0.2)
    note_sent(profile, "web", 0.0)
    for outcome, at in (
        ("impression", 1),
        ("click", 5),
        ("click", 3),
        ("bounce", 6),
        ("accept", 7),
    ):
        note_outcome(profile, "email", outcome, at)

    assert profile.outreach == {"email": Outreach(2, 400, 1, 2, 1, 5), "web": Outreach(1)}
