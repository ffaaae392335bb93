"""The model server as a cell sees it: remembered for a moment, a deadline per call, a breaker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from actors.domain.scores import NO_SCORES, Score, ScoreRow, Scores
from actors.ports import Clock
from actors.wire.scoring import pack_rows, unpack_scores

MAX_REMEMBERED = 10_000
MOST_AGAIN = 500
"""How many rows are asked for again besides those that are needed."""

Ask = Callable[[bytes], Awaitable[bytes]]
"""Asks the model server; may raise anything, and take for ever."""


class RemoteScorer:
    """Scores through the model server; never fails, and past its deadline answers the prior.

    A row says all that its score depends on, so scores are remembered for `fresh_s`, about as long
    as the models take to learn anyway: most groups need no call. The first one after that asks again for what was needed
    meanwhile too, because the groups after it will need that: a call costs more than hundreds of rows. Remembered
    scores are all of one version of the model. Rows with features are nearly all different: a group that holds one is asked for
    whole, in one call, and nothing of it is remembered.

    After `failures` calls in a row that failed or came late, the model server is left alone for
    `open_s`, so that a dead one costs no deadline per group.
    """

    def __init__(
        self,
        ask: Ask,
        clock: Clock,
        *,
        deadline_s: float = 0.25,
        fresh_s: float = 0.5,
        failures: int = 3,
        open_s: float = 1.0,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._deadline_s = deadline_s
        self._fresh_ms = int(fresh_s * 1000)
        self._failures = failures
        self._open_ms = int(open_s * 1000)
        self._failed = 0
        self._closed_until_ms = 0
        self._known: dict[ScoreRow, Score] = {}
        self._needed: dict[ScoreRow, None] = {}
        self._known_until_ms = 0
        self._named = ("", "")
        self.late = 0

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Return one score a row, or the prior."""
        now_ms = self._clock.machine_ms()
        remembered = self._remembered(rows, now_ms)
        if remembered is not None:
            return remembered
        if _ahead(self._closed_until_ms, now_ms, self._open_ms):
            self.late += 1
            return NO_SCORES
        lasting = not any(row.features for row in rows)
        wanted = [*rows, *self._needed_again(rows, now_ms)] if lasting else rows
        try:
            async with asyncio.timeout(self._deadline_s):
                scores = unpack_scores(await self._ask(pack_rows(wanted)))
        except Exception:  # noqa: BLE001  whatever is wrong with the models, the turn goes on
            self._fail()
            return NO_SCORES
        if not _sound(scores, len(wanted)):
            self._fail()
            return NO_SCORES
        self._failed = 0
        if lasting:
            self._remember(wanted, scores, now_ms)
            self._needed.update(dict.fromkeys(rows))
        asked = scores.rows[: len(rows)]
        return Scores(scores.model, scores.version, prior=False, rows=asked)

    def _fail(self) -> None:
        self._failed += 1
        self.late += 1
        if self._failed >= self._failures:
            self._closed_until_ms = self._clock.machine_ms() + self._open_ms
            self._failed = 0

    def _remembered(self, rows: Sequence[ScoreRow], now_ms: int) -> Scores | None:
        if not _ahead(self._known_until_ms, now_ms, self._fresh_ms):
            return None
        known = self._known
        found = tuple([known[row] for row in rows if row in known])
        if len(found) != len(rows):
            return None
        self._needed.update(dict.fromkeys(rows))
        return Scores(*self._named, prior=False, rows=found)

    def _needed_again(self, rows: Sequence[ScoreRow], now_ms: int) -> list[ScoreRow]:
        """Return what was needed since the last call that began anew, if this one does."""
        if _ahead(self._known_until_ms, now_ms, self._fresh_ms):
            return []
        needed, self._needed = self._needed, {}
        for row in rows:
            needed.pop(row, None)
        return list(islice(needed, MOST_AGAIN))

    def _remember(self, rows: Sequence[ScoreRow], scores: Scores, now_ms: int) -> None:
        named = (scores.model, scores.version)
        stale = now_ms >= self._known_until_ms or named != self._named
        if stale or len(self._known) + len(rows) > MAX_REMEMBERED:
            self._known.clear()
            self._named = named
            self._known_until_ms = now_ms + self._fresh_ms
        self._known.update(zip(rows, scores.rows, strict=True))


def _ahead(until_ms: int, now_ms: int, span_ms: int) -> bool:
    """Return whether an instant lies ahead, by no more than it was set ahead: clocks are set back."""
    return 0 < until_ms - now_ms <= span_ms


def _sound(scores: Scores, count: int) -> bool:
    return (
        not scores.prior
        and len(scores.rows) == count
        and all(0.0 <= score.propensity <= 1.0 for score in scores.rows)
    )
