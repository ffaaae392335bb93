"""A Ray cluster of several nodes on this machine, in a process of its own that obeys lines on stdin.

Started by `Nodes`; run as `python -m scripts.chaos.nodes COUNT`. The head has no cells' work of its own to
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

from scripts.chaos.processes import MARK
from scripts.output import Failure

_CPUS = 4
_STORE_BYTES = 128 * 1024 * 1024
_ANSWER_WITHIN_S = 120.0


class Nodes:
    """The cluster, seen from the run. Every call waits until it is done."""

    def __init__(self, mark: str, count: int, storage: Path | None, log: Path) -> None:
        self._count = count
        self._environment = {MARK: mark, "RAY_ADDRESS": ""}
        if storage is not None:
            storage.mkdir(parents=True, exist_ok=True)
            self._environment |= {
                "RAY_gcs_storage": "rocksdb",
                "RAY_gcs_storage_path": str(storage),
            }
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
                [sys.executable, "-m", "scripts.chaos.nodes", str(self._count)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
                env={**os.environ, **self._environment},
            )
        self.address = str(self._answer()["address"])

    def ask(self, what: str) -> dict[str, Any]:
        """Have something done: `kill node`, `add node`, `kill gcs` or `start gcs`.

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


def serve_lines(count: int) -> None:
    """Hold a cluster and obey stdin until it closes; one line of JSON answers each."""
    ours = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # Ray writes to stdout
    from cluster.closing import keep_token
    from cluster.settings import set_serve_flags

    set_serve_flags()  # before Ray is imported: it reads them at import
    keep_token(Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"))
    from ray._common.utils import reset_ray_address
    from ray.cluster_utils import Cluster

    fields: Mapping[str, Any] = {"num_cpus": _CPUS, "object_store_memory": _STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=dict(fields))
    for _ in range(count - 1):
        cluster.add_node(**fields)
    reset_ray_address()  # or every Ray that is started on this machine would join
    ours.write(json.dumps({"address": cluster.address}) + "\n")
    for line in sys.stdin:
        try:
            answer = _obey(cluster, line.strip(), fields)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side must hear of it
            answer = {"error": f"{type(error).__name__}: {error}"}
        ours.write(json.dumps(answer) + "\n")
    cluster.shutdown()  # type: ignore[no-untyped-call]


def _obey(cluster: Any, what: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    match what:
        case "kill node":
            node = min(cluster.worker_nodes, key=lambda each: str(each.node_id))
            name = node.node_id
            cluster.remove_node(node, allow_graceful=False)
            return {"node": name}
        case "add node":
            return {"node": cluster.add_node(**fields).node_id}
        case "kill gcs":
            cluster.head_node.kill_gcs_server()
        case "start gcs":
            cluster.head_node.start_gcs_server()
        case _:
            return {"error": f"{what!r} is not known"}
    return {}


if __name__ == "__main__":
    serve_lines(int(sys.argv[1]))
