"""The settings of a whole system, and the only reader of the environment."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from actors.channels.config import ChannelsConfig
from actors.playbook.checks import compile_rule
from actors.runtime.wishing import TOP_TIER
from cluster.closing import haproxy_flags

NAMESPACE = "righttime"

SERVE_FLAGS = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "60",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.25",
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
"""Set before Ray is imported, unless the environment says otherwise.

HAProxy in front and user code on the replica's own loop: about a tenth of the CPU per request. No
drain at shutdown: 1 s instead of 30; a cluster's serve.yaml keeps it. A proxy that needs longer
than three times its ready check is killed, and with it the start: 15 s on a busy machine. A dead proxy is
noticed when three looks have failed: one a second, by default one in ten. A client that is
silent in the middle of a request holds its connection for a minute, not an hour; streams beat every 15 s.
Gauges are told once a second, not ten times, which every process with a handle pays for. Serve's controller goes
round four times a second, not ten: each round costs it 5 ms, also where nobody calls.
Ray's own ports ask for a token; and without what it calls clusters of other systems Ray takes loopback for
this node's address, and listens nowhere else: a cluster of machines sets that to 1.
"""

UNCOUNTED = {"RAY_SERVE_HAPROXY_METRICS_ENABLED": "0", "RAY_enable_metrics_collection": "0"}
"""Set where no dashboard shows Ray's metrics, unless the environment says otherwise.

HAProxy writes a line for every request that a process of Serve reads, and whatever Ray measures is counted again, one
by one, by its agent: about a tenth of the CPU of an event. HAProxy's own page of counters stays.
"""


def cores() -> int:
    """Return how many processors this process may use."""
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseModel):
    """What `righttime up` starts.

    `cells` host customers; a single one gets a standby that takes over while it is away. With
    `store_url` None an SQLite file in `data_dir` is used; with `channels` None, `channels.yaml`
    there says how each channel is delivered. Of the customers for whom the rule `dedicated` holds (CEL, or
    `top-tier`; empty for nobody) up to `dedicated_per_node` on each node get an actor of their own, at
    most `dedicated_per_minute` of them a minute: each takes seconds of a processor to make.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(default=8000, ge=1, le=65535)
    host: str = "127.0.0.1"
    data_dir: Path = Path(".righttime/data")
    playbook: str = "retail"
    store_url: str | None = None
    cells: int = Field(default_factory=cores, ge=1, le=256)
    front_doors: int = Field(default=1, ge=1, le=64)
    clock: Literal["real", "virtual"] = "real"
    dashboard: bool = False
    channels: ChannelsConfig | None = None
    scoring_timeout_s: float = Field(default=0.25, gt=0, le=10)
    dedicated: str = TOP_TIER
    dedicated_per_node: int = Field(default=8, ge=0, le=1000)
    dedicated_per_minute: float = Field(default=4, gt=0, le=600)

    @field_validator("dedicated")
    @classmethod
    def _compiles(cls, text: str) -> str:
        problems: list[str] = []
        if text not in ("", TOP_TIER):
            compile_rule(text, lambda _offset, problem: problems.append(problem))
        if problems:
            raise ValueError(problems[0])
        return text

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        if not self.data_dir.is_absolute():
            object.__setattr__(self, "data_dir", self.data_dir.absolute())
        return self

    @property
    def store(self) -> str:
        """The URL of the store."""
        return self.store_url or f"sqlite://{self.data_dir / 'righttime.db'}"


def set_serve_flags() -> None:
    """Put the flags into the environment that Ray's processes will inherit."""
    set_unless_given(SERVE_FLAGS | haproxy_flags())


def set_unless_given(variables: Mapping[str, str]) -> None:
    """Put variables into the environment that Ray's processes will inherit, unless it has them."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def variable(name: str) -> str | None:
    """Return an environment variable."""
    return os.environ.get(name)
