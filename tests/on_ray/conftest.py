"""One running system for all tests on Ray: starting one costs tens of seconds."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.child import NOBODY_APART, Child, start


class Caller:
    """A channel: JSON in, (status, JSON) out."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def __call__(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Call the API with the first key unless another is given; an empty one sends none."""
        status, _, answer = self.full(method, path, body, key)
        return status, answer

    def full(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Call and return the headers too, names in lower case."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.child.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        key = self.child.key if key is None else key
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, _names(reply.headers), _json(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, _names(error.headers), _json(error.read())

    def track(self, user: str, name: str, message_id: str, **more: Any) -> tuple[int, Any]:
        """Post one track event."""
        context = {"channel": "web"} | more.pop("context", {})
        body = {"messageId": message_id, "userId": user, "event": name, "context": context} | more
        return self("POST", "/v1/track", body)

    def pids(self, kind: str) -> list[int]:
        """Return the processes of one kind of actor, as Ray titles them."""
        return pids_of(self.child.process.pid, kind)


def _names(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def descendants(root: int) -> dict[int, str]:
    """Return pid → title of a process and all below it."""
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                titles[int(entry.name)] = (entry / "cmdline").read_bytes().decode().strip("\0")
                parents[int(entry.name)] = int(stat[1])
            except (OSError, IndexError):
                continue
    found = {root: titles.get(root, "")}
    grown = True
    while grown:
        grown = False
        for pid, parent in parents.items():
            if parent in found and pid not in found:
                found[pid] = titles[pid]
                grown = True
    return found


def pids_of(root: int, kind: str) -> list[int]:
    """Return the pids below `root` whose title begins with `ray::` and `kind`."""
    return [pid for pid, title in descendants(root).items() if title.startswith(f"ray::{kind}")]


def haproxy_config(root: int) -> Path:
    """Return the file from which the HAProxy below a process was started."""
    words = next(
        title.split("\0") for title in descendants(root).values() if "bin/haproxy" in title
    )
    return Path(words[words.index("-f") + 1])


def kill(pid: int) -> None:
    """End a process of ours as a crash would."""
    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A system with a virtual clock; it must stop cleanly and leave no process behind."""
    options = ["--clock", "virtual", *NOBODY_APART]
    child = start(tmp_path_factory.mktemp("system") / "data", options)
    below = descendants(child.process.pid)
    try:
        yield Caller(child)
    finally:
        below |= descendants(child.process.pid)
        child.stop()
    assert child.clean
    left = [title for pid, title in below.items() if Path(f"/proc/{pid}").exists()]
    assert left == []
