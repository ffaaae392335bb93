"""Experiments over HTTP: from the decision that reaches one to the report."""

import asyncio
import json

import pytest
from jsonschema import Draft202012Validator

from actors.domain.ids import customer_text
from actors.experiments.arms import drawn
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.wire.messages import Answer, pack_request, unpack_request
from tests.builders import DAY, anon, number_of, user
from tests.integration.http_people import BUNDLE, People
from tests.integration.http_support import assert_problem

ANN, BOB, A = (customer_text(number_of(i)) for i in (user("ann"), user("bob"), anon("a")))


def bundle_with(salt: str):
    hero = {
        "kind": "experiment",
        "scope": {"channels": ["web"]},
        "salt": salt,
        "arms": {"none": {"weight": 1, "hold": True}, "all": 1},
    }
    text = {
        "outcomes": {
            "order": {"on": "Order Completed"},
            "revenue": {"on": "Order Completed", "sum": "total"},
        },
        "horizon": "P7D",
        "experiments": {"hero": hero},
    }
    return {**BUNDLE, "experiments.yaml": json.dumps(text)}


def arm_of(book, identity) -> str:
    return drawn(book.experiments.by_name["hero"], number_of(identity)).name


def _fitting():
    """A salt that puts ann and bob into one arm, and the visitor into the other."""
    for i in range(100):
        bundle = bundle_with(f"salt-{i}")
        book = compile_bundle(bundle)
        if (
            arm_of(book, user("ann"))
            == arm_of(book, user("bob"))
            == "none"
            != arm_of(book, anon("a"))
        ):
            return bundle, book
    raise AssertionError("no salt fits")


FITTING, BOOK = _fitting()


class Tried(People):
    """People under a playbook with an experiment."""

    def __init__(self) -> None:
        super().__init__()
        self.world.playbook = BOOK
        asyncio.run(self.store.put_playbook(version_of(FITTING), bundle_bytes(FITTING), 2))

    async def _send(self, items) -> list[Answer]:
        routed = unpack_request(pack_request([item.data for item in items]))
        jobs = [self.world._job(each) for each in routed]
        await self.world.session.run(jobs, BOOK)
        return [job.answer for job in jobs]

    def ask(self, **who):
        return self.say("decide", channel="web", placements=["hero"], **who)

    def report(self):
        return self.get("/v1/experiments/hero").json()


@pytest.fixture
def tried() -> Tried:
    return Tried()


def arm(report, name):
    return next(each for each in report["arms"] if each["name"] == name)


def test_the_report_counts_who_was_asked_about_and_what_they_did_within_the_horizon(tried: Tried):
    tried.order(100.0, userId="ann")
    assert tried.ask(userId="ann")["actions"] == []
    assert len(tried.ask(anonymousId="a")["actions"]) == 1
    tried.order(2.5, userId="ann")
    tried.ask(userId="ann")
    tried.later(7 * DAY)
    tried.order(50.0, userId="ann")

    found = tried.report()

    assert arm(found, "none") == {
        "name": "none",
        "share": 0.5,
        "reached": 1,
        "complete": 1,
        "outcomes": {
            "order": {"mean": 1.0, "sum": 1.0, "se": 0.0},
            "revenue": {"mean": 2.5, "sum": 2.5, "se": 0.0},
        },
    }
    assert (arm(found, "all")["reached"], found["behind"], found["differences"]) == (1, False, [])


def test_the_timeline_shows_the_turn_that_reached_it(tried: Tried):
    tried.order(1.0, userId="ann")
    tried.ask(userId="ann")
    tried.ask(userId="ann")

    items = tried.get(f"/v1/customers/{ANN}/timeline").json()["items"]

    assert [item.get("experiments") for item in items] == [None, {"hero": "none"}, None]


def test_a_second_report_reads_on_from_the_first(tried: Tried):
    tried.ask(userId="ann")
    assert arm(tried.report(), "none")["reached"] == 1

    tried.ask(userId="bob")

    assert arm(tried.report(), "none")["reached"] == 2


def test_merging_across_arms_leaves_out_and_unmerging_brings_back(tried: Tried):
    tried.ask(userId="ann")
    tried.ask(anonymousId="a")
    tried.post(f"/v1/customers/{ANN}/merge", {"with": A})
    apart = tried.report()
    assert (apart["mergedAcrossArms"], [each["reached"] for each in apart["arms"]]) == (1, [0, 0])
    assert tried.world.customer("ann").arms["hero"][0] == ""
    assert len(tried.ask(userId="ann")["actions"]) == 1  # in no arm any more

    tried.post(f"/v1/customers/{ANN}/unmerge", {"other": A})

    found = tried.report()
    assert (found["mergedAcrossArms"], [each["reached"] for each in found["arms"]]) == (0, [1, 1])
    assert tried.world.customer("ann").arms["hero"][0] == "none"
    assert tried.world.customer(anon("a")).arms["hero"][0] == "all"


def test_an_arm_reached_while_one_goes_to_whom_the_turn_goes(tried: Tried):
    tried.order(1.0, userId="ann")
    tried.order(1.0, anonymousId="a")
    tried.post(f"/v1/customers/{ANN}/merge", {"with": A})
    tried.ask(anonymousId="a")
    assert tried.world.customer("ann").arms["hero"][0] == "none"  # the survivor's hash

    tried.post(f"/v1/customers/{ANN}/unmerge", {"other": A})

    assert tried.world.customer("ann").arms == {}
    assert tried.world.customer(anon("a")).arms["hero"][0] == "none"
    assert arm(tried.report(), "none")["reached"] == 1


def test_whoever_is_erased_is_in_no_report(tried: Tried):
    tried.ask(userId="ann")
    tried.request("DELETE", f"/v1/customers/{ANN}")

    assert arm(tried.report(), "none")["reached"] == 0


def test_the_list_says_what_arms_do_and_replies_are_as_documented(tried: Tried):
    tried.ask(userId="ann")
    listed, found = tried.get("/v1/experiments").json(), tried.report()

    (hero,) = listed["experiments"]
    assert (hero["name"], hero["control"], hero["within"]) == ("hero", "none", None)
    assert [(each["name"], each["hold"]) for each in hero["arms"]] == [
        ("none", True),
        ("all", False),
    ]
    document = tried.get("/openapi.json").json()
    for name, body in (("ExperimentsOut", listed), ("ExperimentOut", found)):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(body)


def test_an_experiment_that_is_not_there_is_not_found(tried: Tried):
    assert_problem(tried.get("/v1/experiments/other"), 404, "not-found")
