import json
import time
import urllib.request

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


def eventually(check, within_s=15.0):
    deadline = time.monotonic() + within_s
    while True:
        result = check()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(0.1)


def test_an_event_is_answered_after_its_commit_and_again_with_the_first_answer(system):
    first = system.track("u-1", "Product Viewed", "e-1", properties={"product_id": "p-1"})
    again = system.track("u-1", "Product Viewed", "e-1", properties={"product_id": "p-1"})

    assert first[0] == again[0] == 200
    assert first[1]["status"] == "accepted"
    assert again[1] == first[1] | {"status": "duplicate"}


def test_a_message_id_used_for_another_body_is_a_conflict_whoever_claims_it(system):
    system.track("u-2", "Product Viewed", "e-2", properties={"product_id": "p-1"})

    status, problem = system.track("u-3", "Product Viewed", "e-2", properties={"product_id": "x"})

    assert status == 409
    assert problem["status"] == 409


def test_events_of_one_customer_keep_their_order_and_number_without_gaps(system):
    batch = [
        {
            "type": "track",
            "messageId": f"o-{i}",
            "userId": "u-order",
            "event": "Order Completed",
            "properties": {"order_id": str(i), "total": 10.01},
        }
        for i in range(50)
    ]

    status, body = system("POST", "/v1/batch", {"batch": batch})
    customer = system("GET", "/v1/customers/user:u-order")[1]
    timeline = system("GET", "/v1/customers/user:u-order/timeline?limit=100")[1]

    assert status == 200
    assert [r["status"] for r in body["results"]] == ["accepted"] * 50
    assert customer["purchases"]["spend"]["amount"] == pytest.approx(500.5)
    turns = timeline["items"] if "items" in timeline else timeline["turns"]
    assert [turn["seq"] for turn in turns] == list(range(customer["seq"], 0, -1))


def test_a_decision_is_recorded_and_replays_to_the_bit(system):
    system.track("u-4", "Order Completed", "e-4", properties={"order_id": "1", "total": 60.0})
    status, reply = system.track(
        "u-4",
        "Order Completed",
        "e-5",
        properties={"order_id": "2", "total": 45.5},
        context={"channel": "store", "placements": ["till_receipt"]},
    )
    assert status == 200
    assert reply["actions"], "the till prints something for a customer like this"
    customer, decision = reply["customerId"], reply["decisionId"]

    record = system("GET", f"/v1/customers/{customer}/decisions/{decision}")
    replay = system("POST", f"/v1/customers/{customer}/decisions/{decision}/replay")

    assert record[0] == 200
    assert replay == (200, {"identical": True})


def test_an_outcome_is_credited_once_and_teaches_the_models(system):
    reply = system.track(
        "u-5",
        "Order Completed",
        "e-6",
        properties={"order_id": "3", "total": 45.5},
        context={"channel": "store", "placements": ["till_receipt"]},
    )[1]
    lessons = system("GET", "/v1/status")[1]["models"]["lessons"]
    outcome = {
        "effectKey": reply["actions"][0]["effectKey"],
        "outcome": "accept",
        "messageId": "r-1",
    }

    answers = [system("POST", "/v1/responses", outcome) for _ in range(2)]

    assert [a[1]["status"] for a in answers] == ["accepted", "duplicate"]
    seen = []

    def learned():
        seen.append(system("GET", "/v1/status")[1]["models"]["lessons"])
        return seen[-1] >= lessons + 1  # those of other tests may still be on their way

    assert eventually(learned), (lessons, seen[:3], seen[-3:], reply, system("GET", "/v1/models"))


def test_an_unknown_effect_is_not_found(system):
    body = {"effectKey": "e_0000000000000_1_0", "outcome": "click", "messageId": "r-2"}

    assert system("POST", "/v1/responses", body)[0] == 404


def test_asking_without_an_event_reserves_nothing_when_it_is_a_dry_run(system):
    system.track("u-6", "Order Completed", "e-7", properties={"order_id": "4", "total": 20.0})
    ask = {"userId": "u-6", "channel": "web", "placements": ["home_hero"], "dryRun": True}
    before = system("GET", "/v1/customers/user:u-6")[1]

    status, _ = system("POST", "/v1/decide", ask)

    assert status == 200
    assert system("GET", "/v1/customers/user:u-6")[1] == before


def test_a_profile_is_not_sent_again_while_its_etag_holds(system):
    system.track("u-7", "Product Viewed", "e-8")
    _, headers, _ = system.full("GET", "/v1/customers/user:u-7")

    status, _, _ = system.full("GET", "/v1/customers/user:u-7", if_none_match=headers["etag"])

    assert status == 304


