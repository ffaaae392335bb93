"""The option `--store`, which several commands have."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

VARIABLE = "RIGHTTIME_STORE"


def _without_password(
    context: typer.Context, parameter: typer.CallbackParam, value: str | None
) -> str | None:
    """Refuse a password that everybody on the machine can read in the list of processes."""
    given = context.get_parameter_source(parameter.name or "")
    if value and given is not None and given.name == "COMMANDLINE" and urlsplit(value).password:
        raise typer.BadParameter(
            f"a password on the command line is seen by others: put the URL into {VARIABLE}, "
            "or the password into PGPASSWORD or ~/.pgpass"
        )
    return value


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="URL of the store: sqlite:///absolute/path or postgresql://user@host/database.",
        envvar=VARIABLE,
        callback=_without_password,
        show_default="an SQLite file in the data directory",
    ),
]
