"""The settings of a whole system, and the only reader of the environment."""

import os
import platform
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.channels.config import ChannelsConfig

NAMESPACE = "righttime"

SERVE_FLAGS = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
}
"""Set before Ray is imported, unless the environment says otherwise.

HAProxy in front and user code on the replica's own loop: about a tenth of the CPU per request. No
drain at shutdown: 1 s instead of 30; a cluster's serve.yaml keeps it. A proxy that needs longer
than three times its ready check is killed, and with it the start: 15 s on a busy machine.
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
    there says how each channel is delivered.
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

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        if not self.data_dir.is_absolute():
            object.__setattr__(self, "data_dir", self.data_dir.absolute())
        return self

    @property
    def store(self) -> str:
        """The URL of the store."""
        return self.store_url or f"sqlite://{self.data_dir / 'righttime.db'}"

    @property
    def cell_names(self) -> list[str]:
        """Names of the actors that own partitions."""
        return [f"cell-{i}" for i in range(self.cells)]

    @property
    def standby_names(self) -> list[str]:
        """Names of the actors that own partitions only while no other cell lives."""
        return ["standby-0"] if self.cells == 1 else []


def set_serve_flags() -> None:
    """Put the flags into the environment that Ray's processes will inherit."""
    for name, value in SERVE_FLAGS.items():
        os.environ.setdefault(name, value)


def variable(name: str) -> str | None:
    """Return an environment variable."""
    return os.environ.get(name)
