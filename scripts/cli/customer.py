"""`righttime customer`: what an operator does with a single customer's record."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.output import DebugOption, Failure, JsonOption, speaking
from scripts.store_option import StoreOption

app = typer.Typer(help="Look after a single customer's record.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after a single customer's record."""


@app.command("restore")
def restore(
    customer: Annotated[str, typer.Argument(help="The customer's id, c_….")],
    backup: Annotated[
        str, typer.Option("--from", help="The backup: a SQLite file, or the URL of a store.")
    ],
    store: StoreOption = None,
    data: Annotated[
        Path, typer.Option(help="The system's data directory.", file_okay=False)
    ] = Path(".righttime/data"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Restore one customer whose record is damaged, from a backup and the journal since.

    The system may be running. Everybody else stays as they are. What the
    journal has of the customer since the backup is taken again; nothing is
    sent. `GET /v1/quarantine` says who is damaged.

    Examples:
      righttime customer restore c_01J0ABCDEFGHJ --from /backup/righttime.db
    """
    with speaking(as_json=as_json, debug=debug) as output:
        url = store or f"sqlite://{(data / 'righttime.db').resolve()}"
        result = asyncio.run(_restore(customer, url, _url(backup)))
        output.console.print(
            f"{customer} is back as of turn {result['restoredFrom']}, and the {result['taken']} turns "
            f"since; {len(result['lost'])} of them are lost."
        )
        output.result(result)


def _url(backup: str) -> str:
    return backup if "://" in backup else f"sqlite://{Path(backup).resolve()}"


async def _restore(customer: str, url: str, backup_url: str) -> dict[str, Any]:
    from actors.domain.errors import InvalidIdError, RighttimeError
    from actors.domain.ids import parse_customer
    from actors.playbook.loader import bundle_from_bytes, compile_bundle
    from actors.ports import Lookup
    from actors.runtime.clocks import stored_virtual_ms
    from actors.session import restoring
    from actors.stores.opening import open_store

    try:
        number = parse_customer(customer)
    except InvalidIdError as error:
        raise Failure(f"{customer!r} is not a customer's id") from error
    try:
        backup = open_store(backup_url, read_only=True)
        live = open_store(url)
    except (ValueError, RighttimeError) as error:
        raise Failure(str(error)) from error
    try:
        row = (await backup.lookup(Lookup(numbers=(number,)))).customers.get(number)
        stored = await live.playbook()
        if row is None or stored is None:
            raise Failure("the backup has no such customer" if row is None else "no playbook")
        machine_ms = int(time.time() * 1000)
        now_ms = await stored_virtual_ms(live) or machine_ms
        playbook = compile_bundle(bundle_from_bytes(stored[1]))
        done = await restoring.restore(live, row.state, number, playbook, now_ms, machine_ms)
    except RighttimeError as error:
        raise Failure(str(error)) from error
    finally:
        await backup.close()
        await live.close()
    return {
        "customerId": customer,
        "seq": done.seq,
        "restoredFrom": done.since,
        "taken": done.taken,
        "lost": done.lost,
    }
