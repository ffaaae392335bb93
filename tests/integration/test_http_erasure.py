"""Export and erasure of a customer, over HTTP and end to end."""

import asyncio
import json

import pytest

from actors.domain.ids import customer_text
from actors.ports import JournalKind, OutboxState
from tests.builders import HOUR, anon, number_of, user
from tests.integration.http_people import People
from tests.integration.http_support import assert_problem

ANN, A = number_of(user("ann")), number_of(anon("a"))
IDS = (customer_text(ANN), customer_text(A))
SECRETS = ("Annabel", "ann@example.org", "visitor-page", "anon:a")


@pytest.fixture
def people() -> People:
    """Ann, who was the visitor `a`, may be written to, and has been: one sent, one queued."""
    people = People()
    people.say("identify", anonymousId="a", traits={"nickname": "visitor-nick"})
    people.say("track", anonymousId="a", event="Page Seen", properties={"page": "visitor-page"})
    people.say(
        "identify",
        userId="ann",
        traits={"first_name": "Annabel", "email": "ann@example.org"},
        context={"consent": {"categoryPreferences": {"email|service": True, "email": True}}},
    )
    people.order(5, userId="ann")
    people.attempt(people.effects(ANN)[0])
    people.say("track", anonymousId="a", event="Product Added", properties={"cart_id": "c"})
    people.post(f"/v1/customers/{IDS[0]}/merge", {"with": "anon:a"})
    people.order(7, userId="ann", anonymousId="a")
    return people


def erase(people: People, who: str, **query):
    return people.request("DELETE", f"/v1/customers/{who}", params=query)


def export(people: People, who: str):
    response = people.get(f"/v1/customers/{who}/export")
    assert response.status_code == 200
    return response


def test_an_export_holds_everything_of_everybody_who_is_the_customer(people: People):
    response = export(people, "anon:a")

    body = response.json()
    assert body["customers"] == list(IDS)
    assert response.headers["content-disposition"] == f'attachment; filename="{IDS[0]}.json"'
    assert {(i["kind"], i["value"]) for i in body["identities"]} == {
        ("user", "ann"), ("anon", "a"), ("email", "ann@example.org")
    }  # fmt: skip
    rows = {
        (n, row.seq)
        for n in (ANN, A)
        for row in asyncio.run(people.store.timeline(n, None, (), 99))
    }
    assert {(IDS.index(t["customerId"]), t["seq"]) for t in body["timeline"]} == {
        ((ANN, A).index(number), seq) for number, seq in rows
    }
    assert [e["state"] for e in body["effects"]] == ["sent", "pending"]
    assert body["effects"][0]["sentAt"] == "2027-01-15T08:00:04.000Z"
    assert body["effects"][0]["identities"]["email"] == "ann@example.org"
    assert {c["purpose"]: c["status"] for c in body["consents"]} == {
        "marketing": "granted", "service": "granted"
    }  # fmt: skip
    assert [t["key"] for t in body["timers"]] == [t.key for t in people.world.state(ANN).timers]
    assert any("decision" in turn for turn in body["timeline"])
    assert body["state"]["profile"]["traits"]["first_name"] == "Annabel"
    assert all(secret in response.text for secret in SECRETS[:3])


def test_an_export_shows_both_sides_of_a_merge_as_they_were_and_no_bytes(people: People):
    merges = [t for t in export(people, "user:ann").json()["timeline"] if t["kind"] == "merge"]

    farewell, mine = merges
    assert mine["merge"]["survivorBefore"]["purchases"]["spend"]["amount"] == 5
    assert mine["merge"]["loserBefore"]["customerId"] == IDS[1]
    assert mine["merge"]["moved"] == [{"kind": "anon", "value": "a"}]
    assert "survivorBefore" not in farewell["merge"]


def test_an_export_after_an_unmerge_holds_nothing_of_the_other(people: People):
    people.say("track", anonymousId="a", event="Page Seen", properties={"page": "later-page"})
    people.post(f"/v1/customers/{IDS[0]}/unmerge", {"other": IDS[1]})

    hers, visitors = export(people, "user:ann").text, export(people, "anon:a").text

    assert "later-page" not in hers
    assert "visitor-page" not in hers
    assert "visitor-nick" not in hers
    assert "later-page" in visitors
    assert "visitor-page" in visitors
    assert "Annabel" not in visitors


def test_two_exports_are_the_same_but_for_their_time(people: People):
    first, second = export(people, "user:ann").text, export(people, "user:ann").text

    assert first == second


