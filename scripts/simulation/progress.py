"""The progress of a simulation: a bar on a terminal, a line a tenth elsewhere; with rate and time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from actors.simulation.run import Progress as Done


@contextmanager
def shown(console: Console, days: int) -> Iterator[Callable[[str, Done], None]]:
    """Yield a function to call with a policy's label and how far it is."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("day {task.completed:.1f} of {task.total:.0f}"),
        TextColumn("{task.fields[rate]:,.0f} decisions/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, tuple[TaskID, float, int]] = {}

        def move(label: str, done: Done) -> None:
            if label not in tasks:
                task = bar.add_task(label, total=days, rate=0.0)
                tasks[label] = (task, time.monotonic(), done.decisions)
            task, began, before = tasks[label]
            rate = (done.decisions - before) / max(1e-9, time.monotonic() - began)
            bar.update(task, completed=done.days, rate=rate)

        yield move


def _lines(console: Console) -> Callable[[str, Done], None]:
    said: dict[str, tuple[int, float, Done]] = {}

    def move(label: str, done: Done) -> None:
        tenth = int(10 * done.days / done.of_days)
        last, began, first = said.get(label, (-1, time.monotonic(), done))
        if tenth > last:
            said[label] = (tenth, began, first)
            took = max(1e-9, time.monotonic() - began)
            rate = (done.decisions - first.decisions) / took
            gone = done.days - first.days
            left = took / gone * (done.of_days - done.days) if gone else 0.0
            console.print(
                f"{label}: day {done.days:.0f} of {done.of_days},"
                f" {rate:,.0f} decisions/s, {left:,.0f} s left"
            )

    return move
