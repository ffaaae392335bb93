"""`righttime uplift`: how well a score finds whom a treatment moves."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.output import DebugOption, Failure, JsonOption, speaking


def uplift(  # noqa: PLR0913 - one option each
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet.")],
    score: Annotated[
        str, typer.Option(help="Columns of the scores to judge, with commas.", show_default=False)
    ],
    outcome: Annotated[str, typer.Option(help="Column of the outcome, 0 or 1.")] = "outcome",
    treatment: Annotated[str, typer.Option(help="Column that says who was treated.")] = "treatment",
    treated: Annotated[str, typer.Option(help="Its value of the treated.")] = "1",
    control: Annotated[
        str | None, typer.Option(help="Its value of the others.", show_default="any other")
    ] = None,
    at: Annotated[str, typer.Option(help="Shares for uplift@k, with commas.")] = "0.1,0.2,0.3",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Judge scores by what they are for: Qini, area under the uplift curve, uplift among the first.

    Treatments must have been drawn at random. Figures are those of
    scikit-uplift: 1 is the best possible order, 0 an order by chance.

    Examples:
      righttime uplift scored.csv --score model,rule --outcome visit
      righttime uplift hillstrom.csv.gz --score womens --outcome visit
          --treatment segment --treated "Womens E-Mail" --control "No E-Mail"
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from rich.table import Table

        from scripts.research.uplift import judged

        try:
            shares = [float(each) for each in at.split(",") if each.strip()]
        except ValueError as error:
            raise Failure(f"--at {at!r}: expected shares with commas") from error
        columns = (outcome, treatment, treated, control)
        names = [name.strip() for name in score.split(",") if name.strip()]
        found = judged(source, names, columns, shares)
        table = Table("score", "Qini", "AUUC", *[f"uplift@{share:g}" for share in shares])
        for row in found["scores"]:
            table.add_row(
                row["name"],
                *[f"{row[name]:.6f}" for name in ("qini", "auuc")],
                *[f"{each['uplift']:+.4f}" for each in row["at"]],
            )
        output.console.print(table)
        output.console.print(
            f"{found['treated']:,} treated and {found['others']:,} others; uplift of all"
            f" {found['uplift']:+.4f}."
        )
        output.result(found)
