"""When something may be sent: quiet hours, public holidays, zones that nobody knows."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from actors.domain.profile import Profile
from actors.policies.quiet import MAX_HOLD_MS, plan_send, public_holidays
from tests.builders import DAY, HOUR, make_playbook

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
NIGHT = {"from": "22:00", "to": "08:00"}


def at(text, zone=BERLIN):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def plan(when, *, quiet=(), holidays=(), zones=(), purpose="marketing", channel="email", **profile):
    shop = make_playbook(
        policies={"quiet": list(quiet), "holidays": list(holidays), "zones": list(zones)}
    )
    traits = profile.pop("traits", {})
    return plan_send(Profile(traits=traits, **profile), shop, channel, purpose, when)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-06-01T21:59", "2026-06-01T21:59"),
        ("2026-06-01T22:00", "2026-06-02T08:00"),
        ("2026-06-02T07:59", "2026-06-02T08:00"),
        ("2026-06-02T08:00", "2026-06-02T08:00"),
        ("2026-03-28T23:00", "2026-03-29T08:00"),  # an hour less of night
        ("2026-10-24T23:00", "2026-10-25T08:00"),  # an hour more
    ],
)
def test_at_night_a_message_waits_until_the_morning_where_the_customer_is(now, then):
    planned = plan(at(now), quiet=[NIGHT], timezone=BERLIN)

    assert planned.at_ms == at(then)
    assert planned.why == ("" if now == then else "quiet hours 22:00-08:00")


def test_whose_zone_is_not_known_is_written_to_when_it_is_quiet_nowhere():
    # 8:00 in Berlin is 2:00 in New York; 22:00 in Berlin is 16:00 there.
    planned = plan(at("2026-06-02T07:00"), quiet=[NIGHT], zones=[BERLIN, NEW_YORK])

    assert planned.at_ms == at("2026-06-02T08:00", NEW_YORK)


def test_zones_that_are_never_awake_together_are_given_up_after_a_week():
    hours = {"from": "16:00", "to": "10:00"}
    planned = plan(
        at("2026-06-02T07:00"),
        quiet=[hours],
        zones=[BERLIN, NEW_YORK, "Asia/Tokyo", "Pacific/Apia"],
    )

    assert planned.at_ms == 0
    assert planned.why.endswith("for more than 7 days")


def test_what_would_have_to_wait_can_be_dropped_by_rule():
    planned = plan(at("2026-06-01T23:00"), quiet=[NIGHT | {"hold": "drop"}], timezone=BERLIN)

    assert planned == (0, "quiet hours 22:00-08:00")


def test_service_goes_at_night_where_the_rule_exempts_it():
    quiet = [NIGHT | {"exempt": ["service"]}]
    night = at("2026-06-01T23:00")

    assert plan(night, quiet=quiet, purpose="service", timezone=BERLIN).at_ms == night
    assert plan(night, quiet=quiet, timezone=BERLIN).at_ms > night
    only = [NIGHT | {"purposes": ["marketing"], "channels": ["app"]}]
    assert plan(night, quiet=only, timezone=BERLIN).at_ms == night
    assert plan(night, quiet=only, channel="app", timezone=BERLIN).at_ms > night


def test_weekdays_are_those_on_which_quiet_hours_begin():
    friday = [NIGHT | {"weekdays": ["fri"]}]  # the 5th of June 2026 is one

    assert plan(at("2026-06-06T03:00"), quiet=friday, timezone=BERLIN).at_ms == at(
        "2026-06-06T08:00"
    )
    assert plan(at("2026-06-05T03:00"), quiet=friday, timezone=BERLIN).at_ms == at(
        "2026-06-05T03:00"
    )


def test_hours_that_end_when_they_begin_last_a_day():
    sunday = [{"from": "00:00", "to": "00:00", "weekdays": ["sun"]}]

    assert plan(at("2026-06-07T10:00"), quiet=sunday, timezone=BERLIN).at_ms == at(
        "2026-06-08T00:00"
    )


def test_several_rules_are_passed_one_after_the_other():
    quiet = [NIGHT, {"from": "08:00", "to": "09:30"}, {"from": "09:30", "to": "10:00"}]

    assert plan(at("2026-06-01T23:00"), quiet=quiet, timezone=BERLIN).at_ms == at(
        "2026-06-02T10:00"
    )


US = {"country": "US", "purposes": ["marketing"]}


def test_a_public_holiday_is_quiet_all_day_where_the_customer_is():
    noon = at("2026-07-03T12:00", NEW_YORK)  # Independence Day is a Saturday in 2026

    planned = plan(noon, holidays=[US], timezone=NEW_YORK)

    assert planned.at_ms == at("2026-07-05T00:00", NEW_YORK)
    assert planned.why == "public holiday in US"
    assert plan(noon, holidays=[US], timezone=NEW_YORK, purpose="service").at_ms == noon


def test_holidays_are_those_of_the_customers_country_where_it_is_known():
    unity_day, noon = at("2026-10-03T12:00"), at("2026-07-03T12:00")
    german = {"traits": {"address": {"country": "DE", "region": "BY"}}}

    assert plan(unity_day, holidays=[US], **german).why == "public holiday in DE-BY"
    assert plan(noon, holidays=[US], **german).at_ms == noon
    nowhere = {"traits": {"country": "XX"}, "timezone": BERLIN}
    assert plan(unity_day, holidays=[US], **nowhere).at_ms == unity_day
    assert plan(noon, holidays=[US], **nowhere).why == "public holiday in US"


def test_a_region_has_holidays_of_its_own():
    assumption = at("2026-08-15T12:00")

    def planned(region):
        traits = {"country": "DE", "region": region}
        return plan(assumption, holidays=[US], traits=traits).at_ms

    assert planned("BE") == assumption
    assert planned("DE-SL") == at("2026-08-16T00:00")


def test_holidays_of_a_year_are_known_once_and_for_all():
    assert public_holidays("US", "", 2026) is public_holidays("US", "", 2026)
    assert date(2026, 12, 25).toordinal() in public_holidays("US", "", 2026)


def test_nothing_waits_longer_than_a_week():
    assert MAX_HOLD_MS == 7 * DAY
    always = [{"from": "08:00", "to": "08:00"}]
    assert plan(at("2026-06-01T12:00"), quiet=always, timezone=BERLIN).at_ms == 0
    assert plan(at("2026-06-01T12:00") + HOUR, quiet=(), timezone=BERLIN).why == ""
