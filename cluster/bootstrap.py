"""Starting and stopping a whole system: the only file that meets every part."""

import asyncio
import logging
import os
import secrets
import signal
import threading
import time
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from cluster.closing import keep_token
from cluster.occupancy import Occupancy
from cluster.ports import moved_aside
from cluster.settings import (
    NAMESPACE,
    UNCOUNTED,
    Settings,
    set_serve_flags,
    set_unless_given,
    variable,
)

set_serve_flags()  # before Ray is imported: it reads them at import

import ray  # noqa: E402
from ray import serve  # noqa: E402
from ray.exceptions import RayError  # noqa: E402

from actors.channels.config import ChannelsConfig, load_config  # noqa: E402
from actors.playbook.loader import (  # noqa: E402
    Bundle,
    bundle_bytes,
    compile_bundle,
    library,
    read_bundle,
    version_of,
)
from actors.ports import Store  # noqa: E402
from actors.runtime.cell import CellSettings  # noqa: E402
from actors.runtime.clocks import RealClock  # noqa: E402
from actors.stores.opening import KEY_SETTING, open_store  # noqa: E402
from cluster.cells import Maker  # noqa: E402
from cluster.supervisor import NAME as SUPERVISOR  # noqa: E402
from cluster.supervisor import SupervisorActor  # noqa: E402
from serve_app.auth import new_key, record_of  # noqa: E402
from serve_app.cell_counts import cell_names, standby_names, want_cells  # noqa: E402
from serve_app.front_door import front_door_app  # noqa: E402
from serve_app.model_server import NAME as MODELS  # noqa: E402
from serve_app.model_server import model_app  # noqa: E402
from serve_app.settings import AppSettings  # noqa: E402
from serve_app.stream_app import stream_app  # noqa: E402

log = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 4.0
_SERVE_TIMEOUT_S = 5.0
FRONT_DOOR = "front-door"
STREAM_PATH = "/v1/actions/stream"


class System:
    """A running system. `stop` may be called more than once, and from a signal's aftermath."""

    def __init__(
        self,
        settings: Settings,
        occupancy: Occupancy,
        maker: Maker,
        actors: list[Any],
        supervisor: Any,
    ) -> None:
        self.settings = settings
        self.url = f"http://{settings.host}:{settings.port}"
        self.key_path = settings.data_dir / "keys" / "admin"
        self._occupancy = occupancy
        self._maker = maker
        self._actors = actors  # held: those made here end when nobody holds them
        self._supervisor = supervisor
        self._stopped = False

    def wait_for_signal(self) -> None:
        """Return when SIGINT or SIGTERM has come."""
        came = threading.Event()

        def note(_number: int, _frame: FrameType | None) -> None:
            came.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
        while not came.wait(0.5):
            pass

    def stop(self) -> None:
        """Stop taking requests, finish what is under way, end every process."""
        if self._stopped:
            return
        self._stopped = True
        try:
            # The front door goes first, so that nothing arrives at cells that are leaving; the
            # supervisor before the cells, so that nobody takes over from them.
            serve.delete(FRONT_DOOR)
            names = ray.get(self._supervisor.stop.remote(), timeout=_STOP_TIMEOUT_S)
            cells = [handle for name in names if (handle := self._maker.find(name)) is not None]
            ray.get([cell.stop.remote() for cell in cells], timeout=_STOP_TIMEOUT_S)
        except (RayError, TimeoutError):
            log.exception("stopping was not clean; nothing acknowledged is lost")
        # Serve waits 30 s for a controller that was exchanged and whose clock was stepped. It goes on by itself; and
        # with a Ray of our own everything of Serve ends below.
        ending = threading.Thread(target=_shut_serve_down, daemon=True)
        ending.start()
        ending.join(_SERVE_TIMEOUT_S)
        ray.shutdown()
        self._occupancy.end()


def _shut_serve_down() -> None:
    try:
        serve.shutdown()  # type: ignore[no-untyped-call]
    except Exception:
        log.exception("Serve did not shut down in order; nothing acknowledged is lost")


