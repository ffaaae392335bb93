"""Looking for something with a call that blocks never stops the loop that looks."""

import asyncio
import threading

import pytest

from actors.runtime.seeking import Sought


class Controller:
    """Answers when it is told to, and counts who asks."""

    def __init__(self) -> None:
        self.alive = threading.Event()
        self.asked = 0
        self.error: Exception | None = None

    def look(self) -> str:
        self.asked += 1
        assert self.alive.wait(10)
        if self.error is not None:
            raise self.error
        return "handle"


def test_the_loop_goes_on_and_waiters_give_up_while_nobody_answers():
    controller = Controller()

    async def run():
        sought = Sought(controller.look)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await sought.get()
        controller.alive.set()
        return await sought.get(), await sought.get()

    assert asyncio.run(run()) == ("handle", "handle")
    assert controller.asked == 1


def test_an_error_is_told_and_the_next_call_looks_again():
    controller = Controller()
    controller.alive.set()
    controller.error = RuntimeError("no controller")

    async def run():
        sought = Sought(controller.look)
        with pytest.raises(RuntimeError, match="no controller"):
            await sought.get()
        controller.error = None
        return await sought.get(), await sought.get()

    assert asyncio.run(run()) == ("handle", "handle")
    assert controller.asked == 2
