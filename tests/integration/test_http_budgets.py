"""Budgets over HTTP: what is limited, spent and left, and the price that decisions charge."""

import asyncio
import json

import pytest
from jsonschema import Draft202012Validator

from actors.domain.budgets import Spend
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.policies.budgets import window_of
from actors.ports import Change
from actors.session.spending import PRICES, prices_to_bytes
from tests.integration.http_people import BUNDLE as BUNDLE_OF_PEOPLE
from tests.integration.http_people import People
from tests.unit.playbook.playbook_bundles import small_bundle

BUDGETS = {
    "mail_week": {
        "description": "What e-mail may cost.",
        "limit": 70,
        "per": {"channels": ["email"]},
        "period": "week",
        "pacing": {"slack": 0.0},
    },
    "tasks": {
        "limit": 40,
        "unit": "count",
        "period": {"rolling": {"window": "P7D", "bucket": "P1D"}},
    },
    "each": {"perCustomer": {"shareOfValue": 0.05, "atLeast": 0.5}},
}
BUNDLE = {**small_bundle(), "budgets.yaml": json.dumps({"budgets": BUDGETS})}
BOOK = compile_bundle(BUNDLE)


@pytest.fixture
def people() -> People:
    people = People()
    asyncio.run(people.store.put_playbook(version_of(BUNDLE), bundle_bytes(BUNDLE), 2))
    return people


def spend(people, name, amount):
    window = window_of(BOOK.budgets.named(name), BOOK.budgets.zone, people.gateway.business_ms())
    change = Change(9, 7, None, 0, 1, b"x", spends=[Spend(window, amount, 0)])
    asyncio.run(people.store.commit([change], 1))


def test_every_budget_says_what_is_spent_and_what_is_left(people):
    spend(people, "tasks", 3000)
    asyncio.run(people.store.put_setting(PRICES, prices_to_bytes({"tasks": 250.0}, 1000)))

    answer = people.get("/v1/budgets")
    body = answer.json()
    mail, tasks, each = body["budgets"]

    assert answer.status_code == 200
    assert body["pricedAt"] == "1970-01-01T00:00:01.000Z"
    assert (mail["limit"], mail["spent"], mail["left"], mail["price"]) == (70.0, 0.0, 70.0, None)
    assert 0.0 < mail["available"] < 70.0
    assert (tasks["limit"], tasks["spent"], tasks["left"]) == (40.0, 3.0, 37.0)
    assert tasks["price"] == 2.5
    assert tasks["period"]["ends"] is None
    assert (each["limit"], each["spent"], each["price"]) == (None, None, None)
    assert each["perCustomer"] == {"shareOfValue": 0.05, "atLeast": 0.5, "atMost": None}


def test_the_answer_is_what_the_document_says(people):
    document = people.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/BudgetsOut", "components": document["components"]}

    Draft202012Validator(schema).validate(people.get("/v1/budgets").json())


def test_whoever_may_not_read_sees_no_budgets(people):
    assert people.get("/v1/budgets", key="").status_code == 401


def test_a_playbook_without_budgets_has_an_empty_list():
    assert People().get("/v1/budgets").json()["budgets"] == []


def test_the_status_says_of_budgets_for_all_what_is_spent_and_what_is_left(people):
    spend(people, "tasks", 3000)

    rows = people.get("/v1/status").json()["budgets"]

    assert rows == [
        {"name": "mail_week", "unit": "money", "limit": 70.0, "spent": 0.0, "left": 70.0},
        {"name": "tasks", "unit": "count", "limit": 40.0, "spent": 3.0, "left": 37.0},
    ]


def test_the_status_of_a_playbook_without_budgets_has_none():
    assert People().get("/v1/status").json()["budgets"] == []


def test_a_question_on_trial_reserves_and_spends_nothing():
    budgets = {"all": {"limit": 1, "unit": "count"}}
    bundle = {**BUNDLE_OF_PEOPLE, "budgets.yaml": json.dumps({"budgets": budgets})}
    people = People()
    people.world.playbook = compile_bundle(bundle)
    asyncio.run(people.store.put_playbook(version_of(bundle), bundle_bytes(bundle), 2))

    def ask(who, **more):
        body = {"userId": who, "channel": "web", "placements": ["hero"], **more}
        answer = people.post("/v1/decide", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["actions"]

    def spent():
        (row,) = people.get("/v1/budgets").json()["budgets"]
        return row["spent"], row["left"]

    before = asyncio.run(people.store.counts())
    assert all(len(ask("ann", dryRun=True)) == 1 for _ in range(3))
    assert spent() == (0.0, 1.0)
    assert asyncio.run(people.store.counts()) == before

    assert len(ask("ann")) == 1
    assert spent() == (1.0, 0.0)
    assert ask("bob", dryRun=True) == []  # there is nothing left for him
    assert spent() == (1.0, 0.0)
