"""Whether what was sent, fired, capped and spent is what the journal says. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from actors.domain.budgets import MILLI
from actors.domain.ids import effect_text
from actors.ports import OutboxState
from scripts.chaos.books import Books, Out, Sent
from scripts.chaos.findings import Finding, Limits
from scripts.chaos.history import ORDER, Delivery

_WAITING = (OutboxState.PENDING, OutboxState.SENDING, OutboxState.HELD)
_WITHDRAWN = (OutboxState.CANCELLED, OutboxState.EXPIRED)


def check_effects(books: Books, deliveries: Sequence[Delivery]) -> list[Finding]:
    """No effect without its journal row; each is delivered at least once, always under its key."""
    journal = {
        effect_text(effect.number, effect.seq, effect.n): effect
        for turn in books.turns
        for effect in turn.effects
    }
    outbox = {effect_text(row.number, row.seq, row.n): row for row in books.outbox}
    found = [
        Finding("effect", f"{key} is in the outbox and in no turn")
        for key in outbox.keys() - journal.keys()
    ]
    found += [
        Finding("effect", f"{key} was decided and never was in the outbox")
        for key in journal.keys() - outbox.keys()
    ]
    taken: set[str] = set()
    for each in deliveries:
        found += _delivered(each, journal.get(each.key))
        if each.taken:
            taken.add(each.key)
    for key, row in outbox.items():
        found += _settled(key, row, taken=key in taken)
    return found


def _delivered(delivery: Delivery, effect: Sent | None) -> list[Finding]:
    if effect is None:
        return [Finding("effect", f"{delivery.key} was delivered and is in no turn")]
    said = (delivery.channel, delivery.action, delivery.order)
    if said != (effect.channel, effect.action, effect.order):
        return [Finding("effect", f"{delivery.key} was delivered as {said}, decided as {effect}")]
    return []


def _settled(key: str, row: Out, *, taken: bool) -> list[Finding]:
    if row.state == OutboxState.SENT and not taken:
        return [Finding("effect", f"{key} counts as sent, and no receiver has taken it")]
    if row.state == OutboxState.PARKED:
        return [Finding("effect", f"{key} was given up: {row.error}")]
    # A receiver that failed twice is asked again after minutes only.
    if row.state in _WAITING and row.attempts < 2 and not taken:
        return [Finding("effect", f"{key} was never delivered; its state is {row.state}")]
    return []


def check_timers(books: Books, limits: Limits) -> list[Finding]:
    """Each order is told of once at once, and once by its timer; no timer is overdue."""
    now: Counter[str] = Counter()
    later: Counter[str] = Counter()
    found = []
    for turn in books.turns:
        for effect in turn.effects:
            if effect.action == limits.told_now:
                now[effect.order] += 1
            elif effect.action == limits.told_later:
                later[effect.order] += 1
                if not turn.timer:
                    text = f"order {effect.order} was told of later by a turn that no timer began"
                    found.append(Finding("timer", text))
    for number, key, due_ms in books.timers:
        if due_ms < books.now_ms - limits.late_ms:
            found.append(Finding("timer", f"timer {key!r} of customer {number} did not fire"))
    # Timers of days, for the silence of a customer, excuse nobody.
    soon_ms = books.now_ms + limits.pause_ms
    waiting = {number for number, _, due_ms in books.timers if due_ms <= soon_ms}
    for turn in books.turns:
        if turn.name == ORDER:
            found += _told(turn.message, now, later, waits=turn.number in waiting)
    return found


def _told(order: str, now: Counter[str], later: Counter[str], *, waits: bool) -> list[Finding]:
    found = []
    if now[order] != 1:
        found.append(Finding("timer", f"order {order} was told of {now[order]} times at once"))
    if later[order] > 1 or (not later[order] and not waits):
        text = f"the timer of order {order} was applied {later[order]} times"
        found.append(Finding("timer", text))
    return found


def check_caps(books: Books, limits: Limits) -> list[Finding]:
    """In no window of the cap has a customer more contacts that were attempted than it allows."""
    sent: dict[int, list[int]] = defaultdict(list)
    for row in books.outbox:
        if row.action == limits.capped_action and (row.attempts or row.state == OutboxState.SENT):
            sent[row.number].append(row.send_at_ms)
    found = []
    for number, instants in sorted(sent.items()):
        instants.sort()
        for first, last in zip(instants, instants[limits.cap :], strict=False):
            if last - first < limits.cap_window_ms:
                text = f"customer {number} got more than {limits.cap} between {first} and {last}"
                found.append(Finding("cap", text))
                break
    return found


def check_budgets(books: Books, limits: Limits) -> list[Finding]:
    """No budget is overspent, and what is spent is what the effects have taken."""
    taken: Counter[str] = Counter()
    for row in books.outbox:
        for budget, amount in row.spends:
            taken[budget] += amount
    found = []
    spent = books.spent.get(limits.budget, 0)
    if spent > limits.budget_limit * MILLI:
        text = f"{limits.budget} has given {spent / MILLI:g} of {limits.budget_limit}"
        found.append(Finding("budget", text))
    going = sum(
        row.action == limits.capped_action and row.state not in _WITHDRAWN for row in books.outbox
    )
    if going > limits.budget_limit:
        text = f"{going} effects went that {limits.budget} has {limits.budget_limit} of"
        found.append(Finding("budget", text))
    for budget in sorted(taken.keys() | books.spent.keys()):
        if taken[budget] != books.spent.get(budget, 0):
            text = f"{budget} has spent {books.spent.get(budget, 0)}, its effects {taken[budget]}"
            found.append(Finding("budget", text))
    return found
