"""What crosses the store's port about budgets."""

from actors.domain.budgets import Spend, Window

Reserved = tuple[str, int, int]
"""What an effect took of a budget: its name, the bucket's start, the amount in thousandths."""


def reserved(spend: Spend) -> Reserved:
    """Return what is kept with an effect, so that it can be given back."""
    window: Window = spend.window
    return window.budget, window.bucket_ms, spend.amount
