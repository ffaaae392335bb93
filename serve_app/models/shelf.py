"""Checkpoints, numbered versions and pins of the models, as the store keeps them.

A version is the state of one model just after its lesson number version × `VERSION_EVERY`. That is a function of the
journal, so that whichever replica stores it stores the same. The last `VERSIONS` are kept. A pin is a version that
answers in place of the model, which learns on beside it.
"""

from typing import Any

import msgpack

from actors.ports import Store
from serve_app.models.learner import COUNTING, Kept, Learner

CHECKPOINT = "models"
"""The name of the checkpoint of all models."""
VERSIONS = 20
_PINS = "models.pins"


async def read_learner(store: Store) -> Learner:
    """Return the models as of the last checkpoint, also of a store that had one model alone.

    Raises:
        ValueError: The checkpoint is of another version.
    """
    saved = await store.checkpoint(CHECKPOINT)
    if saved is not None:
        return Learner.load(saved[1])
    counts = await store.checkpoint(COUNTING)
    return Learner() if counts is None else Learner.load_counts(*counts)


async def write_learner(store: Store, learner: Learner) -> bool:
    """Store a checkpoint unless one that is as far is there; return whether it was stored."""
    return await store.save_checkpoint(CHECKPOINT, learner.offset, learner.dump())


async def write_version(store: Store, offset: int, version: int, fields: list[Any]) -> None:
    """Store a version in the place of the one that is `VERSIONS` older."""
    name = str(fields[0]).partition("@")[0]
    data: bytes = msgpack.packb([version, offset, fields])
    await store.save_checkpoint(_place(name, version), offset, data)


async def versions_of(store: Store, name: str) -> list[tuple[int, int, Kept]]:
    """Return (version, offset, model) of the versions there are, the newest first."""
    found = []
    for i in range(VERSIONS):
        saved = await store.checkpoint(_place(name, i))
        if saved is not None:
            version, offset, fields = msgpack.unpackb(saved[1])
            found.append((version, offset, Kept.from_fields(fields)))
    return sorted(found, key=lambda each: (each[1], each[0]), reverse=True)


async def pins(store: Store) -> dict[str, int]:
    """Return the pinned versions by name."""
    data = await store.setting(_PINS)
    found: dict[str, int] = msgpack.unpackb(data) if data else {}
    return found


async def pin(store: Store, name: str, version: int) -> bool:
    """Have a version answer from now on; False when it is not kept any more, or never was."""
    for number, offset, kept in await versions_of(store, name):
        if number == version:
            data: bytes = msgpack.packb([version, offset, kept.to_fields(plain=True)])
            await store.put_setting(_pinned(name), data)
            await _put_pins(store, {**await pins(store), name: version})
            return True
    return False


async def unpin(store: Store, name: str) -> bool:
    """Have the newest state of a model answer again; False when no version was pinned."""
    known = await pins(store)
    if name not in known:
        return False
    del known[name]
    await _put_pins(store, known)
    return True


async def pinned_model(store: Store, name: str) -> Kept | None:
    """Return the pinned version of a model."""
    data = await store.setting(_pinned(name))
    return None if data is None else Kept.from_fields(msgpack.unpackb(data)[2])


async def _put_pins(store: Store, known: dict[str, int]) -> None:
    packed: bytes = msgpack.packb(dict(sorted(known.items())))
    await store.put_setting(_PINS, packed)


def _place(name: str, version: int) -> str:
    return f"{CHECKPOINT}/{name}/{version % VERSIONS}"


def _pinned(name: str) -> str:
    return f"models.pin.{name}"
