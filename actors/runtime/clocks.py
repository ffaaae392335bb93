"""The only readers of the machine's clock in this package."""

import time

from actors.ports import Store

_VIRTUAL = "virtual_now_ms"


class RealClock:
    """Both clocks are the machine's."""

    virtual = False

    def business_ms(self) -> int:
        """Return milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def machine_ms(self) -> int:
        """Return milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class VirtualClock(RealClock):
    """The business clock stands still until it is advanced; the machine's goes on."""

    virtual = True

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def business_ms(self) -> int:
        """Return the virtual time."""
        return self._now_ms

    def advance_to(self, now_ms: int) -> None:
        """Move forward; time never runs backward."""
        self._now_ms = max(self._now_ms, now_ms)


async def stored_virtual_ms(store: Store) -> int | None:
    """Return the virtual time that the store keeps for all its cells, or None."""
    value = await store.setting(_VIRTUAL)
    return None if value is None else int(value)


async def store_virtual_ms(store: Store, now_ms: int) -> None:
    """Keep the virtual time, so that a restart goes on from it."""
    await store.put_setting(_VIRTUAL, str(now_ms).encode())
