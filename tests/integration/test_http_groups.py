"""Groups over HTTP: from the Segment call to the read of a household."""

import asyncio

import pytest
from jsonschema import Draft202012Validator

from actors.domain.ids import customer_text
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.policies.verdicts import LATE_MS
from actors.wire.messages import Answer, pack_request, unpack_request
from tests.builders import DAY, number_of, user
from tests.group_books import group_bundle
from tests.integration.http_people import People
from tests.integration.http_support import assert_problem

BUNDLE = group_bundle()
BOOK = compile_bundle(BUNDLE)
ANN, BOB, CARL = (customer_text(number_of(user(who))) for who in ("ann", "bob", "carl"))
HOME = "/v1/groups/household/h-1"


class Homes(People):
    """People under a playbook that knows households."""

    def __init__(self) -> None:
        super().__init__()
        self.world.playbook = BOOK
        asyncio.run(self.store.put_playbook(version_of(BUNDLE), bundle_bytes(BUNDLE), 2))

    async def _send(self, items) -> list[Answer]:
        routed = unpack_request(pack_request([item.data for item in items]))
        jobs = [self.world._job(each) for each in routed]
        await self.world.session.run(jobs, BOOK)
        return [job.answer for job in jobs]

    def joins(self, who: str, group="h-1", **traits):
        return self.say("group", userId=who, groupId=group, traits=traits)


@pytest.fixture
def homes() -> Homes:
    homes = Homes()
    homes.joins("ann", name="Smith", size=2)
    homes.joins("bob", size=3)
    return homes


def test_a_household_is_read_with_what_was_said_and_who_is_in_it(homes: Homes):
    body = homes.get(HOME).json()

    assert (body["kind"], body["groupId"]) == ("household", "h-1")
    assert body["traits"] == {"name": "Smith", "size": 3}
    assert body["since"] == "2027-01-15T08:00:01.000Z"
    assert body["changedAt"] == body["traitOrigins"]["size"]["at"] == "2027-01-15T08:00:02.000Z"
    assert body["traitChanges"] == [
        {"trait": "size", "at": body["changedAt"], "source": "unknown", "old": 2}
    ]
    assert body["members"]["count"] == 2
    assert {each["customerId"] for each in body["members"]["items"]} == {ANN, BOB}
    assert body["members"]["items"][0].keys() == {"customerId", "since"}


def test_its_value_is_what_the_profiles_of_its_members_add_up_to(homes: Homes):
    homes.order(40, userId="ann")
    homes.order(60, userId="bob")
    homes.say("track", event="Order Refunded", properties={"total": 10}, userId="ann")
    homes.order(1000, userId="carl")

    body = homes.get(HOME).json()

    profits = [
        homes.get(f"/v1/customers/{who}").json()["value"]["profit"]["amount"] for who in (ANN, BOB)
    ]
    totals = body["totals"]
    assert (totals["orders"], totals["spend"]["amount"]) == (2, 90)
    assert (totals["revenue"]["amount"], totals["refunds"]["amount"]) == (100, 10)
    assert totals["profit"]["amount"] == pytest.approx(sum(profits))
    assert totals["lastOrderAt"] == homes.get(f"/v1/customers/{BOB}").json()["purchases"]["lastAt"]
    assert (body["counted"], body["sampled"]) == (2, False)


def test_it_shows_how_full_the_caps_are_that_its_members_share(homes: Homes):
    homes.say("track", event="Promotion Wanted", userId="ann")
    sent_at = homes.world.clock.now_ms
    homes.say("track", event="Promotion Wanted", userId="bob")

    (cap,) = homes.get(HOME).json()["caps"]
    homes.at(sent_at + 7 * DAY + LATE_MS)
    later = homes.get(HOME).json()
    homes.at(sent_at + 31 * DAY)

    assert (cap["name"], cap["limit"], cap["used"]) == ("home_weekly", 1, 1)
    assert cap["windowSeconds"] == 7 * 86_400
    assert cap["freeAt"] == "2027-01-22T08:01:03.000Z"  # it may go a minute late
    assert (later["caps"][0]["used"], later["caps"][0]["freeAt"]) == (0, None)
    assert later["contacts"] == {"last7Days": 0, "last30Days": 1}
    assert homes.get(HOME).json()["contacts"] == {"last7Days": 0, "last30Days": 0}


