from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.plan import plan_of
from actors.domain.fold import MAX_SUM
from actors.domain.profile import ChannelUse, Purchases
from actors.playbook.direct import MAX_DOUBLE
from actors.playbook.fields import CATALOGUE
from tests.builders import ACTIONS, BANNER, NOW, SECOND_BANNER, SHOP, make_playbook, make_state

QUESTION = Occasion("decide", "", "web", {}, {}, late=False)


def with_rules(eligible="true", when="true", segments=None, tiers=()):
    """The shop with a rule for its banner, and another for what doubles its weight."""
    banner = ACTIONS[BANNER] | {"eligible": eligible, "weights": [{"when": when, "factor": 2.0}]}
    return make_playbook(
        actions={BANNER: banner, SECOND_BANNER: ACTIONS[SECOND_BANNER]},
        triggers={},
        segments={name: {"when": rule} for name, rule in (segments or {}).items()},
        tiers=tiers,
    )


def values_of(playbook, state=None, now_ms=NOW):
    return builder_of(playbook).build(state or make_state(), QUESTION, now_ms)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("'loyal' in segments", True),
        ("'new' in segments", False),
        ("segments == ['loyal']", True),
        ("segments.exists(s, s.startsWith('lo')) && 'loyal' in segments", True),
        ("tier == 'loyal'", True),
        ("tier.endsWith('x')", False),
        ("profile.traits.city == 'Bonn'", True),
        ("profile.traits.age > 3", False),
        ("has(profile.traits.city) && tier == 'loyal' && profile.orders == 4", True),
    ],
)
def test_rules_in_python_and_rules_in_cel_see_the_same_customer(rule, expected):
    rules = {"loyal": "profile.orders >= 4", "new": "size(profile.locale) > 5"}
    playbook = with_rules(rule, rule, rules, tiers=("loyal",))
    state = make_state()
    state.profile.purchases.orders = 4
    state.profile.traits["city"] = "Bonn"
    plan = plan_of(playbook)

    standing = plan.stand(values_of(playbook, state))
    asked = (standing.values, standing.segments, standing.tier)

    shelf = plan.placed["web", "hero"]
    assert (standing.segments, standing.tier) == (("loyal",), "loyal")
    assert [option.action.key for option in shelf.options] == [BANNER, SECOND_BANNER]
    assert shelf.eligible(*asked) == (expected, True)
    assert shelf.options[0].conditions(*asked) == (expected,)


def test_an_action_that_only_answers_is_on_no_shelf_of_outbound_channels():
    plan = plan_of(SHOP)

    written_to = {
        action.key: [o.channel for o in plan.outbound((action.index,)).options]
        for action in SHOP.actions
    }

    assert written_to[BANNER] == []
    assert sorted(key for key, channels in written_to.items() if channels) == [
        "message/care/thanks",
        "message/cart/reminder",
    ]
    assert written_to["message/care/thanks"] == ["app", "email"]


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2027, 3, 14, 6, 59, 59, 999_000, UTC),  # New York goes from 01:59 to 03:00
        datetime(2027, 3, 14, 7, 0, 0, 0, UTC),
        datetime(2027, 11, 7, 5, 59, 59, 999_000, UTC),  # and from 01:59 to 01:00
        datetime(2027, 11, 7, 6, 0, 0, 0, UTC),
        datetime(2027, 6, 30, 18, 14, 59, 999_000, UTC),  # midnight in Kathmandu is at 18:15
        datetime(2027, 6, 30, 18, 15, 0, 0, UTC),
        datetime(1900, 1, 1, 0, 20, 0, 0, UTC),  # Amsterdam was 19 minutes and 32 seconds ahead
        datetime(1900, 1, 1, 0, 40, 27, 0, UTC),
        datetime(1900, 1, 1, 0, 40, 28, 0, UTC),
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Europe/Amsterdam", ""])
def test_the_calendar_is_the_customers_own_at_every_instant(instant, zone):
    rule = "now.hour > 0 && now.weekday > 0 && now.day > 0 && now.month > 0"
    playbook = with_rules(rule)
    state = make_state()
    state.profile.timezone = zone
    now_ms = round(instant.timestamp() * 1000)

    values = dict(zip(builder_of(playbook).names, values_of(playbook, state, now_ms), strict=True))

    local = instant.astimezone(ZoneInfo(zone or "UTC"))
    assert values == {
        "now_hour": local.hour,
        "now_weekday": local.weekday(),
        "now_day": local.day,
        "now_month": local.month,
    }


def test_every_double_of_a_customer_is_far_from_where_sums_stop_being_numbers():
    doubles = [
        f"{field.path}['{BANNER if field.path.endswith('refused') else 'web'}'] > 0.0"
        if field.is_map
        else f"{field.path} > 0.0"
        for field in CATALOGUE.values()
        if field.type in {"double", "map<string,double>"}
    ]
    playbook = with_rules(" && ".join(doubles))
    state = make_state()
    state.profile.first_seen_at_ms = 1
    state.profile.purchases = Purchases(1, 1, MAX_SUM, -MAX_SUM, 1, 1)
    state.profile.departments["web"] = Purchases(1, 1, MAX_SUM, MAX_SUM, 1, 1)
    state.profile.channels["web"] = ChannelUse(1, 1)
    state.conversation.cart_minor = MAX_SUM

    values = values_of(playbook, state, now_ms=2**53)

    assert len(values) == len(doubles)
    assert all(type(value) is float and abs(value) <= MAX_DOUBLE for value in values)
