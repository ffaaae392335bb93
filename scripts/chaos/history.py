"""What clients, receivers and onlookers saw during a run: the checker's other source beside the store."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

NEVER_MS = 1 << 62
"""When a request ended that was never answered."""

ORDER = "Order Completed"
VIEW = "Product Viewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One message of a client, from its first attempt until it was acknowledged.

    Times are milliseconds of the load's own monotonic clock; `ended_ms` is `NEVER_MS` when nobody
    acknowledged it. `seq` is the one of the acknowledgement. `how` says which client's habit it shows:
    plain, twice (two copies at once), pair (two of one customer at once), again (long after it was answered),
    dropped (the reply was not waited for).
    """

    user: str
    message: str
    name: str
    minor: int
    began_ms: int
    ended_ms: int = NEVER_MS
    seq: int = 0
    attempts: int = 1
    how: str = "plain"
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One answered read of a customer: the profile as of `seq`; zeros when it was unknown."""

    user: str
    began_ms: int
    ended_ms: int
    seq: int
    orders: int
    spend_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request that a receiver got, or one line of a file; `taken` when it answered 2xx."""

    key: str
    channel: str
    action: str
    order: str
    at_ms: int = 0
    taken: bool = True


@dataclass(slots=True)
class History:
    """Everything seen from outside, in the order in which it ended."""

    writes: list[Write]
    reads: list[Read]
    deliveries: list[Delivery]


class Log:
    """Appends what was seen to a file, one JSON line each, so that a run can be judged again."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def note(self, what: Write | Read | Delivery) -> None:
        """Write one line; it is flushed by `close`, or when the buffer is full."""
        line = {"kind": type(what).__name__} | asdict(what)
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


_KINDS: dict[str, type[Any]] = {each.__name__: each for each in (Write, Read, Delivery)}


def read_log(path: Path) -> Iterator[Write | Read | Delivery]:
    """Yield what a `Log` has written."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            fields = json.loads(line)
            yield _KINDS[fields.pop("kind")](**fields)


def history_of(seen: Iterator[Write | Read | Delivery]) -> History:
    """Sort what was seen by kind."""
    found = History([], [], [])
    for each in seen:
        match each:
            case Write():
                found.writes.append(each)
            case Read():
                found.reads.append(each)
            case Delivery():
                found.deliveries.append(each)
    return found


def read_file_outbox(path: Path, channel: str) -> list[Delivery]:
    """Read what a file channel has written; a line torn by a crash is not a delivery."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict) and "effectKey" in fields:
            found.append(delivery_of(fields, channel))
    return found


def delivery_of(
    fields: dict[str, Any], channel: str, at_ms: int = 0, *, taken: bool = True
) -> Delivery:
    """Return a delivery from the JSON that every way out carries."""
    return Delivery(
        key=str(fields["effectKey"]),
        channel=channel,
        action=str(fields.get("action", "")),
        order=str((fields.get("content") or {}).get("order", "")),
        at_ms=at_ms,
        taken=taken,
    )
