"""`righttime price`: price the budgets of a store's playbook."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.cli.bench import app as bench
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from serve_app.pricing import Pricing

NEEDS = "pricing needs scipy: run `uv sync --extra fit`, or pip install 'righttime[fit]'"


def price(
    store: Annotated[
        str, typer.Option(help="URL of a system's store.", show_default="that of `righttime up`")
    ] = "",
    every: Annotated[
        str | None,
        typer.Option(help="Go on: price again after this time, such as PT10M.", metavar="DURATION"),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Price budgets: what a unit of each must bring beyond its cost, so that the best get it.

    A linear program over the latest decisions in the store; the system may be
    running, and reads new prices within five seconds. It does the same every
    ten minutes itself where the solver is installed (extra fit).

    Examples:
      righttime price --json
      righttime price --store sqlite:////srv/righttime/righttime.db --every PT10M
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.playbook.durations import parse_duration_ms
        from serve_app.pricing import solver_is_here

        if not solver_is_here():
            raise Failure(NEEDS)
        try:
            every_s = None if every is None else parse_duration_ms(every) / 1000
        except ValueError as error:
            raise Failure(f"--every: {error}") from error
        url = store or f"sqlite://{Path('.righttime/data/righttime.db').resolve()}"
        if url.startswith("memory:"):
            raise Failure("--store: a store in memory has no budgets yet")
        asyncio.run(_price(output, url, every_s))


async def _price(output: Output, url: str, every_s: float | None) -> None:
    from actors.stores.opening import open_store
    from serve_app.pricing import active_playbook
    from serve_app.pricing import price as price_once

    try:
        await open_store(url, read_only=True).close()  # never makes one that is not there
        opened = open_store(url)
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
    try:
        while True:
            playbook = await active_playbook(opened)
            if playbook is None:
                raise Failure("the store has no playbook")
            _show(output, await price_once(opened, playbook))
            if every_s is None:
                return
            await asyncio.sleep(every_s)
    finally:
        await opened.close()


def _show(output: Output, found: "Pricing") -> None:
    result: dict[str, Any] = {
        "opportunities": found.opportunities,
        "seenSeconds": found.seen_ms / 1000,
        "prices": found.prices,
        "allowances": found.allowances,
        "why": found.why or None,
    }
    if found.why:
        output.console.print(f"Nothing was priced: {found.why}.")
    for name, one in sorted(found.prices.items()):
        output.console.print(f"{name}: {one:.4g} per unit of use, in minor units")
    output.result(result)


@bench.command("prices")
def prices(
    seeds: Annotated[int, typer.Option(help="Instances of each size.", min=1, max=100)] = 3,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a bar is missed.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Judge shadow prices on made-up campaigns of which the optimum is known.

    In random order, and in the worst ones; with prices learned on the way and
    with those of the whole instance. Half a minute.

    Examples:
      righttime bench prices
      righttime bench prices --seeds 10 --json --check
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from serve_app.pricing import solver_is_here

        if not solver_is_here():
            raise Failure(NEEDS)
        from rich.table import Table

        from scripts.pricing.evaluation import evaluate

        found = evaluate(seeds)
        table = Table("contacts", "order", "prices", "worst", "mean", "bar", "overspent")
        for row in found["rows"]:
            share = [f"{row[name]:.2%}" for name in ("worst", "mean")]
            bar = "none" if row["bar"] is None else f"{row['bar']:.0%}"
            over = str(row["overspent"])
            table.add_row(str(row["contacts"]), row["order"], row["prices"], *share, bar, over)
        output.console.print(table)
        missed = [row for row in found["rows"] if not row["met"]]
        if check and missed:
            raise Failure(f"{len(missed)} bars missed", found)
        output.result(found)
