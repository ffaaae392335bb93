"""`righttime bench`: how fast it is, on this machine, against something fixed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from scripts.bench.report import Results

app = typer.Typer(help="Measure this installation on this machine.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measure this installation on this machine."""


@app.command("http")
def http(  # noqa: PLR0913 - one parameter an option
    rounds: Annotated[int, typer.Option(help="Alternating rounds.", min=1, max=100)] = 3,
    seconds: Annotated[float, typer.Option(help="Length of one stretch.", min=1)] = 5.0,
    connections: Annotated[int, typer.Option(help="Connections at once.", min=1, max=1000)] = 64,
    customers: Annotated[int, typer.Option(help="Different customers.", min=1)] = 5000,
    generator: Annotated[
        str, typer.Option(help="wrk, python, or auto: wrk where it is installed.")
    ] = "auto",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Where the store is put, to measure that disk.", show_default=".righttime/bench"
        ),
    ] = None,
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
            Plan(rounds, seconds, connections, data),
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
        from scripts.bench.core import measure
        from scripts.bench.report import MAX_CORE_US

        took_us = round(measure(turns), 1)
        output.console.print(f"{took_us} µs a turn (begin and decide, playbook retail)")
        output.result({"coreUsPerTurn": took_us, "limit": MAX_CORE_US})


def _write(output: Output, path: Path, results: "Results") -> None:
    from scripts.bench.report import markdown, replace_block

    try:
        text = replace_block(path.read_text("utf-8"), markdown(results))
    except ValueError as error:
        raise Failure(f"{path} has no markers for the tables", results.as_json()) from error
    path.write_text(text, encoding="utf-8")
    output.console.print(f"The tables are in {path}.")