def test_an_erasure_leaves_a_receipt_and_nothing_else(people: People):
    turns = people.store.counts
    before = asyncio.run(turns())
    body = erase(people, "user:ann").json()

    assert body["customers"] == list(IDS)
    assert body["receiptId"].startswith("r_")
    assert body["erasedAt"] == "2027-01-15T08:00:06.000Z"
    assert (body["identities"], body["effects"], body["turns"]) == (3, 2, before["turns"])
    assert "not unlearned" in body["models"]
    rows = [r for n in (ANN, A) for r in asyncio.run(people.store.timeline(n, None, (), 99))]
    assert [r.kind for r in rows if r.payload] == [JournalKind.ERASURE]
    assert {(e.state, e.payload) for e in people.effects(ANN, A)} == {
        (OutboxState.SENT, b""), (OutboxState.CANCELLED, b"")
    }  # fmt: skip
    assert asyncio.run(people.store.counts())["timers"] == 0
    kept = json.dumps(body) + repr(vars(people.store))
    assert not any(secret in kept for secret in SECRETS[:3])


@pytest.mark.parametrize("who", IDS)
def test_the_old_ids_are_gone_on_every_route(people: People, who: str):
    base = f"/v1/customers/{who}"
    decision = next(t["decisionId"] for t in people.seen("user:ann") if "decisionId" in t)
    erase(people, "user:ann")
    consent = {"channel": "email", "purpose": "marketing", "granted": True}

    responses = [
        people.get(base),
        people.get(base + "/timeline"),
        people.get(base + "/context", params={"purpose": "service", "channel": "web"}),
        people.get(base + "/consents"),
        people.get(base + "/export"),
        people.get(f"{base}/decisions/{decision}"),
        people.post(f"{base}/decisions/{decision}/replay"),
        people.put(base + "/consent", consent),
        people.post(base + "/merge", {"with": "user:ann"}),
        people.post(base + "/unmerge", {"other": IDS[1]}),
        people.request("DELETE", base),
        people.request("DELETE", base, params={"messageId": "other"}),
    ]

    assert [response.status_code for response in responses] == [410] * len(responses)
    for response in responses:
        assert_problem(response, 410, "gone")


def test_whoever_asks_again_with_the_same_message_gets_the_same_receipt(people: People):
    first = erase(people, IDS[0], messageId="erase-1")

    again = erase(people, IDS[0], messageId="erase-1")

    assert again.json() == first.json()


@pytest.mark.parametrize("who", [{"userId": "ann"}, {"anonymousId": "a"}])
def test_what_happened_before_is_refused_and_what_comes_later_is_somebody_new(people, who):
    before = "2027-01-15T08:00:04.000Z"
    erase(people, "user:ann")
    people.later(HOUR)

    late = people.post(
        "/v1/track", {"messageId": "late", "event": "Page Seen", "timestamp": before, **who}
    )
    fresh = people.order(3, **who)

    assert_problem(late, 410, "gone")
    assert fresh["customerId"] not in IDS
    kind, value = next(iter(who.items()))
    name = ("user:" if kind == "userId" else "anon:") + value
    body = people.get(f"/v1/customers/{name}").json()
    assert (body["purchases"]["orders"], body["traits"]) == (1, {})
    assert_problem(people.get(f"/v1/customers/{IDS[0]}"), 410)


def test_only_an_admin_exports_or_erases(people: People):
    people.edge.add_key("writer", ["ingest", "read", "decide"])
    people.later(2000)

    assert_problem(people.request("DELETE", f"/v1/customers/{IDS[0]}", key="writer"), 403)
    assert_problem(people.get(f"/v1/customers/{IDS[0]}/export", key="writer"), 403)
    assert_problem(erase(people, "user:nobody"), 404)
    assert_problem(people.get("/v1/customers/user:nobody/export"), 404)


def test_whoever_was_one_with_another_for_a_while_leaves_nothing_there(people: People):
    people.say("track", anonymousId="a", event="Page Seen", properties={"page": "later-page"})
    people.post(f"/v1/customers/{IDS[0]}/unmerge", {"other": IDS[1]})

    erase(people, "anon:a")

    kept = asyncio.run(people.store.timeline(ANN, None, (), 99))
    held = b"".join([people.world.row(ANN).state, *(row.payload for row in kept)])
    assert b"Annabel" in held
    assert not any(secret in held for secret in (b"visitor-page", b"visitor-nick", b"later-page"))
    assert people.get("/v1/customers/user:ann/export").status_code == 200
