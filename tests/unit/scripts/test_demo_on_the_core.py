"""The demo's story told to the real edge, core and playbook, without Ray."""

import asyncio
import json
from io import StringIO

import pytest
from rich.console import Console

from actors.stores.memory import MemoryStore
from scripts.demo.client import Client
from scripts.demo.households import build
from scripts.demo.readback import read_back
from scripts.demo.replay import Replay
from scripts.demo.run import Outcome, server_time_ms
from scripts.demo.summary import show
from tests.unit.scripts.local_system import running
from tests.unit.scripts.test_demo_households import make_frames


async def tell(store, story, start_ms):
    async with running(store, start_ms) as transport:
        client = Client(transport)
        replay = Replay(client, story, connections=4)
        tally = await replay.run(await server_time_ms(client))
        known = await read_back(client, story.households, tally.samples, 4)
        profiles = [
            (await client.get(f"/v1/customers/user:hh-{household}")).body
            for household in story.households
        ]
    return Outcome(story, tally, known), profiles


def plain(profiles):
    return json.dumps(profiles, default=str, sort_keys=True)


@pytest.fixture(scope="module")
def told():
    """The story told once: story, store, outcome and profiles, which nobody changes."""
    story, store = build(make_frames()), MemoryStore()
    return story, store, *asyncio.run(tell(store, story, story.starts_ms))


def test_every_call_of_the_story_is_accepted_and_the_sales_are_exact(told):
    story, _, outcome, profiles = told

    assert outcome.wrong() == ""
    result = outcome.result()
    assert result["accepted"] == len(story.calls) == 8
    assert result["outcomes"] == 2
    assert result["decisions"] >= 4
    assert result["sales"] == result["expectedSales"] == 18.44
    assert [profile["lateEvents"] for profile in profiles] == [0, 0, 0]
    assert profiles[0]["redemptions"] == 1
    assert profiles[0]["traits"] == {"age": "45-54"}


def test_told_again_it_is_all_duplicates_and_changes_nothing(told):
    story, store, first, before = told

    again, after = asyncio.run(tell(store, story, story.calls[-1].at_ms + 6 * 3_600_000))

    assert first.tally.accepted == 8
    assert (again.tally.accepted, again.tally.duplicates) == (0, 8)
    assert again.tally.inline_actions == first.tally.inline_actions
    assert [p["seq"] for p in after] == [p["seq"] for p in before]
    assert plain([p["purchases"] for p in after]) == plain([p["purchases"] for p in before])
    assert again.wrong() == ""


def test_the_summary_says_what_was_known_decided_and_sent(told):
    _, _, outcome, _ = told
    page = StringIO()

    show(Console(file=page, width=110), outcome)

    text = page.getvalue()
    for wanted in (
        "Sales over all 3 profiles: 18.44, equal to the data's, to the cent.",
        "The panoramic view of one of them",
        "email marketing granted",
        "What they decided",
        "Why not: 4 decision records looked into",
        "8 accepted, 0 duplicates, 0 rejected, 0 lost",
    ):
        assert wanted in text
