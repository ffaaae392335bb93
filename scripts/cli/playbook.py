"""`righttime playbook check`: read a playbook as the system would, and say what is wrong where."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking

if TYPE_CHECKING:
    from actors.playbook.loader import Bundle
    from actors.playbook.model import Playbook

app = typer.Typer(
    help="Look into playbooks: segments, actions, triggers and policies, as YAML.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Look into playbooks: segments, actions, triggers and policies, as YAML."""


@app.command("check")
def check(
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="A directory, or the name of one that comes along.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL",
            help="The playbook that it replaces, or a running system: tell whom an edit strands.",
        ),
    ] = None,
    key_file: Annotated[
        Path,
        typer.Option(help="With --against URL: file with a key that may read.", dir_okay=False),
    ] = Path(".righttime/data/keys/admin"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check a playbook and count what is in it.

    Every problem is a line that starts with file:line:column and says what
    was expected. Exits with 1 when there is one. With --against it also says,
    for each scenario that changes, at which steps customers move to the new
    version, and at which they finish on the one they began with.

    Examples:
      righttime playbook check retail
      righttime playbook check ./my-playbook --json
      righttime playbook check ./my-playbook --against http://127.0.0.1:8000
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.domain.errors import PlaybookError
        from actors.playbook.loader import compile_bundle

        try:
            playbook = compile_bundle(bundle(directory))
        except PlaybookError as error:
            for problem in error.problems:
                output.console.print(problem, markup=False, soft_wrap=True)
            count = len(error.problems)
            raise Failure(
                f"{directory}: {count} problem{'s' if count != 1 else ''}",
                {"valid": False, "problems": list(error.problems)},
            ) from error
        result = summary(playbook)
        table = Table(title=f"{playbook.name} ({playbook.version})", show_header=False)
        for name, value in result["counts"].items():
            table.add_row(name, str(value))
        output.console.print(table)
        if against is not None:
            from scripts.cli.against import against as compare

            result["scenarios"] = compare(output.console, playbook, against, key_file)
        output.result(result)


def bundle(text: str) -> "Bundle":
    """Read a playbook from a directory, or by the name of one that comes along.

    Raises:
        Failure: There is neither.
        PlaybookError: A file cannot be read.
    """
    from actors.playbook.loader import library, library_names, read_bundle

    if Path(text).is_dir():
        return read_bundle(Path(text))
    if text in library_names():
        return library(text)
    known = ", ".join(library_names())
    raise Failure(f"there is no directory {text!r}, and no playbook of that name (known: {known})")


def summary(playbook: "Playbook") -> dict[str, Any]:
    """Return counts of what a playbook has."""
    channels = Counter(channel for action in playbook.actions for channel in action.treatments)
    return {
        "valid": True,
        "name": playbook.name,
        "version": playbook.version,
        "currency": playbook.currency,
        "counts": {
            "tiers": len(playbook.tiers),
            "segments": len(playbook.segments),
            "actions": len(playbook.actions),
            "triggers": len(playbook.triggers),
            "scenarios": len(playbook.scenarios),
            "contact caps": len(playbook.caps),
            **{f"treatments for {name}": count for name, count in sorted(channels.items())},
        },
    }
