"""When nobody can come in, and Serve does not notice."""

import asyncio
import socket

import pytest

from cluster import door
from cluster.door import AGAIN_S, CLOSED_S, Door


def looks(seen, door_=None, start_s=0.0):
    """Return at which of the looks, one a second, the controller was exchanged."""
    watched = door_ or Door()
    return [
        i for i, is_open in enumerate(seen) if watched.looks(is_open=is_open, now_s=start_s + i)
    ]


def test_a_door_that_stays_closed_has_the_controller_exchanged_once_a_minute():
    found = looks([True] + [False] * 130)

    assert found == [CLOSED_S, CLOSED_S + AGAIN_S, CLOSED_S + 2 * AGAIN_S]


def test_a_door_that_opens_again_in_time_has_nothing_exchanged():
    assert looks(([True] + [False] * 9) * 20) == []


def test_a_door_that_was_never_open_is_still_coming_up():
    assert looks([False] * 200) == []


def test_who_was_paused_has_not_seen_a_closed_door_all_the_time():
    watched = Door()
    watched.looks(is_open=True, now_s=0.0)
    watched.looks(is_open=False, now_s=1.0)

    assert not watched.looks(is_open=False, now_s=500.0)


def test_a_port_on_which_nobody_listens_is_noticed(monkeypatch):
    monkeypatch.setattr(door, "EVERY_S", 0.01)
    monkeypatch.setattr(door, "CLOSED_S", 0.05)

    async def run():
        exchanged = asyncio.Event()

        async def exchange():
            exchanged.set()

        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            port = listening.getsockname()[1]
            watch = asyncio.create_task(door.keep_open("127.0.0.1", port, exchange))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await exchanged.wait()
        async with asyncio.timeout(20):
            await exchanged.wait()
        assert not watch.done()
        watch.cancel()

    asyncio.run(run())