def test_a_cart_left_alone_is_remembered_half_an_hour_later_on_the_virtual_clock(system):
    consent = {"consent": {"categoryPreferences": {"email": True, "app": True}}}
    added = system.track(
        "u-cart",
        "Product Added",
        "c-1",
        properties={"cart_id": "k-1", "product_id": "p", "price": 12.5, "quantity": 4},
        context=consent,
    )[1]

    fired = system("POST", "/v1/clock/advance", {"by": "PT31M"})
    timeline = system("GET", f"/v1/customers/{added['customerId']}/timeline")[1]

    assert fired[0] == 200
    assert "c-1" in json.dumps(timeline)
    woken = [turn for turn in timeline["items"] if turn["kind"] == "wake"]
    assert [turn["timer"]["kind"] for turn in woken].count("scenario") == 1


def test_the_stream_carries_what_was_queued_for_its_channel(system):
    consent = {"consent": {"categoryPreferences": {"email": True, "app": True, "sms": True}}}
    reply = system.track(
        "u-stream",
        "Order Completed",
        "s-1",
        properties={"order_id": "s-1", "total": 80.0},
        context=consent,
    )[1]
    assert reply["outbound"] == 1
    customer = reply["customerId"].removeprefix("c_")
    channel = _channel_of(system, customer)

    lines = _listen(system, channel, until=f'"customerId":"c_{customer}')

    assert any(customer in line for line in lines if line.startswith("data:"))


def _channel_of(system, customer):
    def found():
        for path in (system.child.data / "outbox").glob("*.jsonl"):
            if customer in path.read_text():
                return path.stem
        return None

    return eventually(found)


def _listen(system, channel, until):
    """Return the lines of a stream up to the one that is waited for, or for three seconds."""
    request = urllib.request.Request(
        f"{system.child.url}/v1/actions/stream?channel={channel}",
        headers={"Authorization": f"Bearer {system.child.key}"},
    )
    lines = []
    with urllib.request.urlopen(request, timeout=3) as stream:
        try:
            for line in stream:
                lines.append(line.decode())
                if until in lines[-1]:
                    break
        except TimeoutError:
            pass
    return lines


def _in_file(system, customer):
    return any(
        customer in path.read_text() for path in (system.child.data / "outbox").glob("*.jsonl")
    )


def test_what_was_queued_is_delivered_under_its_key(system):
    consent = {"consent": {"categoryPreferences": {"email": True, "app": True}}}
    reply = system.track(
        "u-file",
        "Order Completed",
        "f-1",
        properties={"order_id": "f-1", "total": 80.0},
        context=consent,
    )[1]

    assert reply["outbound"] == 1
    assert eventually(lambda: _in_file(system, reply["customerId"].removeprefix("c_")))


def test_a_key_can_be_added_and_revoked_without_a_restart(system):
    made = system("POST", "/v1/keys", {"scopes": ["read"], "name": "a reader"})
    assert made[0] in {200, 201}
    key, key_id = made[1]["key"], made[1]["id"]

    allowed = system("GET", "/v1/status", key=key)[0]
    forbidden = system("POST", "/v1/track", {"userId": "x", "event": "y"}, key=key)[0]
    system("DELETE", f"/v1/keys/{key_id}")

    assert (allowed, forbidden) == (200, 403)
    assert eventually(lambda: system("GET", "/v1/status", key=key)[0] == 401, within_s=5)


def test_a_new_playbook_is_used_by_every_cell_when_the_reply_comes(system):
    files = dict(system("GET", "/v1/playbook")[1]["files"])
    before = system("GET", "/v1/playbook")[1]["version"]
    files["playbook.yaml"] = files["playbook.yaml"] + "\n# one remark more\n"

    status, body = system("PUT", "/v1/playbook", {"files": files})
    cells = system("GET", "/v1/status")[1]["cells"]

    assert status == 200
    assert {cell["playbook"] for cell in cells} == {body["version"]}
    rollback = system("POST", "/v1/playbook/rollback", {"version": before})
    assert rollback[0] == 200


def test_a_playbook_with_a_mistake_changes_nothing_and_says_where_it_is(system):
    files = dict(system("GET", "/v1/playbook")[1]["files"])
    before = system("GET", "/v1/playbook")[1]["version"]
    files["segments.yaml"] = files["segments.yaml"].replace("profile.orders", "profile.ordres", 1)

    status, problem = system("PUT", "/v1/playbook", {"files": files})

    assert status == 422
    assert "segments.yaml" in json.dumps(problem)
    assert "profile.orders" in json.dumps(problem)
    assert system("GET", "/v1/playbook")[1]["version"] == before
