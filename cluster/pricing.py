"""Prices budgets from time to time, in a process of its own: neither decisions nor takeovers wait for it."""

import asyncio
import logging

import ray
from ray.exceptions import RayError

from actors.domain.errors import RetryableError
from actors.stores.opening import open_store
from serve_app.pricing import EVERY_S, active_playbook, price, solver_is_here

log = logging.getLogger(__name__)

_FILE = b"budgets.yaml"


async def keep_pricing(store_url: str, every_s: float = EVERY_S) -> None:
    """Price again and again until cancelled; without the solver, or without budgets, do nothing."""
    if not solver_is_here():
        return
    while True:
        await asyncio.sleep(every_s)
        try:
            store = await asyncio.to_thread(open_store, store_url, read_only=True)
            try:
                stored = await store.playbook()
            finally:
                await store.close()
            if stored is not None and _FILE in stored[1]:
                seen = await _price_once.remote(store_url)
                log.info("budgets were priced from %d opportunities", seen)
        except (RetryableError, RayError, OSError):
            log.exception("budgets were not priced")


def price_once(store_url: str) -> int:
    """Price the budgets of a store's playbook; return from how many opportunities."""

    async def run() -> int:
        store = open_store(store_url)
        try:
            playbook = await active_playbook(store)
            return 0 if playbook is None else (await price(store, playbook)).opportunities
        finally:
            await store.close()

    return asyncio.run(run())


_price_once = ray.remote(num_cpus=0, max_retries=0)(price_once)
