import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.playbook.attribute_compiler import MAX_STATE_BYTES
from tests.unit.attributes.attribute_books import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    Customer,
    book,
    problems_of,
    rolling,
)

WEEKLY = book(orders=rolling("count"), spend=rolling("sum", property="total"))
ALL = {
    "orders": rolling("count"),
    "days": rolling("active"),
    "spend": rolling("sum", property="total"),
    "mean": rolling("mean", property="total", default=-1),
    "lowest": rolling("min", property="total"),
    "highest": rolling("max", property="total"),
    "stores": rolling("distinct", property="store"),
    "first_store": rolling("first", property="store"),
    "last_store": rolling("last", property="store"),
    "last_total": rolling("last", property="total", type="number"),
    "coupons": rolling("count", where="event.properties.coupon"),
    "share": {"kind": "ratio", "of": "coupons", "to": "orders"},
}
EVERY_KIND = book(**ALL)


def test_a_window_is_the_bucket_of_now_and_those_before_it():
    ann = Customer(WEEKLY).hears(T0 + 5 * HOUR)

    assert ann.reads("orders", T0 + 5 * HOUR) == 1
    assert ann.reads("orders", T0 + 7 * DAY - 1) == 1
    assert ann.reads("orders", T0 + 7 * DAY) == 0


def test_buckets_begin_at_midnight_in_utc():
    ann = Customer(WEEKLY).hears(T0 - 1).hears(T0)

    assert ann.reads("orders", T0 + 7 * DAY - 1) == 1


def test_a_late_event_counts_in_the_bucket_of_its_own_time():
    ann = Customer(WEEKLY).hears(T0 + 6 * DAY, total=1).hears(T0, total=10).hears(T0 + 3 * DAY)

    assert ann.reads("spend", T0 + 6 * DAY) == 11.0
    assert ann.reads("spend", T0 + 7 * DAY) == 1.0
    assert ann.reads("orders", T0 + 7 * DAY) == 2


def test_an_event_older_than_the_window_is_ignored():
    ann = Customer(WEEKLY).hears(T0 + 30 * DAY)
    before = repr(ann.state)

    ann.hears(T0)

    assert repr(ann.state) == before


def test_an_event_from_a_fast_clock_counts_at_once_and_pushes_nothing_out():
    ann = Customer(WEEKLY).hears(T0).hears(T0 + 7 * DAY + 4 * MINUTE)

    assert ann.reads("orders", T0 + 7 * DAY - MINUTE) == 2
    assert ann.reads("orders", T0 + 7 * DAY + 4 * MINUTE) == 1


def test_a_late_event_finds_its_bucket_although_another_came_from_a_fast_clock():
    ann = Customer(book(orders=rolling("count", "PT5M", "minute"), all_day=rolling("count")))

    ann.hears(T0 + 5 * MINUTE).hears(T0 - 4 * MINUTE).hears(T0 - 5 * MINUTE)

    assert ann.reads("orders", T0) == 2
    assert ann.reads("orders", T0 + MINUTE) == 1


def test_without_a_window_everything_ever_heard_counts():
    ann = Customer(book(orders={"kind": "count", "on": "Bought"}))

    for year in range(20):
        ann.hears(T0 + year * 365 * DAY)

    assert ann.reads("orders", T0 + 9000 * DAY) == 20
    assert len(msgpack.packb(ann.state)) < 25


def test_every_kind_says_what_happened_in_the_window():
    ann = Customer(EVERY_KIND)
    ann.hears(T0, total=2.5, store="north", coupon=True)
    ann.hears(T0 + 1, total="7.25", store="south", coupon=False)
    ann.hears(T0 + DAY, total={"amount": 1}, store="north")

    assert {name: ann.reads(name, T0 + DAY) for name in ALL} == {
        "orders": 3, "days": 2, "spend": 10.75, "mean": 10.75 / 3, "lowest": 1.0, "highest": 7.25,
        "stores": 2, "first_store": "north", "last_store": "north", "last_total": 1.0,
        "coupons": 1, "share": 1 / 3,
    }  # fmt: skip


def test_of_nothing_counts_are_zero_and_the_rest_is_unknown():
    ann = Customer(EVERY_KIND).hears(T0, total=1, store="north", coupon=True)

    gone = {name: ann.reads(name, T0 + 7 * DAY) for name in ALL}

    zero = {"orders": 0, "days": 0, "spend": 0.0, "stores": 0, "coupons": 0}
    assert gone == dict.fromkeys(ALL) | zero
    assert {name: Customer(EVERY_KIND).reads(name, T0) for name in ALL} == gone


def test_what_is_no_number_adds_nothing():
    ann = Customer(EVERY_KIND)

    for total in (None, True, "much", float("nan"), float("inf"), [], {}, 10**30, "1e999999"):
        ann.hears(T0, total=total)

    assert ann.reads("spend", T0) == 0.0
    assert ann.reads("mean", T0) is None
    assert ann.reads("orders", T0) == 9


