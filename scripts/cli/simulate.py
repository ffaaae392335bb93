"""`righttime simulate`: what if, on the code that serves customers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from scripts.simulation.simulate import Options, Result


def simulate(  # noqa: PLR0913 - one parameter an option
    out: Annotated[Path, typer.Option(help="Folder of the results.", file_okay=False)],
    population: Annotated[int, typer.Option(help="How many customers.", min=1)] = 1_000,
    days: Annotated[int, typer.Option(help="How many days of virtual time.", min=1)] = 28,
    playbook: Annotated[
        str, typer.Option(help="The playbook: a name of the library, or a folder.")
    ] = "retail",
    policy: Annotated[
        str,
        typer.Option(
            help="Who decides: `playbook` (its own arbitration), another playbook, or module:object,"
            " which is given (context, actions) and returns a probability for each action."
        ),
    ] = "playbook",
    compare: Annotated[
        list[str] | None, typer.Option(help="A further policy to compare with; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which population, and its chances.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes to work in.", min=1, max=256)] = 1,
    ray: Annotated[
        bool, typer.Option("--ray", help="Work in Ray actors on the cluster that is running.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="`learning`: models learn hourly; `frozen`: starting propensities.")
    ] = "learning",
    people: Annotated[
        Path | None,
        typer.Option(help="What customers are like: a file of `righttime fit population`."),
    ] = None,
    behaviour: Annotated[
        str,
        typer.Option(help="module:object that makes another Behaviour from that file's numbers."),
    ] = "",
    checkpoint_days: Annotated[
        int, typer.Option(help="Days between checkpoints; 0 for as suits the size.", min=0)
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    live: Annotated[
        str | None,
        typer.Option(help="URL of a system with a virtual clock to send the customers to instead."),
    ] = None,
    key: Annotated[
        str, typer.Option(help="API key for --live.", envvar="RIGHTTIME_KEY", show_default=False)
    ] = "",
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Simulate a population that meets a playbook, in virtual time.

    The runtime is the real one: sessions, scenarios, policies, timers,
    budgets and models; customers come, buy, take offers, tire, complain,
    leave and return. The folder has Parquet tables (events, decisions with
    propensities, outcomes, customers), summary.json, report.html and plots.
    Results depend on the options alone, not on who worked on them.

    Examples:
      righttime simulate --population 2000 --days 28 --out /tmp/first
      righttime simulate --out r --compare my.policies:greedy --workers 2
      righttime simulate --out r --population 100000 --days 90 --resume
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.simulation.spec import Spec
        from scripts.importing import modules_from_here
        from scripts.simulation.simulate import Options

        modules_from_here()

        if model not in {"learning", "frozen"}:
            raise Failure(f"--model: {model!r} is neither `learning` nor `frozen`")
        if live and (ray or resume or compare or policy != "playbook" or model != "learning"):
            raise Failure(
                "--live sends to a system that has its own policy and models, and cannot take it back:"
                " it goes with neither --ray, --resume, --policy, --compare nor --model"
            )
        options = Options(
            spec=Spec(population=population, days=days, seed=seed),
            playbook=playbook,
            policies=[policy, *(compare or [])],
            out=out,
            model=model,
            population=people,
            behaviour=behaviour,
            workers=workers,
            checkpoint_days=checkpoint_days,
            resume=resume,
        )
        if live:
            output.result(_send(output, options, live, key))
            return
        _check_extra()
        results = _run(output, options, ray=ray)
        summary = _write(output, options, results)
        _show(output, summary)
        output.result(summary)


def _send(output: Output, options: "Options", url: str, key: str) -> dict[str, Any]:
    from rich.console import Console

    from scripts.simulation.live import LIVE, send
    from scripts.simulation.progress import shown

    with shown(Console(stderr=True), options.spec.days) as said:
        result = send(options, url, key, output.console, said)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{LIVE}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    output.console.print(f"The figures are in {path}.", soft_wrap=True)
    return result


def _check_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("pyarrow", "matplotlib") if find_spec(name) is None]
    if missing:
        raise Failure(
            f"{' and '.join(missing)} is not installed: run `uv sync --extra research`,"
            " or pip install 'righttime[research]'"
        )


def _run(output: Output, options: "Options", *, ray: bool) -> "list[Result]":
    from rich.console import Console

    from scripts.simulation.progress import shown
    from scripts.simulation.simulate import simulate as run

    employ: Any = None
    if ray:
        from cluster.population_run import employing

        employ = employing(options.workers)
    with shown(Console(stderr=True), options.spec.days) as said:
        return run(options, said, employ)


def _write(output: Output, options: "Options", results: "list[Result]") -> dict[str, Any]:
    from actors.playbook.loader import compile_bundle
    from scripts.simulation.plots import plot_all
    from scripts.simulation.report import report
    from scripts.simulation.simulate import bundle_of
    from scripts.simulation.summary import summarised

    summary = summarised(results, options.spec.to_fields())
    playbook = compile_bundle(bundle_of(options.playbook))
    plots = plot_all(results, summary, playbook, options.out / "plots")
    page = report(summary, plots, playbook.minor_digits, playbook.currency)
    (options.out / "report.html").write_text(page, encoding="utf-8")
    (options.out / "summary.json").write_text(
        json.dumps(summary, indent=1) + "\n", encoding="utf-8"
    )
    output.console.print(f"The report is {options.out / 'report.html'}.", soft_wrap=True)
    return summary


def _show(output: Output, summary: dict[str, Any]) -> None:
    table = Table(title="A customer", title_justify="left")
    table.add_column("")
    for label in summary["policies"]:
        table.add_column(label, justify="right")
    for name in ("revenue_minor", "net_minor", "contacts", "orders", "taken", "active"):
        cells = []
        for each in summary["policies"].values():
            one = each["all"][name]
            cells.append(f"{one['mean']:,.3f} ± {(one['high'] - one['low']) / 2:,.3f}")
        table.add_row(name, *cells)
    output.console.print(table)
    for label, each in summary["policies"].items():
        output.console.print(
            f"{label}: {each['decisions']:,} decisions, {each['decisions_a_second']:,} a second,"
            f" {each['bytes_a_customer']:,} bytes a customer"
        )
        for what, count in each["failed"].items():
            output.console.print(f"{label}: {count:,} times: {what}", style="bold red")
