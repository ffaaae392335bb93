"""The items of a group, and what has become of each."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

import msgpack

from actors.domain.errors import InvalidIdError
from actors.domain.events import Command, Event, Response
from actors.domain.ids import IdSpace, parse_effect
from actors.identity import Refusal, identities_of
from actors.playbook.identity_model import IdentityRules
from actors.session.resolving import Wanted
from actors.wire.messages import Answer, Code, Item, Routed


@dataclass(slots=True, init=False)
class TimerJob:
    """A timer that is due, by the number of its customer. `now_ms` is when it fires."""

    number: int
    key: str
    now_ms: int

    def __init__(
        self,
        number: int,
        key: str,
        now_ms: int,
    ) -> None:
        self.number = number
        self.key = key
        self.now_ms = now_ms


@dataclass(slots=True, init=False)
class Job:
    """One item of a group. `number` is the customer it is addressed to, or 0: by first identity.

    `again` asks for another attempt after this one's commit. `notes` and `refused` are what was
    found of its identities. Timers have no answer to give; `taken` says of a timer that it had a turn.
    `reread` says that what is held here of those who take part may be old.
    """

    item: Item | TimerJob
    number: int = 0
    dry_run: bool = False
    hash: bytes | None = None
    fingerprint: bytes = b""
    answer: Answer | None = None
    again: bool = False
    reread: bool = False
    taken: bool = False
    notes: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def __init__(self, item: Item | TimerJob, number: int = 0, dry_run: bool = False) -> None:
        self.item = item
        self.number = number
        self.dry_run = dry_run
        self.hash = None
        self.fingerprint = b""
        self.answer = None
        self.again = False
        self.reread = False
        self.taken = False
        self.notes = ()
        self.refused = ()

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
        if isinstance(item, TimerJob):
            return item.number
        if self.number or not isinstance(item, Event):
            return self.number
        return item.identities[0]

    def label(self, ids: IdSpace, rules: IdentityRules, *, hashed: bool = True) -> None:
        """Fill in address, deduplication hash and further identities; answer what has no address.

        Without `hashed` no message is known again.
        """
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
        elif isinstance(item, Event) and item.identities:
            self._identify(item, rules)
        if hashed and not self.dry_run:
            self.hash = ids.message_hash(item.message_id)
            self.fingerprint = fingerprint_of(item)

    def _identify(self, event: Event, rules: IdentityRules) -> None:
        """Give the event those identities that it names and that somebody may own."""
        further, notes = identities_of(
            event.type, event.identities, event.traits, event.context, rules
        )
        owned = [one for one in further if rules.kind(one.kind).unique]
        event.identities = (event.identities[0], *owned)
        self.notes = tuple(notes)

    def wanted(self) -> Wanted:
        """Return what must be known before this job's turn begins."""
        item, reread = self.item, self.dry_run or self.reread
        if isinstance(item, Event):
            if self.number:
                return Wanted(self.number, None, item.identities, self.hash, reread=reread)
            return Wanted(0, item.identities[0], item.identities[1:], self.hash, reread=reread)
        if isinstance(item, Command) and isinstance(item.arguments.get("other"), int):
            # What changes nothing is not checked by a commit: it must not be said of the past.
            other = item.arguments["other"]
            return Wanted(self.number, None, (), self.hash, reread=True, also=(other,))
        return Wanted(self.number, None, (), self.hash)


def fingerprint_of(item: Item) -> bytes:
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
    elif isinstance(item, Command):
        parts = [item.kind, sorted(item.arguments.items())]
    else:
        parts = [item.effect_key, item.outcome, item.value_minor]
        parts += [item.detail] if item.detail else []
    return blake2b(msgpack.packb(parts), digest_size=16).digest()