def test_sums_that_nobody_could_store_stop_at_a_bound():
    playbook = book(spend=rolling("sum", property="total"))
    ann = Customer(playbook)

    for _ in range(64):
        ann.hears(T0, total=[1e13] * 100)
        ann.hears(T0, total=[1e13] * 100)

    assert msgpack.unpackb(msgpack.packb(ann.state)) == ann.state
    assert ann.reads("spend", T0) == 2**62 / 100


def test_a_sum_of_cents_is_exact_in_any_order():
    ann, bob = Customer(WEEKLY), Customer(WEEKLY)

    for i in range(1000):
        ann.hears(T0 + i, total=0.1 * i)
        bob.hears(T0 + 999 - i, total=0.1 * (999 - i))

    assert ann.reads("spend", T0) == bob.reads("spend", T0) == 49950.0


def test_decimals_say_how_exact_a_number_is_kept():
    playbook = book(
        whole=rolling("sum", property="n", decimals=0),
        fine=rolling("sum", property="n", decimals=4),
    )
    ann = Customer(playbook).hears(T0, n=1.23456).hears(T0, n=2)

    assert ann.reads("whole", T0) == 3
    assert isinstance(ann.reads("whole", T0), int)
    assert ann.reads("fine", T0) == 3.2346


def test_of_two_values_at_one_instant_the_greater_is_last_in_any_order():
    ann = Customer(EVERY_KIND).hears(T0, store="a").hears(T0, store="b")
    bob = Customer(EVERY_KIND).hears(T0, store="b").hears(T0, store="a")

    assert ann.reads("last_store", T0) == bob.reads("last_store", T0) == "b"
    assert ann.reads("first_store", T0) == bob.reads("first_store", T0) == "a"


@pytest.mark.parametrize(
    ("stores", "count"),
    [
        (["a", "b", "a"], 2),
        ([["a", "b"], ["b", "c"]], 3),
        ([{"a": {}, "b": 1}, {"b": 2}], 2),
        ([1, 1.0, "1"], 1),
        ([True, "true", False], 2),
        ([None, [], {}, [[]], 1.5], 1),
        (["x" * 100 + "a", "x" * 100 + "b", "x" * 100 + "a"], 2),
        ([[f"s{i}" for i in range(1000)]], 64),
    ],
)
def test_distinct_values_are_texts_entries_of_lists_and_keys_of_mappings(stores, count):
    ann = Customer(EVERY_KIND)

    for store in stores:
        ann.hears(T0, store=store)

    assert ann.reads("stores", T0) == count


def test_a_path_leads_through_mappings_and_lists():
    playbook = book(
        meat=rolling("sum", property="departments.DRUG GM.total"),
        categories=rolling("distinct", property="products.category"),
        items=rolling("sum", property="products.quantity", decimals=0),
    )
    ann = Customer(playbook)

    ann.hears(T0, departments={"DRUG GM": {"total": 3.5}, "MEAT": {"total": 9}})
    ann.hears(T0, departments="none", products="none")
    products = [{"category": "A", "quantity": 2}, {"category": "B"}, {"quantity": 3}, "odd"]
    ann.hears(T0, products=products)

    assert ann.reads("meat", T0) == 3.5
    assert ann.reads("categories", T0) == 2
    assert ann.reads("items", T0) == 5


