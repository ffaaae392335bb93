"""Quarantine: what failed again and again is set aside, and seen, instead of being tried for ever."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from traceback import extract_tb

from actors.domain.events import Event
from actors.domain.ids import customer_text
from actors.session.jobs import Job, TimerJob

MAX_TRIES = 3
"""How often an event is tried, as its sender sends it again: what failed may have been the moment."""
MAX_SET_ASIDE = 10_000
MAX_SHOWN = 1_000
POISON = "this message failed again and again and is set aside"

Key = tuple[str, int, bytes]


@dataclass(slots=True)
class SetAside:
    """One thing that failed. Nothing that a customer said or did is kept: the sender has the event."""

    kind: str
    number: int
    what: str
    error: str
    playbook: str
    first_at_ms: int
    last_at_ms: int
    count: int


class Quarantine:
    """What has failed in this process: events, timers and customers whose record is damaged.

    An event is refused from its third failure under one playbook on, a timer from its first; another playbook
    gives both another chance, and so does a restart. Past its bound the oldest are forgotten.
    """

    def __init__(self, machine_ms: Callable[[], int]) -> None:
        self._machine_ms = machine_ms
        self._entries: dict[Key, SetAside] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def failed(self, job: Job, number: int, error: Exception, playbook: str) -> None:
        """Note that a job of a customer failed."""
        item = job.item
        if isinstance(item, TimerJob):
            self._note(_timer(number, item.key), number, f"timer {item.key}", error, playbook)
        elif job.hash is not None:
            name = f"{item.type} {item.name}" if isinstance(item, Event) else type(item).__name__
            what = f"{name}, messageId {item.message_id}"
            self._note(("event", 0, job.hash), number, what, error, playbook)

    def damaged(self, number: int, error: Exception) -> None:
        """Note that a customer's record cannot be read."""
        self._note(("customer", number, b""), number, "the record is damaged", error, "")

    def refuses(self, job: Job, playbook: str) -> bool:
        """Return whether a job is not to be tried."""
        if not self._entries:
            return False
        item = job.item
        if isinstance(item, TimerJob):
            return self.refuses_timer(item.number, item.key, playbook)
        entry = None if job.hash is None else self._entries.get(("event", 0, job.hash))
        return entry is not None and entry.count >= MAX_TRIES and entry.playbook == playbook

    def refuses_timer(self, number: int, key: str, playbook: str) -> bool:
        """Return whether a timer is not to be tried."""
        entry = self._entries.get(_timer(number, key)) if self._entries else None
        return entry is not None and entry.playbook == playbook

    def rows(self) -> list[dict[str, object]]:
        """Return what is set aside, the latest first, as operators see it; not all when it is very much."""
        latest = sorted(self._entries.items(), key=lambda each: -each[1].last_at_ms)[:MAX_SHOWN]
        return [
            {
                "id": _id_of(key),
                "kind": each.kind,
                "customerId": customer_text(each.number),
                "what": each.what,
                "error": each.error,
                "count": each.count,
                "refused": each.kind != "event" or each.count >= MAX_TRIES,
                "playbook": each.playbook,
                "first_at_ms": each.first_at_ms,
                "last_at_ms": each.last_at_ms,
            }
            for key, each in latest
        ]

    def release(self, entry_id: str) -> bool:
        """Forget one entry, so that it is tried again; return whether it was there."""
        key = next((key for key in self._entries if _id_of(key) == entry_id), None)
        return key is not None and self._entries.pop(key, None) is not None

    def _note(self, key: Key, number: int, what: str, error: Exception, playbook: str) -> None:
        now_ms = self._machine_ms()
        before = self._entries.pop(key, None)
        again = before is not None and before.playbook == playbook
        self._entries[key] = SetAside(
            key[0],
            number,
            what,
            _place(error),
            playbook,
            before.first_at_ms if before is not None and again else now_ms,
            now_ms,
            before.count + 1 if before is not None and again else 1,
        )
        if len(self._entries) > MAX_SET_ASIDE:
            del self._entries[next(iter(self._entries))]


def _timer(number: int, key: str) -> Key:
    return ("timer", number, key.encode("utf-8", "surrogatepass"))


def _id_of(key: Key) -> str:
    kind, number, rest = key
    return blake2b(b"%s/%d/%s" % (kind.encode(), number, rest), digest_size=8).hexdigest()


def _place(error: Exception) -> str:
    """Return an error's type and place; what it says may be personal."""
    frames = extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
