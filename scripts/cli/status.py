"""`righttime status`: what a running system says of itself, as tables."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking


def status(
    url: Annotated[str, typer.Option(help="Where the system listens.")] = "http://127.0.0.1:8000",
    key_file: Annotated[
        Path, typer.Option(help="File with a key that may read.", dir_okay=False)
    ] = Path(".righttime/data/keys/admin"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show cells, partitions, queues, outbox and timers of a running system.

    Examples:
      righttime status
      righttime status --url http://10.0.0.7:8000 --key-file ~/keys/reader --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        body = fetch(url, key_file)
        show(output.console, body)
        output.result(body)


def fetch(url: str, key_file: Path) -> dict[str, Any]:
    """Read `GET /v1/status`.

    Raises:
        Failure: Nobody answers, or the key is not accepted.
    """
    from scripts.calling import call

    status, body = call(url, "/v1/status", key_file)
    if status != 200 or not isinstance(body, dict):
        raise Failure(f"{url} answered {status}, which is not a status")
    return body


def show(console: Console, body: dict[str, Any]) -> None:
    """Print single figures as one table, and every list or mapping of figures as another."""
    plain = {name: value for name, value in body.items() if not isinstance(value, dict | list)}
    if plain:
        _pairs(console, "Status", plain)
    for name, value in body.items():
        if isinstance(value, dict) and value:
            if all(isinstance(row, dict) for row in value.values()):
                _rows(console, name, [{"": key, **row} for key, row in value.items()])
            else:
                _pairs(console, name, value)
        elif isinstance(value, list) and value:
            if all(isinstance(row, dict) for row in value):
                _rows(console, name, value)
            else:
                _pairs(console, name, dict(enumerate(value)))


def _pairs(console: Console, title: str, pairs: dict[Any, Any]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in pairs.items():
        table.add_row(str(name), _text(value))
    console.print(table)


def _rows(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    console.print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
