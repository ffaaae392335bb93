"""The model server as a cell sees it: a deadline per call, and a circuit breaker."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ray.serve.handle import DeploymentHandle

from actors.domain.scores import ScoreRow, Scores
from actors.ports import Clock
from actors.wire.scoring import pack_rows, unpack_scores

PRIOR = Scores("", "", prior=True, rows=())


class HandleScorer:
    """Scores through a Serve handle; never fails, and past its deadline answers the prior.

    After `failures` calls in a row that failed or came late, the model server is left alone for
    `open_s`, so that a dead one costs no deadline per group.
    """

    def __init__(
        self,
        handle: Callable[[], DeploymentHandle[Any]],
        clock: Clock,
        deadline_s: float = 0.25,
        failures: int = 3,
        open_s: float = 1.0,
    ) -> None:
        self._get_handle = handle
        self._handle: DeploymentHandle[Any] | None = None
        self._clock = clock
        self._deadline_s = deadline_s
        self._failures = failures
        self._open_ms = int(open_s * 1000)
        self._failed = 0
        self._closed_until_ms = 0
        self.late = 0

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Return one score a row, or the prior."""
        if self._clock.machine_ms() < self._closed_until_ms:
            self.late += 1
            return PRIOR
        try:
            if self._handle is None:
                self._handle = self._get_handle()
            reply = self._handle.score.remote(pack_rows(rows))
            data = await asyncio.wait_for(_bytes(reply), self._deadline_s)
            scores = unpack_scores(data)
        except Exception:  # noqa: BLE001  whatever is wrong with the models, the turn goes on
            self._failed += 1
            self.late += 1
            if self._failed >= self._failures:
                self._closed_until_ms = self._clock.machine_ms() + self._open_ms
                self._failed = 0
            return PRIOR
        self._failed = 0
        if len(scores.rows) != len(rows) or not all(
            0.0 <= s.propensity <= 1.0 for s in scores.rows
        ):
            return PRIOR
        return scores


async def _bytes(reply: object) -> bytes:
    data: bytes = await reply  # type: ignore[misc]  # a DeploymentResponse can be awaited
    return data
