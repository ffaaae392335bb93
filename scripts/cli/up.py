"""`righttime up`: serve the HTTP API until a signal comes."""

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking
from scripts.store_option import StoreOption

if TYPE_CHECKING:
    from cluster.bootstrap import System
    from cluster.settings import Settings

CURL = """curl -s {url}/v1/track -H "Authorization: Bearer $(cat {key})" \\
  -H 'Content-Type: application/json' \\
  -d '{{"userId":"ada","event":"Product Viewed","properties":{{"product_id":"p-1"}},\
"context":{{"channel":"web","placements":["home_hero"]}}}}'"""


class ClockChoice(StrEnum):
    """Which time the customers live in."""

    real = "real"
    virtual = "virtual"


def up(  # noqa: PLR0913 - one parameter an option
    port: Annotated[
        int, typer.Option(help="Port of the HTTP API; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but loopback opens it to others.")
    ] = "127.0.0.1",
    data: Annotated[
        Path, typer.Option(help="Directory of the store, the keys and the logs.", file_okay=False)
    ] = Path(".righttime/data"),
    playbook: Annotated[
        str, typer.Option(help="Name of a playbook that comes along, or a directory with one.")
    ] = "retail",
    store: StoreOption = None,
    cells: Annotated[
        int | None,
        typer.Option(help="How many cells host customers.", min=1, show_default="one a core"),
    ] = None,
    clock: Annotated[
        ClockChoice,
        typer.Option(help="`virtual` lets POST /v1/clock/advance move the customers' time."),
    ] = ClockChoice.real,
    clock_start: Annotated[
        str | None,
        typer.Option(
            help="Where a virtual clock begins in a fresh store, such as 2017-01-01T00:00:00Z.",
            show_default="now",
        ),
    ] = None,
    dashboard: Annotated[
        bool,
        typer.Option(
            "--dashboard/--no-dashboard",
            help="Serve Ray's dashboard as well, and count Ray's metrics for it.",
        ),
    ] = False,
    dedicated: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Customers who get a Ray actor of their own: a CEL rule, `top-tier`, or '' for nobody.",
            show_default="top-tier",
        ),
    ] = None,
    dedicated_per_node: Annotated[
        int | None,
        typer.Option(
            help="How many of them each node has at most; each takes about 90 MB.",
            min=0,
            max=1000,
            show_default="8",
        ),
    ] = None,
    dedicated_per_minute: Annotated[
        float | None,
        typer.Option(
            help="How many of them are made a minute; each takes about 3 s of a processor.",
            max=600,
            show_default="4",
        ),
    ] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Start the system and serve the HTTP API until Ctrl-C or SIGTERM.

    Prints one line on stdout, READY and the URL, when it is; everything
    else goes to stderr. The first key is in DIR/keys/admin. Stopping takes
    seconds and loses nothing that was acknowledged.

    Examples:
      righttime up
      righttime up --port 9000 --data /var/lib/righttime --playbook ./mine
      righttime up --clock virtual        (journeys of weeks in milliseconds)
      righttime up --store postgresql://righttime@db/righttime
    """
    stdout = _claim_stdout()
    with speaking(as_json=as_json, debug=debug) as output:
        output.console.stderr = True
        settings = _settings(
            port=_port(host, port),
            host=host,
            data_dir=data.absolute(),
            playbook=_playbook(playbook),
            store_url=store,
            cells=cells,
            clock=clock.value,
            dashboard=dashboard,
            dedicated=dedicated,
            dedicated_per_node=dedicated_per_node,
            dedicated_per_minute=dedicated_per_minute,
        )
        _set_clock(settings, clock_start)
        signal.signal(signal.SIGTERM, _interrupt)
        if parent is not None:
            _end_with(parent)
        started = time.monotonic()
        output.console.print("Starting Ray, the cells and the front door (10 to 30 s) ...")
        system = _start(settings)
        try:
            _announce(output, stdout, system, time.monotonic() - started)
            system.wait_for_signal()
        finally:
            stopping = time.monotonic()
            output.console.print("Stopping ...")
            system.stop()
            output.console.print(f"Stopped in {time.monotonic() - stopping:.1f} s.")
        if as_json:
            sys.stdout = stdout
            output.result({"status": "stopped", "url": system.url, "data": str(data)})


def _start(settings: "Settings") -> "System":
    from cluster.bootstrap import start
    from cluster.occupancy import OccupiedError

    try:
        return start(settings)
    except OccupiedError as error:
        raise Failure(str(error)) from error


def _settings(**fields: Any) -> "Settings":
    from pydantic import ValidationError

    from cluster.settings import Settings

    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0] if first["loc"] else "?").replace("_", "-")
        raise Failure(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error


def _set_clock(settings: "Settings", text: str | None) -> None:
    """Begin the virtual clock at a time, unless the store has one already: it never goes back."""
    if text is None:
        return
    if settings.clock != "virtual":
        raise Failure("--clock-start needs --clock virtual")
    from actors.runtime.clocks import store_virtual_ms, stored_virtual_ms
    from actors.stores.opening import open_store
    from serve_app.instants import parse_instant

    try:
        start_ms = parse_instant(text)
    except ValueError as error:
        raise Failure(f"--clock-start: {error}") from error
    settings.data_dir.mkdir(parents=True, exist_ok=True)

    async def write() -> None:
        store = open_store(settings.store)
        try:
            if await stored_virtual_ms(store) is None:
                await store_virtual_ms(store, start_ms)
        finally:
            await store.close()

    asyncio.run(write())


def _playbook(text: str) -> str:
    """Return a name as it is, and a directory as its absolute path."""
    if os.sep in text or Path(text).is_dir():
        folder = Path(text).absolute()
        if not folder.is_dir():
            raise Failure(f"--playbook: there is no directory {text!r}")
        return str(folder)
    return text


def _port(host: str, port: int) -> int:
    """Return a port that can be listened on: this one, or a free one for 0."""
    from cluster.ports import bindable, free_port

    try:
        return bindable(port, host) if port else free_port(host)
    except OSError as error:
        raise Failure(
            f"cannot listen on {host} port {port} ({error.strerror}); "
            "choose another with --port, or 0 for any free one"
        ) from error


def _announce(output: Output, stdout: TextIO, system: "System", took_s: float) -> None:
    stdout.write(f"READY {system.url}\n")
    stdout.flush()
    key = system.key_path
    with suppress(ValueError):  # outside this directory the absolute path is the one that works
        key = key.relative_to(Path.cwd())
    output.console.print(f"Ready after {took_s:.1f} s. The first key is in {key}. Try:")
    output.console.print(CURL.format(url=system.url, key=key), soft_wrap=True, markup=False)
    output.console.print(f"Interactive docs: {system.url}/docs. Ctrl-C stops.")


def _claim_stdout() -> TextIO:
    """Keep stdout for our one line: whatever else writes to descriptor 1 reaches stderr."""
    try:
        if sys.stdout.fileno() != 1:
            return sys.stdout
    except (OSError, ValueError):  # a test's capture has no descriptor
        return sys.stdout
    ours = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _interrupt(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end_with(parent: int) -> None:
    """Stop this process cleanly when the one that started it is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
