"""Customers, turns and decisions as JSON values, camelCase, times RFC 3339, money in units."""

from serve_app.render.customer import customer_json, lifetime_json
from serve_app.render.decisions import decision_json
from serve_app.render.turns import KIND_NAMES, effect_json, turn_json
from serve_app.render.values import MoneyFormat, identities_json, instant, units

__all__ = [
    "KIND_NAMES",
    "MoneyFormat",
    "customer_json",
    "decision_json",
    "effect_json",
    "identities_json",
    "instant",
    "lifetime_json",
    "turn_json",
    "units",
]
