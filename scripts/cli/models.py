"""`righttime models`: what the models have learned, how well they predict, and going back to a version."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking

if TYPE_CHECKING:
    from actors.ports import Store

app = typer.Typer(help="Look into the models, judge them, and go back.", no_args_is_help=True)
evaluating = typer.Typer(help="Judge models on real data.", no_args_is_help=True)
app.add_typer(evaluating, name="evaluate")

StoreOption = Annotated[
    str,
    typer.Option(
        help="URL of the system's store; it may be running.", show_default="that of `righttime up`"
    ),
]
_DEFAULT = ""


@app.callback()
def _group() -> None:
    """Look into the models, judge them, and go back."""


@evaluating.callback()
def _evaluating() -> None:
    """Judge models on real data."""


@app.command("list")
def list_(
    store: StoreOption = _DEFAULT, as_json: JsonOption = False, debug: DebugOption = False
) -> None:
    """List the models, with their newest version and the one that is pinned.

    As of the last checkpoint, which a running system makes every five seconds.

    Examples:
      righttime models list
      righttime models list --store sqlite:///srv/righttime/righttime.db --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from serve_app.models.reading import listed

        found = _on(store, listed)
        table = Table("model", "kind", "lessons", "version", "pinned", "AUC", "log-loss", "drift")
        for each in found["models"]:
            recent = each["recent"]
            table.add_row(
                *[str(each[n]) for n in ("name", "kind", "lessons", "version")],
                str(each.get("pinned", "")),
                f"{recent['auc']:.3f}",
                f"{recent['logLoss']:.3f}",
                "yes" if each["drift"]["told"] else "",
            )
        output.console.print(table)
        output.result(found)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    store: StoreOption = _DEFAULT,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show how well a model predicts, by channel and tier, and its versions.

    Each lesson was predicted before it was learned.

    Examples:
      righttime models show beta-bernoulli
      righttime models show email_offers --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from serve_app.models.reading import shown

        found = _on(store, lambda opened: shown(opened, name))
        if found is None:
            raise Failure(f"there is no model {name!r}: see `righttime models list`")
        _show(output.console, found)
        output.result(found)


@app.command("rollback")
def rollback(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    version: Annotated[
        str, typer.Argument(help="The number of a kept version, or `latest` to undo it.")
    ],
    store: StoreOption = _DEFAULT,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Have an earlier version of a model answer, within about a second, until told otherwise.

    The model itself learns on beside it; `latest` has it answer again.

    Examples:
      righttime models rollback email_offers 12
      righttime models rollback email_offers latest
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from serve_app.models import shelf

        if version == "latest":
            done = _on(store, lambda opened: shelf.unpin(opened, name), write=True)
            if not done:
                raise Failure(f"no version of {name!r} is pinned")
        elif not version.isdecimal():
            raise Failure(f"{version!r} is neither a version's number nor latest")
        elif not _on(store, lambda opened: shelf.pin(opened, name, int(version)), write=True):
            raise Failure(f"version {version} of {name!r} is not kept: see `righttime models show`")
        output.console.print(f"{name}: {version} answers.")
        output.result({"name": name, "version": version})


@evaluating.command("bank")
def bank(
    path: Annotated[Path, typer.Argument(help="`bank-full.csv` of UCI, or packed with gzip.")],
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 when a bar is missed.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Predict real calls in their order, and learn each after that, with the server's logistic model.

    Printed beside the rate of the labels before: what one would say who looks
    at nothing else. About ten seconds. `duration` of a call is not used.

    Examples:
      righttime models evaluate bank bank-full.csv.gz
      righttime models evaluate bank bank-full.csv.gz --json --check
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.models.bank import BLOCKS, evaluate

        try:
            found = evaluate(path)
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read {path}: {error}") from error
        table = Table("", f"mean AUC of {BLOCKS} blocks", "log-loss", "AUC of all")
        for title, name in (("model", "model"), ("running label rate", "runningRate")):
            figures = found[name]
            table.add_row(
                title, *[f"{figures[n]:.4f}" for n in ("meanAuc", "logLoss", "pooledAuc")]
            )
        output.console.print(table)
        missed = [bar["name"] for bar in found["bars"] if not bar["met"]]
        if check and missed:
            raise Failure(f"bars missed: {', '.join(missed)}", found)
        output.result(found)


def _on(url: str, ask: Callable[["Store"], Awaitable[Any]], *, write: bool = False) -> Any:
    """Ask a store something, and close it."""
    from actors.stores.opening import open_store

    url = url or f"sqlite://{Path('.righttime/data/righttime.db').resolve()}"

    async def asked() -> Any:
        opened = open_store(url, read_only=not write)
        try:
            return await ask(opened)
        finally:
            await opened.close()

    if url.startswith("memory:"):
        raise Failure("--store: a store in memory has no models yet")
    try:
        asyncio.run(open_store(url, read_only=True).close())  # never makes one that is not there
        return asyncio.run(asked())
    except ValueError as error:
        raise Failure(f"--store: {error}") from error


def _show(console: Console, found: dict[str, Any]) -> None:
    console.print(
        f"{found['name']}: {found['kind']}, {found['lessons']:,} lessons, version {found['version']}"
        + (f", version {found['pinned']} answers" if "pinned" in found else "")
    )
    if found["columns"]:
        console.print("features: " + ", ".join(found["columns"]), soft_wrap=True)
    table = Table("", "labels", "rate", "AUC", "log-loss")
    rows = [("all", found["all"]), ("recent", found["recent"])]
    rows += [(f"{each['channel'] or '-'}, {each['tier']}", each) for each in found["byPlace"]]
    for title, each in rows:
        table.add_row(
            title,
            f"{each['labels']:,}",
            *[f"{each[name]:.4f}" for name in ("rate", "auc", "logLoss")],
        )
    console.print(table)
    drift = found["drift"]
    console.print(f"drift: {'yes' if drift['told'] else 'no'} (z = {drift['z']:.1f})")
    kept = ", ".join(str(each["version"]) for each in found["versions"])
    console.print(f"versions kept: {kept or 'none'}")
