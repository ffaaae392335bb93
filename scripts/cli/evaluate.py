"""`righttime evaluate`: what a policy would have brought, judged on a log of another one."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scripts.output import DebugOption, Failure, JsonOption, speaking

_FIRST = "log"


class _WithoutName(TyperGroup):
    """`righttime evaluate LOG …` means `righttime evaluate log LOG …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name where it was left out."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_FIRST, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Judge policies on logs: `righttime evaluate LOG --policy P`, short for `evaluate log LOG …`.",
    no_args_is_help=True,
    cls=_WithoutName,
)


@app.callback()
def _group() -> None:
    """Judge policies on logs: `righttime evaluate LOG --policy P`, short for `evaluate log LOG …`."""


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@app.command(_FIRST)
def log(  # noqa: PLR0913 - one option each
    source: Annotated[
        str,
        typer.Argument(
            metavar="LOG",
            help="A store's URL, a folder of `righttime simulate`, or a CSV or Parquet file.",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            help="uniform, logged, greedy, epsilon:E, always:ACTION, a table FILE:COLUMN, or"
            " module:object."
        ),
    ],
    reward: Annotated[
        str,
        typer.Option(
            help="`taken`, `value` or `credit` (minor units) of this system's decisions; else a column.",
            show_default="taken, or the column reward",
        ),
    ] = "",
    action: Annotated[str, typer.Option(help="Column of the logged action.")] = "action",
    propensity: Annotated[
        str, typer.Option(help="Column of the probability with which it was taken.")
    ] = "propensity",
    state: Annotated[
        str,
        typer.Option(
            help="Columns, with commas, that tell states apart in the table of rewards.",
            show_default="tier,slot of this system's decisions",
        ),
    ] = "",
    features: Annotated[
        str, typer.Option(help="Columns for a ridge regression an action, instead of a table.")
    ] = "",
    cluster: Annotated[
        str,
        typer.Option(
            help="Column that says whose decisions they are, or none.",
            show_default="customer, where there is one",
        ),
    ] = "",
    pull: Annotated[
        float, typer.Option(help="m of the table (Σr + m·mean) / (n + m).", min=0.0)
    ] = 1.0,
    folds: Annotated[int, typer.Option(help="Cross-fit the table so.", min=1, max=100)] = 1,
    clip: Annotated[
        float | None, typer.Option(help="λ of clipped.", min=0.0, show_default="√n")
    ] = None,
    switch: Annotated[
        float | None, typer.Option(help="τ of switch-dr.", min=0.0, show_default="√n")
    ] = None,
    shrink: Annotated[
        float | None, typer.Option(help="λ of dros.", min=0.0, show_default="n")
    ] = None,
    estimators: Annotated[str, typer.Option(help="Which, with commas.", show_default="all")] = "",
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.", min=100)] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 1,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Estimate what a policy would have brought, by up to eight estimators with intervals.

    What is estimated is the mean immediate reward per decision under the
    states that the log met, not long-run value. It warns where the log says
    little, and refuses where the policy takes what the log never could.

    Examples:
      righttime evaluate results/arbitrated --policy greedy --reward value
      righttime evaluate sqlite:////srv/righttime/righttime.db --policy epsilon:0.05
      righttime evaluate log.csv --policy table.csv:probability --action item --reward click
      righttime evaluate log.parquet --policy mypolicies:cheapest --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.evaluation.estimators import ESTIMATORS, Tuning
        from scripts.research.evaluation import Question, answer, show

        output.console.print(f"Reading {source} ...")
        found = answer(
            Question(
                log=source,
                policy=policy,
                reward=reward,
                action="" if action == "action" else action,
                propensity="" if propensity == "propensity" else propensity,
                state=_names(state),
                features=_names(features),
                cluster=cluster,
                pull=pull,
                folds=folds,
                tuning=Tuning(clip, switch, shrink),
                estimators=_names(estimators) or tuple(ESTIMATORS),
                resamples=resamples,
                seed=seed,
            )
        )
        show(output.console, found)
        output.result(found)


@app.command("coverage")
def coverage(
    seeds: Annotated[int, typer.Option(help="Logs of each world.", min=20, max=10_000)] = 200,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.", min=100)] = 500,
    write: Annotated[
        Path | None, typer.Option(help="Put the tables into this page.", dir_okay=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a count is out of its range.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Count how often 95 % intervals contain the truth, in made-up worlds where it is known.

    Of 200 it should be 181 to 197. Cases with a warning, and logs of a policy
    that learned on the way, stand in columns of their own. A minute or two.

    Examples:
      righttime evaluate coverage
      righttime evaluate coverage --seeds 200 --json --write docs/evaluation.md
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.research.coverage import counted, rendered, written

        found = counted(seeds, resamples, output.console)
        output.console.print(rendered(found), markup=False, soft_wrap=True)
        if write is not None:
            written(write, found)
        missed = [row["name"] for row in found["rows"] if not row["met"]]
        if check and missed:
            raise Failure(f"out of range: {', '.join(missed)}", found)
        output.result(found)
