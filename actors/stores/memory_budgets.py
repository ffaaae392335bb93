"""What is spent of budgets, in memory."""

from collections import Counter
from collections.abc import Iterable, Sequence

from actors.domain.budgets import Span, Window, span_of
from actors.ports import Change, OutboxItem, OutboxState, Reserved
from actors.stores.budget_rules import Run, note, outdated, spans_of

Effect = tuple[int, int, int]
_ENDED = (OutboxState.CANCELLED, OutboxState.EXPIRED)


class MemoryBudgets:
    """What the memory store keeps of budgets, beside the outbox of the others."""

    _outbox: dict[Effect, tuple[int, OutboxItem]]

    def __init__(self) -> None:
        self._spent: Run = Counter()
        self._reserved: dict[Effect, tuple[Reserved, ...]] = {}

    def _sums(self, spans: Iterable[Span]) -> dict[Span, int]:
        return {
            span: sum(
                spent
                for (name, bucket), spent in self._spent.items()
                if name == span[0] and span[1] <= bucket <= span[2]
            )
            for span in spans
        }

    def _sums_for(self, changes: Sequence[Change]) -> dict[Span, int]:
        return self._sums(spans_of(spend for change in changes for spend in change.spends))

    def _spent_in(self, windows: Iterable[Window]) -> dict[str, int]:
        found = self._sums(span_of(window) for window in windows)
        return {name: spent for (name, _, _), spent in found.items()}

    def _write_budgets(self, changes: Sequence[Change], ended: Sequence[Effect]) -> None:
        for change in changes:
            note(change.spends, self._spent)
            for name, before_ms in outdated(change.spends).items():
                for key in [k for k in self._spent if k[0] == name and k[1] < before_ms]:
                    del self._spent[key]
            for row in change.outbox:
                if row.spends:
                    self._reserved[change.number, row.seq, row.n] = row.spends
        for effect in ended:
            self._give_back(effect)

    def _give_back(self, effect: Effect) -> None:
        """Give back what an effect has taken that ended before any attempt began."""
        if effect not in self._reserved or effect not in self._outbox:
            return
        item = self._outbox[effect][1]
        if item.attempts or item.state not in _ENDED:
            return
        for name, bucket, amount in self._reserved.pop(effect):
            if (name, bucket) in self._spent:
                self._spent[name, bucket] -= amount
