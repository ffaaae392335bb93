"""The retail playbook's scenarios, walked by households on a virtual clock."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.domain.state import CustomerState
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    chosen_actions,
    make_event,
    make_state,
    take,
    wake,
)
from tests.retail import RETAIL

WEEK = 7 * DAY
EVERYTHING = {"consent": {"categoryPreferences": {"email": True, "app": True, "call_center": True}}}
MAIL_ONLY = {"consent": {"categoryPreferences": {"email": True, "app": False}}}


class Household:
    """One household; `sent` is (when, action, channel) of all that went out to it."""

    def __init__(self, context: dict[str, Any] = EVERYTHING, state: CustomerState | None = None):
        self.state = state or make_state()
        self.now = NOW
        self.sent: list[tuple[int, str, str]] = []
        self.lines: list[tuple[str, str, str]] = []
        self.hears(NOW, "", type="identify", context=context)

    def hears(self, at_ms: int, name: str, /, **fields: Any) -> None:
        """Hear an event, after all timers that are due before it."""
        self.passes(at_ms)
        event = make_event(name, at=at_ms, id=f"m{at_ms}{name}", **fields)
        self._note(take(self.state, event, at_ms, RETAIL))
        self.passes(at_ms)

    def passes(self, until_ms: int) -> None:
        """Let time pass, and fire what is due on the way."""
        for _ in range(10_000):
            due = min(self.state.timers, key=lambda each: each.due_at_ms, default=None)
            if due is None or due.due_at_ms > until_ms:
                self.now = until_ms
                return
            self.now = max(due.due_at_ms, self.now)
            self._note(wake(self.state, due, self.now, RETAIL))
        raise AssertionError("timers without end")

    def _note(self, turn: Any) -> None:
        self.lines += [(each.scenario, each.what, each.why) for each in turn.record.lines]
        for effect in turn.record.effects:
            if effect.mode == "outbound":
                self.sent.append((self.now, effect.action, effect.channel))

    def heard_of(self, part: str) -> list[tuple[int, str, str]]:
        """Return what was sent of actions whose key holds `part`, times since NOW."""
        return [(at - NOW, key, channel) for at, key, channel in self.sent if part in key]

    def said(self, scenario: str, what: str) -> list[str]:
        """Return why something happened to the instances of a scenario."""
        return [why for name, each, why in self.lines if (name, each) == (scenario, what)]


def added(household: Household, at_ms: int, cart: str) -> None:
    properties = {"cart_id": cart, "price": 4.0, "quantity": 2}
    household.hears(at_ms, "Product Added", channel="web", properties=properties)


def bought(household: Household, at_ms: int, total: float = 20.0, **fields: Any) -> None:
    properties = {"total": total} | fields.pop("properties", {})
    household.hears(at_ms, "Order Completed", properties=properties, **fields)


def local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo("America/New_York"))


def known(context: dict[str, Any] = EVERYTHING) -> Household:
    """Return a household whose welcome is long over: it has bought before."""
    household = Household(context)
    household.state.profile.purchases.orders = 3
    return household


PUSH, MAIL = "growth/basket/finish_your_cart", "growth/basket/cart_last_call"


def test_a_left_cart_is_reminded_of_twice_on_two_channels():
    household = known()

    added(household, NOW + HOUR, "c1")
    household.passes(NOW + 30 * DAY)

    assert household.heard_of("basket") == [
        (90 * MINUTE, PUSH, "app"),
        (90 * MINUTE + DAY, MAIL, "email"),
    ]
    assert household.said("abandoned_cart", "ended") == ["left"]


def test_the_half_hour_counts_from_the_carts_last_addition():
    household = known()

    for minute in (0, 20, 40):
        added(household, NOW + HOUR + minute * MINUTE, "c1")
    household.passes(NOW + 2 * DAY)

    assert household.heard_of("finish_your_cart") == [(130 * MINUTE, PUSH, "app")]


def test_two_carts_are_two_instances():
    household = known()

    added(household, NOW + HOUR, "c1")
    added(household, NOW + 2 * HOUR, "c2")
    bought(household, NOW + 3 * HOUR, properties={"cart_id": "c1"})
    household.passes(NOW + 30 * DAY)

    assert [at for at, *_ in household.heard_of("finish_your_cart")] == [90 * MINUTE, 150 * MINUTE]
    assert household.heard_of("last_call") == [(150 * MINUTE + DAY, MAIL, "email")]
    assert household.said("abandoned_cart", "goal") == ["bought"]


def test_an_order_within_the_half_hour_ends_it_before_anything_is_sent():
    household = known()

    added(household, NOW + HOUR, "c1")
    bought(household, NOW + HOUR + 10 * MINUTE, properties={"cart_id": "c1"})
    household.passes(NOW + 30 * DAY)

    assert household.heard_of("basket") == []


def test_without_consent_for_the_app_the_first_reminder_is_a_mail_and_there_is_no_second():
    household = known(MAIL_ONLY)

    added(household, NOW + HOUR, "c1")
    household.passes(NOW + 30 * DAY)

    assert household.heard_of("basket") == [(150 * MINUTE, PUSH, "email")]


def test_a_new_household_is_thanked_at_once_and_hears_more_only_while_it_is_new():
    household = Household()

    bought(household, NOW + HOUR)
    household.passes(NOW + 60 * DAY)

    sent = household.heard_of("welcome")
    assert [key for _, key, _ in sent] == [
        "service/welcome/first_order_thanks",
        "growth/welcome/try_the_app",
        "growth/welcome/second_basket",
        "growth/welcome/second_basket",
    ]
    assert sent[0][0] == HOUR
    assert local(NOW + sent[1][0]).strftime("%a %H:%M") == "Sat 10:00"
    assert household.said("welcome", "ended") == ["quiet"]


def test_a_household_that_comes_back_by_itself_needs_no_coupon_to():
    household = Household()

    bought(household, NOW + HOUR)
    for week in range(1, 6):
        bought(household, NOW + week * WEEK, channel="app")
    household.passes(NOW + 60 * DAY)

    keys = [key for _, key, _ in household.heard_of("welcome")]
    assert keys == ["service/welcome/first_order_thanks", "loyalty/welcome/pick_favourites"]
    assert household.said("welcome", "goal") == ["second_order"]
    assert household.said("welcome", "ended") == ["settled"]


@pytest.mark.parametrize(("every", "days"), [(3, 7), (7, 14), (12, 21), (25, 35)])
def test_a_refill_is_offered_by_the_households_own_rhythm(every, days):
    household = Household()
    drugs = {"departments": {"DRUG GM": {"items": 9, "total": 80.0}}}
    for i in range(8):
        bought(household, NOW + (1 + i * every) * DAY)
    last = NOW + (1 + 8 * every) * DAY
    household.sent.clear()

    bought(household, last, 90.0, properties=drugs)
    household.passes(last + 60 * DAY)

    ((at, _, channel),) = household.heard_of("drugstore_refill")
    assert channel == "email"
    assert last + days * DAY <= NOW + at < last + (days + 2) * DAY
    assert local(NOW + at).strftime("%H:%M") == "08:30"


def test_whoever_stays_away_for_longer_than_is_usual_for_her_is_won_back_once():
    household = Household()
    for i in range(12):
        bought(household, NOW + (1 + i * 4) * DAY + (i % 3) * HOUR)
    household.sent.clear()
    last = NOW + 45 * DAY

    household.passes(last + 100 * DAY)

    ((at, _, _),) = household.heard_of("winback")
    assert last + 7 * DAY < NOW + at < last + 40 * DAY
    assert household.said("win_back", "ended") == ["lapsed"]


def complained(rating: int | None, closed: bool = True) -> Household:
    household = known()
    case = {"case_id": "k-7"}
    household.hears(NOW + HOUR, "Complaint Opened", properties=case)
    if closed:
        household.hears(NOW + DAY, "Case Closed", properties=case)
    household.passes(NOW + 3 * DAY)
    if rating is not None:
        household.hears(
            NOW + 3 * DAY, "Satisfaction Rated", properties=case | {"satisfaction": rating}
        )
    household.passes(NOW + 40 * DAY)
    return household


def test_a_complaint_is_answered_with_an_apology_and_then_asked_about():
    household = complained(rating=5)

    sent = household.heard_of("care")
    assert [key for _, key, _ in sent] == [
        "service/care/complaint_call_back", "service/care/are_you_satisfied",
    ]  # fmt: skip
    assert sent[0][0] == HOUR
    assert local(NOW + sent[1][0]).strftime("%H:%M") == "17:30"
    assert household.said("service_recovery", "ended") == ["satisfied"]


@pytest.mark.parametrize(
    ("rating", "closed", "why"), [(2, True, "a bad rating"), (None, False, "nobody settled it")]
)
def test_whoever_is_not_satisfied_is_called_by_a_person_in_office_hours(rating, closed, why):
    household = complained(rating, closed)

    at, key, channel = household.heard_of("care")[-1]
    assert (key, channel) == ("service/care/call_personally", "call_center"), why
    assert local(NOW + at).weekday() < 5
    assert 9 <= local(NOW + at).hour < 17
    assert household.said("service_recovery", "ended") == ["unsolved"]


def looked(household: Household, at_ms: int, product: str, price: float) -> None:
    properties = {"product_id": product, "category": "WINE", "price": price, "name": "A Rioja"}
    household.hears(at_ms, "Product Viewed", channel="web", properties=properties)


@pytest.mark.parametrize(
    ("product", "price", "told"), [("p-1", 17.99, True), ("p-1", 19.0, False), ("p-2", 9.0, False)]
)
def test_a_lower_price_of_what_was_looked_at_is_told(product, price, told):
    household = known()

    looked(household, NOW + HOUR, "p-1", 20.0)
    properties = {"product_id": product, "price": price}
    household.hears(NOW + 5 * DAY, "Price Dropped", properties=properties)
    household.passes(NOW + 60 * DAY)

    assert len(household.heard_of("price_drop")) == told


def test_each_birthday_has_its_treat_three_days_before():
    household = known()

    household.hears(NOW + HOUR, "", type="identify", traits={"birthday": "1988-02-29"})
    household.passes(NOW + 800 * DAY)

    days = [local(NOW + at).strftime("%Y-%m-%d %H:%M") for at, *_ in household.heard_of("birthday")]
    assert days == ["2027-02-25 09:00", "2028-02-26 09:00", "2029-02-25 09:00"]


def test_an_online_order_is_asked_about_in_the_evening_and_not_while_a_case_is_open():
    happy, unhappy = known(), known()

    for household in (happy, unhappy):
        bought(household, NOW + HOUR, channel="web", properties={"order_id": "o-1"})
    unhappy.hears(NOW + DAY, "Case Opened", properties={"case_id": "k"})
    happy.passes(NOW + 8 * DAY)
    happy.hears(NOW + 8 * DAY, "Product Reviewed", properties={"product_id": "p", "rating": 5})
    unhappy.passes(NOW + 30 * DAY)

    ((at, _, _),) = happy.heard_of("review")
    assert local(NOW + at).strftime("%H:%M") == "17:30"
    assert happy.state.profile.traits["reviewer"] is True
    assert unhappy.heard_of("review") == []


def test_an_order_at_the_till_is_not_asked_about():
    household = known()

    bought(household, NOW + HOUR, channel="store")
    household.passes(NOW + 30 * DAY)

    assert household.heard_of("review") == []


def test_a_household_that_is_nearly_gold_hears_of_it_and_is_welcomed_there():
    household = known()
    household.state.profile.purchases.spend_minor = 270_000
    household.state.profile.first_seen_at_ms = NOW - 300 * DAY

    bought(household, NOW + HOUR, 150.0)
    bought(household, NOW + 20 * DAY, 700.0)
    household.passes(NOW + 100 * DAY)

    assert [key for _, key, _ in household.heard_of("tier")] == [
        "loyalty/tier/almost_gold", "loyalty/tier/welcome_to_gold",
    ]  # fmt: skip
    assert household.said("next_tier", "goal") == ["gold"]


def assigned(number: int) -> Household:
    state = make_state()
    state.number = number
    household = Household(state=state)
    properties = {"campaign_id": 8, "campaign_type": "Type A", "end": "2027-03-01T00:00:00Z"}
    household.hears(NOW + HOUR, "Campaign Assigned", channel="mail", properties=properties)
    return household


def test_one_household_in_five_is_left_alone_and_the_others_are_reminded_once():
    households = [assigned(number) for number in range(1, 201)]
    arms, held = [], 0

    for household in households:
        household.passes(NOW + 60 * DAY)
        reminded = household.heard_of("use_your_coupons")
        arms += household.said("coupon_campaign", "ended")
        is_held = household.state.arms.get("global_holdout", ("", 0))[0] == "held"
        held += is_held
        assert len(reminded) == (arms[-1] == "reminded" and not is_held)

    assert len(arms) == len(households)
    assert 0.1 < arms.count("holdout") / len(arms) < 0.3
    assert 0 < held < 0.1 * len(households)  # of all marketing, by experiments.yaml


def test_a_coupon_that_is_used_is_reminded_of_no_more():
    households = [assigned(number) for number in range(1, 21)]

    for household in households:
        bought(household, NOW + 3 * DAY, properties={"coupons_used": 1})
        household.passes(NOW + 60 * DAY)

    assert all(each.heard_of("use_your_coupons") == [] for each in households)
    assert all(each.said("coupon_campaign", "goal") == ["used"] for each in households)


def test_every_scenario_says_what_it_is_for_and_sends_nothing_that_nobody_can_read():
    assert len(RETAIL.scenarios) == 10
    assert all(scenario.description for scenario in RETAIL.scenarios)
    assert chosen_actions(take(make_state(), make_event("Nothing"), NOW, RETAIL)) == []
