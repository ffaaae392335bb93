"""Following the virtual clock that the store keeps, in processes that do not move it."""

import asyncio
from contextlib import suppress

from actors.domain.errors import RetryableError
from actors.ports import Store
from actors.runtime.clocks import VirtualClock, stored_virtual_ms


async def follow_virtual_time(store: Store, clock: VirtualClock, period_s: float = 0.5) -> None:
    """Move a clock to what the store says, again and again, until cancelled."""
    while True:
        with suppress(RetryableError):
            clock.advance_to(await stored_virtual_ms(store) or 0)
        await asyncio.sleep(period_s)
