"""The stream of effects as a Serve deployment of its own: long connections, away from the events."""

import asyncio

from fastapi import FastAPI
from ray import serve
from starlette.types import ASGIApp, Receive, Scope, Send

from actors.runtime.clocks import RealClock, VirtualClock, stored_virtual_ms
from actors.stores.opening import open_store
from serve_app.auth import KeyRing
from serve_app.following import follow_virtual_time
from serve_app.gateway import EdgeSettings
from serve_app.settings import QUIET, AppSettings
from serve_app.stream import build_stream_app


class _WholePath:
    """Gives the application the contract's whole path: Serve takes the route prefix for a mount."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root: str = scope.get("root_path", "")
        if root:
            path: str = scope["path"]
            whole = path if path.startswith(root) else root + path
            scope = {**scope, "root_path": "", "path": whole}
        await self._app(scope, receive, send)


class Stream:
    """One replica; it reads the store and nothing else."""

    async def __init__(self, settings: AppSettings) -> None:  # type: ignore[misc]  # Serve awaits it
        store = await asyncio.to_thread(open_store, settings.store_url)
        clock = RealClock()
        if settings.virtual:
            virtual = VirtualClock(await stored_virtual_ms(store) or clock.machine_ms())
            self._following = asyncio.create_task(follow_virtual_time(store, virtual))
            clock = virtual
        keys = KeyRing(store, EdgeSettings(), clock.machine_ms)
        self._app = build_stream_app(store, clock, authorize=keys.authorize)
        self._app.add_middleware(_WholePath)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the application; Serve calls this after the constructor."""
        return self._app


def stream_app(settings: AppSettings) -> serve.Application:
    """Return the application to run at `/v1/actions/stream`."""
    deployment = serve.deployment(
        name="stream",
        num_replicas=1,
        max_ongoing_requests=1000,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0},
        logging_config=QUIET,
    )(serve.ingress()(Stream))
    return deployment.bind(settings)
