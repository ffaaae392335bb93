"""Replies about budgets, as the OpenAPI document shows them."""

from typing import Any, NotRequired

from typing_extensions import TypedDict


class BudgetPeriodOut(TypedDict):
    """The period that an instant is in; `ends` is null for one that has no end, or that rolls."""

    kind: str
    since: str | None
    ends: str | None


class BudgetOut(TypedDict):
    """A budget. Amounts are decimals of the book currency for the unit money, contacts for count.

    `available` is what may be spent now, as paced. `price` is what a unit of use must bring beyond its cost,
    in the book currency; null while the job has priced nothing. A budget per customer alone has no `limit`.
    """

    name: str
    description: NotRequired[str]
    unit: str
    limit: float | None
    spent: float | None
    left: float | None
    available: float | None
    price: float | None
    period: BudgetPeriodOut
    perCustomer: dict[str, Any] | None


class BudgetsOut(TypedDict):
    """All budgets of the active playbook, in its order."""

    asOf: str
    pricedAt: str | None
    currency: str
    budgets: list[BudgetOut]


TYPES = (BudgetsOut,)
