"""The shared model server: scores whole groups in one call, and learns from the journal."""

import asyncio
import logging

from ray import serve

from actors.domain.errors import RighttimeError
from actors.stores.opening import open_store
from actors.wire.scoring import pack_scores, unpack_rows
from serve_app.models.follower import BATCH, Follower
from serve_app.models.learner import COUNTING, Learner
from serve_app.settings import QUIET

log = logging.getLogger(__name__)

NAME = "models"


class ModelServer:
    """One replica: models that follow the journal.

    The journal in its order of commit is the only teacher, so any number of replicas arrive at the
    same models, each within `poll_s` and the time to read. A checkpoint keeps the offset up to which
    it has learned; the highest offset wins.
    """

    def __init__(self, store_url: str, poll_s: float = 0.5, checkpoint_s: float = 5.0) -> None:
        self._store_url = store_url
        self._poll_s = poll_s
        self._checkpoint_s = checkpoint_s
        self._follower: Follower | None = None
        self._untaught = Learner()
        self._learner = asyncio.get_running_loop().create_task(self._learn_forever())

    async def score(self, request: bytes) -> bytes:
        """Score the rows of one group; see `actors.wire.scoring`. Before the store is read, by priors."""
        rows = unpack_rows(request)
        if self._follower is None:
            return pack_scores(self._untaught.score(rows))
        return pack_scores(self._follower.score(rows))

    async def info(self) -> dict[str, object]:
        """Return the counting model's name, version, offset and number of lessons, and all models."""
        kept = {} if self._follower is None else self._follower.learner.kept
        offset = 0 if self._follower is None else self._follower.learner.offset
        return {
            "name": COUNTING,
            "version": str(offset),
            "offset": offset,
            "lessons": kept[COUNTING].model.lessons if kept else 0,
            "models": {key: each.model.lessons for key, each in kept.items()},
        }

    async def check_health(self) -> None:
        """Tell Serve to replace this replica when its learner has ended."""
        if self._learner.done():
            raise RuntimeError("the learner has ended")

    async def _learn_forever(self) -> None:
        elapsed_s = 0.0
        while True:
            read = 0
            try:
                follower = self._follower or await self._open()
                read = await follower.step()
                if elapsed_s >= self._checkpoint_s and await follower.save():
                    elapsed_s = 0.0
            except (RighttimeError, OSError):
                log.exception("learning failed and is tried again")
            if read < BATCH:
                await asyncio.sleep(self._poll_s)
                elapsed_s += self._poll_s

    async def _open(self) -> Follower:
        store = await asyncio.to_thread(open_store, self._store_url)
        follower = Follower(store)
        await follower.open()
        self._follower = follower
        return follower


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