def test_a_distinct_count_stops_at_its_limit_and_is_right_again_below_it():
    ann = Customer(book(stores=rolling("distinct", property="store", limit=10)))

    for i in range(100):
        ann.hears(T0 + (i // 20) * DAY, store=f"s{i}")
    ann.hears(T0 + 6 * DAY, store="s1")

    assert ann.reads("stores", T0 + 4 * DAY) == 10
    assert ann.reads("stores", T0 + 11 * DAY) == 1
    (entry,) = ann.state.values()
    assert len(entry[2]) <= 12


def test_offsets_stay_small_however_long_a_customer_stays():
    ann = Customer(book(orders=rolling("count", "P30D")))

    for day in range(3000):
        ann.hears(T0 + day * DAY)

    (entry,) = ann.state.values()
    assert ann.reads("orders", T0 + 2999 * DAY) == 30
    assert len(entry[2]) == 31
    assert max(entry[2]) <= 127
    assert len(msgpack.packb(ann.state)) < 100


def test_a_sparse_customer_costs_little_in_a_year_of_days():
    ann = Customer(book(spend=rolling("sum", "P365D", property="total")))

    for month in range(12):
        ann.hears(T0 + month * 30 * DAY, total=25)

    assert len(msgpack.packb(ann.state)) < 90


def test_attributes_that_differ_in_their_window_share_what_is_kept():
    playbook = book(
        week=rolling("count"), month=rolling("count", "P30D"), days=rolling("active", "P14D")
    )
    ann = Customer(playbook).hears(T0).hears(T0 + 10 * DAY).hears(T0 + 10 * DAY)

    assert len(ann.state) == 1
    assert [ann.reads(n, T0 + 10 * DAY) for n in ("week", "month", "days")] == [2, 3, 2]


def test_only_what_listens_to_an_event_is_touched():
    playbook = book(
        bought={"kind": "count", "on": "Bought"},
        seen={"kind": "count", "on": [{"type": "page"}, "Viewed"]},
        anything={"kind": "count"},
        in_store={"kind": "count", "channels": ["store"]},
    )
    ann = Customer(playbook)

    ann.hears(T0).hears(T0, "Viewed", channel="store").hears(T0, "Home", type="page")
    ann.hears(T0, "Elsewhere").hears(T0, "", type="decide")

    names = ("bought", "seen", "anything", "in_store")
    assert [ann.reads(name, T0) for name in names] == [1, 2, 4, 1]


@pytest.mark.parametrize(
    ("where", "properties", "counts"),
    [
        ("event.properties.n > 3", {"n": 4}, True),
        ("event.properties.n > 3", {"n": 3}, False),
        ("event.properties.n > 3", {"n": 4.5}, True),
        ("event.properties.n > 3", {}, False),
        ("event.properties.n > 3", {"n": "many"}, False),
        ("event.properties.n > 3 || event.channel == 'web'", {}, True),
        ("event.properties['n'] in ['a', 'b'] && event.name == 'Bought'", {"n": "b"}, True),
        ("has(event.properties.n)", {"n": None}, True),
        ("has(event.properties.n)", {}, False),
        ("'n' in event.properties && event.type == 'track'", {"n": 1}, True),
        ("'x' in event.properties.tags", {"tags": ["x"]}, True),
        ("event.properties.cart.items > 2", {"cart": {"items": 3}}, True),
        ("event.properties.lines.exists(l, l.price > 5.0)", {"lines": [{"price": 6.0}]}, True),
        ("event.properties.n", {"n": 1}, False),
    ],
)
def test_a_rule_decides_which_events_count(where, properties, counts):
    ann = Customer(book(some={"kind": "count", "where": where})).hears(T0, **properties)

    assert ann.reads("some", T0) == int(counts)


def test_what_was_kept_for_another_definition_is_never_read_as_this_ones():
    ann = Customer(book(spend=rolling("sum", property="total"))).hears(T0, total=5)

    ann.playbook = book(spend=rolling("sum", property="subtotal"))

    assert ann.reads("spend", T0) == 0.0
    ann.hears(T0, subtotal=3)
    assert ann.reads("spend", T0) == 3.0
    assert len(ann.state) == 1


def test_a_new_name_or_window_keeps_what_is_there():
    ann = Customer(book(spend=rolling("sum", property="total"))).hears(T0, total=5)

    ann.playbook = book(
        outlay=rolling("sum", "P30D", property="total"),
        cents=rolling("sum", "P2D", property="total"),
    )
    ann.hears(T0 + 20 * DAY, total=1)

    assert ann.reads("outlay", T0 + 20 * DAY) == 6.0
    assert ann.reads("cents", T0 + 20 * DAY) == 1.0


def test_an_attribute_that_is_not_declared_cannot_be_read():
    with pytest.raises(KeyError):
        Customer(WEEKLY).reads("order", T0)


def test_the_state_of_the_busiest_customer_stays_within_what_the_playbook_may_declare():
    declared = {}
    while not problems_of(json.dumps({"attributes": declared})):
        last = dict(declared)
        i = len(declared)
        kind = ("sum", "count", "distinct", "first", "max", "last")[i % 6]
        fields = {} if kind == "count" else {"property": f"p{i}"}
        declared[f"a{i}"] = rolling(kind, f"P{30 + i}D", where=f"{i} >= 0", **fields)
    ann = Customer(book(**last))

    for hour in range(0, 24 * 50, 8):
        values = {f"p{i}": f"{hour}" + "x" * 99 if i % 6 in {2, 3, 5} else 1e13 for i in range(64)}
        ann.hears(T0 + hour * HOUR + SECOND, **values)

    assert len(last) >= 6
    assert MAX_STATE_BYTES / 3 < len(msgpack.packb(ann.state)) <= MAX_STATE_BYTES


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_the_next_change_is_when_the_value_differs_first(hours):
    ann = Customer(EVERY_KIND)
    now = T0 + 5 * DAY
    for i, hour in enumerate(hours):
        store = f"s{hour % 3}"
        ann.hears(T0 + hour * 3 * HOUR, total=hour % 5 - 2, store=store, coupon=i % 2 == 0)
    later = [T0 + day * DAY for day in range(6, 20)]

    for name in ALL:
        held = ann.reads(name, now)
        truth = next((at for at in later if ann.reads(name, at) != held), None)
        assert (name, ann.changes(name, now)) == (name, truth)
