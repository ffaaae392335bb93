"""Parts of a population as Ray actors: the same workers as in processes, on any node of a cluster."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import ray

from actors.simulation.worker import Worker


class PopulationWorker:
    """A worker for Ray; it needs a folder for its tables that all nodes share."""

    def __init__(self, setup: bytes, blocks: list[int], folder: str) -> None:
        gc.disable()  # `Worker` looks for garbage when there may be some
        self._worker = Worker(setup, blocks, folder)

    def call(self, name: str, *given: Any) -> bytes:
        """Do what a `Worker` does under that name."""
        answer: bytes | None = getattr(self._worker, name)(*given)
        return answer or b""


class RayWorkers:
    """Several such actors, asked together; answers are in the order of workers."""

    def __init__(self, setup: bytes, deals: list[list[int]], folder: str) -> None:
        remote: Any = ray.remote(num_cpus=1)(PopulationWorker)
        shared = ray.put(setup)
        self._actors: list[Any] = [remote.remote(shared, blocks, folder) for blocks in deals]

    def _ask(self, name: str, *given: Any) -> list[bytes]:
        try:
            found: list[bytes] = ray.get([a.call.remote(name, *given) for a in self._actors])
        except ray.exceptions.RayActorError as error:
            raise RuntimeError("a worker has died; --resume goes on") from error
        except ray.exceptions.RayTaskError as error:
            raise RuntimeError(str(error.cause)) from error
        return found

    def step(self, order: bytes) -> list[bytes]:
        """See `actors.simulation.run.Workers.step`."""
        return self._ask("step", ray.put(order))

    def load(self, folder: str, packed: bool) -> None:
        """See `actors.simulation.run.Workers.load`."""
        self._ask("load", folder, packed)

    def end(self, period: int) -> list[bytes]:
        """See `actors.simulation.run.Workers.end`."""
        return self._ask("end", period)

    def close(self) -> None:
        """End the actors."""
        for actor in self._actors:
            ray.kill(actor)


def employing(workers: int) -> Callable[[bytes, int, str], AbstractContextManager[RayWorkers]]:
    """Return what hires so many actors, in the cluster that is running, else in one of its own.

    With one worker or none said there are as many as the cluster has processors, and never more than parts.
    """

    @contextmanager
    def hire(setup: bytes, blocks: int, folder: str) -> Iterator[RayWorkers]:
        began = not ray.is_initialized()
        if began:
            ray.init(address=None, include_dashboard=False, log_to_driver=False)
        count = workers if workers > 1 else int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
        count = max(1, min(count, blocks))
        deals = [list(range(first, blocks, count)) for first in range(count)]
        hired = RayWorkers(setup, deals, folder)
        try:
            yield hired
        finally:
            hired.close()
            if began:
                ray.shutdown()

    return hire