def start(settings: Settings) -> System:
    """Start everything on this machine and return when events can be taken.

    Raises:
        OccupiedError: Another system runs on this data directory.
        PlaybookError: The playbook cannot be used.
        RighttimeError: The store cannot be used.
        RuntimeError: A part did not come up in time.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    occupancy = Occupancy(settings.data_dir)
    try:
        return _start(settings, occupancy)
    except BaseException:
        occupancy.end()
        raise


def _start(settings: Settings, occupancy: Occupancy) -> System:
    asyncio.run(_prepare(settings))
    _init_ray(settings)
    try:
        return _deploy(settings, occupancy)
    except BaseException:
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()
        raise


def _init_ray(settings: Settings) -> None:
    if variable("RAY_AUTH_MODE") == "token" and not variable("RAY_AUTH_TOKEN"):
        keep_token(Path(variable("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"))
    # A cluster that is there has its own resources and ports: RAY_ADDRESS names it, and Ray goes there by itself.
    if not variable("RAY_ADDRESS"):
        set_unless_given(moved_aside())
        if not settings.dashboard:
            set_unless_given(UNCOUNTED)
    alone: dict[str, Any] = {
        "address": "local",  # another system of this machine, or what one left behind, is not joined
        "num_cpus": max(4, settings.cells + 2),
        "include_dashboard": settings.dashboard,
        "object_store_memory": 256 * 1024 * 1024,
    }
    on_end = signal.getsignal(signal.SIGTERM)
    ray.init(
        **({} if variable("RAY_ADDRESS") else alone),
        namespace=NAMESPACE,
        log_to_driver=variable("RIGHTTIME_LOG_TO_DRIVER") == "1",
        configure_logging=False,
    )
    if threading.current_thread() is threading.main_thread():
        # Ray's own handler aborts this process, and HAProxy outlives it.
        signal.signal(signal.SIGTERM, on_end)


def _deploy(settings: Settings, occupancy: Occupancy) -> System:
    app_settings = AppSettings(
        store_url=settings.store,
        virtual=settings.clock == "virtual",
        namespace=NAMESPACE,
        model_app=MODELS,
        model_deployment=MODELS,
        front_doors=settings.front_doors,
    )
    channels = settings.channels or load_config(settings.data_dir / "channels.yaml")
    maker = Maker(_template(settings, channels), NAMESPACE)
    names = cell_names(settings.cells) + standby_names(settings.cells)
    actors = [maker.make(name, lasting=False) for name in names]
    serve.start(
        http_options={"host": settings.host, "port": settings.port},
        logging_config={"enable_access_log": False},
    )
    supervisor = SupervisorActor.options(
        name=SUPERVISOR, num_cpus=0, max_restarts=-1, max_task_retries=-1
    ).remote(
        settings.store,
        maker,
        settings.cells,
        apart=(
            settings.dedicated_per_node if settings.dedicated else 0,
            60.0 / settings.dedicated_per_minute,
        ),
        door=(_reachable(settings.host), settings.port),
    )
    # All at once: nobody needs another to come up, only to be up before READY.
    targets = [
        serve.RunTarget(model_app(settings.store), name=MODELS, route_prefix=None),
        serve.RunTarget(stream_app(app_settings), name="stream", route_prefix=STREAM_PATH),
        serve.RunTarget(front_door_app(app_settings), name=FRONT_DOOR, route_prefix="/"),
    ]
    if variable("RIGHTTIME_BENCH_BASELINE") == "1":
        targets.append(serve.RunTarget(_baseline(), name="baseline", route_prefix="/bench"))
    serve.run_many(targets, wait_for_applications_running=True)
    _await_cells(supervisor)
    return System(settings, occupancy, maker, actors, supervisor)


def _reachable(host: str) -> str:
    """Return where this machine reaches what listens on an address of it."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked of, not bound


def _await_cells(supervisor: Any) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not ray.get(supervisor.serving.remote(), timeout=START_TIMEOUT_S):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the cells did not come up within {START_TIMEOUT_S:g} s")
        threading.Event().wait(0.1)


def _baseline() -> serve.Application:
    """Return the benchmark's one-route application, to run beside the real one."""
    module = import_module("scripts.bench.baseline_app")  # scripts stand above this package
    application: serve.Application = module.build_baseline()
    return application


def _template(settings: Settings, channels: ChannelsConfig) -> CellSettings:
    return CellSettings(
        name="",
        store_url=settings.store,
        data_dir=str(settings.data_dir),
        virtual=settings.clock == "virtual",
        model_app=MODELS,
        model_deployment=MODELS,
        channels=channels.model_dump(mode="json"),
        scoring_timeout_s=settings.scoring_timeout_s,
        dedicated=settings.dedicated,
    )


async def _prepare(settings: Settings) -> None:
    """Bring the store to this version, with a key, a playbook and a first API key."""
    bundle = _bundle_of(settings.playbook)
    store = open_store(settings.store)
    try:
        await store.put_setting_if_absent(KEY_SETTING, secrets.token_bytes(32))
        await want_cells(store, settings.cells, afresh=True)
        names = cell_names(settings.cells) + standby_names(settings.cells)
        for row in await store.cells():
            if row.name not in names:  # of a run with more, which did not end cleanly
                await store.remove_cell(row)
        await _activate(bundle, store)
        await _first_key(settings.data_dir / "keys" / "admin", store)
    finally:
        await store.close()


async def _activate(bundle: Bundle, store: Store) -> None:
    compile_bundle(bundle)
    version = version_of(bundle)
    active = await store.playbook()
    if active is None or active[0] != version:
        await store.put_playbook(version, bundle_bytes(bundle), RealClock().machine_ms())


async def _first_key(path: Path, store: Store) -> None:
    """Make the admin key, once per data directory; a store without any key learns the one there."""
    known = await asyncio.to_thread(lambda: path.read_text().strip() if path.exists() else "")
    if known:
        if not await store.keys():
            await store.put_key(*record_of(known, ("admin",), (), name="first"))
        return
    text, key_hash, record = new_key(("admin",), (), secrets.token_bytes, name="first")
    await store.put_key(key_hash, record)
    await asyncio.to_thread(_write_once, path, text + "\n")


def _write_once(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and that was not there before."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _bundle_of(named: str) -> Bundle:
    """Return the bundle of a directory, or of the library."""
    path = Path(named)
    return read_bundle(path) if path.is_dir() else library(named)
