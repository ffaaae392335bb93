"""`righttime pause` and `righttime resume`: the kill switch of a running system."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

UrlOption = Annotated[str, typer.Option(help="Where the system listens.")]
KeyOption = Annotated[Path, typer.Option(help="File with a key of scope admin.", dir_okay=False)]
WhatArgument = Annotated[
    str,
    typer.Argument(
        help="all, channel:NAME, action:ISSUE/GROUP/NAME or scenario:NAME.", show_default=False
    ),
]

_URL = "http://127.0.0.1:8000"
_KEY = Path(".righttime/data/keys/admin")
_KINDS = ("channel", "action", "scenario")


def pause(
    what: WhatArgument = "",
    url: UrlOption = _URL,
    key_file: KeyOption = _KEY,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Stop sending something, or everything, at once. Without a choice: show what is paused.

    Examples:
      righttime pause channel:email
      righttime pause all
      righttime pause
    """
    with speaking(as_json=as_json, debug=debug) as output:
        wish = wish_of(what) if what else None
        _show(output, _call(url, key_file, "/v1/pause", wish))


def resume(
    what: WhatArgument,
    url: UrlOption = _URL,
    key_file: KeyOption = _KEY,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Let go on what `pause` with the same choice has stopped.

    Examples:
      righttime resume channel:email
      righttime resume scenario:win_back
    """
    with speaking(as_json=as_json, debug=debug) as output:
        _show(output, _call(url, key_file, "/v1/resume", wish_of(what)))


def wish_of(what: str) -> dict[str, Any]:
    """Return the body of the call for a choice.

    Raises:
        Failure: It is none.
    """
    kind, _, name = what.partition(":")
    if what == "all":
        return {"all": True}
    if kind not in _KINDS or not name:
        raise Failure(
            f"{what!r} is not all, channel:NAME, action:ISSUE/GROUP/NAME or scenario:NAME"
        )
    return {kind: name}


def _call(url: str, key_file: Path, path: str, wish: dict[str, Any] | None) -> dict[str, Any]:
    """Read what is paused, after throwing or taking back a switch if one was chosen.

    Raises:
        Failure: Nobody answers, the key is not accepted, or the choice is not.
    """
    from scripts.calling import call

    status, body = call(url, path, key_file, wish)
    if status != 200 or not isinstance(body, dict):
        said = body.get("detail", "") if isinstance(body, dict) else ""
        raise Failure(f"{url} answered {status}: {said}")
    return body


def _show(output: Output, body: dict[str, Any]) -> None:
    rows = body["paused"]
    if rows:
        table = Table(title="Paused", title_justify="left")
        for name in ("what", "name", "since"):
            table.add_column(name)
        for row in rows:
            table.add_row(row["kind"], row["name"], row["since"])
        output.console.print(table)
    else:
        output.console.print("Nothing is paused.")
    output.result(body)
