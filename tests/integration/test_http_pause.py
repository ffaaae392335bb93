"""The kill switch over HTTP, and one click out of e-mails."""

import asyncio

import pytest

from actors.channels.unsubscribing import token_of
from actors.domain.ids import effect_text
from actors.playbook.loader import bundle_bytes, library, version_of
from actors.stores.opening import KEY_SETTING
from actors.wire.messages import Code
from tests.integration.http_support import Edge, answering, assert_problem

SECRET = b"k" * 32
EFFECT = effect_text((7 << 50) | 9, 4, 2)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def paused(response):
    assert response.status_code == 200
    return [(each["kind"], each["name"]) for each in response.json()["paused"]]


def test_what_is_paused_is_shown_until_it_is_resumed():
    edge = Edge()
    assert paused(edge.get("/v1/pause")) == []

    edge.post("/v1/pause", {"channel": "email"})
    edge.now_ms += 60_000
    again = edge.post("/v1/pause", {"channel": "email"})
    edge.post("/v1/pause", {"action": "message/cart/reminder"})
    edge.post("/v1/pause", {"scenario": "win_back"})
    everything = edge.post("/v1/pause", {"all": True})

    assert again.json()["paused"][0]["since"] == "1970-01-01T00:16:40.000Z"
    assert paused(everything) == [
        ("action", "message/cart/reminder"),
        ("all", ""),
        ("channel", "email"),
        ("scenario", "win_back"),
    ]
    assert asyncio.run(edge.store.pauses()).keys() == {
        "action:message/cart/reminder", "all", "channel:email", "scenario:win_back"
    }  # fmt: skip
    assert ("all", "") not in paused(edge.post("/v1/resume", {"all": True}))
    assert ("channel", "email") not in paused(edge.post("/v1/resume", {"channel": "email"}))
    assert edge.post("/v1/resume", {"channel": "never"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channel": "email", "all": True},
        {"all": False},
        {"channel": ""},
        {"channel": "a b"},
        {"action": "reminder"},
        {"scenario": "a:b"},
        {"tier": "gold"},
        [],
    ],
)
def test_a_switch_that_does_not_exist_is_refused(body):
    edge = Edge()

    assert_problem(edge.post("/v1/pause", body), 422)
    assert_problem(edge.post("/v1/resume", body), 422)
    assert paused(edge.get("/v1/pause")) == []


def test_a_slip_of_the_pen_stops_nothing_and_is_told():
    edge = Edge()
    bundle = library("retail")
    asyncio.run(edge.store.put_playbook(version_of(bundle), bundle_bytes(bundle), 1))

    slip = assert_problem(edge.post("/v1/pause", {"channel": "emial"}), 422)
    assert "did you mean 'email'?" in slip["errors"][0]["msg"]
    for body in ({"action": "a/b/c"}, {"scenario": "abandoned_crate"}):
        assert_problem(edge.post("/v1/pause", body), 422)
    assert paused(edge.get("/v1/pause")) == []
    for body in ({"channel": "email"}, {"scenario": "thank_for_big_basket"}, {"all": True}):
        assert edge.post("/v1/pause", body).status_code == 200


def test_only_an_admin_may_stop_things():
    edge = Edge()
    edge.add_key("reader", ["read", "ingest", "decide"])

    assert_problem(edge.post("/v1/pause", {"all": True}, key="reader"), 403)
    assert_problem(edge.post("/v1/resume", {"all": True}, key="reader"), 403)
    assert_problem(edge.get("/v1/pause", key=None), 401)
    assert edge.get("/v1/pause", key="reader").status_code == 200


def with_secret():
    edge = Edge()
    asyncio.run(edge.store.put_setting(KEY_SETTING, SECRET))
    return edge, f"/v1/unsubscribe/{token_of(SECRET, EFFECT)}"


def click(edge, path, body=b"List-Unsubscribe=One-Click", headers=FORM):
    return edge.request("POST", path, key=None, content=body, headers=headers)


def test_one_click_unsubscribes_without_a_key():
    edge, path = with_secret()

    reply = click(edge, path)

    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    (routed,) = edge.gateway.items
    told = routed.item
    assert (told.effect_key, told.outcome) == (EFFECT, "unsubscribe")
    assert told.message_id == f"unsubscribe:{EFFECT}"
    assert routed.number == (7 << 50) | 9


def test_a_provider_may_send_the_form_in_parts():
    edge, path = with_secret()
    part = 'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    assert click(edge, path, f"--b\r\n{part}--b--\r\n".encode(), headers).status_code == 200
    assert len(edge.gateway.items) == 1


def test_a_link_that_is_only_followed_asks_and_changes_nothing():
    edge, path = with_secret()

    page = edge.get(path, key=None)

    assert page.status_code == 200
    assert '<form method="post"' in page.text
    assert "One-Click" in page.text
    assert edge.gateway.items == []


@pytest.mark.parametrize("body", [b"", b"x=y", b"List-Unsubscribe=No", b"{}", b"\xff"])
def test_a_post_that_does_not_say_one_click_changes_nothing(body):
    edge, path = with_secret()

    assert_problem(click(edge, path, body), 400)
    assert edge.gateway.items == []


def test_what_is_no_form_is_not_taken_for_one():
    edge, path = with_secret()

    said = click(edge, path, headers={"Content-Type": "application/json"})

    assert_problem(said, 415)
    assert edge.gateway.items == []


@pytest.mark.parametrize("token", [EFFECT, EFFECT + ".x", "x", token_of(b"o" * 32, EFFECT)])
def test_a_token_that_is_not_ours_leads_nowhere(token):
    edge, _ = with_secret()

    assert_problem(click(edge, f"/v1/unsubscribe/{token}"), 404)
    assert_problem(edge.get(f"/v1/unsubscribe/{token}", key=None), 404)
    assert edge.gateway.items == []


@pytest.mark.parametrize(
    ("code", "status"), [(Code.RETRY, 503), (Code.BUSY, 429), (Code.GONE, 410)]
)
def test_a_click_that_could_not_be_taken_is_not_called_done(code, status):
    edge, path = with_secret()
    edge.gateway.answer = answering(code, retry_after_s=2.0)

    assert_problem(click(edge, path), status)


@pytest.mark.parametrize("outcome", ["bounce", "click"])
def test_hard_and_soft_are_said_of_a_bounce(outcome):
    edge = Edge()
    body = {"effectKey": EFFECT, "outcome": outcome, "messageId": "b-1", "value": "hard"}

    reply = edge.post("/v1/responses", body)

    if outcome == "bounce":
        assert reply.status_code == 200
        assert edge.gateway.items[0].item.detail == "hard"
        assert edge.gateway.items[0].item.value_minor is None
    else:
        assert_problem(reply, 422)
