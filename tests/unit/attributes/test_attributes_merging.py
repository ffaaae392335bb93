from actors import attributes as core
from tests.unit.attributes.attribute_books import DAY, T0, Customer, book, rolling

SHOP = book(
    orders=rolling("count"),
    stores=rolling("distinct", property="store", limit=8),
    last_store=rolling("last", property="store"),
)


def merged(a, b):
    return Customer(a.playbook, core.merge(a.state, b.state))


def test_a_value_that_both_saw_was_seen_when_the_later_of_them_saw_it():
    ann = Customer(SHOP).hears(T0 + 5 * DAY, store="north")
    bob = Customer(SHOP).hears(T0, store="north")

    for one in (merged(ann, bob), merged(bob, ann)):
        assert one.reads("stores", T0 + 11 * DAY) == 1
        assert one.reads("stores", T0 + 12 * DAY) == 0


def test_buckets_of_both_add_up_and_the_later_last_wins():
    ann = Customer(SHOP).hears(T0 + DAY, store="south").hears(T0, store="east")
    bob = Customer(SHOP).hears(T0, store="north").hears(T0 + 2 * DAY)

    for one in (merged(ann, bob), merged(bob, ann)):
        assert one.reads("orders", T0 + 2 * DAY) == 4
        assert one.reads("orders", T0 + 7 * DAY) == 2
        assert one.reads("last_store", T0 + 2 * DAY) == "south"


def test_what_only_one_of_them_has_is_copied():
    ann = Customer(SHOP).hears(T0, store="south")

    one = merged(Customer(SHOP), ann)
    one.hears(T0, store="north")

    assert ann.reads("orders", T0) == 1
    assert ann.reads("stores", T0) == 1
    assert merged(ann, Customer(SHOP)).state == ann.state


def test_values_of_both_stay_within_the_limit():
    ann, bob = Customer(SHOP), Customer(SHOP)
    for i in range(8):
        ann.hears(T0 + i, store=f"a{i}")
        bob.hears(T0 + DAY + i, store=f"b{i}")

    one = merged(ann, bob)

    (seen,) = [entry[2] for key, entry in one.state.items() if key.startswith("d")]
    assert set(seen) == {f"b{i}" for i in range(8)}


def test_the_longer_window_of_two_playbooks_decides_what_is_kept():
    month = book(orders=rolling("count", "P30D"))
    ann = Customer(book(orders=rolling("count"))).hears(T0 + 20 * DAY)
    bob = Customer(month).hears(T0)

    for state in (core.merge(ann.state, bob.state), core.merge(bob.state, ann.state)):
        assert Customer(month, state).reads("orders", T0 + 20 * DAY) == 2
