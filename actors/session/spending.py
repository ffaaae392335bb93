"""What is left of budgets, for one attempt: read with its customers, then shared by its turns.

Cells spend from the same budgets, so this is what there was a moment ago. The commit has the last word: it
writes nothing that does not fit, and the turns run again from what is left then.
"""

import logging
from dataclasses import replace
from typing import Any

import msgpack

from actors.domain.actions import OUTBOUND
from actors.domain.budgets import Span, Spend, Window, span_of
from actors.domain.errors import CodecError
from actors.lifetime.model import SETTING, LifetimeModel, from_bytes
from actors.playbook.model import Playbook
from actors.policies.budgets import from_ledger, window_of
from actors.ports import Change, OutboxRow, Reserved, Store, reserved
from actors.turn import NOTHING, AtHand, Turn

log = logging.getLogger(__name__)

PRICES = "budget_prices"
"""The setting with the shadow prices that hold."""
REREAD_MS = 5_000
"""How old, by the machine's clock, prices and the model of lifetime values may be."""
FRESH_MS = 100
"""How old, by the machine's clock, may be what others have spent and given back."""


def prices_to_bytes(prices: dict[str, float], at_ms: int) -> bytes:
    """Pack shadow prices, in minor units by unit of use, with the business instant they are of."""
    packed: bytes = msgpack.packb({"at_ms": at_ms, "prices": prices})
    return packed


def prices_from_bytes(data: bytes) -> tuple[dict[str, float], int]:
    """Return prices and of which instant they are.

    Raises:
        CodecError: The bytes are damaged.
    """
    try:
        found: Any = msgpack.unpackb(data)
        prices = {str(name): max(0.0, float(price)) for name, price in found["prices"].items()}
        return prices, int(found["at_ms"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(f"budget prices cannot be read: {error}") from error


class Purse:
    """Reads what an attempt needs of budgets; nothing at all where the playbook has none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_ms: int | None = None
        self._prices: dict[str, float] = {}
        self._lifetime: LifetimeModel | None = None
        self._spent: dict[str, int] = {}
        self._spans: list[Span] = []
        self._spent_ms: int | None = None

    def windows(self, playbook: Playbook, now_ms: int) -> tuple[Window, ...]:
        """Return the windows of shared budgets as of an instant of the business clock."""
        budgets = playbook.budgets
        return tuple([window_of(each, budgets.zone, now_ms) for each in budgets.shared])

    def spent(self, windows: tuple[Window, ...], now_machine_ms: int) -> dict[str, int] | None:
        """Return what stood in the windows a moment ago, with what was committed here since; or None."""
        if not windows:
            return {}
        if self._spent_ms is None or not 0 <= now_machine_ms - self._spent_ms < FRESH_MS:
            return None
        return self._spent if [span_of(each) for each in windows] == self._spans else None

    def found(
        self, windows: tuple[Window, ...], spent: dict[str, int], now_machine_ms: int
    ) -> None:
        """Keep what stands in the windows."""
        self._spent = spent
        self._spans = [span_of(each) for each in windows]
        self._spent_ms = now_machine_ms

    def written(self, change: Change) -> None:
        """Add what a committed change has spent; what it gave back is not known here."""
        for spend in change.spends:
            budget = spend.window.budget
            if budget in self._spent and span_of(spend.window) in self._spans:
                self._spent[budget] += spend.amount
        if change.outbox_cancelled or change.outbox_dropped:
            self.forget()

    def forget(self) -> None:
        """Let the next group read what stands in the windows."""
        self._spent_ms = None

    async def at_hand(
        self,
        playbook: Playbook,
        windows: tuple[Window, ...],
        spent: dict[str, int],
        now_machine_ms: int,
    ) -> AtHand:
        """Return what turns may spend, money in minor units, and the prices that hold."""
        if not playbook.budgets:
            return NOTHING
        if self._read_ms is None or not 0 <= now_machine_ms - self._read_ms < REREAD_MS:
            await self._reread(playbook)
            self._read_ms = now_machine_ms
        funds = {
            each.budget: from_ledger(each.limit - spent[each.budget])
            for each in windows
            if each.budget in spent
        }
        return AtHand(funds=funds, prices=self._prices, lifetime=self._lifetime)

    async def _reread(self, playbook: Playbook) -> None:
        self._prices, self._lifetime = {}, None
        data = await self._store.setting(PRICES)
        model = await self._store.setting(SETTING) if playbook.budgets.own else None
        try:
            self._prices = prices_from_bytes(data)[0] if data else {}
            self._lifetime = from_bytes(model) if model else None
        except CodecError:
            log.exception("prices of budgets, or what values are predicted by, cannot be read")


def own_copy(at_hand: AtHand) -> AtHand:
    """Return what a dry run may spend: the same, and nobody misses it."""
    return replace(at_hand, funds=dict(at_hand.funds))


def kept_spends(turn: Turn) -> list[Spend]:
    """Return what a turn has spent, but on messages that it has withdrawn itself again."""
    if not turn.spent:
        return []
    queued = {effect.n for effect in turn.outbox}
    mode_of = {effect.n: effect.mode for effect in turn.record.effects}
    return [s for s in turn.spent if s.n in queued or mode_of.get(s.n) != OUTBOUND]


def with_spends(turn: Turn, rows: list[OutboxRow]) -> list[OutboxRow]:
    """Let the rows of a turn's effects say what each has taken, so that it can be given back."""
    if not turn.spent:
        return rows
    taken: dict[int, list[Reserved]] = {}
    for spend in turn.spent:
        taken.setdefault(spend.n, []).append(reserved(spend))
    return [replace(row, spends=tuple(taken.get(row.n, ()))) for row in rows]
