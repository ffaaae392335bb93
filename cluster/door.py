"""Looks whether anybody could come in, because Serve does not look while the wall clock stands behind where it was.

Serve's controller starts a dead HAProxy again, but asks the wall clock when it looked last (Ray 2.60,
`ProxyState`): after a step back of five minutes it looks at nobody for five minutes. A new controller
has not looked yet. It is not on the way of an event, and finds everything by itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

CLOSED_S = 10.0
"""Nobody listening for so long is more than Serve needs to bring HAProxy back when its clock goes on."""
AGAIN_S = 60.0
"""A new controller gets so long before it is exchanged once more."""
EVERY_S = 1.0
_ANSWERS_S = 0.5


class Door:
    """What is known of the front door; instants in seconds of a clock that never steps."""

    def __init__(self) -> None:
        self._seen = False
        self._closed_s = 0.0
        self._looked_s: float | None = None
        self._knocked_s = float("-inf")

    def looks(self, *, is_open: bool, now_s: float) -> bool:
        """Note a look; return whether Serve's controller is to be exchanged now.

        One that was never open is still coming up. A gap between looks counts as two of the usual
        ones at most: who was paused has not seen a closed door all that time.
        """
        gap_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, 2 * EVERY_S)
        self._looked_s = now_s
        if is_open:
            self._seen, self._closed_s = True, 0.0
            return False
        self._closed_s += gap_s
        if not self._seen or self._closed_s < CLOSED_S or now_s - self._knocked_s < AGAIN_S:
            return False
        self._knocked_s = now_s
        return True


async def keep_open(host: str, port: int, exchange: Callable[[], Awaitable[None]]) -> None:
    """Look once a second until cancelled, and have Serve's controller exchanged when that may help.

    `exchange` raises nothing: who cannot do it now is asked again later.
    """
    door = Door()
    while True:
        await asyncio.sleep(EVERY_S)
        is_open = await _listens(host, port)
        if door.looks(is_open=is_open, now_s=time.monotonic()):
            log.warning("nobody listens on port %d: Serve's controller is exchanged", port)
            await exchange()


async def _listens(host: str, port: int) -> bool:
    """Return whether a connection is taken; one that is only slow counts as taken."""
    try:
        async with asyncio.timeout(_ANSWERS_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return True
    except OSError:
        return False
    writer.close()
    return True
