"""A shop whose banners are scored by a logistic model and messages by counts, and customers who answer."""

import asyncio
import json

from actors.playbook.loader import bundle_bytes, compile_bundle
from serve_app.models.follower import Follower
from tests.builders import (
    ACTIONS,
    BANNER,
    CHANNELS,
    DAY,
    NOW,
    SECOND_BANNER,
    World,
    make_event,
    order,
    question,
    response,
    user,
)

FEATURES = {
    "orders": {"from": "profile.orders", "type": "number", "unit": "orders", "max": 50},
    "spend": {"from": "profile.spend", "type": "number", "unit": "EUR", "log": True},
    "regular": {"when": "'regular' in segments", "type": "flag"},
    "asked_on": {"from": "event.channel", "type": "category", "values": ["web", "app"]},
}
MODELS = {
    "banners": {
        "kind": "logistic",
        "appliesTo": {"groups": ["web", "web_wide"]},
        "features": ["orders", "spend", "regular", "asked_on"],
        "halfLife": 500,
    }
}


def bundle(*, features=None, models=None, segments=None):
    """The files of the shop; JSON is YAML."""
    actions = {key: ACTIONS[key] for key in (BANNER, SECOND_BANNER)}
    segments = segments or {"regular": {"when": "profile.orders >= 2"}}
    book = {
        "name": "shop",
        "version": "1.0",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": CHANNELS,
    }
    parts = {"features": features or FEATURES, "models": MODELS if models is None else models}
    return {
        "playbook.yaml": json.dumps(book),
        "actions.yaml": json.dumps({"actions": actions}),
        "segments.yaml": json.dumps({"segments": segments}),
        "models.yaml": json.dumps(parts),
    }


def learning_book(**parts):
    """Return the compiled playbook and its packed bundle."""
    files = bundle(**parts)
    return compile_bundle(files), bundle_bytes(files)


SHOP = learning_book()


class FollowingScorer:
    """Answers through a follower, without a network; `last` are the rows of the last group."""

    def __init__(self, store):
        self.follower = Follower(store)
        self.last = []

    async def score(self, rows):
        self.last = list(rows)
        return self.follower.score(rows)


def learning_world(store, **parts):
    """A session over a store that has the playbook, whose scores come from the models."""
    playbook, packed = SHOP if not parts else learning_book(**parts)
    asyncio.run(store.put_playbook(playbook.version, packed, NOW))
    return World(store, store, scorer=FollowingScorer(store), playbook=playbook)


def live(world, rounds=6, people=("ann", "bob", "carl"), first=0):
    """Customers buy, are shown banners, and click on some; the others teach when their windows close.

    Returns:
        For the key of each banner shown, the row with which it was scored.
    """
    served = {}
    for turn in range(first, first + rounds):
        for i, who in enumerate(people):
            world.clock.advance(60_000)
            now = world.clock.business_ms()
            if (turn + i) % 2:
                world.jobs(order(10.0 + turn, user(who), id=f"o{turn}{who}", at=now))
            asked = world.reply(question(user(who), id=f"q{turn}{who}", at=now))
            for action in asked["actions"]:
                key = action["effectKey"]
                served[key] = next(r for r in world.scorer.last if r.action == action["action"])
                world.clock.advance(1000)
                outcome = "dismiss" if (turn + i) % 3 else "click"
                world.jobs(response(key, outcome, id=f"r{key}"))
    return served


def close_windows(world, people=("ann", "bob", "carl")):
    """Let a month pass: whatever was not taken is learned as such."""
    world.clock.advance(31 * DAY)
    for who in people:
        now = world.clock.business_ms()
        world.jobs(make_event("Page Seen", user(who), id=f"p{now}{who}", at=now))


def caught_up(store):
    """Return a follower that has read the whole journal."""
    follower = Follower(store)

    async def read():
        await follower.open()
        while await follower.step():
            pass

    asyncio.run(read())
    return follower
