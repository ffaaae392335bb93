"""What the HTTP edge needs from the system behind it; the edge knows neither Ray nor cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from actors.domain.ids import Identity, IdSpace
from actors.ports import Store
from actors.wire.messages import Answer


@dataclass(frozen=True, slots=True)
class PackedItem:
    """One packed item and where it belongs.

    `number` is nonzero when the item is addressed to a customer by number, as responses are; then
    `route` is None. Otherwise `route` is the routing identity. `data` is what `pack_item` gave.
    """

    route: Identity | None
    number: int
    data: bytes


class Gateway(Protocol):
    """The way to the customers, to the clock and to the playbook of the whole system."""

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        """Deliver items to their customers; one answer an item, in order.

        May raise `RetryableError`, which says that the outcome of all of them is unknown.
        """
        ...

    def any_hot(self) -> bool:
        """Return whether there is anybody of whom too much waits already."""
        ...

    def refuses(self, route: Identity) -> float | None:
        """Return `Retry-After` in seconds if an event of that identity would be refused, and count it.

        `send` refuses it too; whoever asks before need not read all that was sent.
        """
        ...

    async def advance(self, to_ms: int) -> int:
        """Move the virtual clock forward and return how many timers fired on the way."""
        ...

    def business_ms(self) -> int:
        """Return the business clock's time."""
        ...

    def clock_is_virtual(self) -> bool:
        """Return whether `advance` may be called."""
        ...

    async def status(self) -> dict[str, Any]:
        """Return figures for operators: cells, partitions, queue depths and the like."""
        ...

    async def put_playbook(self, bundle: Mapping[str, str]) -> tuple[str, bool]:
        """Validate and activate a bundle of files; (version, whether every live cell has it).

        Raises:
            PlaybookError: It cannot be used; nothing changed.
        """
        ...

    async def quarantine(self) -> list[dict[str, Any]]:
        """Return what cells have set aside; see `actors.session.quarantine`."""
        ...

    async def release(self, entry_id: str) -> bool:
        """Let something that was set aside be tried again; return whether it was anywhere."""
        ...

    def ready(self) -> bool:
        """Return whether events can be taken now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Limits and policies of the HTTP edge. Sizes are in bytes, after decompression."""

    max_event_bytes: int = 32 * 1024
    max_batch_bytes: int = 500 * 1024
    max_batch_items: int = 2500
    max_playbook_bytes: int = 2 * 1024 * 1024
    currency: str = "EUR"
    cors_origin: str = "*"
    key_cache_ms: int = 1000
    failures_per_minute: int = 30
    trusted_proxies: frozenset[str] = field(default=frozenset({"127.0.0.1", "::1"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that the routes use. `random_bytes(n)` must be fit for making secrets."""

    gateway: Gateway
    store: Store
    ids: IdSpace
    machine_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    settings: EdgeSettings = EdgeSettings()