def test_members_come_page_by_page(homes: Homes):
    homes.joins("carl")
    seen, cursor = [], ""
    while True:
        page = homes.get(HOME, params={"limit": 2, "cursor": cursor}).json()["members"]
        seen += [each["customerId"] for each in page["items"]]
        cursor = page.get("nextCursor", "")
        if not cursor:
            break

    assert sorted(seen) == sorted([ANN, BOB, CARL])
    assert page["count"] == 3


def test_a_customer_shows_its_groups_and_those_that_it_has_left(homes: Homes):
    homes.say("group", userId="ann", groupId="acme", traits={"groupType": "account", "plan": "x"})
    homes.joins("ann", "h-2")

    body = homes.get(f"/v1/customers/{ANN}").json()

    assert [(each["kind"], each["groupId"]) for each in body["groups"]] == [
        ("account", "acme"),
        ("household", "h-2"),
        ("household", "h-1"),
    ]
    assert [each["leftAt"] is None for each in body["groups"]] == [True, True, False]
    assert body["traits"] == {}
    account = homes.get("/v1/groups/account/acme").json()
    assert account["traits"] == {"plan": "x"}


def test_leaving_is_a_group_call_too(homes: Homes):
    homes.joins("ann", left=True)

    assert [m["customerId"] for m in homes.get(HOME).json()["members"]["items"]] == [BOB]


def test_an_export_has_the_memberships_and_an_erasure_takes_them(homes: Homes):
    exported = homes.get(f"/v1/customers/{ANN}/export").json()
    erased = homes.request("DELETE", f"/v1/customers/{ANN}")

    assert [each["groupId"] for each in exported["profile"]["groups"]] == ["h-1"]
    assert erased.status_code == 200
    body = homes.get(HOME).json()
    assert [m["customerId"] for m in body["members"]["items"]] == [BOB]
    assert body["traits"] == {"size": 3}
    assert body["traitChanges"] == []


def test_the_short_form_and_the_batch_make_members_too(homes: Homes):
    short = {"messageId": "s", "userId": "carl", "groupId": "h-3"}
    batch = [{"type": "group", "messageId": "b", "userId": "bob", "groupId": "h-3"}]

    homes.post("/v1/g", short)
    homes.post("/v1/batch", {"batch": batch})

    assert homes.get("/v1/groups/household/h-3").json()["members"]["count"] == 2


@pytest.mark.parametrize("path", ["household/h-9", "account/h-1", "planet/h-1", "household/H-1"])
def test_a_group_that_nobody_belongs_to_is_not_found(homes: Homes, path: str):
    assert_problem(homes.get(f"/v1/groups/{path}"), 404, "not-found")


def test_a_cursor_of_nowhere_is_refused(homes: Homes):
    assert_problem(homes.get(HOME, params={"cursor": "x"}), 422)


def test_only_who_may_read_reads_a_group(homes: Homes):
    homes.edge.add_key("shop", ["ingest"])
    homes.later(5000)

    assert_problem(homes.get(HOME, key="shop"), 403)
    assert_problem(homes.get(HOME, key=None), 401)


def test_the_reply_fits_its_schema(homes: Homes):
    homes.say("track", event="Promotion Wanted", userId="ann")
    document = homes.get("/openapi.json").json()

    for path, response in (
        ("/v1/groups/{kind}/{id}", homes.get(HOME, params={"limit": 1})),
        ("/v1/customers/{id}", homes.get(f"/v1/customers/{ANN}")),
    ):
        reply = document["paths"][path]["get"]["responses"]["200"]
        schema = reply["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        validator.validate(response.json())


def test_whoever_talks_to_a_member_is_told_what_the_household_has_had(homes: Homes):
    path = f"/v1/customers/{BOB}/context?purpose=service&channel=web"
    before = homes.get(path)
    homes.say("track", event="Promotion Wanted", userId="ann")

    after = homes.get(path, headers={"If-None-Match": before.headers["etag"]})

    assert [each["about"] for each in before.json()["avoid"]] == []
    assert after.status_code == 200
    assert [(each["reason"], each["about"]) for each in after.json()["avoid"]] == [
        ("contact_limit", "home_weekly")
    ]
