"""Orders, refunds, and what was looked at before them, after Segment's e-commerce spec."""

from typing import Any

from actors.domain.events import Event
from actors.domain.folding.reading import (
    MAX_NAME,
    OTHER,
    Handler,
    bounded,
    count_of,
)
from actors.domain.histories import MAX_INTERESTS, Interest, Ledger
from actors.domain.money import minor_of
from actors.domain.profile import MAX_DEPARTMENTS, Profile, Purchases
from actors.domain.state import CustomerState


def department_amounts(properties: dict[str, Any], digits: int) -> dict[str, tuple[int, int]]:
    """Return (minor units, items) by department, from `departments` or else from `products`.

    Products have `category`, `price` and `quantity`.
    """
    amounts: dict[str, tuple[int, int]] = {}
    departments = properties.get("departments")
    if isinstance(departments, dict):
        for name, entry in departments.items():
            if isinstance(entry, dict) and isinstance(name, str):
                amounts[name] = (
                    minor_of(entry.get("total"), digits) or 0,
                    count_of(entry.get("items")),
                )
        return amounts
    products = properties.get("products")
    if isinstance(products, list):
        for product in products:
            if isinstance(product, dict) and isinstance(product.get("category"), str):
                name = product["category"]
                quantity = count_of(product.get("quantity"), 1)
                minor, items = amounts.get(name, (0, 0))
                price = minor_of(product.get("price"), digits) or 0
                amounts[name] = (bounded(minor + price * quantity), items + quantity)
    return amounts


def _bought(book: Purchases, minor: int, items: int, at_ms: int) -> None:
    book.orders += 1
    book.items = bounded(book.items + items)
    book.spend_minor = bounded(book.spend_minor + minor)
    if not book.first_at_ms or at_ms < book.first_at_ms:
        book.first_at_ms = at_ms
    if at_ms > book.last_at_ms:
        book.last_at_ms = at_ms


def _department(profile: Profile, name: str) -> Purchases:
    book = profile.departments.get(name)
    if book is None:
        if len(profile.departments) >= MAX_DEPARTMENTS or len(name) > MAX_NAME:
            name = OTHER
        book = profile.departments.setdefault(name, Purchases())
    return book


def _order_completed(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    profile, properties = state.profile, event.properties
    amounts = department_amounts(properties, digits)
    total = minor_of(properties.get("total"), digits)
    if total is None:
        total = sum(minor for minor, _ in amounts.values())
        notes.append("order_without_total")
    items = count_of(properties.get("items"), sum(count for _, count in amounts.values()))
    book, ledger = profile.purchases, profile.ledger
    if not book.orders or at_ms < book.first_at_ms:
        ledger.first_order_minor = bounded(total)
    elif at_ms == book.first_at_ms:
        ledger.first_order_minor = bounded(ledger.first_order_minor + total)
    if book.orders:  # the second largest of all times, whatever order they come in
        earlier_ms = min(at_ms, book.last_at_ms)
        if earlier_ms > ledger.previous_order_at_ms:
            ledger.previous_order_at_ms = earlier_ms
    _bought(book, total, items, at_ms)
    for name, (minor, count) in amounts.items():
        _bought(_department(profile, name), minor, count, at_ms)
    profile.coupons_used = bounded(profile.coupons_used + count_of(properties.get("coupons_used")))
    _costs(ledger, properties, total, digits)


def _costs(ledger: Ledger, properties: dict[str, Any], total: int, digits: int) -> None:
    """Take what was taken off, `discount` or else its two parts, and what the goods cost us."""
    given = properties.get("discount")
    if given is not None:
        discount = abs(minor_of(given, digits) or 0)
    else:
        discount = 0
        for name in ("coupon_discount", "retail_discount"):
            part = properties.get(name)
            if part:
                discount += abs(minor_of(part, digits) or 0)
    if discount:
        ledger.discount_minor = bounded(ledger.discount_minor + discount)
    cost = minor_of(properties.get("cost"), digits)
    if cost is not None:
        ledger.goods_minor = bounded(ledger.goods_minor + cost)
        ledger.goods_known_minor = bounded(ledger.goods_known_minor + total)


def _order_refunded(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    total = minor_of(event.properties.get("total"), digits)
    if total is None:
        notes.append("refund_without_total")
        return
    profile = state.profile
    profile.purchases.refunds += 1
    profile.purchases.spend_minor = bounded(profile.purchases.spend_minor - abs(total))
    profile.ledger.refunded_minor = bounded(profile.ledger.refunded_minor + abs(total))


def _interest(profile: Profile, category: Any, at_ms: int) -> Interest:
    interests = profile.interests
    name = category if isinstance(category, str) else OTHER
    interest = interests.get(name)
    if interest is None:
        if len(interests) >= MAX_INTERESTS or len(name) > MAX_NAME:
            name = OTHER
        interest = interests.setdefault(name, Interest())
    if at_ms > interest.last_at_ms:
        interest.last_at_ms = at_ms
    return interest


def _product_viewed(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    category = event.properties.get("category")
    if not isinstance(category, str):
        return
    _interest(state.profile, category, at_ms)
    views = state.profile.views
    if category not in views and (len(views) >= MAX_DEPARTMENTS or len(category) > MAX_NAME):
        category = OTHER
    views[category] = views.get(category, 0) + 1


def _product_clicked(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    _interest(state.profile, event.properties.get("category"), at_ms).clicks += 1


def _products_searched(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    _interest(state.profile, event.properties.get("category"), at_ms).searches += 1


COMMERCE: dict[str, Handler] = {
    "Order Completed": _order_completed,
    "Order Refunded": _order_refunded,
    "Product Viewed": _product_viewed,
    "Product Clicked": _product_clicked,
    "Products Searched": _products_searched,
}
