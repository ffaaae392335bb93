"""`righttime experiment`: reports of experiments, a randomised campaign of others, and the tests' own test."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Holdouts and experiments.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Holdouts and experiments."""


@app.command("report")
def report(
    name: Annotated[str, typer.Argument(help="An experiment of the active playbook.")],
    store: Annotated[
        str | None, typer.Option(help="URL of a store to read from, instead of a running system.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the system listens.")] = "http://127.0.0.1:8000",
    key_file: Annotated[
        Path, typer.Option(help="File with a key that may read.", dir_okay=False)
    ] = Path(".righttime/data/keys/admin"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what came of an experiment, by intention to treat.

    Differences are from the control, with an interval for one look planned
    beforehand and one that holds however often you look. A sample ratio that
    is flagged says that the arms are not what was asked for: trust nothing.

    Examples:
      righttime experiment report global_holdout
      righttime experiment report engine --json
      righttime experiment report engine --store sqlite:////srv/righttime/righttime.db
    """
    with speaking(as_json=as_json, debug=debug) as output:
        if store is None:
            from scripts.experiments.asking import fetch

            found = fetch(url, key_file, name)
        else:
            from scripts.experiments.asking import from_store

            output.console.print("Reading the journal ...")
            found = asyncio.run(from_store(store, name))
        show(output.console, found)
        output.result(found)


@app.command("hillstrom")
def hillstrom(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="hillstrom.csv, or .csv.gz.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Keep the store in this folder, which must be new.", file_okay=False),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Import Hillstrom's randomised e-mail campaign, and analyse it.

    Its arms were drawn by somebody else, a third each: they are written down
    as they were, never drawn anew. 64,000 customers go through the same turns
    and commits as any event; then comes the ordinary report, and a policy
    that is learned on one half and judged on the other.

    Examples:
      righttime experiment hillstrom hillstrom.csv.gz
      righttime experiment hillstrom hillstrom.csv.gz --data /tmp/campaign --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.experiments.hillstrom_run import run

        if not source.is_file():
            raise Failure(f"there is no file {source}")
        found = run(source, data, output.console.print)
        show(output.console, found["report"])
        _show_policy(output.console, found["policy"])
        lost = found["withMensLost"]
        output.console.print(
            f"With {lost['lost']:,} of the men's arm taken away: p {lost['p']:.2g},"
            f" {'flagged' if lost['flagged'] else 'not flagged'}."
        )
        output.result(found)


@app.command("check")
def check(
    streams: Annotated[int, typer.Option(help="Streams a case.", min=10, max=100_000)] = 1000,
    looks: Annotated[int, typer.Option(help="Looks a stream.", min=1, max=1000)] = 50,
    seed: Annotated[int, typer.Option(help="Of the draws.", min=0)] = 20_261_122,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Simulate how often the sequential test is wrong, and how often it sees what is there.

    Streams without any difference must be rejected rarely however often one
    looks; those of .15 against .17, at 10,000 an arm, mostly.

    Examples:
      righttime experiment check
      righttime experiment check --streams 10000 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.experiments.looking import simulate

        found = simulate(streams, looks, seed)
        table = Table(title=f"Ever rejected, {streams:,} streams × {looks} looks")
        for column in ("rates", "sequential test", "naive peeking", "last look only"):
            table.add_column(column, justify="right")
        for case in ("same", "different"):
            row = found[case]
            table.add_row(
                " and ".join(f"{rate:g}" for rate in row["rates"]),
                f"{row['sequential']:.1%}",
                f"{row['naivePeeking']:.1%}",
                f"{row['lastLookOnly']:.1%}",
            )
        output.console.print(table)
        output.result(found)


def show(console: Console, found: "Mapping[str, Any]") -> None:
    """Print a report as tables."""
    arms = Table(title=f"{found['name']} ({found['kind']})", title_justify="left")
    outcomes = list(found["arms"][0]["outcomes"])
    for column in ("arm", "share", "reached", "complete", *outcomes):
        arms.add_column(column, justify="left" if column == "arm" else "right")
    for arm in found["arms"]:
        arms.add_row(
            arm["name"],
            f"{arm['share']:.1%}",
            f"{arm['reached']:,}",
            f"{arm['complete']:,}",
            *(f"{arm['outcomes'][each]['mean']:.5g}" for each in outcomes),
        )
    console.print(arms)
    differences = Table(title=f"Minus {found['control']}", title_justify="left")
    for column in ("arm", "outcome", "difference", "se", "95 % interval", "z", "p", "at any time"):
        differences.add_column(column, justify="left" if column == "arm" else "right")
    for row in found["differences"]:
        always = row["anytime"]
        differences.add_row(
            row["arm"],
            row["outcome"],
            f"{row['difference']:+.4g}",
            f"{row['se']:.3g}",
            f"{row['low']:+.4g} … {row['high']:+.4g}",
            f"{row['z']:.2f}",
            f"{row['p']:.2g}",
            "" if always is None else f"{always['low']:+.4g} … {always['high']:+.4g}",
        )
    if found["differences"]:
        console.print(differences)
    ratio = found["sampleRatio"]
    if ratio is not None:
        verdict = (
            "NOT what was asked for: trust no difference" if ratio["flagged"] else "as asked for"
        )
        console.print(f"Sizes of the arms: {verdict} (χ² {ratio['chi2']:.2f}, p {ratio['p']:.3g}).")
    if found["mergedAcrossArms"]:
        console.print(f"{found['mergedAcrossArms']:,} merged across arms are left out.")
    if found.get("behind"):
        console.print("The journal goes on: ask again for the rest.")


def _show_policy(console: Console, found: "Mapping[str, Any]") -> None:
    console.print(
        f"Policy learned on {found['learnedOn']:,}, judged on {found['judgedOn']:,}:"
        f" {found['value']:.4f} visits a customer."
    )
    for name, key in (
        ("uniform assignment", "againstUniform"),
        (found["bestArm"], "againstBestArm"),
    ):
        each = found[key]
        console.print(
            f"Against {name}: {each['difference']:+.4f} (se {each['se']:.4f}), {each['verdict']}."
        )
