"""Keys: who may call what, how keys come and go, and what a stranger learns."""

import asyncio
import base64
import json

import pytest

from tests.integration.http_support import Edge, assert_problem

TRACK = {"userId": "u", "event": "E"}
ASK = {"userId": "u", "channel": "web", "placements": ["p"]}
TELL = {"effectKey": "e_0000000000001_1_0", "outcome": "click", "messageId": "r-1"}
CALLS = {
    "track": ("POST", "/v1/track", TRACK, {"ingest"}),
    "short": ("POST", "/v1/t", TRACK, {"ingest"}),
    "batch": ("POST", "/v1/batch", {"batch": []}, {"ingest"}),
    "decide": ("POST", "/v1/decide", ASK, {"decide"}),
    "responses": ("POST", "/v1/responses", TELL, {"ingest", "decide"}),
    "customer": ("GET", "/v1/customers/user:u", None, {"read"}),
    "timeline": ("GET", "/v1/customers/user:u/timeline", None, {"read"}),
    "decision": ("GET", "/v1/customers/user:u/decisions/d_x", None, {"read"}),
    "replay": ("POST", "/v1/customers/user:u/decisions/d_x/replay", None, {"read"}),
    "playbook": ("GET", "/v1/playbook", None, {"read"}),
    "put playbook": ("PUT", "/v1/playbook", {"files": {"a.yaml": ""}}, set()),
    "versions": ("GET", "/v1/playbook/versions", None, {"read"}),
    "rollback": ("POST", "/v1/playbook/rollback", {}, set()),
    "clock": ("GET", "/v1/clock", None, {"read"}),
    "advance": ("POST", "/v1/clock/advance", {"by": "PT1S"}, set()),
    "status": ("GET", "/v1/status", None, {"read"}),
    "keys": ("GET", "/v1/keys", None, set()),
    "make key": ("POST", "/v1/keys", {"scopes": ["read"]}, set()),
    "revoke key": ("DELETE", "/v1/keys/nope", None, set()),
}


@pytest.fixture(scope="module")
def edge() -> Edge:
    edge = Edge(failures_per_minute=10_000)
    for scope in ("ingest", "decide", "read"):
        edge.add_key(scope, [scope])
    return edge


@pytest.mark.parametrize("scope", ["ingest", "decide", "read", "admin"])
@pytest.mark.parametrize(("method", "path", "body", "scopes"), CALLS.values(), ids=CALLS)
def test_a_key_may_call_only_what_its_scope_allows(
    edge: Edge, method: str, path: str, body: object, scopes: set[str], scope: str
):
    response = edge.request(method, path, json=body, key=scope)

    if scope == "admin" or scope in scopes:
        assert response.status_code not in (401, 403)
    else:
        assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body", "scopes"), CALLS.values(), ids=CALLS)
def test_without_a_key_nothing_but_401_comes_back(
    edge: Edge, method: str, path: str, body: object, scopes: set[str]
):
    assert_problem(edge.request(method, path, json=body, key=None), 401, "unauthorized")
    assert_problem(edge.request(method, path, content=b"\xff{", key=None), 401, "unauthorized")


def wrong_keys(edge: Edge) -> list[str]:
    text = edge.keys["admin"]
    last = "a" if text[-1] != "a" else "b"
    return ["", "x", "rt_", text[:-1], text + "a", text.upper(), text[:-1] + last, "rt_a_b", "ключ"]


def test_a_wrong_key_is_refused_in_every_form(edge: Edge):
    for wrong in wrong_keys(edge):
        for value in (
            b"Bearer " + wrong.encode(),
            b"Basic " + base64.b64encode(wrong.encode() + b":"),
            b"Basic " + wrong.encode(),
            b"Digest " + edge.keys["admin"].encode(),
            wrong.encode(),
        ):
            response = edge.post("/v1/track", TRACK, headers={b"Authorization": value}, key=None)
            assert_problem(response, 401, "unauthorized")


def test_basic_with_the_key_as_user_name_works_as_segment_sends_it(edge: Edge):
    basic = base64.b64encode(edge.keys["ingest"].encode() + b":").decode()

    response = edge.post("/v1/track", TRACK, headers={"Authorization": f"Basic {basic}"})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t", "/v1/batch", "/v1/b"])
def test_the_key_may_be_in_the_body_as_libraries_send_it(edge: Edge, path: str):
    body = {**TRACK, "batch": [], "writeKey": edge.keys["ingest"]}

    allowed = edge.post(path, body, key=None)
    refused = edge.post(path, {**body, "writeKey": edge.keys["read"]}, key=None)
    unknown = edge.post(path, {**body, "writeKey": {"a": 1}}, key=None)

    assert allowed.status_code == 200
    assert_problem(refused, 403)
    assert_problem(unknown, 401)


def test_a_key_bound_to_channels_speaks_for_no_other():
    edge = Edge()
    edge.add_key("web", ["ingest", "decide"], ["web", "app"])

    own = edge.post("/v1/track", {**TRACK, "context": {"channel": "web"}}, key="web")
    other = edge.post("/v1/track", {**TRACK, "context": {"channel": "store"}}, key="web")
    asked = edge.post("/v1/decide", {**ASK, "channel": "store"}, key="web")
    batch = edge.post(
        "/v1/batch",
        {
            "batch": [
                {**TRACK, "type": "track", "context": {"channel": "store"}},
                {**TRACK, "type": "track", "context": {"channel": "app"}},
            ]
        },
        key="web",
    )

    assert own.status_code == 200
    assert_problem(other, 403)
    assert_problem(asked, 403)
    assert [r["status"] for r in batch.json()["results"]] == ["rejected", "accepted"]
    assert [routed.item.channel for routed in edge.gateway.items] == ["web", "app"]


