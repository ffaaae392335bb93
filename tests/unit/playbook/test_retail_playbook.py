from collections import Counter

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playbook.model import Playbook
from actors.playbook.rules import Rule
from tests.retail import RETAIL


@pytest.fixture
def retail() -> Playbook:
    return RETAIL


def household(retail: Playbook, **profile: object) -> dict[str, object]:
    """Return rule variables of somebody who shops every six days, changed as given."""
    base: dict[str, object] = {
        "orders": 20, "refunds": 0, "items": 200, "spend": 600.0, "avg_basket": 30.0,
        "recency_days": 3.0, "tenure_days": 120.0, "coupons_used": 0, "redemptions": 0,
        "known": True, "traits": {},
    }  # fmt: skip
    defaults = {"spend_by_department": 0.0, "orders_by_department": 0, "views": 0}
    for name in ("spend_by_department", "orders_by_department", "days_since_department",
                 "channel_days", "views"):  # fmt: skip
        keys = retail.used_keys.get(f"profile.{name}", ())
        base[name] = dict.fromkeys(keys, defaults.get(name, 36500.0))
    return base | profile


def segments_of(retail: Playbook, profile: dict[str, object]) -> list[str]:
    ctx = cel.Context(variables={"profile": profile})
    return [segment.name for segment in retail.segments if segment.rule.holds(ctx)]


def tier_of(retail: Playbook, profile: dict[str, object]) -> str:
    held = segments_of(retail, profile)
    return next((t.segment for t in retail.tiers if t.segment in held), retail.default_tier)


def triggers_on_order(retail: Playbook, profile: dict[str, object], total: float) -> set[str]:
    event = {"type": "track", "name": "Order Completed", "properties": {"total": total}}
    ctx = cel.Context(variables={"profile": profile, "event": event})
    found = retail.triggers_for("track", "Order Completed")
    return {t.name for t in found if t.when is None or t.when.holds(ctx)}


def test_it_is_large_enough_to_be_a_real_one(retail):
    channels = Counter(c for action in retail.actions for c in action.treatments)

    assert len(retail.segments) >= 12
    assert len(retail.actions) >= 20
    assert {"web", "email", "app", "store", "call_center", "mail"} <= set(channels)
    assert {"loyalty", "retention", "growth", "service", "campaign"} <= {
        action.issue for action in retail.actions
    }
    assert len(retail.caps) >= 4


def test_every_placement_has_something_to_offer(retail):
    empty = [
        (channel, placement)
        for channel, placements in retail.placements.items()
        for placement in placements
        if not retail.by_placement.get((channel, placement))
    ]

    assert empty == []


def test_no_rule_needs_a_whole_map(retail):
    assert retail.used_whole == frozenset()


def test_every_message_needs_consent_or_is_service(retail):
    outbound = {
        action.purpose
        for action in retail.actions
        if any(treatment.outbound for treatment in action.treatments.values())
    }

    assert outbound == {"marketing", "service"}


@pytest.mark.parametrize(
    ("profile", "tier"),
    [
        ({"spend": 4000.0}, "gold"),
        ({"spend": 1500.0, "tenure_days": 300.0}, "silver"),
        ({"spend": 1000.0, "tenure_days": 70.0}, "gold"),
        ({"spend": 400.0}, "bronze"),
        ({"spend": 0.0, "orders": 0, "tenure_days": 0.0}, "bronze"),
    ],
)
def test_tiers_follow_spend_and_pace(retail, profile, tier):
    assert tier_of(retail, household(retail, **profile)) == tier


@pytest.mark.parametrize(
    ("profile", "segment"),
    [
        ({"orders": 2}, "newcomer"),
        ({}, "regular"),
        ({"recency_days": 30.0}, "lapsing"),
        ({"recency_days": 90.0}, "lapsed"),
        ({"avg_basket": 80.0}, "stock_up"),
        ({"avg_basket": 9.0}, "top_up"),
        ({"coupons_used": 9}, "coupon_lover"),
        ({"refunds": 2}, "needs_care"),
    ],
)
def test_a_household_is_in_the_segment_its_profile_says(retail, profile, segment):
    assert segment in segments_of(retail, household(retail, **profile))


def test_every_segment_holds_for_somebody_and_not_for_everybody(retail):
    nobody = household(
        retail, orders=0, spend=0.0, recency_days=36500.0, tenure_days=0.0, avg_basket=0.0
    )

    assert segments_of(retail, nobody) == []


@pytest.mark.parametrize(
    ("profile", "total", "names"),
    [
        ({"orders": 1}, 20.0, set()),
        ({}, 20.0, set()),
        ({}, 70.0, {"thank_for_big_basket"}),
        ({"orders": 25}, 20.0, {"order_milestone"}),
        ({"avg_basket": 60.0}, 70.0, set()),
    ],
)
def test_an_order_proposes_what_fits_it(retail, profile, total, names):
    assert triggers_on_order(retail, household(retail, **profile), total) == names


@pytest.mark.parametrize("kind", ["a", "b", "c"])
def test_a_mailed_coupon_book_is_recorded_under_its_type(retail, kind):
    event = {"properties": {"campaign_type": f"Type {kind.upper()}", "campaign_id": "8"}}
    ctx = cel.Context(variables={"event": event})

    found = [t for t in retail.triggers_for("track", "Campaign Assigned") if t.when.holds(ctx)]

    assert [retail.actions[i].key for t in found for i in t.propose] == [
        f"campaign/coupon/type_{kind}"
    ]
    assert found[0].record
    assert found[0].channels == {"mail"}


def flat(rule: Rule, variables: dict[str, dict[str, object]]) -> cel.Context:
    values: dict[str, object] = {}
    for each in rule.variables:
        if each.path == "segments" and each.key is not None:
            values[each.name] = each.key in variables["segments"]
        if "." not in each.path:
            continue
        root, name = each.path.split(".")
        found = variables[root][name]
        values[each.name] = found[each.key] if each.key is not None else found
    return cel.Context(variables={**values, "segments": variables["segments"], "tier": "gold"})


@given(data=st.data())
def test_rules_say_the_same_on_nested_and_on_flat_variables(data):
    whole = st.integers(0, 60)
    amount = st.floats(0, 5000, allow_nan=False)
    variables = {
        "profile": household(
            RETAIL,
            orders=data.draw(whole),
            spend=data.draw(amount),
            avg_basket=data.draw(amount),
            recency_days=data.draw(amount),
            tenure_days=data.draw(amount),
            known=data.draw(st.booleans()),
        ),
        "event": {"properties": data.draw(st.sampled_from([{}, {"total": 80}, {"total": "x"}]))},
        "now": {"hour": 12, "weekday": data.draw(st.integers(0, 6)), "month": 5, "day": 3},
        "conversation": {"open_cart": True, "cart_items": data.draw(whole), "cart_total": 60.0},
        "segments": data.draw(st.lists(st.sampled_from([s.name for s in RETAIL.segments]))),
        "tier": "gold",
    }
    nested = cel.Context(variables=variables)
    rules = [segment.rule for segment in RETAIL.segments]
    rules += [trigger.when for trigger in RETAIL.triggers if trigger.when]
    for action in RETAIL.actions:
        rules += [action.eligible] if action.eligible else []
        rules += [rule for rule, _ in action.weights]

    for rule in rules:
        assert rule.met(flat(rule, variables)) == rule.holds(nested), rule
