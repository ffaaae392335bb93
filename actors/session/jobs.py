"""The items of a group, and what has become of each."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

import msgpack

from actors.domain.errors import InvalidIdError
from actors.domain.events import Event, Response
from actors.domain.ids import IdSpace, parse_effect
from actors.session.resolving import Wanted
from actors.wire.messages import Answer, Code, Item, Routed


@dataclass(frozen=True, slots=True)
class TimerJob:
    """A timer that is due, by the number of its customer. `now_ms` is when it fires."""

    number: int
    key: str
    now_ms: int


@dataclass(slots=True)
class Job:
    """One item of a group. `number` is the customer it is addressed to, or 0: by first identity.

    `again` asks for another attempt after this one's commit. Timers have no answer to give;
    `taken` says of a timer that it had a turn.
    """

    item: Item | TimerJob
    number: int = 0
    dry_run: bool = False
    hash: bytes | None = None
    fingerprint: bytes = b""
    answer: Answer | None = None
    again: bool = False
    taken: bool = False

    @classmethod
    def of(cls, routed: Routed) -> "Job":
        """Return the job for an item from a front door."""
        item, number = routed.item, routed.number
        if isinstance(item, Response) and not number:
            with suppress(InvalidIdError):
                number = parse_effect(item.effect_key)[0]
        return cls(item, number, routed.dry_run)

    @property
    def mailbox(self) -> object:
        """What orders jobs: those with equal mailboxes run one after the other."""
        item = self.item
        if self.number or not isinstance(item, Event):
            return self.number
        return item.identities[0]

    def label(self, ids: IdSpace) -> None:
        """Fill in the address and the deduplication hash; answer what cannot be addressed."""
        item = self.item
        if isinstance(item, TimerJob):
            self.number = item.number
            return
        if isinstance(item, Response):
            try:
                self.number = parse_effect(item.effect_key)[0]
            except InvalidIdError:
                self.answer = Answer(Code.UNKNOWN_EFFECT, detail="no effect has this key")
                return
        if not self.dry_run:
            self.hash = ids.message_hash(item.message_id)
            self.fingerprint = fingerprint_of(item)

    def wanted(self) -> Wanted:
        """Return what must be known before this job's turn begins."""
        item = self.item
        if isinstance(item, Event):
            if self.number:
                return Wanted(self.number, None, item.identities, self.hash)
            return Wanted(0, item.identities[0], item.identities[1:], self.hash)
        return Wanted(self.number, None, (), self.hash)


def fingerprint_of(item: Event | Response) -> bytes:
    """Return 16 bytes over what makes a message the same message.

    Identities, `sentAt` and `context` are left out: real clients change them on a retry.
    """
    if isinstance(item, Event):
        parts: list[object] = [
            item.type,
            item.name,
            sorted(item.properties.items()),
            sorted(item.traits.items()),
            item.at_ms,
        ]
    else:
        parts = [item.effect_key, item.outcome, item.value_minor]
    return blake2b(msgpack.packb(parts), digest_size=16).digest()
