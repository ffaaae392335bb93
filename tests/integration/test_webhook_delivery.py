"""Webhooks over real HTTP, their signatures checked with the Standard Webhooks library."""

import asyncio
import base64
import json
import time
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from actors.channels import addresses
from actors.channels.body import effect_body
from actors.channels.webhook import MOST_BODY_BYTES, WebhookChannel, retry_after_s
from actors.ports import Delivery, DeliveryStatus
from tests.unit.channels.outbox_fakes import item, key

OLD = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
STRANGER = "whsec_" + base64.b64encode(b"s" * 32).decode()
BODY = effect_body(item(seq=4))


class Names:
    """Resolves every name to the next of its answers, and counts."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = 0

    async def resolve(self, host, port=0, family=0):
        self.calls += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
            for address in found
        ]

    async def close(self):
        pass


class Endpoint:
    """A receiver: keeps what it got, answers with `answer`."""

    def __init__(self, answer):
        self.answer = answer
        self.got = []
        self.port = 0

    async def handle(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        return await self.answer(request)


@asynccontextmanager
async def serving(answer, host="127.0.0.1"):
    endpoint = Endpoint(answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", endpoint.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    endpoint.port = site._server.sockets[0].getsockname()[1]
    try:
        yield endpoint
    finally:
        await runner.cleanup()


def status(code, **headers):
    async def answer(request):
        return web.Response(
            status=code, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


async def deliver(endpoint, *, host="127.0.0.1", secrets=(NEW,), times=1, **changes):
    settings = {"now": time.time, "allow_private": True, "timeout_s": 5} | changes
    channel = WebhookChannel(f"http://{host}:{endpoint.port}/hooks", secrets, **settings)
    try:
        deliveries = [await channel.deliver(key(4), BODY, 1) for _ in range(times)]
    finally:
        await channel.close()
    return deliveries[-1]


def delivered_to(answer, **changes):
    async def scenario():
        async with serving(answer) as endpoint:
            return await deliver(endpoint, **changes), endpoint

    return asyncio.run(scenario())


def test_an_effect_arrives_signed_under_its_key():
    delivery, endpoint = delivered_to(status(204))

    ((headers, body),) = endpoint.got
    assert delivery == Delivery(DeliveryStatus.DELIVERED)
    assert headers["webhook-id"] == key(4) == json.loads(body)["effectKey"]
    assert headers["content-type"] == "application/json"
    assert Webhook(NEW).verify(body, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(STRANGER).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body.replace(b"double", b"triple"), headers)


def test_a_message_that_is_replayed_later_is_refused_by_whoever_checks_its_time():
    _, now = delivered_to(status(204))
    _, earlier = delivered_to(status(204), now=lambda: time.time() - 360)

    ((fresh, body),), ((old, _),) = now.got, earlier.got
    assert Webhook(NEW).verify(body, fresh)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(NEW).verify(body, old)
    # The time is signed too: an old message cannot be made young.
    with pytest.raises(WebhookVerificationError, match="signature"):
        Webhook(NEW).verify(body, {**old, "webhook-timestamp": fresh["webhook-timestamp"]})


def test_while_a_secret_rotates_both_verify():
    _, endpoint = delivered_to(status(200), secrets=(NEW, OLD))

    ((headers, body),) = endpoint.got
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body, headers) == json.loads(BODY)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (200, DeliveryStatus.DELIVERED),
        (202, DeliveryStatus.DELIVERED),
        (299, DeliveryStatus.DELIVERED),
        (304, DeliveryStatus.RETRY),
        (400, DeliveryStatus.RETRY),
        (404, DeliveryStatus.RETRY),
        (410, DeliveryStatus.GONE),
        (429, DeliveryStatus.THROTTLED),
        (500, DeliveryStatus.RETRY),
        (502, DeliveryStatus.THROTTLED),
        (503, DeliveryStatus.RETRY),
        (504, DeliveryStatus.THROTTLED),
    ],
)
def test_the_status_decides(code, expected):
    delivery, _ = delivered_to(status(code))

    assert delivery.status is expected
    assert delivery.detail == "" or str(code) in delivery.detail


def test_retry_after_is_passed_on():
    delivery, _ = delivered_to(status(429, Retry_After="17"))

    assert delivery.retry_after_s == 17


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0", 0),
        (" 120 ", 120),
        (formatdate(1_000_030, usegmt=True), 30),
        (formatdate(999_000, usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Wed, 99 Foo 2026 00:00:00 GMT", None),
        ("9" * 400, 999_999_999),
    ],
)
def test_retry_after_is_read_in_both_forms(header, expected):
    assert retry_after_s(header, 1_000_000) == expected


def test_redirects_are_not_followed():
    async def scenario():
        async with serving(status(200)) as target:
            away = status(307, Location=f"http://127.0.0.1:{target.port}/elsewhere")
            async with serving(away) as endpoint:
                return await deliver(endpoint), target

    delivery, target = asyncio.run(scenario())

    assert delivery.status is DeliveryStatus.RETRY
    assert "redirects are not followed" in delivery.detail
    assert target.got == []


def test_a_slow_endpoint_is_a_retry_after_the_timeout():
    async def never(request):
        await asyncio.sleep(60)

    delivery, _ = delivered_to(never, timeout_s=0.2)

    assert delivery == Delivery(DeliveryStatus.RETRY, "no answer within 0.2 s")


def test_a_success_with_an_endless_slow_body_is_a_success():
    async def trickle(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"ok")
        await asyncio.sleep(60)

    delivery, _ = delivered_to(trickle, timeout_s=0.2)

    assert delivery.status is DeliveryStatus.DELIVERED


def test_an_oversized_body_is_not_read():
    written = []

    async def flood(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(1_000):
            await answer.write(b"x" * 65_536)
            written.append(65_536)
        return answer

    delivery, _ = delivered_to(flood)

    assert delivery.status is DeliveryStatus.DELIVERED
    # What the sockets' buffers took, not the 64 MB that were offered.
    assert sum(written) < 16_000_000
    assert MOST_BODY_BYTES == 4_096


def test_garbage_and_hanging_up_are_retries():
    async def scenario(answer):
        async def talk(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        endpoint = Endpoint(None)
        endpoint.port = server.sockets[0].getsockname()[1]
        async with server:
            return await deliver(endpoint)

    answers = (
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 Eh\r\n\r\n",
        b"\x00\xff" * 1_000,
    )
    for answer in answers:
        assert asyncio.run(scenario(answer)).status is DeliveryStatus.RETRY


def test_nobody_listening_is_a_retry():
    async def scenario():
        async with serving(status(200)) as endpoint:
            pass
        return await deliver(endpoint)

    delivery = asyncio.run(scenario())

    assert delivery.status is DeliveryStatus.RETRY
    assert delivery.detail.startswith("cannot connect")


def test_a_name_that_leads_inside_is_refused_and_nothing_is_sent():
    delivery, endpoint = delivered_to(
        status(200), host="hooks.example", resolver=Names(["127.0.0.1"]), allow_private=False
    )

    assert delivery.status is DeliveryStatus.REFUSED
    assert "hooks.example has a private" in delivery.detail
    assert endpoint.got == []


def test_localhost_is_refused_by_the_systems_own_resolver_too():
    delivery, endpoint = delivered_to(status(200), host="localhost", allow_private=False)

    assert delivery.status is DeliveryStatus.REFUSED
    assert endpoint.got == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(monkeypatch):
    # Let the test's own server pass as public; its other addresses stay private.
    public = addresses.ipaddress.ip_address("127.0.0.1")
    monkeypatch.setattr(addresses, "is_public", lambda address: address == public)
    names = Names(["127.0.0.1"], ["127.0.0.2"])

    async def scenario():
        async with serving(status(200), host="0.0.0.0") as endpoint:
            settings = {"host": "hooks.example", "resolver": names, "allow_private": False}
            first = await deliver(endpoint, **settings)
            calls = names.calls
            second = await deliver(endpoint, **settings)  # the name leads inside by now
            return first, calls, second, len(endpoint.got)

    first, calls, second, got = asyncio.run(scenario())

    assert (first.status, calls) == (DeliveryStatus.DELIVERED, 1)
    assert (second.status, got) == (DeliveryStatus.REFUSED, 1)


def test_connections_are_used_again():
    peers = set()

    async def answer(request):
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response({"ok": True})

    delivered_to(answer, times=5)

    assert len(peers) == 1


def test_cookies_of_a_receiver_are_not_kept():
    names = Names(["127.0.0.1"])  # a client keeps no cookies of bare addresses anyway

    _, endpoint = delivered_to(
        status(200, Set_Cookie="a=b"), times=2, host="hooks.example", resolver=names
    )

    assert len(endpoint.got) == 2
    assert all("cookie" not in headers for headers, _ in endpoint.got)
