"""Customers whose record is damaged, messages that always fail, and who may see that."""

import asyncio
import json

import pytest

from actors.domain.ids import Identity, IdSpace, customer_text
from actors.ports import Change, Lookup
from actors.session.jobs import Job
from actors.wire.messages import Code
from tests.builders import order
from tests.integration.http_customers import a_past, write
from tests.integration.http_support import Edge, answering, assert_problem

TRACK = {"messageId": "m1", "userId": "ann", "event": "Product Viewed"}


def damage(edge: Edge, number: int) -> None:
    """Flip one bit in the middle of a stored state."""
    row = asyncio.run(edge.store.lookup(Lookup(numbers=(number,)))).customers[number]
    state = bytearray(row.state)
    state[len(state) // 2] ^= 1
    seq = row.seq
    change = Change(number, row.partition, None, seq, seq + 1, bytes(state))
    asyncio.run(edge.store.commit([change], 0))


def test_a_damaged_customer_is_503_alone_and_no_list_breaks():
    edge = Edge()
    write(edge.store, a_past(IdSpace(b"k" * 32)))
    number = IdSpace(b"k" * 32).customer_number(Identity("user", "ann"))
    found = asyncio.run(edge.store.lookup(Lookup(numbers=(number,)))).customers
    number = number if number in found else next(iter(edge.store._customers))
    path = f"/v1/customers/{customer_text(number)}"
    assert edge.get(path).status_code == 200
    damage(edge, number)

    for each in (path, f"{path}/timeline", f"{path}/context?purpose=service&channel=web"):
        problem = edge.get(each)
        assert_problem(problem, 503, "set-aside")
        assert problem.headers["retry-after"] == "60"
    assert edge.get("/v1/status").status_code == 200


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [(Code.SET_ASIDE, 503, "set-aside"), (Code.POISON, 422, "poison")],
)
def test_what_is_set_aside_has_an_answer_of_its_own_and_spoils_no_batch(code, status, slug):
    edge = Edge()
    aside, accepted = answering(code, "said", 60.0), edge.gateway.answer
    edge.gateway.answer = lambda i, routed: (aside if i == 0 else accepted)(i, routed)

    single = edge.post("/v1/track", TRACK)
    batch = edge.post(
        "/v1/batch", {"batch": [{**TRACK, "type": "track", "messageId": m} for m in "ab"]}
    )

    assert_problem(single, status, slug)
    assert batch.status_code == 200
    first, second = batch.json()["results"]
    assert (first["status"], first["error"]["status"]) == ("rejected", status)
    assert second["status"] == "accepted"


def test_operators_see_what_is_set_aside_and_let_it_be_tried_again():
    edge = Edge()
    edge.add_key("read", ["read"])
    job = Job(order(1, "ann", id="m-poison"), 5)
    job.hash = b"h" * 16
    for _ in range(3):
        edge.gateway.aside.failed(job, 5, RuntimeError("secret@example.com"), "v1")

    assert_problem(edge.get("/v1/quarantine", key="read"), 403)
    shown = edge.get("/v1/quarantine")
    (item,) = shown.json()["items"]
    assert (item["kind"], item["count"], item["refused"]) == ("event", 3, True)
    assert "m-poison" in item["what"]
    assert "secret" not in shown.text
    assert edge.request("DELETE", f"/v1/quarantine/{item['id']}").status_code == 204
    assert edge.get("/v1/quarantine").json() == {"items": []}
    assert_problem(edge.request("DELETE", f"/v1/quarantine/{item['id']}"), 404)


def test_a_key_of_one_channel_reads_nothing_of_the_others():
    edge = Edge()
    edge.add_key("web", ["read", "ingest", "decide"], ["web"])
    edge.add_key("boss", ["admin"], ["web"])
    write(edge.store, a_past(IdSpace(b"k" * 32)))
    someone = customer_text(next(iter(edge.store._customers)))
    document = edge.get("/openapi.json").json()
    own = {"/v1/customers/{id}/context", "/v1/customers/{id}/consent"}
    # Those take their channel from the body, and refuse another one there (test_http_auth.py).
    sending = {"/v1/decide", "/v1/responses", "/v1/events", "/v1/batch", "/v1/b", "/v1/suggestions"}
    tried = 0

    for path, methods in document["paths"].items():
        if path in own | sending or not path.startswith("/v1/"):
            continue
        url = path.replace("{id}", someone)
        for method, operation in methods.items():
            if "{" in url or not operation.get("security") or method == "post":
                continue
            for key in ("web", "boss"):
                tried += 1
                answer = edge.request(method.upper(), url, key=key, content=b"{}")
                assert answer.status_code == 403, (method, path, key, answer.text)
    context = f"/v1/customers/{someone}/context?purpose=service"
    assert tried > 30
    assert edge.get(f"{context}&channel=web", key="web").status_code == 200
    assert edge.get(f"{context}&channel=email", key="web").status_code == 403
    assert edge.post("/v1/keys", {"scopes": ["admin"]}, key="boss").status_code == 403


def test_a_list_beyond_all_measure_is_refused_whatever_is_in_it():
    edge = Edge()

    def status(count: int) -> int:
        body = {**TRACK, "messageId": f"m{count}", "properties": {"a": {"b": [0] * count}}}
        return edge.post("/v1/track", body).status_code

    assert [status(500), status(501)] == [200, 422]
    wide = {**TRACK, "traits": None, "properties": {f"k{i}": i for i in range(501)}}
    assert_problem(edge.post("/v1/track", json.dumps(wide).encode()), 422)
