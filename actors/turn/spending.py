"""Budgets in a turn: what is left of those at hand, and what this turn takes of them."""

from collections.abc import Collection

from actors.decisioning.plan import plan_of
from actors.domain.actions import Effect
from actors.domain.budgets import Spend, Window
from actors.lifetime.evaluate import lifetime_of
from actors.playbook.budget_model import Budget
from actors.playbook.model import Action, Playbook
from actors.policies.budgets import (
    OF_CUSTOMER,
    from_ledger,
    share_limit,
    short_of,
    take,
    to_ledger,
    uses_now,
    window_of,
)
from actors.turn.under_way import Turn

MAX_BUCKETS = 40
"""That a state keeps of one budget; a playbook whose windows need more is refused."""


def funds_of(turn: Turn, playbook: Playbook) -> tuple[dict[str, float], dict[str, float]]:
    """Return what is left of each budget, money in minor units, and its shadow price.

    What is left for this customer alone has a key that ends with `@customer`.
    """
    budgets = playbook.budgets
    if not budgets:
        return {}, {}
    funds = {each.name: turn.funds[each.name] for each in budgets.shared if each.name in turn.funds}
    if budgets.own:
        value_minor = _predicted_minor(turn)
        for each in budgets.own:
            left = _own_limit(each, value_minor) - _invested(
                turn, _own_window(turn, each, playbook)
            )
            funds[each.name + OF_CUSTOMER] = from_ledger(left)
    if not turn.prices:
        return funds, {}
    return funds, {name: price for name, price in turn.prices.items() if name in funds}


def refresh(turn: Turn, playbook: Playbook) -> None:
    """Count again what is left, because others have decided since the turn began."""
    if turn.given is not None and playbook.budgets.shared:
        for name in turn.given.funds:
            if name in turn.funds:
                turn.given.funds[name] = turn.funds[name]


def lacking(
    turn: Turn, playbook: Playbook, action: Action, channel: str, why: tuple[Collection[str], str]
) -> str:
    """Return the budget that cannot pay a message now, or nothing; `why` is (segments, cause)."""
    if not playbook.budgets:
        return ""
    uses = uses_now(plan_of(playbook).options[action.index][channel].uses, *why)
    return short_of(uses, funds_of(turn, playbook)[0]) if uses else ""


def pay(
    turn: Turn, playbook: Playbook, effect: Effect, segments: Collection[str], cause: str
) -> None:
    """Take from the budgets what an effect costs that this turn has made.

    It is written with the turn, if it still fits then: the store has the last word.
    """
    action = playbook.action(effect.action) if playbook.budgets else None
    if action is None:
        return
    uses = uses_now(plan_of(playbook).options[action.index][effect.channel].uses, segments, cause)
    for key, amount in uses:
        name = key.removesuffix(OF_CUSTOMER)
        budget = playbook.budgets.named(name)
        if budget is None:
            continue
        if key != name:
            _invest(turn, _own_window(turn, budget, playbook), to_ledger(amount))
            continue
        window = window_of(budget, playbook.budgets.zone, turn.record.received_at_ms)
        turn.spent.append(Spend(window, to_ledger(amount), effect.n))
        take([(key, amount)], turn.funds)


def _predicted_minor(turn: Turn) -> float:
    """Return the lifetime value of the customer as of now; 0 without orders, or without a model."""
    if turn.lifetime is None:
        return 0.0
    now_ms = turn.record.received_at_ms
    found = lifetime_of(turn.lifetime, turn.state.profile.purchases, now_ms)
    return 0.0 if found is None else float(found.value_minor or 0)


def _own_limit(budget: Budget, value_minor: float) -> int:
    return 0 if budget.share is None else share_limit(budget.share, value_minor)


def _own_window(turn: Turn, budget: Budget, playbook: Playbook) -> Window:
    return window_of(budget, playbook.budgets.zone, turn.record.received_at_ms)


def _invested(turn: Turn, window: Window) -> int:
    spent = turn.state.invested.get(window.budget, ())
    return sum(n for at_ms, n in spent if window.since_ms <= at_ms <= window.until_ms)


def _invest(turn: Turn, window: Window, amount: int) -> None:
    """Add to the customer's own account; buckets that no window reaches any more are forgotten."""
    rows = dict(turn.state.invested.get(window.budget, ()))
    rows[window.bucket_ms] = rows.get(window.bucket_ms, 0) + amount
    kept = sorted(row for row in rows.items() if row[0] >= window.since_ms)
    turn.state.invested[window.budget] = kept[-MAX_BUCKETS:]
