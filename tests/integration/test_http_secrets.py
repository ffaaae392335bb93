"""Nobody's data gets into logs, problems, status or the document, whatever is asked for."""

import asyncio
import json
import logging

import pytest

from tests.builders import DAY
from tests.integration.http_people import People
from tests.integration.test_http_openapi import validator

SECRETS = {
    "user": "ann",
    "first": "Zebulonia",
    "last": "Quixwick",
    "email": "zebulonia.quixwick@example.org",
    "phone": "+4915112345678",
    "visitor": "b",
    "card": "9988776655443322",
    "page": "/my-very-private-page",
}
SEEDED = [SECRETS[name] for name in ("first", "last", "email", "phone", "card", "page")]
SEEDED += ["zebulonia.quixwick", "15112345678", "vis-4711-private", "user-0815-private"]
TRAITS = {
    "first_name": SECRETS["first"],
    "last_name": SECRETS["last"],
    "email": SECRETS["email"],
    "phone": SECRETS["phone"],
    "loyaltyCard": SECRETS["card"],
}


def base(who: str) -> str:
    return f"/v1/customers/{who}"


def normal(people: People) -> list:
    """Go through what a customer can live through; return what operators see of it."""
    customer = {"userId": "ann", "anonymousId": "a"}
    people.say("track", anonymousId="a", event="Page Seen", properties={"page": SECRETS["page"]})
    people.say("identify", **customer, traits=TRAITS)
    people.order(3, userId="ann", context={"consent": {"categoryPreferences": {"email": True}}})
    people.say(
        "track", userId="ann", event="Product Added", properties={"cart_id": SECRETS["card"]}
    )
    people.consent("user:ann", source="web")
    people.post(base("user:ann") + "/merge", {"with": "anon:b"})
    people.say("track", anonymousId="b", event="Page Seen", properties={"page": SECRETS["page"]})
    people.post(base("user:ann") + "/merge", {"with": "anon:b"})
    for tail in ("", "/timeline", "/consents", "/export"):
        assert people.get(base("email:" + SECRETS["email"]) + tail).status_code == 200
    people.later(DAY)
    return [people.get("/v1/status"), people.get("/healthz"), people.get("/readyz")]


def failing(people: People) -> list:
    """Ask for what cannot be had, with somebody's data wherever it can stand."""
    secret, who = SECRETS["email"], base("email:" + SECRETS["email"])
    other = "user:user-0815-private"
    bad_key = {"key": "rt_" + SECRETS["first"]}
    return [
        people.get(base("email:" + SECRETS["first"] + "@nowhere.example")),
        people.get(base(other)),
        people.get(base("passport:" + SECRETS["phone"])),
        people.get(base(secret)),
        people.get(who, **bad_key),
        people.get(who + "/timeline", params={"cursor": secret, "kind": SECRETS["last"]}),
        people.get(who + "/context", params={"purpose": secret, "channel": SECRETS["page"]}),
        people.get(f"{who}/decisions/{secret}"),
        people.get("/v1/" + secret),
        people.put(who + "/consent", {"channel": secret, "purpose": SECRETS["phone"], "granted": 1}),
        people.put(who + "/consent", {secret: 1}),
        people.put(base(other) + "/consent", {"channel": "web", "purpose": "x", "granted": True}),
        people.post(who + "/merge", {"with": other}),
        people.post(who + "/merge", {"with": SECRETS["phone"]}),
        people.post(who + "/unmerge", {"other": secret}),
        people.post("/v1/track", {"userId": SECRETS["last"] + "\0", "event": SECRETS["page"]}),
        people.post("/v1/track", {"anonymousId": "vis-4711-private", "properties": SECRETS["page"]}),
        people.post("/v1/track", b'{"userId": "user-0815-private", "event": "Zebulonia'),
        people.post("/v1/batch", {"batch": [{"type": secret, "userId": "ann"}]}),
        people.post("/v1/responses", {"effectKey": secret, "outcome": "click", "messageId": secret}),
        people.request("DELETE", base(other)),
        people.request("PATCH", who),
    ]  # fmt: skip


def crashing(people: People) -> list:
    """Let the store fail with a message that names somebody."""

    async def fail(*_args):
        raise RuntimeError(f"constraint failed: {SECRETS['email']} of {SECRETS['first']}")

    kept = people.store.lookup
    people.store.lookup = fail
    try:
        tails = ("", "/timeline", "/consents", "/export")
        found = [people.get(base("email:" + SECRETS["email"]) + tail) for tail in tails]
        body = {"channel": "email", "purpose": "marketing", "granted": False}
        found.append(people.put(base("user:ann") + "/consent", body))
        found.append(people.post(base("user:ann") + "/merge", {"with": "anon:b"}))
        found.append(people.request("DELETE", base("user:ann")))
    finally:
        people.store.lookup = kept
    assert {response.status_code for response in found} == {500}
    return found


def assert_clean(text: str, what: str) -> None:
    leaked = [secret for secret in SEEDED if secret.lower() in text.lower()]
    assert not leaked, f"{what}: {leaked}"


@pytest.fixture
def people(caplog: pytest.LogCaptureFixture) -> People:
    caplog.set_level(logging.DEBUG)
    return People()


def test_no_personal_data_gets_where_operators_look(people: People, caplog):
    seen = normal(people)
    problems = [*failing(people), *crashing(people)]
    erased = people.request("DELETE", base("user:ann"))
    problems.append(people.get(base(erased.json()["customers"][0])))

    for response in problems:
        assert response.status_code >= 400 or response.status_code == 200, response.text
        assert response.headers["content-type"] in ("application/problem+json", "application/json")
    for response in [*seen, *problems, erased]:
        assert_clean(response.text + str(response.headers), response.text[:80])
    shop = [r for r in caplog.records if r.name.split(".")[0] in ("actors", "serve_app", "cluster")]
    assert shop, "the failures must have been logged"
    formatter = logging.Formatter("%(name)s %(message)s")
    for record in caplog.records:
        if record.name.startswith(("httpx", "httpcore")):
            continue  # the test's own client
        assert_clean(formatter.format(record), record.name)


def test_replies_about_privacy_fit_their_schemas(people: People):
    document = people.get("/openapi.json").json()
    normal(people)
    path, who = "/v1/customers/{id}", base("user:ann")
    visitor = people.get(base("user:ann") + "/export").json()["customers"][-1]
    calls = {
        (path + "/consent", "put"): people.consent("user:ann", status="denied"),
        (path + "/consents", "get"): people.get(who + "/consents"),
        (path + "/export", "get"): people.get(who + "/export"),
        (path + "/timeline", "get"): people.get(who + "/timeline"),
        (path + "/merge", "post"): people.post(who + "/merge", {"with": visitor}),
        (path + "/unmerge", "post"): people.post(who + "/unmerge", {"other": visitor}),
        (path, "delete"): people.request("DELETE", who),
    }

    for (route, method), response in calls.items():
        responses = document["paths"][route][method]["responses"]
        assert response.status_code == 200, (route, response.text)
        schema = responses["200"]["content"]["application/json"]["schema"]
        validator(document, schema).validate(json.loads(response.text))
    assert asyncio.run(people.store.counts())["customers"] >= 1
