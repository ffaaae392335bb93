"""The operator: starts the system, and starts it again when it has ended or answers nobody.

What a service manager does in earnest: systemd with `Restart=always` and a health check, or a pod's
restart policy. The product's own supervisor restarts parts; nobody in it restarts all of it.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cluster.ports import free_port
from scripts.chaos.load import Service
from scripts.chaos.nodes import Nodes
from scripts.chaos.processes import MARK, end_all, of_kind
from scripts.child import Child, start
from scripts.output import Failure

SILENT_S = 45.0
"""After so long without any answer the operator gives up waiting, ends what is left, and starts anew."""

_LOOK_S = 0.5
_ATTEMPTS = 6
_READY_S = 150.0


@dataclass(slots=True)
class Restart:
    """One start by the operator; `ready_ms` is 0 while it is under way."""

    why: str
    began_ms: int
    ready_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Operator:
    """Keeps one system running on one port and data directory."""

    data: Path
    mark: str
    playbook: Path
    store: str | None
    cells: int
    now_ms: Callable[[], int]
    service: Service
    say: Callable[[str], None]
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    restarts: list[Restart] = field(default_factory=list)
    child: Child | None = None
    starting: bool = False
    nodes: Nodes | None = None

    @property
    def url(self) -> str:
        """Where the system listens, at every start."""
        return f"http://127.0.0.1:{self.port}"

    def key(self) -> str:
        """Return the first key."""
        return (self.data / "keys" / "admin").read_text("utf-8").strip()

    async def start(self, why: str) -> None:
        """End what is left of an earlier start, and start.

        Raises:
            Failure: It did not come up, six times in a row.
        """
        self.starting = True
        restart = Restart(why, self.now_ms())
        self.restarts.append(restart)
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                await asyncio.to_thread(self._end, all_of_it=attempt > 1 or not self._nodes_live())
                try:
                    self.child = await asyncio.to_thread(self._start)
                    break
                except Failure as failure:
                    if attempt == _ATTEMPTS:
                        raise
                    self.say(f"start {attempt} failed: {failure.sentence}")
        finally:
            self.starting = False
        restart.ready_ms = self.now_ms()

    def _start(self) -> Child:
        options = ["--port", str(self.port), "--playbook", str(self.playbook)]
        options += ["--cells", str(self.cells)]
        if self.store is not None:
            options += ["--store", self.store]
        environment = {**self.environment, MARK: self.mark}
        if self.nodes is not None:
            if not self.nodes.alive():
                self.nodes.start()
            environment |= {"RAY_ADDRESS": self.nodes.address, **self.nodes.environment}
            # One node's HAProxy must reach another one's replicas, which listen where it does.
            options += ["--host", "0.0.0.0"] if self.nodes.linked else []  # noqa: S104 - in a network of our own
        return start(self.data, options, environment=environment, ready_within_s=_READY_S)

    def _nodes_live(self) -> bool:
        return self.nodes is not None and self.nodes.alive()

    def _end(self, *, all_of_it: bool) -> None:
        """End what is left; on a cluster that lives, first only what was started there from here."""
        if self.child is not None and self.child.alive():
            self.child.process.kill()
        if all_of_it:
            end_all(self.mark)
            if self.nodes is not None:
                self.nodes.stop()
        if self.child is not None:
            self.child.process.wait()
            self.child = None

    async def keep(self) -> None:
        """Start it again whenever needed, until cancelled."""
        since_ms = self.now_ms()
        while True:
            await asyncio.sleep(_LOOK_S)
            if self.child is not None and not self.child.alive():
                why = "the system had ended"
            elif self.now_ms() - max(since_ms, self.service.last_answer_ms) > SILENT_S * 1000:
                why = f"nobody was answered for {SILENT_S:.0f} s"
            else:
                continue
            self.say(f"the operator starts the system again: {why}")
            await self.start(why)
            since_ms = self.now_ms()

    async def stop(self) -> bool:
        """Stop it as a person would; return whether it ended by itself, and cleanly.

        With a dead raylet or GCS it cannot: then it is killed, which every crash has done before.
        """
        child = self.child
        if child is None:
            return False
        dead = [kind for kind in ("raylet", "GCS") if not of_kind(self.mark, kind)]
        if dead:
            self.say(f"{dead[0]} is dead, so the system cannot end in order: it is killed")
            child.process.kill()
            child.process.wait()
        else:
            await asyncio.to_thread(child.stop)
        if self.nodes is not None:
            await asyncio.to_thread(self.nodes.stop)
        end_all(self.mark)
        return child.clean


def private_folder(root: Path | None, prefix: str) -> Path:
    """Make an empty directory of our own."""
    if root is not None:
        root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=root)).absolute()


def write_channels(data: Path, hook_url: str, secret: str) -> None:
    """Set up the ways out: a webhook on loopback, and a file."""
    keys = data / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        descriptor = os.open(keys / "hook.secret", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
    (data / "channels.yaml").write_text(
        "channels:\n"
        f'  hook: {{kind: webhook, url: "{hook_url}", secretFiles: [keys/hook.secret],'
        " allowPrivate: true, timeoutS: 5}\n"
        "  print: {kind: file}\n",
        "utf-8",
    )
