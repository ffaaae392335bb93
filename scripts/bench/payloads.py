"""The events of the benchmark, in Python: the same as event.lua makes."""

import json
import random
from collections.abc import Iterator
from typing import Any

CATEGORIES = ("GROCERY", "PRODUCE", "MEAT", "DELI", "PASTRY", "DRUG GM", "NUTRITION")


def events(run: str, customers: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield events without end: nine product views on the web, then an order at a till."""
    draw = random.Random(seed)  # noqa: S311 - load, not secrets
    counter = 0
    while True:
        counter += 1
        message_id = f"{run}-{seed}-{counter}"
        user = f"bench-{draw.randint(1, customers)}"
        if counter % 10 == 0:
            yield order(message_id, user, draw.randint(8, 90))
        else:
            yield view(message_id, user, draw)


def view(message_id: str, user: str, draw: random.Random) -> dict[str, Any]:
    """Return a product view that asks for an action on the home page."""
    product = draw.randint(1, 9000)
    return {
        "messageId": message_id,
        "userId": user,
        "event": "Product Viewed",
        "properties": {
            "product_id": f"p-{product}",
            "sku": f"G-{product}",
            "category": draw.choice(CATEGORIES),
            "name": "Semi-skimmed milk, 1 litre",
            "brand": "Meadow",
            "variant": "1 l",
            "price": draw.randint(1, 40) + 0.99,
            "quantity": 1,
            "currency": "USD",
            "position": 3,
            "url": f"https://shop.example/products/p-{product}",
            "image_url": "https://shop.example/images/p.jpg",
        },
        "context": {
            "channel": "web",
            "placements": ["home_hero"],
            "locale": "en-US",
            "timezone": "America/New_York",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64)",
            "page": {
                "path": "/products",
                "title": "Products",
                "url": "https://shop.example/products",
            },
        },
    }


def order(message_id: str, user: str, total: int) -> dict[str, Any]:
    """Return a basket of three departments that asks for an offer on the till receipt."""
    return {
        "messageId": message_id,
        "userId": user,
        "event": "Order Completed",
        "properties": {
            "order_id": message_id,
            "store_id": "380",
            "total": total + 5.75,
            "currency": "USD",
            "items": 6,
            "departments": {
                "GROCERY": {"items": 3, "total": total + 1.25},
                "PRODUCE": {"items": 2, "total": 3.2},
                "DRUG GM": {"items": 1, "total": 1.3},
            },
            "coupons_used": 1,
            "coupon_discount": 0.55,
            "retail_discount": 1.2,
            "loyalty_card": True,
            "till": "7",
            "cashier": "self-service",
            "payment": "card",
        },
        "context": {
            "channel": "store",
            "placements": ["till_receipt"],
            "locale": "en-US",
            "timezone": "America/New_York",
            "store": {"region": "East", "format": "superstore"},
        },
    }


def body(source: Iterator[dict[str, Any]], batch: int) -> bytes:
    """Return the next request's body: one event, or a batch of so many."""
    if batch == 1:
        return json.dumps(next(source), separators=(",", ":")).encode()
    items = [{"type": "track", **next(source)} for _ in range(batch)]
    return json.dumps({"batch": items}, separators=(",", ":")).encode()
