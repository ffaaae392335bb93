"""Where reports come from: a running system, or a store that is read directly."""

import asyncio
from pathlib import Path
from typing import Any

from actors.playbook.hints import expected
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.runtime.clocks import RealClock, stored_virtual_ms
from actors.stores.opening import open_store
from scripts.calling import call
from scripts.output import Failure
from serve_app.experiments import ExperimentReader

_ALL_ROWS = 1 << 40


def fetch(url: str, key_file: Path, name: str) -> dict[str, Any]:
    """Ask a running system, until it has read all of its journal.

    Raises:
        Failure: Nobody answers, the key is not accepted, or there is no such experiment.
    """
    while True:
        status, found = call(url, f"/v1/experiments/{name}", key_file, timeout_s=120)
        if status == 404:
            raise Failure(f"the active playbook has no experiment {name!r}")
        if status != 200 or not isinstance(found, dict):
            raise Failure(f"{url} answered {status}, which is not a report")
        if not found["behind"]:
            return found


async def from_store(url: str, name: str) -> dict[str, Any]:
    """Read a store's journal; the system that owns it may be running.

    Raises:
        Failure: There is no such store, or no such experiment in its active playbook.
    """
    store = await asyncio.to_thread(open_store, url, read_only=True)
    try:
        stored = await store.playbook()
        if stored is None:
            raise Failure("the store holds no playbook")
        playbook = await asyncio.to_thread(lambda: compile_bundle(bundle_from_bytes(stored[1])))
        experiment = playbook.experiments.by_name.get(name)
        if experiment is None:
            names = playbook.experiments.by_name
            raise Failure(f"the active playbook has no experiment {name!r}{expected(name, names)}")
        now_ms = await stored_virtual_ms(store) or RealClock().business_ms()
        return await ExperimentReader(store).of(experiment, playbook, now_ms, _ALL_ROWS)
    finally:
        await store.close()
