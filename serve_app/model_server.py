"""The shared model server: scores whole groups in one call, and learns from the journal."""

import asyncio
import logging
from contextlib import suppress

from ray import serve

from actors.domain.errors import CodecError, RighttimeError
from actors.domain.scores import Scores
from actors.ports import Store
from actors.stores.opening import open_store
from actors.wire.records import unpack_turn
from actors.wire.scoring import pack_scores, unpack_rows
from serve_app.models.beta import BetaBernoulli
from serve_app.settings import QUIET

log = logging.getLogger(__name__)

NAME = "models"
_BATCH = 1000


class ModelServer:
    """One replica: a model that follows the journal.

    The journal in its order of commit is the only teacher, so any number of replicas arrive at the
    same model, each within `poll_s` and the time to read. A checkpoint keeps the offset up to which
    it has learned; the highest offset wins.
    """

    def __init__(self, store_url: str, poll_s: float = 0.5, checkpoint_s: float = 5.0) -> None:
        self._store_url = store_url
        self._poll_s = poll_s
        self._checkpoint_s = checkpoint_s
        self._store: Store | None = None
        self._model = BetaBernoulli()
        self._offset = 0
        self._saved = 0
        self._learner = asyncio.get_running_loop().create_task(self._learn_forever())

    async def score(self, request: bytes) -> bytes:
        """Score the rows of one group; see `actors.wire.scoring`."""
        rows = self._model.score(unpack_rows(request))
        return pack_scores(Scores(self._model.name, self._version, prior=False, rows=rows))

    @property
    def _version(self) -> str:
        return str(self._offset)

    async def info(self) -> dict[str, object]:
        """Return the model's name, version, offset and number of lessons."""
        return {
            "name": self._model.name,
            "version": self._version,
            "offset": self._offset,
            "lessons": self._model.lessons,
        }

    async def check_health(self) -> None:
        """Tell Serve to replace this replica when its learner has ended."""
        if self._learner.done():
            raise RuntimeError("the learner has ended")

    async def _learn_forever(self) -> None:
        elapsed_s = 0.0
        while True:
            try:
                learned = await self._learn_once()
                if self._offset > self._saved and (elapsed_s >= self._checkpoint_s):
                    await self._save()
                    elapsed_s = 0.0
            except (RighttimeError, OSError):
                log.exception("learning failed and is tried again")
                learned = 0
            if learned < _BATCH:
                await asyncio.sleep(self._poll_s)
                elapsed_s += self._poll_s

    async def _open(self) -> Store:
        if self._store is None:
            self._store = await asyncio.to_thread(open_store, self._store_url)
            saved = await self._store.checkpoint(self._model.name)
            if saved is not None:
                self._offset, data = saved
                self._saved = self._offset
                self._model = BetaBernoulli.load(data)
        return self._store

    async def _learn_once(self) -> int:
        store = await self._open()
        rows = await store.learnable(self._offset, _BATCH)
        for row in rows:
            with suppress(CodecError):  # a damaged row teaches nothing, and is found by its readers
                self._model.learn(unpack_turn(row.payload).lessons)
            self._offset = row.offset
        return len(rows)

    async def _save(self) -> None:
        store = await self._open()
        await store.save_checkpoint(self._model.name, self._offset, self._model.dump())
        self._saved = self._offset


def model_app(store_url: str) -> serve.Application:
    """Return the application to run as `models`."""
    deployment = serve.deployment(
        name=NAME,
        num_replicas=1,
        max_ongoing_requests=1000,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0},
        logging_config=QUIET,
    )(ModelServer)
    return deployment.bind(store_url)
