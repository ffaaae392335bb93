"""A CRM is told over real HTTP who entered a segment and how an offer was taken, at least once."""

import asyncio
import json
import time

from aiohttp import web

from actors.channels.webhook import WebhookChannel
from actors.domain.events import Command
from actors.domain.ids import customer_text, effect_text
from actors.runtime.checking import checking
from actors.runtime.dispatcher import Dispatcher
from actors.wire.messages import Routed
from tests.builders import (
    CHANNELS,
    NOW,
    SECOND,
    consent,
    make_playbook,
    number_of,
    order,
    question,
    response,
    user,
)
from tests.doubles.clocks import ManualClock
from tests.doubles.hosts import answered, hosting
from tests.integration.test_webhook_delivery import NEW, serving

ANN = number_of(user("ann"))
BOOK = make_playbook(
    triggers={},
    channels=CHANNELS | {"crm": {"outbound": True}},
    segments={"buyer": {"when": "profile.orders >= 1 && profile.recency_days < 30.0"}},
    files={
        "feeds.yaml": {
            "feeds": {"crm": {"channel": "crm", "on": ["segment.entered", "outcome"]}},
        }
    },
)


class Crm:
    """Fails the first attempt of each message."""

    def __init__(self):
        self.tried = []

    async def __call__(self, request):
        await request.read()
        key = request.headers["webhook-id"]
        self.tried.append(key)
        return web.Response(status=500 if self.tried.count(key) == 1 else 200)


def fed(*groups, until=1, erase=False):
    """Run groups of items; return the bodies that the CRM took, by effect key, and what it was tried."""

    async def scenario():
        crm, clock = Crm(), ManualClock(NOW)
        async with serving(crm) as endpoint, hosting(clock) as host:
            host.playbook = BOOK
            url = f"http://127.0.0.1:{endpoint.port}/hook"
            channel = WebhookChannel(url, [NEW], now=time.time, allow_private=True, timeout_s=5)
            dispatcher = Dispatcher(
                host.truth,
                {"crm": channel},
                host._clock,
                owner=lambda: host.owner,
                epochs=lambda: host.epochs,
                check=checking(lambda: BOOK, clock),
            )
            for items in groups:
                await answered(host, *items)
            if erase:
                await answered(host, Routed(Command(message_id="e", kind="erase"), ANN))
            running = asyncio.create_task(dispatcher.run())
            dispatcher.wake()
            async with asyncio.timeout(15):
                while not erase and len(set(crm.tried)) < until:
                    await asyncio.sleep(0.01)
                while not erase and any(crm.tried.count(key) < 2 for key in set(crm.tried)):
                    if not dispatcher.stats().in_flight:
                        clock.advance(6 * SECOND)  # past the wait before a second attempt
                    dispatcher.wake()
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                while dispatcher.stats().in_flight or dispatcher.stats().unsettled:
                    await asyncio.sleep(0.01)
            await dispatcher.stop(1.0)
            await running
            await channel.close()
            bodies = {}
            for _, body in endpoint.got:
                told = json.loads(body)
                bodies[told["effectKey"]] = told
            return bodies, crm.tried

    return asyncio.run(scenario())


def test_an_entered_segment_is_told_under_one_key_until_it_is_taken():
    bodies, tried = fed([order(id="o", at=NOW)])

    (told,) = bodies.values()
    assert told["action"] == "feed/crm/segment.entered"
    assert told["customerId"] == customer_text(ANN)
    assert told["purpose"] == "feed"
    assert told["content"] == {
        "type": "segment.entered",
        "segment": "buyer",
        "at": "2027-01-15T08:00:00.000Z",
    }
    assert told["identities"] == {"user": "ann"}
    assert tried == [told["effectKey"]] * 2


def test_an_outcome_is_told_also_of_somebody_who_wants_no_messages():
    shown = effect_text(ANN, 2, 0)

    bodies, _ = fed(
        [consent(granted=False, id="c")],
        [question(id="q")],
        [response(shown, "click", at=NOW)],
    )

    (told,) = bodies.values()
    assert told["content"]["outcome"] == "click"
    assert told["content"]["effectKey"] == shown
    assert told["effectKey"] != shown


def test_nothing_is_told_of_who_was_erased_before_it_went():
    bodies, tried = fed([order(id="o", at=NOW)], erase=True)

    assert (bodies, tried) == ({}, [])
