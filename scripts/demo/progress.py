"""The progress of a replay: a bar on a terminal, a line a tenth elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from scripts.demo.households import Story, rfc3339


@contextmanager
def shown(console: Console, story: Story) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (calls answered, time in the story)."""
    total = len(story.calls)
    if not console.is_terminal:
        yield _lines(console, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("Replaying", total=total)

        def move(done: int, at_ms: int) -> None:
            bar.update(task, completed=done, description=rfc3339(at_ms)[:10])

        yield move


def _lines(console: Console, total: int) -> Callable[[int, int], None]:
    said = 0

    def move(done: int, at_ms: int) -> None:
        nonlocal said
        tenth = done * 10 // max(1, total)
        if tenth > said:
            said = tenth
            console.print(f"{rfc3339(at_ms)[:10]}  {done:,} of {total:,} events ({tenth * 10} %)")

    return move
