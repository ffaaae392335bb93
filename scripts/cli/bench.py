"""`righttime bench`: how fast, how small and how quickly back it is, on this machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from scripts.cli.bench_simulation import simulation
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from scripts.bench.report import Results

app = typer.Typer(help="Measure this installation on this machine.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measure this installation on this machine."""


DataOption = Annotated[
    Path | None,
    typer.Option(
        help="Where the store is put, to measure that disk.",
        show_default=".righttime/bench",
        file_okay=False,
    ),
]


@app.command("http")
def http(  # noqa: PLR0913 - one parameter an option
    rounds: Annotated[int, typer.Option(help="Alternating rounds.", min=1, max=100)] = 3,
    seconds: Annotated[float, typer.Option(help="Length of one stretch.", min=1)] = 5.0,
    connections: Annotated[int, typer.Option(help="Connections at once.", min=1, max=1000)] = 64,
    customers: Annotated[int, typer.Option(help="Different customers.", min=1)] = 5000,
    cells: Annotated[
        int | None,
        typer.Option(help="How many cells.", min=1, max=64, show_default="one a core"),
    ] = None,
    generator: Annotated[
        str, typer.Option(help="wrk, python, or auto: wrk where it is installed.")
    ] = "auto",
    data: DataOption = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Put the tables into this document, between its markers."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a target is missed.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure durable decisions per second over HTTP.

    The yardstick is a Serve endpoint that only echoes. Both run behind the
    same HAProxy in the same Ray, and are loaded in turn. Takes about two
    minutes and needs an otherwise idle machine.

    Examples:
      righttime bench http
      righttime bench http --rounds 5 --write docs/benchmarks.md --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.core import measure
        from scripts.bench.http import Plan, run
        from scripts.bench.load import choose
        from scripts.bench.processes import new_mark
        from scripts.bench.report import show

        if generator not in {"auto", "wrk", "python"}:
            raise Failure(f"--generator: {generator!r} is none of auto, wrk, python")
        results = run(
            choose(f"b{new_mark()[:8]}", customers, generator),
            Plan(rounds, seconds, connections, data, cells),
            measure,
            output.console.print,
        )
        show(output.console, results)
        if write is not None:
            _write(output, write, results)
        missed = [target["name"] for target in results.targets() if not target["met"]]
        if results.failures():
            raise Failure(f"{results.failures()} requests failed", results.as_json())
        if check and missed:
            raise Failure(f"targets missed: {', '.join(missed)}", results.as_json())
        output.result(results.as_json())


CheckOption = Annotated[bool, typer.Option("--check", help="Exit with 1 when a target is missed.")]


@app.command("recovery")
def recovery(
    kills: Annotated[int, typer.Option(help="How many kills.", min=1, max=1000)] = 10,
    cells: Annotated[
        int | None,
        typer.Option(help="How many cells.", min=1, max=64, show_default="one a core"),
    ] = None,
    data: DataOption = None,
    check: CheckOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Kill cells with kill -9, and time how long their customers wait.

    A system is started for the purpose. Cells are killed in turn; at once
    some customers of the killed one send an order each, and again under the
    same message id until they are answered. The next kill comes when the
    cell serves its share again. At the end every acknowledged order must be
    there exactly once. Ten kills take about three minutes.

    Examples:
      righttime bench recovery
      righttime bench recovery --kills 30 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.recovery import run, show

        found = run(kills, cells, data, lambda text: output.console.print(text, soft_wrap=True))
        show(output.console, found)
        if found.wrong:
            raise Failure(found.wrong[0], found.as_json())
        if check and not found.as_json()["met"]:
            raise Failure("customers waited for longer than they should", found.as_json())
        output.result(found.as_json())


@app.command("memory")
def memory(
    known: Annotated[int, typer.Option(help="Customers that the store knows.", min=1000)] = 100_000,
    active: Annotated[
        int, typer.Option(help="Customers that become active and are measured.", min=10)
    ] = 20_000,
    data: DataOption = None,
    check: CheckOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure what an active customer costs in memory, and a passive one in time.

    Loads customers through POST /v1/batch, restarts the system so that all
    of them are passive, and activates some with one event each: the growth
    of the cells' memory (PSS) is theirs. Then passive customers are read
    back from the same file, as activation does it. Takes some minutes and
    about 2 KB of disk an event.

    Examples:
      righttime bench memory
      righttime bench memory --known 10000 --active 2000 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.memory import run, show

        console = output.console
        found = run(known, active, data, console.print, lambda name: _bar(console, name))
        show(console, found)
        if check and found.missed():
            raise Failure(f"targets missed: {', '.join(found.missed())}", found.as_json())
        output.result(found.as_json())


@app.command("merging")
def merging(
    visitors: Annotated[int, typer.Option(help="Visitors who log in.", min=10)] = 10_000,
    customers: Annotated[int, typer.Option(help="Customers whom they are.", min=1)] = 500,
    data: DataOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Merge anonymous visitors into known customers while both go on buying.

    Each visitor buys twice as a stranger, then logs in and buys twice more at
    the same time. Some events are looked for in the call centre's context as
    soon as they are acknowledged. At the end every order must be there once,
    and every visitor be the customer. Takes some minutes.

    Examples:
      righttime bench merging
      righttime bench merging --visitors 500 --customers 50 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.merging import failure_of, run, show

        console = output.console
        found = run(visitors, customers, data, console.print, lambda name: _bar(console, name))
        show(console, found)
        failed = failure_of(found)
        if failed is not None:
            raise failed
        output.result(found.as_json())


@app.command("overload")
def overload(
    rounds: Annotated[int, typer.Option(help="Alternating rounds.", min=1, max=20)] = 2,
    seconds: Annotated[float, typer.Option(help="Length of one stretch.", min=1)] = 5.0,
    data: DataOption = None,
    check: CheckOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Ask for more than the system can do, and see that it does what it can.

    64 connections against 192, one and a half times the rate whatever the
    answers are, and one customer with 1,000 events a second beside others.
    Takes one to two minutes.

    Examples:
      righttime bench overload
      righttime bench overload --rounds 3 --check --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.overload import Plan, run

        say = output.console.print
        found = run(Plan(rounds, seconds, data), say)
        for name, kept in found.checks().items():
            say(f"{'ok  ' if kept else 'MISS'}  {name}")
        missed = [name for name, kept in found.checks().items() if not kept]
        if check and missed:
            raise Failure(f"targets missed: {', '.join(missed)}", found.as_json())
        output.result(found.as_json())


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (done, total): a bar on a terminal, a line elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if not console.is_terminal:
        console.print(f"{name} ...")
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@app.command("core")
def core(
    turns: Annotated[int, typer.Option(help="How many turns to time.", min=1000)] = 20_000,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Time one turn of the core in this process: no store, no network, no Ray.

    Examples:
      righttime bench core
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench import decisions, scenarios
        from scripts.bench.core import measure
        from scripts.bench.report import MAX_CORE_US

        took_us = round(measure(turns), 1)
        output.console.print(f"{took_us} µs a turn (begin and decide, playbook retail)")
        added = scenarios.measure()
        for each in added:
            output.console.print(
                f"{each.added_us:.1f} µs of {each.with_us:.1f} by scenarios: {each.what}"
            )
        large = decisions.measure()
        output.console.print(
            f"{large.turn_us:.0f} µs a turn with {decisions.ACTIONS} actions on 3 channels and all "
            f"policies, of which the funnel {large.funnel_us:.0f} and the arbitration "
            f"{large.arbitration_us:.0f} ({large.survivors:.0f} survivors)"
        )
        output.result(
            {
                "coreUsPerTurn": took_us,
                "limit": MAX_CORE_US,
                "decision": {
                    "actions": decisions.ACTIONS,
                    "candidates": large.candidates,
                    "survivors": large.survivors,
                    "usPerTurn": round(large.turn_us, 1),
                    "funnelUs": round(large.funnel_us, 1),
                    "arbitrationUs": round(large.arbitration_us, 1),
                },
                "decisionLimit": decisions.LIMIT_US,
                "scenarios": [
                    {
                        "event": each.what,
                        "usPerTurn": round(each.with_us, 1),
                        "withoutUs": round(each.without_us, 1),
                        "addedUs": round(each.added_us, 1),
                    }
                    for each in added
                ],
                "scenariosLimit": scenarios.LIMIT_US,
            }
        )


@app.command("timers")
def timers(
    pending: Annotated[
        int, typer.Option(help="Timers of others that are not due yet.", min=0)
    ] = 1_000_000,
    fires: Annotated[int, typer.Option(help="Timers that fire.", min=100)] = 20_000,
    data: DataOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Time a cell's durable timers over SQLite: starting among many, firing, and the lag under load.

    Each fire is a whole turn: a scenario goes on and sends a message. Runs in
    this process, without Ray and network.

    Examples:
      righttime bench timers
      righttime bench timers --pending 100000 --fires 5000 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.timers import MIN_RATE, run

        found = run(pending, fires, data, output.console.print)
        say = output.console.print
        say(
            f"start: {found.start_empty_s:.3f} s with {fires:,}, {found.start_full_s:.3f} s with all"
        )
        say(f"fires: {found.fires_per_second:,.0f}/s (at least {MIN_RATE:,.0f} wanted)")
        say(
            f"lag under {found.lag_events_per_second:,.0f} events/s: p50 {found.lag_p50_ms} ms, p99 {found.lag_p99_ms} ms"
        )
        output.result(found.as_json())


@app.command("models")
def models(
    outcomes: Annotated[
        int, typer.Option(help="Outcomes that the bandit learns.", min=1000)
    ] = 1_000_000,
    check: CheckOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Time the models: choices and outcomes of LinUCB with 20 actions over 30 features, and others.

    Its means and widths are compared with the closed form. On one core,
    as a replica of the model server has it. Less than a minute.

    Examples:
      righttime bench models
      righttime bench models --outcomes 100000 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.models import measure_apart

        found = measure_apart(outcomes)
        say = output.console.print
        say(f"choice: {found['choiceUs']} µs ({found['choiceThroughRowsUs']} through rows)")
        say(f"learning: {found['learnS']} s for {outcomes:,} outcomes")
        say(f"largest difference from the closed form: {found['largestDifference']:.1e}")
        if check and not found["met"]:
            raise Failure("a target is missed", found)
        output.result(found)


def _write(output: Output, path: Path, results: "Results") -> None:
    from scripts.bench.report import markdown, replace_block

    try:
        text = replace_block(path.read_text("utf-8"), markdown(results))
    except ValueError as error:
        raise Failure(f"{path} has no markers for the tables", results.as_json()) from error
    path.write_text(text, encoding="utf-8")
    output.console.print(f"The tables are in {path}.")


app.command("simulation")(simulation)
