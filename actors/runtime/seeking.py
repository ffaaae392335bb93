"""Something that is found by a call that blocks, without stopping the loop that wants it."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Sought(Generic[T]):
    """Calls `look` once, in a thread, and keeps what it returns.

    Made for handles of Serve deployments: looking asks Serve's controller and blocks until it answers, for tens
    of seconds while it is dead. On a cell's own loop that stopped its beats, and the cell was killed as
    silent, again and again.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._looking: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Return what was found.

        Whoever gives up waiting does not end the search. An error is raised to all who wait, and the next
        call begins a new search.
        """
        looking = self._looking
        if looking is None or (looking.done() and looking.exception() is not None):
            looking = self._looking = asyncio.ensure_future(asyncio.to_thread(self._look))
            looking.add_done_callback(_take_error)
        return await asyncio.shield(looking)


def _take_error(looking: "asyncio.Future[T]") -> None:
    """Hear an error that nobody waits for any more, so that it is not reported as forgotten."""
    if not looking.cancelled():
        looking.exception()
