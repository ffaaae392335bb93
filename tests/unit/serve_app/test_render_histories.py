import json

from actors.domain.fold import fold
from actors.domain.folding.outreach import note_outcome, note_sent
from serve_app.render import customer_json
from serve_app.render.values import zone_offset_ms
from tests.builders import DAY, HOUR, NOW, make_event, make_state, order

LATER = NOW + 10 * DAY
EVENTS = [
    make_event(type="identify", channel="web", traits={"city": "Linz"}),
    make_event(
        type="identify",
        at=NOW + 1000,
        channel="store",
        traits={"city": "Graz"},
        context={"timezone": "America/New_York"},
    ),
    order(20.0, at=NOW + 2000, channel="store", properties={"discount": 1.5}),
    order(40.0, at=NOW + 5 * DAY, channel="store"),
    make_event("Order Refunded", at=NOW + 5 * DAY, channel="store", properties={"total": 10}),
    make_event("Product Viewed", properties={"category": "FRUIT"}, channel="web"),
    make_event("Products Searched", properties={"category": "FRUIT"}, channel="web"),
    make_event("Campaign Assigned", properties={"campaign_id": 8}, channel="mail"),
    make_event("Lead Captured", properties={"lead_id": 1, "value": 99}, channel="web"),
    make_event("Case Opened", properties={"case_id": "k1"}, channel="call_center"),
    make_event("Case Opened", at=NOW + 1, properties={"case_id": "k2"}, channel="web"),
    make_event("Case Closed", at=NOW + 2, properties={"case_id": "k2", "satisfaction": 3}),
    make_event("Credit Granted", properties={"limit": 300}),
    make_event("Payment Missed"),
    make_event("Review Submitted", properties={"rating": 5}),
]


def shown():
    state = make_state()
    for event in EVENTS:
        fold(state, event, event.at_ms, LATER, 2)
        state.seq += 1
    note_sent(state.profile, "email", 0.5)
    note_outcome(state.profile, "email", "click", NOW)
    return json.loads(json.dumps(customer_json(state, "EUR", LATER)))


def eur(amount):
    return {"amount": amount, "currency": "EUR"}


def test_value_and_cost_are_shown_as_one_account():
    body = shown()

    value = body["value"]
    assert body["loyaltyStage"] == "repeat_buyer"
    assert (value["revenue"], value["refunds"], value["discounts"]) == (
        eur(60.0),
        eur(10.0),
        eur(1.5),
    )
    assert (value["goods"], value["service"]) == (eur(37.5), eur(34.17))
    assert value["profit"] == eur(-21.67)
    assert value["meanRepeatOrder"] == eur(40.0)
    assert value["recencyDays"] == 5.0
    assert round(value["gapDays"], 3) == 5.0
    assert body["channels"]["call_center"]["costToServe"] == eur(33.0)


def test_traits_show_who_said_them_and_what_was_before():
    body = shown()

    assert body["traitOrigins"]["city"]["source"] == "store"
    assert body["traitChanges"] == [
        {"trait": "city", "at": "2027-01-15T08:00:01.000Z", "source": "store", "old": "Linz"}
    ]


def test_service_credit_campaigns_leads_and_interests_are_shown():
    body = shown()

    service = body["service"]
    assert [(c["caseId"], c["state"], c["satisfaction"]) for c in service["cases"]] == [
        ("k2", "closed", 3),
        ("k1", "open", None),
    ]
    assert (service["opened"], service["closed"], service["open"]) == (2, 1, 1)
    assert (service["satisfaction"], service["lastSatisfaction"]) == (3.0, 3)
    assert (body["credit"]["limit"], body["credit"]["balance"]) == (eur(300.0), None)
    assert body["credit"]["missed"] == 1
    assert body["campaigns"][0]["campaignId"] == "8"
    assert body["leads"][0] | {"at": ""} == {
        "leadId": "1",
        "topic": None,
        "stage": "captured",
        "channel": "web",
        "value": eur(99.0),
        "at": "",
    }
    assert body["interests"]["FRUIT"] == {
        "views": 1,
        "clicks": 0,
        "searches": 1,
        "lastAt": "2027-01-15T08:00:00.000Z",
    }
    assert body["outreach"]["email"]["clicked"] == 1
    assert body["outreach"]["email"]["cost"] == eur(0.005)
    assert (body["voice"]["reviews"], body["voice"]["praises"]) == (1, 1)


def test_hours_are_those_of_the_customers_zone():
    assert shown()["channels"]["store"]["preferredHours"] == [3]


def test_a_zone_that_does_not_exist_is_taken_as_utc():
    assert zone_offset_ms("Europe/Vienna", NOW) == HOUR
    for name in ("", "Nowhere/City", "../../etc/passwd", "x\x00y"):
        assert zone_offset_ms(name, NOW) == 0
