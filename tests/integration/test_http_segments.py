"""Segments over HTTP: sizes, profiles, and who is in one at the moment of asking."""

import asyncio
import json

import pytest

from actors.domain.ids import customer_text
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.ports import Change, TimerRow, Verdict
from actors.wire.state import pack_state
from tests.builders import DAY, NOW, make_state, order, take
from tests.integration.http_support import Edge, assert_problem

BUNDLE = {
    "playbook.yaml": json.dumps(
        {
            "name": "shop",
            "version": "1",
            "currency": {"code": "EUR"},
            "channels": {"web": {"placements": ["hero"]}},
        }
    ),
    "actions.yaml": json.dumps(
        {
            "actions": {
                "a/b/c": {
                    "value": 1,
                    "purpose": "onsite",
                    "startingPropensity": 0.1,
                    "treatments": {"web": {"placements": ["hero"]}},
                }
            }
        }
    ),
    "segments.yaml": json.dumps(
        {
            "segments": {
                "active": {"description": "Lately.", "when": "profile.recency_days < 30.0"},
                "lapsed": {"when": "profile.orders >= 1 && profile.recency_days >= 30.0"},
                "page": {"when": "event.name == 'Page Seen'"},
            }
        }
    ),
}
PLAYBOOK = compile_bundle(BUNDLE)
START = NOW - NOW % DAY


def enter(edge: Edge, who: str, at_ms: int) -> str:
    """Let somebody order, and commit what a cell would; return the customer's id."""
    state = make_state(who)
    take(state, order(40.0, who, at=at_ms), at_ms, PLAYBOOK)
    change = Change(
        state.number,
        state.partition,
        1,
        0,
        state.seq,
        pack_state(state),
        timers_set=[TimerRow(timer.key, timer.due_at_ms) for timer in state.timers],
        segments_entered=list(state.segments.items()),
    )

    async def commit():
        await edge.store.claim([(state.partition, "", 0)], "cell-0/test")
        return await edge.store.commit([change], 1)

    assert asyncio.run(commit()) == [Verdict.COMMITTED]
    return customer_text(state.number)


@pytest.fixture
def edge() -> Edge:
    edge = Edge(currency="EUR")
    asyncio.run(edge.store.put_playbook(version_of(BUNDLE), bundle_bytes(BUNDLE), 1))
    edge.gateway.now_ms = START + DAY
    return edge


def who(edge: Edge, name: str, **query) -> set[str]:
    """Follow the pages to the end."""
    found, cursor = set(), ""
    while True:
        path = f"/v1/segments/{name}/customers?limit={query.get('limit', 50)}&cursor={cursor}"
        page = edge.get(path).json()
        ids = {each["customerId"] for each in page["items"]}
        assert not ids & found
        found |= ids
        if "nextCursor" not in page:
            return found
        cursor = page["nextCursor"]


def test_the_list_has_every_segment_with_its_size(edge: Edge):
    enter(edge, "ann", START)

    segments = edge.get("/v1/segments").json()["segments"]

    assert [(each["name"], each["size"], each["momentary"]) for each in segments] == [
        ("active", 1, False),
        ("lapsed", 0, False),
        ("page", 0, True),
    ]
    assert segments[0]["description"] == "Lately."


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_who_is_in_a_segment_is_right_before_any_timer_has_fired(edge: Edge, limit: int):
    early = {enter(edge, name, START) for name in ("ann", "bob", "carl")}
    late = {enter(edge, name, START + DAY // 2) for name in ("a", "b")}

    before = who(edge, "active", limit=limit), who(edge, "lapsed", limit=limit)
    edge.gateway.now_ms = START + 30 * DAY
    after = who(edge, "active", limit=limit), who(edge, "lapsed", limit=limit)

    assert before == (early | late, set())
    assert after == (late, early)


def test_since_when_somebody_is_in_a_segment_is_told_even_if_only_time_has_passed(edge: Edge):
    ann = enter(edge, "ann", START)
    edge.gateway.now_ms = START + 31 * DAY

    (item,) = edge.get("/v1/segments/lapsed/customers").json()["items"]

    assert item["customerId"] == ann
    assert item["since"][:10] == "2027-02-14"


def test_the_profile_says_size_flow_value_and_response(edge: Edge):
    enter(edge, "ann", START)
    enter(edge, "bob", START + DAY)

    profile = edge.get("/v1/segments/active").json()

    assert (profile["size"], profile["counted"], profile["sampled"]) == (2, 2, False)
    assert profile["totals"]["revenue"] == {"amount": 80.0, "currency": "EUR"}
    assert profile["perMember"]["value"]["amount"] == 40.0
    assert profile["perMember"]["profit"]["amount"] == 10.0
    assert profile["response"]["takenRate"] is None
    assert [(d["entered"], d["left"], d["size"]) for d in profile["history"][:3]] == [
        (1, 0, 2),
        (1, 0, 1),
        (0, 0, 0),
    ]
    assert len(profile["history"]) == 30


def test_a_profile_is_kept_for_a_minute(edge: Edge):
    enter(edge, "ann", START)
    first = edge.get("/v1/segments/active").json()
    enter(edge, "bob", START)
    edge.now_ms += 59_999
    same = edge.get("/v1/segments/active").json()
    edge.now_ms += 1

    fresh = edge.get("/v1/segments/active").json()

    assert same == first
    assert fresh["size"] == 2


@pytest.mark.parametrize("path", ["/v1/segments/nobody", "/v1/segments/nobody/customers"])
def test_an_unknown_segment_is_not_found(edge: Edge, path: str):
    assert_problem(edge.get(path), 404)


def test_reading_needs_the_scope_and_a_proper_cursor(edge: Edge):
    edge.add_key("shop", ["ingest"])

    assert_problem(edge.get("/v1/segments", key="shop"), 403)
    assert_problem(edge.get("/v1/segments/active/customers?cursor=c_!"), 422)
    assert_problem(edge.get("/v1/segments/active/customers?limit=0"), 422)


def test_profit_and_loss_go_by_what_the_playbook_states_of_costs(edge: Edge):
    book = json.loads(BUNDLE["playbook.yaml"])
    book["economics"] = {"margin": 0.6, "contactCosts": {"chat": 1}}
    bundle = {**BUNDLE, "playbook.yaml": json.dumps(book)}
    asyncio.run(edge.store.put_playbook(version_of(bundle), bundle_bytes(bundle), 2))
    ann = enter(edge, "ann", START)

    profile = edge.get("/v1/segments/active").json()
    customer = edge.get(f"/v1/customers/{ann}").json()

    assert profile["perMember"]["profit"]["amount"] == 24.0
    assert customer["value"]["profit"]["amount"] == 24.0
    assert customer["value"]["goods"]["amount"] == 16.0
