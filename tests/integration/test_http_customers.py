"""Reading a customer: profile, timeline, decision records and their replay."""

import pytest

from actors.domain.ids import IdSpace, customer_text, decision_text
from tests.integration.http_customers import PLAYBOOK, START_MS, VERSION, Past, a_past, write
from tests.integration.http_support import Edge, assert_problem


@pytest.fixture(scope="module")
def past() -> Past:
    return a_past(IdSpace(b"k" * 32))


@pytest.fixture(scope="module")
def edge(past: Past) -> Edge:
    edge = Edge(currency=PLAYBOOK.currency)
    write(edge.store, past)
    edge.gateway.now_ms = START_MS + 10_000
    return edge


def test_a_customer_is_found_by_every_form_of_id(edge: Edge, past: Past):
    ours = customer_text(past.state.number)

    bodies = [
        edge.get(f"/v1/customers/{form}").json()
        for form in (ours, "user:anna", "email:Anna@Example.com", "email:anna%40example.com")
    ]

    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["customerId"] == ours


def test_the_profile_is_panoramic(edge: Edge):
    body = edge.get("/v1/customers/user:anna").json()

    assert body["seq"] == 4
    assert body["identities"] == [
        {"kind": "user", "value": "anna"},
        {"kind": "email", "value": "anna@example.com"},
    ]
    assert body["traits"] == {"first_name": "Anna"}
    assert body["purchases"]["spend"] == {"amount": 42.1, "currency": PLAYBOOK.currency}
    assert body["departments"]["GROCERY"]["items"] == 7
    assert body["purchases"]["lastAt"] == "2026-01-31T12:00:01.000Z"
    assert set(body["channels"]) == {"store", "web"}
    assert {c["channel"]: c["status"] for c in body["consents"]}["web"] == "granted"
    assert body["conversation"]["lastIntent"] == "Order Completed"
    assert body["conversation"]["turns"][0]["about"].startswith("accept: ")
    assert body["effects"][0]["outcome"] == "accept"
    assert (body["tier"], body["serviceLevel"], body["segments"]) == (
        "buyer",
        "priority",
        ["buyer"],
    )


def test_the_profile_tells_how_the_relationship_has_gone(edge: Edge):
    body = edge.get("/v1/customers/user:anna").json()

    assert body["loyaltyStage"] == "first_time_buyer"
    assert body["value"]["revenue"] == {"amount": 42.1, "currency": PLAYBOOK.currency}
    assert body["value"]["profit"]["amount"] == 10.51  # a quarter of it, less what was sent
    assert body["value"]["recencyDays"] == pytest.approx(9 / 86_400)
    assert body["value"]["previousOrderAt"] is None
    assert body["traitOrigins"] == {
        "first_name": {"at": "2026-01-31T12:00:00.000Z", "source": "web"}
    }
    assert body["channels"]["store"]["visits"] == 1
    assert body["channels"]["store"]["preferredHours"] == [12]
    assert (body["service"]["open"], body["service"]["satisfaction"]) == (0, None)
    assert body["credit"]["limit"] is None


def test_the_etag_is_the_seq_and_saves_the_body(edge: Edge):
    first = edge.get("/v1/customers/user:anna")

    etag = first.headers["etag"]
    same = edge.get("/v1/customers/user:anna", headers={"If-None-Match": f'"1", W/{etag}'})
    other = edge.get("/v1/customers/user:anna", headers={"If-None-Match": '"3"'})

    assert etag == '"4"'
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == etag
    assert other.status_code == 200


def test_the_timeline_is_newest_first_and_paged(edge: Edge):
    seen, cursor, pages = [], "", 0
    while True:
        page = edge.get(f"/v1/customers/user:anna/timeline?limit=2&cursor={cursor}").json()
        seen += page["items"]
        pages += 1
        cursor = page.get("nextCursor", "")
        if not cursor:
            break

    assert pages == 2
    assert [turn["seq"] for turn in seen] == [4, 3, 2, 1]
    assert [turn["kind"] for turn in seen] == ["outcome", "decide", "event", "event"]
    assert seen[0]["outcome"]["value"] == {"amount": 12.5, "currency": PLAYBOOK.currency}
    assert seen[2]["event"]["name"] == "Order Completed"
    assert seen[2]["event"]["properties"]["total"] == 42.1
    assert seen[1]["effects"][0]["effectKey"].startswith("e_")
    assert seen[1]["decisionId"].startswith("d_")


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("kind=outcome", [4]),
        ("kind=decide,outcome", [4, 3]),
        ("kind=decide&kind=event", [3, 2, 1]),
        ("kind=wake", []),
    ],
)
def test_the_timeline_can_be_narrowed(edge: Edge, query: str, seqs: list[int]):
    page = edge.get(f"/v1/customers/user:anna/timeline?{query}").json()

    assert [turn["seq"] for turn in page["items"]] == seqs
    assert "nextCursor" not in page


def test_a_decision_record_says_what_became_of_every_candidate(edge: Edge, past: Past):
    decision_id = decision_text(past.state.number, 3)

    body = edge.get(f"/v1/customers/user:anna/decisions/{decision_id}").json()

    assert body["decisionId"] == decision_id
    assert body["playbook"] == VERSION
    assert body["placements"] == [past.placement]
    assert body["model"] == {"name": "none", "version": "0", "prior": True}
    keys = {action.key for action in PLAYBOOK.actions}
    chosen = body["chosen"][0]
    assert chosen["action"] == past.state.effects[-1].action
    assert chosen in body["candidates"]
    assert chosen["rank"] == 1
    for candidate in body["candidates"]:
        assert candidate["action"] in keys
        worth = candidate["propensity"] * candidate["weight"] * candidate["value"]
        expected = worth * candidate["lever"] - candidate["cost"]
        assert candidate["priority"] == pytest.approx(expected)
    assert (chosen["action"], chosen["weight"]) == ("growth/fruit/apples", 1.5)
    assert body["removed"] == [
        {
            "action": "loyalty/club/gold",
            "channel": "web",
            "stage": "eligibility",
            "rule": "eligible",
            "retryAt": None,
        }
    ]
    assert int(body["seed"]) == past.turns[3].given.seed


def test_a_decision_replays_from_its_record(edge: Edge, past: Past):
    decision_id = decision_text(past.state.number, 3)

    response = edge.post(f"/v1/customers/user:anna/decisions/{decision_id}/replay")

    assert response.json() == {"identical": True}


def test_a_falsified_record_is_told_with_its_first_difference(past: Past):
    edge = Edge()
    forged = a_past(IdSpace(b"k" * 32))
    ranked = forged.turns[3].record.decision.outcome[3]
    ranked[0] = (*ranked[0][:4], 0.99, *ranked[0][5:])
    write(edge.store, forged)
    decision_id = decision_text(past.state.number, 3)

    body = edge.post(f"/v1/customers/user:anna/decisions/{decision_id}/replay").json()

    assert body["identical"] is False
    assert "ranked[0][4]" in body["difference"]


@pytest.mark.parametrize("seq", [1, 4, 5, 10**11])
def test_a_turn_without_a_decision_has_no_record(edge: Edge, past: Past, seq: int):
    path = f"/v1/customers/user:anna/decisions/{decision_text(past.state.number, seq)}"

    assert_problem(edge.get(path), 404)
    assert_problem(edge.post(path + "/replay"), 404)


def test_the_decision_of_another_customer_is_not_hers(edge: Edge, past: Past):
    other = decision_text(past.state.number + 1, 3)

    assert_problem(edge.get(f"/v1/customers/user:anna/decisions/{other}"), 404)
