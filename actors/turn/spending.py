"""Budgets in a turn: what is left of those at hand, and what this turn takes of them."""

from actors.playbook.model import Playbook
from actors.turn.under_way import Turn


def funds_of(turn: Turn, playbook: Playbook) -> tuple[dict[str, float], dict[str, float]]:
    """Return what is left of each budget, money in minor units, and its shadow price."""
    del playbook
    return turn.funds, turn.prices
