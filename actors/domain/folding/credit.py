"""Credit and payments. Limit and balance are as last stated; amounts due and paid add up."""

from actors.domain.events import Event
from actors.domain.folding.reading import Handler, bounded
from actors.domain.histories import Credit
from actors.domain.money import minor_of
from actors.domain.state import CustomerState


def _credit(state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]) -> None:
    credit, properties = state.profile.credit, event.properties
    limit = minor_of(properties.get("limit"), digits)
    if limit is not None and at_ms >= credit.limit_at_ms:
        credit.limit_minor, credit.limit_at_ms = limit, at_ms
    balance = minor_of(properties.get("balance"), digits)
    if balance is not None and at_ms >= credit.balance_at_ms:
        credit.balance_minor, credit.balance_at_ms = balance, at_ms
    if event.name.startswith("Payment"):
        _payment(credit, event.name, minor_of(properties.get("amount"), digits), at_ms, notes)


def _payment(credit: Credit, name: str, amount: int | None, at_ms: int, notes: list[str]) -> None:
    if name == "Payment Missed":
        credit.missed += 1
        credit.last_missed_at_ms = max(credit.last_missed_at_ms, at_ms)
    elif amount is None or amount < 0:
        notes.append("payment_without_amount")
    elif name == "Payment Due":
        credit.due_minor = bounded(credit.due_minor + amount)
    else:
        credit.paid_minor = bounded(credit.paid_minor + amount)
        credit.last_paid_at_ms = max(credit.last_paid_at_ms, at_ms)


CREDIT: dict[str, Handler] = {
    "Credit Granted": _credit,
    "Credit Changed": _credit,
    "Payment Due": _credit,
    "Payment Received": _credit,
    "Payment Missed": _credit,
}
