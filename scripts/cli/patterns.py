"""`righttime patterns`: how well deviations from what is usual for a customer are found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from scripts.patterns.evaluation import Evaluation

app = typer.Typer(help="Judge the patterns on real households.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Judge the patterns on real households."""


@app.command("evaluate")
def evaluate(
    households: Annotated[
        int | None,
        typer.Option(help="Only the first so many by number.", min=1, show_default="all"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the shuffles.", min=0)] = 1,
    write: Annotated[
        Path | None,
        typer.Option(help="Put the tables into this document, between its markers."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a bar is missed.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Count false alarms, and time how fast changes are found.

    Real households (extra demo) with at least 20 gaps are shuffled, so that
    whatever deviates is a false alarm; then changes are put into them. Runs
    the code that every event runs, in this process; about half a minute.

    Examples:
      righttime patterns evaluate
      righttime patterns evaluate --write docs/patterns.md --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.patterns.baskets import read_households
        from scripts.patterns.evaluation import evaluate as measure
        from scripts.patterns.report import as_json as result_of
        from scripts.patterns.report import show

        try:
            real = read_households(households)
        except ModuleNotFoundError as error:
            raise Failure(f"{error.name} is missing: uv sync --extra demo") from error
        if not real:
            raise Failure("none of these households has 20 gaps: ask for more with --households")
        output.console.print(f"{len(real)} households with at least 20 gaps ...")
        found = measure(real, seed)
        show(output.console, found)
        result = result_of(found)
        if write is not None:
            _write(output, write, found)
        missed = [bar["name"] for bar in result["bars"] if not bar["met"]]
        if check and missed:
            raise Failure(f"bars missed: {', '.join(missed)}", result)
        output.result(result)


def _write(output: Output, path: Path, found: "Evaluation") -> None:
    from scripts.patterns.report import markdown, replace_block

    try:
        text = replace_block(path.read_text("utf-8"), markdown(found))
    except ValueError as error:
        raise Failure(f"{path} has no markers for the tables") from error
    path.write_text(text, encoding="utf-8")
    output.console.print(f"The tables are in {path}.")
