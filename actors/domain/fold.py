"""Folding events into the profile and the conversation.

Everything is applied at its event time. Sums, counts and consents do not depend on the order of
arrival; of traits, time zone and locale the newest event's hold, and an older one that arrives late
fills only what is not known. The open cart follows arrival.
"""

from typing import Any

from actors.domain.conversation import Utterance
from actors.domain.events import Event
from actors.domain.money import minor_of
from actors.domain.profile import (
    MAX_CHANNELS,
    MAX_DEPARTMENTS,
    MAX_TRAITS,
    ChannelUse,
    ConsentState,
    Profile,
    Purchases,
)
from actors.domain.state import CustomerState

OTHER = "*other"
"""Where amounts go once a mapping has reached its limit: sums stay whole."""

MAX_SUM = 2**62
MAX_CONSENTS = 32

_MAX_TRAIT_SIZE = 1024
_MAX_NAME = 64
_LATE_MS = 24 * 3600 * 1000


def fold(state: CustomerState, event: Event, at_ms: int, now_ms: int, digits: int) -> list[str]:
    """Apply one event that happened at `at_ms`; return notes on what was not taken as it came.

    `digits` is the number of minor digits of the book currency. Mutates `state`, which the caller
    has decoded for this turn.
    """
    notes: list[str] = []
    profile = state.profile
    newest = at_ms >= profile.last_seen_at_ms
    _seen(profile, event.channel, at_ms)
    if now_ms - at_ms > _LATE_MS:
        profile.late_events += 1
        notes.append("late")
    _context(profile, event, at_ms, newest, notes)
    if event.traits:
        _traits(profile, event.traits, newest, notes)
    commerce = _COMMERCE.get(event.name) if event.type == "track" else None
    if commerce is not None:
        commerce(state, event.properties, at_ms, digits, notes)
    conversation = state.conversation
    about = event.name or event.type
    conversation.add(Utterance(at_ms, event.channel, "customer", about[:_MAX_NAME], state.seq + 1))
    hers = next((u for u in reversed(conversation.turns) if u.who == "customer"), None)
    if hers is not None and hers.seq == state.seq + 1:  # a late event is not what she wants now
        conversation.last_intent = hers.about
        conversation.last_channel = hers.channel
    return notes


def _seen(profile: Profile, channel: str, at_ms: int) -> None:
    if not profile.first_seen_at_ms or at_ms < profile.first_seen_at_ms:
        profile.first_seen_at_ms = at_ms
    profile.last_seen_at_ms = max(profile.last_seen_at_ms, at_ms)
    use = profile.channels.get(channel)
    if use is None:
        if len(profile.channels) >= MAX_CHANNELS:
            channel = OTHER
        use = profile.channels.setdefault(channel, ChannelUse())
    use.events += 1
    use.last_seen_at_ms = max(use.last_seen_at_ms, at_ms)


def _context(profile: Profile, event: Event, at_ms: int, newest: bool, notes: list[str]) -> None:
    context = event.context
    if not context:
        return
    timezone = context.get("timezone")
    if (
        isinstance(timezone, str)
        and len(timezone) <= _MAX_NAME
        and (newest or not profile.timezone)
    ):
        profile.timezone = timezone
    locale = context.get("locale")
    if isinstance(locale, str) and len(locale) <= _MAX_NAME and (newest or not profile.locale):
        profile.locale = locale
    traits = context.get("traits")
    if isinstance(traits, dict) and traits:
        _traits(profile, traits, newest, notes)
    consent = context.get("consent")
    if isinstance(consent, dict):
        preferences = consent.get("categoryPreferences")
        if isinstance(preferences, dict):
            for category, granted in preferences.items():
                if isinstance(granted, bool) and isinstance(category, str):
                    set_consent(profile, category, granted, at_ms, event.channel)


def set_consent(profile: Profile, category: str, granted: bool, at_ms: int, source: str) -> None:
    """Record an explicit act: `email` means marketing by e-mail, `email|service` names the purpose.

    The latest act wins; of two at the same instant the denial.
    """
    key = category[:_MAX_NAME] if "|" in category else f"{category[:_MAX_NAME]}|marketing"
    known = profile.consents.get(key)
    if known is not None and (
        known.at_ms > at_ms or (known.at_ms == at_ms and known.status == "denied")
    ):
        return
    if known is None and len(profile.consents) >= MAX_CONSENTS:
        granted_keys = [k for k, c in profile.consents.items() if c.status == "granted"]
        if granted or not granted_keys:
            return
        del profile.consents[granted_keys[0]]  # a denial always finds room: unknown means no too
    profile.consents[key] = ConsentState("granted" if granted else "denied", at_ms, source)


def _traits(profile: Profile, traits: dict[str, Any], newest: bool, notes: list[str]) -> None:
    """Take traits; those of an event older than the last one only fill what is not known."""
    known = profile.traits
    for name, value in traits.items():
        if not newest and name in known:
            continue
        if not isinstance(value, bool | int | float | None) and len(str(value)) > _MAX_TRAIT_SIZE:
            notes.append("trait_too_large")
        elif value is None:
            if newest:
                known.pop(name, None)
        elif name in known or (len(known) < MAX_TRAITS and len(name) <= _MAX_NAME):
            known[name] = value
        else:
            notes.append("too_many_traits")


