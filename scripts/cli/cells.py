"""`righttime cells`: how many cells host customers, shown and changed while the system runs."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scripts.cli.pause import KeyOption, UrlOption
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

_URL = "http://127.0.0.1:8000"
_KEY = Path(".righttime/data/keys/admin")
_POLL_S = 0.25


def cells(
    count: Annotated[
        int | None, typer.Option(help="How many there are to be from now on.", min=1, max=256)
    ] = None,
    wait_s: Annotated[
        float, typer.Option(help="How long to wait until that is so; 0 does not.", min=0)
    ] = 60.0,
    url: UrlOption = _URL,
    key_file: KeyOption = _KEY,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the cells that host customers, or add and remove some while the system serves.

    A change holds until the system is started anew, which begins with the
    cells that `righttime up --cells` says.

    Examples:
      righttime cells
      righttime cells --count 4
    """
    with speaking(as_json=as_json, debug=debug) as output:
        body = _ask(url, key_file, count)
        started_s = time.monotonic()
        if count is not None and wait_s:
            with output.console.status(f"Until {count} cells serve ..."):
                body = _await(url, key_file, started_s + wait_s)
        _show(output, body, time.monotonic() - started_s)


def _ask(url: str, key_file: Path, count: int | None) -> dict[str, Any]:
    """Read the cells, after saying how many are wanted if that was given.

    Raises:
        Failure: Nobody answers, or the key or the number is not accepted.
    """
    from scripts.calling import call

    wish = None if count is None else {"count": count}
    method = "GET" if count is None else "PUT"
    status, body = call(url, "/v1/cells", key_file, wish, method=method)
    if status not in {200, 202} or not isinstance(body, dict):
        said = body.get("detail", "") if isinstance(body, dict) else ""
        raise Failure(f"{url} answered {status}: {said}")
    return body


def _await(url: str, key_file: Path, until_s: float) -> dict[str, Any]:
    """Return the cells as soon as they are those wanted.

    Raises:
        Failure: They were not in time.
    """
    while True:
        body = _ask(url, key_file, None)
        if body["settled"]:
            return body
        if time.monotonic() > until_s:
            raise Failure(
                "the cells are not as wanted yet; they go on becoming so: "
                "look with `righttime cells`, and at the logs"
            )
        time.sleep(_POLL_S)


def _show(output: Output, body: dict[str, Any], took_s: float) -> None:
    table = Table(title=f"{body['count']} wanted", title_justify="left")
    for name in ("cell", "host", "pid", "partitions", ""):
        table.add_column(name)
    for row in body["cells"]:
        note = "standby" if row["standby"] else "leaving" if row["leaving"] else ""
        place = (row["name"], row["host"], str(row["pid"]), str(row["partitions"]), note)
        table.add_row(*place)
    output.console.print(table)
    if body["unowned"]:
        output.console.print(f"{body['unowned']} partitions have no owner at this moment.")
    output.result(body | {"tookS": round(took_s, 2)})
