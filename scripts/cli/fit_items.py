"""`righttime fit items`: what is bought together, for suggestions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from scripts.cli.fit_needs import check_needs
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from scripts.fitting.items import Baskets

HOUSEHOLDS = "completejourney"


def items(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="A CSV file with the columns basket,item and perhaps date and name, or"
            f" {HOUSEHOLDS}: the demo's households.",
            show_default="the orders in --store",
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="URL of a system's store: it is given the model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the model to this file.", dir_okay=False)
    ] = None,
    held_out: Annotated[
        float,
        typer.Option(help="Share of the last baskets to judge by, before all are fitted.", max=0.9),
    ] = 0.2,
    least: Annotated[
        int, typer.Option(help="Baskets that an item must be in to be known.", min=1)
    ] = 20,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Fit what is bought together, and say how well it is guessed.

    The model is fitted to the earlier baskets first. Of each later one an item
    is left out, and looked for among the 1, 5 and 10 that the model suggests
    for the others, and among as many best-sellers. Then all baskets are fitted.
    Without a file, the orders in the store's journal are read, as far as they
    say which products were bought; the system may be running.

    Examples:
      righttime fit items baskets.csv --out items.model --json
      righttime fit items --store sqlite:////srv/righttime/righttime.db
    """
    with speaking(as_json=as_json, debug=debug) as output:
        check_needs(source, store)
        from scripts.fitting.items import fit, judge, split

        output.console.print("Reading the baskets ...")
        found = _read(source, store)
        if not len(found):
            raise Failure("there are no baskets in it")
        result: dict[str, Any] = {
            "baskets": len(found),
            "items": len(found.keys),
            "lines": len(found.items),
            "held_out": None,
        }
        if held_out > 0:
            earlier, later = split(found, held_out)
            output.console.print(f"Judging by the last {len(later):,} baskets ...")
            result["held_out"] = judge(fit(earlier, least=least), later)
            _show(output, result["held_out"]["hit_rate"])
        model = fit(found, least=least)
        result["known_items"] = len(model.items)
        _keep(output, model, store, out)
        output.result(result)


def _read(source: str | None, store: str | None) -> "Baskets":
    from scripts.fitting import baskets

    if source is None:
        return baskets.from_store(store or "")
    if source == HOUSEHOLDS and not Path(source).exists():
        return baskets.from_households()
    return baskets.from_file(Path(source))


def _keep(output: Output, model: Any, store: str | None, out: Path | None) -> None:
    from actors.suggestions import SETTING, to_bytes
    from scripts.fitting.sources import put

    data = to_bytes(model)
    if out is not None:
        try:
            out.write_bytes(data)
        except OSError as error:
            raise Failure(f"cannot write {str(out)!r}: {error.strerror}") from error
        output.console.print(f"The model is in {out}.", soft_wrap=True)
    if store is not None:
        put(store, SETTING, data)
        output.console.print("The store has the model; front doors use it within a minute.")


def _show(output: Output, rates: dict[str, dict[str, float | None]]) -> None:
    table = Table(title="How often the item left out is among the first", title_justify="left")
    table.add_column("suggested")
    for k in rates["together"]:
        table.add_column(k, justify="right")
    for name, found in rates.items():
        shown = ["-" if rate is None else f"{rate:.1%}" for rate in found.values()]
        table.add_row(name.replace("_", " "), *shown)
    output.console.print(table)