def _bounded(amount: int) -> int:
    """Keep what hostile events add up to within what can be stored; no real sum comes near."""
    return max(-MAX_SUM, min(MAX_SUM, amount))


def _bought(book: Purchases, minor: int, items: int, at_ms: int) -> None:
    book.orders += 1
    book.items = _bounded(book.items + items)
    book.spend_minor = _bounded(book.spend_minor + minor)
    if not book.first_at_ms or at_ms < book.first_at_ms:
        book.first_at_ms = at_ms
    book.last_at_ms = max(book.last_at_ms, at_ms)


def _department(profile: Profile, name: str) -> Purchases:
    book = profile.departments.get(name)
    if book is None:
        if len(profile.departments) >= MAX_DEPARTMENTS or len(name) > _MAX_NAME:
            name = OTHER
        book = profile.departments.setdefault(name, Purchases())
    return book


def _count(value: Any, default: int = 0) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000_000:
        return value
    return default


def department_amounts(properties: dict[str, Any], digits: int) -> dict[str, tuple[int, int]]:
    """Return (minor units, items) by department, from `departments` or else from `products`.

    Products follow Segment's e-commerce spec: `category`, `price`, `quantity`.
    """
    amounts: dict[str, tuple[int, int]] = {}
    departments = properties.get("departments")
    if isinstance(departments, dict):
        for name, entry in departments.items():
            if isinstance(entry, dict) and isinstance(name, str):
                amounts[name] = (
                    minor_of(entry.get("total"), digits) or 0,
                    _count(entry.get("items")),
                )
        return amounts
    products = properties.get("products")
    if isinstance(products, list):
        for product in products:
            if isinstance(product, dict) and isinstance(product.get("category"), str):
                name = product["category"]
                quantity = _count(product.get("quantity"), 1)
                minor, items = amounts.get(name, (0, 0))
                price = minor_of(product.get("price"), digits) or 0
                amounts[name] = (_bounded(minor + price * quantity), items + quantity)
    return amounts


def _order_completed(
    state: CustomerState, properties: dict[str, Any], at_ms: int, digits: int, notes: list[str]
) -> None:
    profile = state.profile
    amounts = department_amounts(properties, digits)
    total = minor_of(properties.get("total"), digits)
    if total is None:
        total = sum(minor for minor, _ in amounts.values())
        notes.append("order_without_total")
    items = _count(properties.get("items"), sum(count for _, count in amounts.values()))
    _bought(profile.purchases, total, items, at_ms)
    for name, (minor, count) in amounts.items():
        _bought(_department(profile, name), minor, count, at_ms)
    profile.coupons_used = _bounded(profile.coupons_used + _count(properties.get("coupons_used")))
    _close_cart(state, properties)


def _order_refunded(
    state: CustomerState, properties: dict[str, Any], at_ms: int, digits: int, notes: list[str]
) -> None:
    total = minor_of(properties.get("total"), digits)
    if total is None:
        notes.append("refund_without_total")
        return
    purchases = state.profile.purchases
    purchases.refunds += 1
    purchases.spend_minor = _bounded(purchases.spend_minor - abs(total))


def _product_viewed(
    state: CustomerState, properties: dict[str, Any], at_ms: int, digits: int, notes: list[str]
) -> None:
    category = properties.get("category")
    if not isinstance(category, str):
        return
    views = state.profile.views
    if category not in views and (len(views) >= MAX_DEPARTMENTS or len(category) > _MAX_NAME):
        category = OTHER
    views[category] = views.get(category, 0) + 1


def _close_cart(state: CustomerState, properties: dict[str, Any]) -> None:
    conversation = state.conversation
    if (
        conversation.cart_id
        and properties.get("cart_id", conversation.cart_id) == conversation.cart_id
    ):
        conversation.cart_id = ""
        conversation.cart_items = 0
        conversation.cart_minor = 0


def _product_added(
    state: CustomerState, properties: dict[str, Any], at_ms: int, digits: int, notes: list[str]
) -> None:
    conversation = state.conversation
    cart = properties.get("cart_id")
    cart = cart[:_MAX_NAME] if isinstance(cart, str) and cart else "-"
    if cart != conversation.cart_id:
        conversation.cart_id = cart
        conversation.cart_items = 0
        conversation.cart_minor = 0
    quantity = _count(properties.get("quantity"), 1)
    conversation.cart_items = _bounded(conversation.cart_items + quantity)
    price = (minor_of(properties.get("price"), digits) or 0) * quantity
    conversation.cart_minor = _bounded(conversation.cart_minor + price)


def _product_removed(
    state: CustomerState, properties: dict[str, Any], at_ms: int, digits: int, notes: list[str]
) -> None:
    conversation = state.conversation
    quantity = _count(properties.get("quantity"), 1)
    conversation.cart_items = max(0, conversation.cart_items - quantity)
    price = (minor_of(properties.get("price"), digits) or 0) * quantity
    conversation.cart_minor = max(0, conversation.cart_minor - price)


_COMMERCE = {
    "Order Completed": _order_completed,
    "Order Refunded": _order_refunded,
    "Product Viewed": _product_viewed,
    "Product Added": _product_added,
    "Product Removed": _product_removed,
}
