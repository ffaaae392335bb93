from actors.playbook.loader import compile_bundle, library
from tests.unit.attributes.attribute_books import DAY, HOUR, T0, Customer

RETAIL = compile_bundle(library("retail"))


def order(customer, at, total, coupons, store, *departments):
    return customer.hears(
        at,
        "Order Completed",
        channel="store",
        total=total,
        coupons_used=coupons,
        store_id=store,
        departments={name: {"items": 1, "total": 1.0} for name in departments},
    )


def test_the_retail_playbook_counts_what_a_household_does():
    household = Customer(RETAIL)
    order(household, T0, 80.25, 2, "north", "MEAT", "DELI")
    order(household, T0 + 60 * DAY, 10.5, 0, "south", "MEAT")
    order(household, T0 + 60 * DAY + 2 * HOUR, 4.5, 0, "south", "FUEL")
    household.hears(T0 + 61 * DAY, "Product Viewed")

    told = {name: household.reads(name, T0 + 61 * DAY) for name in RETAIL.attributes.by_name}

    assert told == {
        "orders_30d": 2, "orders_90d": 3, "spend_30d": 15.0, "spend_90d": 95.25,
        "shopping_days_30d": 1, "visits_7d": 3, "departments_90d": 3, "coupon_orders_90d": 1,
        "coupon_share_90d": 1 / 3, "largest_basket_year": 80.25, "last_store": "south",
    }  # fmt: skip
    assert household.changes("spend_30d", T0 + 61 * DAY) == T0 + 90 * DAY
