"""`righttime chaos`: kill, pause and starve a system under load, and check that nothing was lost."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.output import DebugOption, Failure, JsonOption, speaking

BEGIN = "<!-- chaos {section}: begin -->"
END = "<!-- chaos {section}: end -->"


def chaos(  # noqa: PLR0913 - one parameter an option
    minutes: Annotated[
        float, typer.Option(help="How long faults are done; checking comes after.", min=0.1)
    ] = 2.0,
    seed: Annotated[
        int, typer.Option(help="Which faults in which order, and what clients do.")
    ] = 1,
    store: Annotated[
        str,
        typer.Option(
            help="`sqlite`, `postgresql` (a server of its own, if the wheel is installed), or the "
            "URL of an empty database."
        ),
    ] = "sqlite",
    cells: Annotated[int, typer.Option(help="How many cells host customers.", min=1)] = 2,
    nodes: Annotated[
        int,
        typer.Option(
            help="Run on a Ray cluster of so many nodes on this machine, which lose nodes too.",
            min=2,
            show_default="Ray of its own",
        ),
    ]
    | None = None,
    persistent: Annotated[
        bool,
        typer.Option("--persistent", help="With --nodes: the head's GCS keeps its tables on disk."),
    ] = False,
    links: Annotated[
        bool,
        typer.Option(
            "--links",
            help="With --nodes and PostgreSQL: each node in a network namespace of its own, whose links are "
            "cut, one-way and slow for a time. Needs root.",
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Do this fault alone; several by repeating.", show_default="all"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where to make the scratch directory.", show_default="the system's own"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the store and the history.", show_default=False)
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(
            help="Write the table into this document, between the comments `chaos SECTION: begin` and "
            "`chaos SECTION: end`; SECTION is sqlite, postgresql, nodes or links."
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Do faults to a system of its own while clients use it, then check every guarantee.

    It starts the system in a scratch directory, and ends only processes
    that it started. The same seed does the same faults in the same order;
    what they meet differs from run to run.

    Examples:
      righttime chaos --minutes 2
      righttime chaos --minutes 30 --seed 7 --store postgresql --write docs/reliability.md
      righttime chaos --minutes 1 --only "cell paused inside a transaction"
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.chaos.report import markdown, show, write_into
        from scripts.chaos.running import Plan, run

        if write is not None and not write.is_file():
            raise Failure(f"--write: there is no {write}")
        if links and nodes is None:
            raise Failure("--links needs --nodes")
        plan = Plan(
            minutes=minutes,
            seed=seed,
            store=store,
            cells=cells,
            nodes=nodes or 0,
            persistent=persistent,
            links=links,
            only=tuple(only or ()),
            root=data,
            keep=keep,
        )
        report = run(plan, lambda text: output.console.print(text, markup=False, soft_wrap=True))
        show(output.console, report)
        if write is not None:
            try:
                section = "links" if links else "nodes" if plan.nodes else report.store.lower()
                marks = (BEGIN.format(section=section), END.format(section=section))
                text = write_into(write.read_text("utf-8"), markdown(report), *marks)
            except ValueError as error:
                raise Failure(f"--write: {error}", report.as_json()) from error
            write.write_text(text, "utf-8")
        if not report.passed:
            raise Failure("a guarantee was broken; the findings say which", report.as_json())
        output.result(report.as_json())
