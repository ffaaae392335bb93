"""How many cells are wanted: a row in the store, which the supervisor follows."""

from dataclasses import dataclass
from typing import Any

import msgpack

from actors.domain.errors import CodecError
from actors.ports import Store

SETTING = "cells"
SETTLED = "cells_settled"
MAX_CELLS = 256


def cell_names(count: int) -> list[str]:
    """Return the names of the actors that own partitions."""
    return [f"cell-{i}" for i in range(count)]


def standby_names(count: int) -> list[str]:
    """Return the names of those that own partitions only while no other cell lives."""
    return ["standby-0"] if count == 1 else []


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many cells are wanted, and the most that have been since the system was started."""

    count: int
    highest: int


async def wanted_cells(store: Store) -> Wanted | None:
    """Return what is wanted, or None when nothing was said yet.

    Raises:
        CodecError: The row is damaged.
    """
    data = await store.setting(SETTING)
    if data is None:
        return None
    try:
        found: Any = msgpack.unpackb(data)
        return Wanted(int(found["count"]), int(found["highest"]))
    except (ValueError, TypeError, KeyError) as error:
        raise CodecError(f"the number of cells cannot be read: {error}") from error


async def want_cells(store: Store, count: int, *, afresh: bool = False) -> None:
    """Say how many cells are wanted from now on; `afresh` when no cell is running yet."""
    before = None if afresh else await wanted_cells(store)
    highest = max(count, before.highest if before is not None else 0)
    await store.put_setting(SETTING, msgpack.packb({"count": count, "highest": highest}))
    if afresh:
        await note_settled(store, 0)


async def settled_cells(store: Store) -> int:
    """Return for how many cells everything was last where it should be; 0 before the first time."""
    data = await store.setting(SETTLED)
    return int.from_bytes(data or b"", "big")


async def note_settled(store: Store, count: int) -> None:
    """Say that so many cells serve, and nothing is to change hands."""
    await store.put_setting(SETTLED, count.to_bytes(2, "big"))
