"""Who works on the parts of a population: this process, or several of their own."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import msgpack

from actors.simulation.run import Workers
from actors.simulation.worker import Worker, undisturbed


class Here:
    """All parts in this process."""

    def __init__(self, setup: bytes, blocks: list[int], folder: str) -> None:
        self._worker = Worker(setup, blocks, folder)

    def step(self, order: bytes) -> list[bytes]:
        """See `Workers.step`."""
        return [self._worker.step(order)]

    def load(self, folder: str, packed: bool) -> None:
        """See `Workers.load`."""
        self._worker.load(folder, packed)

    def end(self, period: int) -> list[bytes]:
        """See `Workers.end`."""
        return [self._worker.end(period)]


class Processes:
    """Parts dealt out to processes, which run from barrier to barrier at the same time."""

    def __init__(self, setup: bytes, deals: list[list[int]], folder: str) -> None:
        context = get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        for blocks in deals:
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, setup, blocks, folder))
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def _ask(self, *request: Any) -> list[bytes]:
        for pipe in self._pipes:
            pipe.send_bytes(msgpack.packb(request))
        answers = []
        for pipe in self._pipes:
            try:
                ok, answer = msgpack.unpackb(pipe.recv_bytes())
            except EOFError as error:
                raise RuntimeError("a worker has died; --resume goes on") from error
            if not ok:
                raise RuntimeError(answer)
            answers.append(answer)
        return answers

    def step(self, order: bytes) -> list[bytes]:
        """See `Workers.step`."""
        return self._ask("step", order)

    def load(self, folder: str, packed: bool) -> None:
        """See `Workers.load`."""
        self._ask("load", folder, packed)

    def end(self, period: int) -> list[bytes]:
        """See `Workers.end`."""
        return self._ask("end", period)

    def close(self) -> None:
        """End all processes, whatever they are at."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=5.0)
            if process.is_alive():
                process.terminate()
                process.join()


def _serve(pipe: Connection, setup: bytes, blocks: list[int], folder: str) -> None:
    """Answer requests until the pipe closes; an interrupt is for whoever gives the orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # `Worker` looks for garbage when there may be some: between its steps it would be at each one
    worker = Worker(setup, blocks, folder)
    while True:
        try:
            name, *given = msgpack.unpackb(pipe.recv_bytes())
        except (EOFError, OSError):  # whoever gives the orders has ended
            return
        try:
            answer = getattr(worker, name)(*given)
            said = [True, answer or b""]
        except Exception as error:  # noqa: BLE001 - it is said where the run is
            said = [False, f"{type(error).__name__}: {error}"]
        with suppress(OSError):
            pipe.send_bytes(msgpack.packb(said))


def dealt(blocks: int, workers: int) -> list[list[int]]:
    """Deal parts out, one after the other; there are never more workers than parts."""
    return [list(range(first, blocks, workers)) for first in range(min(workers, blocks))]


@contextmanager
def working(setup: bytes, blocks: int, folder: str, workers: int) -> Iterator[Workers]:
    """Yield workers, and end them whatever happens."""
    if workers <= 1:
        with undisturbed():  # between steps too
            yield Here(setup, list(range(blocks)), folder)
        return
    processes = Processes(setup, dealt(blocks, workers), folder)
    try:
        yield processes
    finally:
        processes.close()
