"""Budgets: what there is, what is spent, and at which price they are given."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from actors.domain.budgets import FOR_EVER_MS, MILLI, Window
from actors.domain.errors import CodecError
from actors.domain.instants import format_instant
from actors.playbook.budget_model import MONEY, ROLLING, Budget
from actors.playbook.model import Playbook
from actors.policies.budgets import from_ledger, span_of, window_of
from actors.ports import Lookup, Store
from actors.session.spending import PRICES, prices_from_bytes
from serve_app.api.documentation import READ_PROBLEMS, needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records


async def standing(records: Records, store: Store, now_ms: int) -> list[dict[str, Any]]:
    """Return limit, spent and left of each budget that has a limit for all customers, in its order."""
    playbook = await records.active()
    if playbook is None or not playbook.budgets.shared:
        return []
    shared, zone = playbook.budgets.shared, playbook.budgets.zone
    windows = [window_of(each, zone, now_ms) for each in shared]
    spent = (await store.lookup(Lookup(budgets=tuple(windows)))).spent
    rows = []
    for each, window in zip(shared, windows, strict=True):
        amounts = _amounts(each, window, spent[each.name], playbook)
        del amounts["available"]
        rows.append({"name": each.name, "unit": each.unit, **amounts})
    return rows


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the route of budgets."""
    store, business_ms = edge.services.store, edge.services.gateway.business_ms

    async def list_budgets() -> Response:
        playbook, now_ms = await records.playbook(), business_ms()
        budgets = playbook.budgets.all if playbook is not None else ()
        prices, priced_ms = _prices(await store.setting(PRICES))
        listed: list[dict[str, Any]] = []
        if playbook is not None and budgets:
            zone = playbook.budgets.zone
            windows = {b.name: window_of(b, zone, now_ms) for b in playbook.budgets.shared}
            spent = (await store.lookup(Lookup(budgets=tuple(windows.values())))).spent
            for each in budgets:
                row = _budget(each, playbook, now_ms)
                if each.name in windows:
                    row |= _amounts(each, windows[each.name], spent[each.name], playbook)
                    price = prices.get(each.name)
                    row["price"] = None if price is None else price / _priced_in(each, playbook)
                listed.append(row)
        answer = {
            "asOf": format_instant(now_ms),
            "pricedAt": format_instant(priced_ms) if priced_ms else None,
            "currency": edge.settings.currency,
            "budgets": listed,
        }
        return json_response(answer, 200, {"Cache-Control": "private, no-store"})

    add_route(
        app,
        "GET",
        "/v1/budgets",
        list_budgets,
        dependencies=[edge.requires(READ)],
        **operation(
            "All budgets",
            "What the active playbook limits: how much is spent in the period of now, how much is left, how "
            "much of that an even pace makes available, and the shadow price that decisions charge.",
            tag="Budgets",
            security=needs(READ),
            replies={200: ("The budgets", schema("BudgetsOut"))},
            problems=READ_PROBLEMS,
        ),
    )


def _prices(data: bytes | None) -> tuple[dict[str, float], int]:
    try:
        return prices_from_bytes(data) if data else ({}, 0)
    except CodecError:
        return {}, 0


def _scale(budget: Budget, playbook: Playbook) -> float:
    """Return how many of the ledger's units make one that people read."""
    return MILLI * (10.0**playbook.minor_digits if budget.unit == MONEY else 1.0)


def _priced_in(budget: Budget, playbook: Playbook) -> float:
    """Return minor units a currency unit for counts; money is priced per money, which has no unit."""
    return 1.0 if budget.unit == MONEY else 10.0**playbook.minor_digits


def _amounts(budget: Budget, window: Window, spent: int, playbook: Playbook) -> dict[str, Any]:
    scale = _scale(budget, playbook)
    limit = budget.limit or 0
    return {
        "limit": limit / scale,
        "spent": spent / scale,
        "left": max(0, limit - spent) / scale,
        "available": max(0, window.limit - spent) / scale,
    }


def _budget(budget: Budget, playbook: Playbook, now_ms: int) -> dict[str, Any]:
    _, since_ms, end_ms = span_of(budget.period, playbook.budgets.zone, now_ms)
    rolls = budget.period.kind == ROLLING
    share = budget.share
    units = 10.0**playbook.minor_digits
    row: dict[str, Any] = {
        "name": budget.name,
        "unit": budget.unit,
        **dict.fromkeys(("limit", "spent", "left", "available", "price")),
        "period": {
            "kind": budget.period.kind,
            "since": format_instant(since_ms) if since_ms else None,
            "ends": None if rolls or end_ms == FOR_EVER_MS else format_instant(end_ms),
        },
        "perCustomer": None
        if share is None
        else {
            "shareOfValue": share.of_value,
            "atLeast": from_ledger(share.at_least) / units,
            "atMost": None if share.at_most is None else from_ledger(share.at_most) / units,
        },
    }
    return row | ({"description": budget.description} if budget.description else {})
