"""What crosses the store's port: rows of many kinds, and verdicts."""

from dataclasses import dataclass
from enum import Enum


class JournalKind:
    """Codes of journal rows.

    `MERGE`, `UNMERGE` and `ERASURE`, which holds the receipt, are never forgotten by age.
    """

    EVENT = 1
    DECIDE = 2
    OUTCOME = 3
    WAKE = 4
    MERGE = 5
    UNMERGE = 6
    COMMAND = 7
    ERASURE = 8


class Verdict(Enum):
    """What became of one `Change`: only `COMMITTED` wrote anything."""

    COMMITTED = 0
    FENCED = 1
    RACE_LOST = 2
    OVERSPENT = 3


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer whose time has come."""

    number: int
    partition: int
    key: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a segment, by the index, since an instant of the business clock."""

    number: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class SegmentFlow:
    """How many entered and left a segment on one day, which begins at `day_ms` in UTC."""

    day_ms: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class ScenarioCount:
    """How many are at a step of one version of a scenario, have gone on from it, and were lost there.

    Step `""` stands for the instances: under way, started, over. `end` is where those ended whose last step
    had no `end` of its own. Counts are of ways: with forks, or several instances, a customer has more than one.
    """

    scenario: str
    digest: str
    step: str
    waiting: int
    passed: int
    left: int


class LaunchState:
    """Life of a launch: running → stopped → running …, and at the end done."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Launch:
    """An operator's order to let everybody in a segment enter a scenario.

    `per_second` is the pace of the whole system. `state` is one of `LaunchState`; `data` is msgpack: what
    the instances begin with.
    """

    id: str
    scenario: str
    segment: str
    per_second: float
    state: str
    created_at_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LaunchPart:
    """How far one cell, as an owner of partitions, has come with a launch: in order of number.

    `seen` are its customers whom it has come to, `entered` those who entered then; `done` says that
    it has reached the end.
    """

    launch: str
    owner: str
    after_number: int
    seen: int
    entered: int
    done: bool


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell as the store knows it. `owner` = `name/incarnation` is what partitions point to."""

    name: str
    incarnation: str
    pid: int
    pid_started: int
    host: str
    beat: int

    @property
    def owner(self) -> str:
        """What the partitions of this incarnation have in their owner column."""
        return f"{self.name}/{self.incarnation}"


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """Who owns a partition, under which epoch. An empty owner is nobody."""

    partition: int
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A journal row with its offset, which grows in commit order over the whole store."""

    offset: int
    number: int
    seq: int
    at_ms: int
    kind: int
    payload: bytes