def test_the_channel_comes_from_the_context_else_from_the_key_else_from_the_type():
    edge = Edge()
    edge.add_key("store", ["ingest"], ["store"])

    edge.post("/v1/page", {"userId": "u", "context": {"channel": "kiosk"}})
    edge.post("/v1/page", {"userId": "u"}, key="store")
    for kind in ("page", "screen", "identify"):
        edge.post(f"/v1/{kind}", {"userId": "u"})

    channels = [routed.item.channel for routed in edge.gateway.items]
    assert channels == ["kiosk", "store", "web", "app", "unknown"]


def test_keys_are_made_listed_and_revoked_without_a_restart():
    edge = Edge()

    made = edge.post("/v1/keys", {"scopes": ["ingest"], "channels": ["web"], "name": "shop"})
    text, key_id = made.json()["key"], made.json()["id"]
    used = edge.post("/v1/track", TRACK, key=text)
    listed = edge.get("/v1/keys")
    revoked = edge.request("DELETE", f"/v1/keys/{key_id}")
    after = edge.post("/v1/track", TRACK, key=text)

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert used.status_code == 200
    assert {
        "id": key_id,
        "name": "shop",
        "scopes": ["ingest"],
        "channels": ["web"],
    }.items() <= next(k for k in listed.json()["keys"] if k["id"] == key_id).items()
    assert text not in listed.text
    assert text.split("_")[2] not in listed.text
    assert revoked.status_code == 204
    assert_problem(after, 401)
    assert_problem(edge.request("DELETE", f"/v1/keys/{key_id}"), 404)


def test_a_key_revoked_by_another_replica_stops_working_within_a_second():
    edge = Edge()
    text = edge.add_key("shop", ["ingest"])
    assert edge.post("/v1/track", TRACK, key=text).status_code == 200
    digest = next(h for h, record in edge.store._keys.items() if b"ingest" in record)
    asyncio.run(edge.store.revoke_key(digest))
    edge.now_ms += 1000

    assert_problem(edge.post("/v1/track", TRACK, key=text), 401)


def test_a_key_made_by_another_replica_works_at_once():
    edge = Edge()
    assert edge.post("/v1/track", TRACK).status_code == 200
    edge.now_ms += 100

    text = edge.add_key("late", ["ingest"])

    assert edge.post("/v1/track", TRACK, key=text).status_code == 200


def test_the_last_admin_key_stays():
    edge = Edge()
    only = edge.get("/v1/keys").json()["keys"][0]["id"]

    refused = edge.request("DELETE", f"/v1/keys/{only}")
    edge.add_key("second", ["admin"])
    allowed = edge.request("DELETE", f"/v1/keys/{only}")

    assert_problem(refused, 409, "last-admin-key")
    assert allowed.status_code == 204


def test_too_many_wrong_keys_from_one_address_get_429_and_spare_the_others():
    edge = Edge(failures_per_minute=3)
    wrong = "rt_" + "a" * 13 + "_" + "b" * 52

    for _ in range(3):
        assert_problem(edge.post("/v1/track", TRACK, key=wrong), 401)
    limited = edge.post("/v1/track", TRACK, key=wrong)
    valid = edge.post("/v1/track", TRACK)
    elsewhere = edge.post("/v1/track", TRACK, key=wrong, client=("198.51.100.7", 1))
    edge.now_ms += 60_000
    later = edge.post("/v1/track", TRACK, key=wrong)

    assert_problem(limited, 429, "busy")
    assert int(limited.headers["retry-after"]) == 60
    assert valid.status_code == 200
    assert_problem(elsewhere, 401)
    assert_problem(later, 401)


def test_behind_our_own_proxy_the_address_it_wrote_counts():
    edge = Edge(failures_per_minute=1)

    def attempt(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return edge.post(
            "/v1/track", TRACK, key="wrong", headers=headers, client=("127.0.0.1", 1)
        ).status_code

    assert [attempt("10.9.9.9, 192.0.2.1"), attempt("10.8.8.8, 192.0.2.1")] == [401, 429]
    assert attempt("10.9.9.9, 192.0.2.2") == 401


def test_nothing_of_a_key_but_its_hash_is_stored():
    edge = Edge()
    text = edge.keys["admin"]

    stored = b"".join(h + record for h, record in edge.store._keys.items())

    assert text.encode() not in stored
    assert text.split("_")[2].encode() not in stored


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/problems/busy"]
)
def test_what_is_open_needs_no_key(edge: Edge, path: str):
    assert edge.get(path, key=None).status_code == 200


def test_an_auth_error_comes_before_any_look_at_the_body(edge: Edge):
    huge = json.dumps({"x": "y" * 1_000_000}).encode()

    assert_problem(edge.post("/v1/track", huge, key="wrong"), 401)
    assert_problem(edge.post("/v1/track", b"{", key="read"), 403)
