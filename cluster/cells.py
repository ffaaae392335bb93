"""Making and ending the Ray actors that are cells."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.runtime.cell import CellActor, CellSettings
from cluster.dedication import actor_name

log = logging.getLogger(__name__)

_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes cells that differ by their names only. Plain values: it travels to the supervisor."""

    template: CellSettings
    namespace: str

    def make(self, name: str, *, lasting: bool = True) -> Any:
        """Return the actor of a cell, made unless it is there.

        One that is not `lasting` ends with the process that made it. Ray spreads them over its nodes.
        """
        return CellActor.options(
            name=name,
            namespace=self.namespace,
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=1000,
            enable_task_events=False,
            get_if_exists=True,
            lifetime="detached" if lasting else None,
            scheduling_strategy="SPREAD",
        ).remote(replace(self.template, name=name))

    def make_apart(self, number: int, node: str) -> Any:
        """Return the actor of a single customer on a node of Ray, made unless it is there.

        It is never restarted: a cell takes over from a dead one, and she is moved again if she should be.
        """
        name = actor_name(number)
        return CellActor.options(
            name=name,
            namespace=self.namespace,
            num_cpus=0,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=1000,
            enable_task_events=False,
            get_if_exists=True,
            lifetime="detached",
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote(replace(self.template, name=name, customer=number))

    async def call(self, name: str, method: str, *arguments: Any) -> Any:
        """Call a method of a cell.

        Raises:
            ValueError, RayError: There is no such actor, or it did not answer.
        """
        return await getattr(self.handle(name), method).remote(*arguments)

    def nodes(self) -> list[str]:
        """Return Ray's ids of the nodes that live."""
        return [node["NodeID"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]

    def handle(self, name: str) -> Any:
        """Return the actor of a cell.

        Raises:
            ValueError: There is none.
        """
        return ray.get_actor(name, namespace=self.namespace)

    def find(self, name: str) -> Any | None:
        """Return the actor of a cell, or None when there is none."""
        with suppress(ValueError):
            return self.handle(name)
        return None

    async def end(self, name: str) -> bool:
        """End a cell that owns nothing any more, for good; return whether there was one."""
        handle = self.find(name)
        if handle is None:
            return False
        with suppress(RayError, TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await handle.stop.remote()
        ray.kill(handle, no_restart=True)
        log.info("%s has left", name)
        return True
