"""`righttime fit`: fit models to what customers did, as a job."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.cli.fit_items import items
from scripts.cli.fit_needs import check_needs
from scripts.cli.fit_population import population
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from actors.lifetime.model import LifetimeModel
    from scripts.fitting.clv import Fit
    from scripts.fitting.cohort import Cohort

HOUSEHOLDS = "completejourney"

app = typer.Typer(help="Fit models to what customers did.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Fit models to what customers did."""


@app.command("clv")
def clv(  # noqa: PLR0913 - one parameter an option
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="A CSV file of purchases or of customers, a file of the CDNOW data set, or"
            f" {HOUSEHOLDS}: the demo's households.",
            show_default="the customers in --store",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="URL of a system's store: it is given the parameters."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the parameters to this file.", dir_okay=False)
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Last day to learn from, such as 1997-09-30; what comes later is compared.",
            show_default="the last day there is",
        ),
    ] = None,
    horizon_weeks: Annotated[
        float, typer.Option(help="How far lifetime values look ahead.", min=1, max=5200)
    ] = 52.0,
    discount: Annotated[
        float, typer.Option(help="Yearly discount of later purchases; 0.1 is 10 %.", min=0, max=10)
    ] = 0.1,
    digits: Annotated[
        int, typer.Option(help="Minor digits of the currency, for amounts in files.", min=0, max=4)
    ] = 2,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Fit the models behind lifetime values: BG/NBD and Gamma-Gamma.

    BG/NBD says how often customers buy and when they stop, Gamma-Gamma for
    how much; a customer's value is evaluated from both whenever it is read.
    A file has one line a purchase (customer,date,amount) or one a customer
    (customer,x,t_x,T and perhaps mean_value, in weeks). Without a file, the
    profiles in the store are read; the system may be running.

    Examples:
      righttime fit clv sales.csv --out clv.json
      righttime fit clv sales.csv --until 2025-06-30 --json
      righttime fit clv --store sqlite:////srv/righttime/righttime.db
    """
    with speaking(as_json=as_json, debug=debug) as output:
        check_needs(source, store)
        cohort = _read(output, source, store, until, digits)
        model, result = _fit(output, cohort, horizon_weeks, discount)
        _keep(output, model, store, out)
        output.result(result)


def _read(
    output: Output, source: str | None, store: str | None, until: str | None, digits: int
) -> "Cohort":
    from scripts.fitting import sources

    try:
        until_day = None if until is None else sources.day_number(until)
    except ValueError as error:
        raise Failure(f"--until: {until!r} is not a date such as 1997-09-30") from error

    def progress(done: int) -> None:
        if done % 100_000 == 0:
            output.console.print(f"{done:,} read ...")

    output.console.print("Reading the purchases ...")
    if source is None:
        if until_day is not None:
            raise Failure("--until needs single purchases; profiles in a store keep sums")
        return sources.from_store(store or "", None, progress)
    if source == HOUSEHOLDS and not Path(source).exists():
        return sources.from_households(until_day)
    return sources.from_file(Path(source), until_day, digits, progress)


def _fit(
    output: Output, cohort: "Cohort", horizon_weeks: float, discount: float
) -> tuple["LifetimeModel", dict[str, Any]]:
    from actors.lifetime.model import LifetimeModel
    from scripts.fitting.clv import NoFitError, fit_buying, fit_spend
    from scripts.fitting.goodness import later_purchases, repeat_counts

    output.console.print(f"Fitting {len(cohort):,} customers ...")
    try:
        buying, fitted = fit_buying(cohort)
    except NoFitError as error:
        raise Failure(str(error)) from error
    _show_fit(output.console, "Buying and leaving (BG/NBD), in weeks", fitted)
    result: dict[str, Any] = {
        "customers": len(cohort),
        "buying": asdict(fitted),
        "spend": None,
        "notes": [],
    }
    spend = None
    try:
        spend, amounts = fit_spend(cohort)
        result["spend"] = asdict(amounts)
        _show_fit(output.console, "Amounts (Gamma-Gamma), in minor units", amounts)
    except NoFitError as error:
        result["notes"].append(f"no model of the amounts: {error}")
    for name in ("buying", "spend"):
        if result[name] and result[name]["undetermined"]:
            result["notes"].append(
                f"{name}: the data leave a parameter open; expectations hold, parameters do not"
            )
    counts = repeat_counts(buying, cohort)
    result["repeats"] = asdict(counts)
    _show_counts(output.console, counts.observed, counts.expected)
    result["later"] = later_purchases(buying, cohort)
    if result["later"] is not None:
        later = result["later"]
        output.console.print(
            f"In the {later['weeks']:.1f} weeks after it: {later['observed']:,} purchases,"
            f" {later['expected']:,.1f} expected."
        )
    for note in result["notes"]:
        output.console.print(f"Note: {note}.")
    model = LifetimeModel(buying, spend, horizon_weeks, discount, cohort.until_ms, len(cohort))
    return model, result


def _keep(output: Output, model: "LifetimeModel", store: str | None, out: Path | None) -> None:
    from actors.lifetime.model import SETTING, to_bytes
    from scripts.fitting.sources import put

    data = to_bytes(model)
    if out is not None:
        try:
            out.write_text(json.dumps(json.loads(data), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise Failure(f"cannot write {str(out)!r}: {error.strerror}") from error
        output.console.print(f"The parameters are in {out}.", soft_wrap=True)
    if store is not None:
        put(store, SETTING, data)
        output.console.print("The store has the parameters.")


def _show_fit(console: Console, title: str, fit: "Fit") -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("parameter")
    table.add_column("value", justify="right")
    table.add_column("standard error", justify="right")
    for name, value in fit.parameters.items():
        error = fit.errors.get(name)
        table.add_row(name, f"{value:.7g}", "" if error is None else f"{error:.2g}")
    console.print(table)
    console.print(
        f"log-likelihood {fit.log_likelihood:,.4f} over {fit.customers:,} customers", end="\n\n"
    )


def _show_counts(console: Console, observed: list[int], expected: list[float]) -> None:
    table = Table(title="Customers by repeat purchases", title_justify="left")
    for name in ("repeats", "observed", "expected"):
        table.add_column(name, justify="right")
    for x, (seen, thought) in enumerate(zip(observed, expected, strict=True)):
        more = "+" if x == len(observed) - 1 else ""
        table.add_row(f"{x}{more}", f"{seen:,}", f"{thought:,.1f}")
    console.print(table)


app.command("items")(items)
app.command("population")(population)
