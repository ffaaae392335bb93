"""A scenario calls a webhook over real HTTP and goes on with what it answers."""

import asyncio
import json
import time

from aiohttp import web

from actors.channels.webhook import MOST_BODY_BYTES, WebhookChannel
from actors.ports import Delivery, DeliveryStatus, Lookup
from actors.runtime.answering import answering
from actors.runtime.clocks import VirtualClock
from actors.runtime.dispatcher import Dispatcher
from actors.wire.state import unpack_state
from tests.builders import HOUR, NOW, make_event, number_of, user
from tests.contracts.store_support import permitted
from tests.doubles.hosts import answered, hosting
from tests.integration.test_webhook_delivery import NEW, delivered_to, serving, status
from tests.unit.session.test_session_journeys import JOURNEYS

ANN = number_of(user("ann"))


def answer_with(body):
    async def answer(request):
        return web.Response(body=body, content_type="application/json")

    return answer


def called(answer, later=0):
    """Let a complaint call the endpoint; return the customer afterwards, and the endpoint."""

    async def scenario():
        async with serving(answer) as endpoint, hosting(VirtualClock(NOW)) as host:
            host.playbook = JOURNEYS
            url = f"http://127.0.0.1:{endpoint.port}/ask"
            channel = WebhookChannel(url, [NEW], now=time.time, allow_private=True, timeout_s=5)
            dispatcher = Dispatcher(
                host.truth,
                {"crm": channel},
                host._clock,
                owner=lambda: host.owner,
                epochs=lambda: host.epochs,
                check=permitted,
                answered=answering(host.submit),
            )
            running = asyncio.create_task(dispatcher.run())
            await answered(host, make_event("Complaint", id="m1", properties={"topic": "milk"}))
            dispatcher.wake()
            async with asyncio.timeout(10):
                while not endpoint.got:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
                while dispatcher.stats().in_flight or dispatcher.stats().unsettled:
                    await asyncio.sleep(0.01)
            if later:
                await host.advance(NOW + later)
            await dispatcher.stop(1.0)
            await running
            await channel.close()
            found = await host.truth.lookup(Lookup(numbers=(ANN,)))
            return unpack_state(found.customers[ANN].state), endpoint

    return asyncio.run(scenario())


def test_the_endpoint_is_told_what_the_step_says_and_its_answer_is_kept():
    customer, endpoint = called(answer_with(b'{"score": 7, "nested": {"a": 1}}'))

    ((_, body),) = endpoint.got
    assert json.loads(body)["content"] == {"about": "milk"}
    assert json.loads(body)["action"] == "call/calling/ask"
    assert customer.profile.traits["score"] == 7
    assert customer.journeys.instances == []


def test_an_endpoint_that_is_gone_takes_the_other_way_at_once():
    customer, _ = called(status(410))

    assert "score" not in customer.profile.traits
    assert customer.journeys.instances == []


def test_an_endpoint_that_fails_is_waited_for_until_the_timeout():
    customer, _ = called(status(500))
    assert [t.step for i in customer.journeys.instances for t in i.tokens] == ["ask"]

    customer, _ = called(status(500), later=2 * HOUR)
    assert customer.journeys.instances == []


def test_a_short_answer_is_passed_on_and_a_long_one_is_not():
    short, _ = delivered_to(answer_with(b'{"a": 1}'))
    long, _ = delivered_to(answer_with(b"x" * (MOST_BODY_BYTES + 1)))

    assert short == Delivery(DeliveryStatus.DELIVERED, answer=b'{"a": 1}')
    assert long == Delivery(DeliveryStatus.DELIVERED)
