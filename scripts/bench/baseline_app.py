"""The fixed baseline: the least that a Ray Serve endpoint can do. Never optimised, never slowed.

One route on a FastAPI ingress that parses a JSON body of about 600 bytes and sends it back: no
state, no decision, nothing on disk. What the system does per event is measured against this, in the
same Ray, behind the same HAProxy and under the same flags.
"""

from typing import Any

from fastapi import FastAPI, Request
from ray import serve

_api = FastAPI()


@serve.deployment(
    name="baseline",
    num_replicas=1,
    max_ongoing_requests=1000,
    ray_actor_options={"num_cpus": 0},
    logging_config={"enable_access_log": False},
)
@serve.ingress(_api)
class Baseline:
    """Says back what it was told."""

    @_api.post("/echo")
    async def echo(self, request: Request) -> Any:
        """Return the body as it was parsed."""
        return await request.json()


def build_baseline() -> serve.Application:
    """Return the application; see `baseline_route` for its place."""
    application: serve.Application = Baseline.bind()  # type: ignore[attr-defined]
    return application
