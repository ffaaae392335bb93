"""The command line's tree. Commands import what they need when they run, so that help is instant."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from scripts.cli.bench import app as bench
from scripts.cli.bench_stores import stores  # noqa: F401 - adds its command to `bench`
from scripts.cli.cells import cells
from scripts.cli.chaos import chaos
from scripts.cli.compile_core import compile_core
from scripts.cli.customer import app as customer
from scripts.cli.demo import demo
from scripts.cli.doctor import doctor
from scripts.cli.evaluate import app as evaluate
from scripts.cli.experiment import app as experiment
from scripts.cli.fit import app as fit
from scripts.cli.graph import graph  # noqa: F401 - adds its command to `playbook`
from scripts.cli.models import app as models
from scripts.cli.patterns import app as patterns
from scripts.cli.pause import pause, resume
from scripts.cli.playbook import app as playbook
from scripts.cli.prices import price
from scripts.cli.replay import replay
from scripts.cli.simulate import simulate
from scripts.cli.status import status
from scripts.cli.store import app as store
from scripts.cli.trials import try_scenario  # noqa: F401 - adds its commands to `playbook`
from scripts.cli.up import up
from scripts.cli.uplift import uplift

app = typer.Typer(
    name="righttime",
    help=(
        "A runtime for right-time customer relationships: every active customer is an agent.\n\n"
        "Start with [bold]righttime demo[/bold], which replays real households and stops by itself, "
        "or [bold]righttime up[/bold], which serves the HTTP API until it is told to end."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if not value:
        return
    try:
        typer.echo(version("righttime"))
    except PackageNotFoundError:
        typer.echo("unknown (not installed as a package)")
    raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Everything about one installation: start it, look into it, measure it."""


app.command("up")(up)
app.command("demo")(demo)
app.command("chaos")(chaos)
app.command("status")(status)
app.command("cells")(cells)
app.command("pause")(pause)
app.command("resume")(resume)
app.command("doctor")(doctor)
app.command("compile")(compile_core)
app.command("price")(price)
app.command("replay")(replay)
app.command("simulate")(simulate)
app.add_typer(customer, name="customer")
app.add_typer(playbook, name="playbook")
app.add_typer(bench, name="bench")
app.add_typer(fit, name="fit")
app.add_typer(patterns, name="patterns")
app.add_typer(models, name="models")
app.add_typer(store, name="store")
app.add_typer(experiment, name="experiment")
app.add_typer(evaluate, name="evaluate")
app.command("uplift")(uplift)
