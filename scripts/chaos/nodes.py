"""A Ray cluster of several nodes on this machine, in a process of its own that obeys lines on stdin.

Started by `Nodes`; run as `python -m scripts.chaos.nodes COUNT [links]`. The head has no cells' work of its own to
do but Serve's; a `GCS` that is persistent keeps its tables in RocksDB (`RAY_gcs_storage`).
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.chaos.links import Links
from scripts.chaos.processes import MARK
from scripts.output import Failure

_CPUS = 4
_STORE_BYTES = 128 * 1024 * 1024
_FIELDS: Mapping[str, Any] = {"num_cpus": _CPUS, "object_store_memory": _STORE_BYTES}
_ANSWER_WITHIN_S = 120.0


class Nodes:
    """The cluster, seen from the run. Every call waits until it is done."""

    def __init__(
        self, mark: str, count: int, storage: Path | None, log: Path, *, links: bool = False
    ) -> None:
        """`storage` is where the GCS keeps its tables, if it does."""
        self._arguments = [str(count), *(["links"] if links else [])]
        # What Ray calls so lets it listen on other addresses than loopback.
        self.environment = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"} if links else {}
        self._environment = {MARK: mark, "RAY_ADDRESS": "", **self.environment}
        if storage is not None:
            storage.mkdir(parents=True, exist_ok=True)
            self._environment |= {
                "RAY_gcs_storage": "rocksdb",
                "RAY_gcs_storage_path": str(storage),
            }
        self.others = count - 1
        """How many there are beside the head."""
        self.linked = links
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        """Start the head and the other nodes.

        Raises:
            Failure: They did not come up.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.chaos.nodes", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
                env={**os.environ, **self._environment},
            )
        self.address = str(self._answer()["address"])

    def ask(self, what: str) -> dict[str, Any]:
        """Have something done: `kill node`, `add node`, `kill gcs`, `start gcs`, or to links (`_obey`).

        Raises:
            Failure: It could not be done.
        """
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            raise Failure("the cluster's nodes have ended")
        try:
            process.stdin.write(what + "\n")
            process.stdin.flush()
        except OSError as error:
            raise Failure("the cluster's nodes have ended") from error
        return self._answer()

    def alive(self) -> bool:
        """Return whether the process that holds the nodes runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End all nodes."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _answer(self) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdout is None:
            raise Failure("the cluster was not started")
        stdout = process.stdout
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(_ANSWER_WITHIN_S)
        try:
            answer: dict[str, Any] = json.loads(lines[0])
        except (IndexError, ValueError) as error:
            raise Failure(f"the cluster's nodes do not answer; see {self._log}") from error
        if "error" in answer:
            raise Failure(f"the cluster's nodes: {answer['error']}")
        return answer


class Held:
    """The cluster, held by this process."""

    def __init__(self, count: int, links: Links | None) -> None:
        from ray._common.utils import reset_ray_address
        from ray.cluster_utils import Cluster

        self._links = links
        here = {} if links is None else {"node_ip_address": links.address(0)}
        head: dict[str, Any] = {**_FIELDS, **here}
        self.cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = {i: self._added(i) for i in range(1, count)}
        reset_ray_address()  # or every Ray that is started on this machine would join

    def obey(self, what: str) -> dict[str, Any]:
        """Do what a line says, and return the answer. `cut N`, `mute N` and `deaf N` are about node N's links."""
        verb, _, which = what.partition(" ")
        match verb, which:
            case "kill", "gcs":
                self.cluster.head_node.kill_gcs_server()
            case "start", "gcs":
                self.cluster.head_node.start_gcs_server()
            case "kill", _:
                return {"node": self._kill(int(which) if which != "node" else min(self._nodes))}
            case "pids", _:
                known = self._nodes[int(which)].all_processes.values()
                return {"pids": [each.process.pid for some in known for each in some]}
            case "add", "node":
                i = next(i for i in range(1, len(self._nodes) + 2) if i not in self._nodes)
                self._nodes[i] = self._added(i)
                return {"node": self._nodes[i].node_id}
            case "cut" | "mute" | "deaf", _:
                self._linked.cut(int(which), hears=verb == "mute", heard=verb == "deaf")
            case "slow", _:
                self._linked.slow(float(which))
            case "heal", _:
                self._linked.heal()
            case _:
                return {"error": f"{what!r} is not known"}
        return {}

    def _added(self, i: int) -> Any:
        if self._links is None:
            return self.cluster.add_node(**_FIELDS)
        with self._links.inside(i):
            return self.cluster.add_node(**_FIELDS, node_ip_address=self._links.address(i))

    def _kill(self, i: int) -> str:
        node = self._nodes.pop(i)
        name: str = node.node_id
        self.cluster.remove_node(node, allow_graceful=False)
        return name

    @property
    def _linked(self) -> Links:
        if self._links is None:
            raise Failure("the nodes have no links of their own")
        return self._links


def serve_lines(count: int, *, linked: bool) -> None:
    """Hold a cluster and obey stdin until it closes; one line of JSON answers each."""
    ours = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # Ray writes to stdout
    from cluster.closing import keep_token
    from cluster.settings import set_serve_flags

    set_serve_flags()  # before Ray is imported: it reads them at import
    keep_token(Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"))
    held = Held(count, Links(count) if linked else None)
    ours.write(json.dumps({"address": held.cluster.address}) + "\n")
    for line in sys.stdin:
        try:
            answer = held.obey(line.strip())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side must hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        ours.write(json.dumps(answer) + "\n")
    held.cluster.shutdown()


if __name__ == "__main__":
    serve_lines(int(sys.argv[1]), linked="links" in sys.argv[2:])
