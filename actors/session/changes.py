"""One customer's turns in a group, and what one commit writes for them."""

from dataclasses import dataclass, field, replace

import msgpack

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect, OpenEffect
from actors.domain.addresses import address_of
from actors.domain.events import Event
from actors.domain.groups import Membership
from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.ports import (
    Change,
    Erasure,
    JournalKind,
    JournalRow,
    Message,
    OutboxRow,
    OutboxState,
    TimerRow,
)
from actors.scenarios.counting import Standing, count_changes, standing
from actors.session.jobs import Job
from actors.session.parties import Party
from actors.session.spending import kept_spends, with_spends
from actors.turn import DECIDE, Turn
from actors.wire.records import pack_turn
from actors.wire.state import pack_state


@dataclass(slots=True, init=False)
class Chain:
    """One customer's jobs in this group, in order, and the turns that were taken.

    `recalled` are the effects that responses are about, from the state or, when it has forgotten
    them, from the journal; `stale` are keys of timers that the state knows nothing of, `prolonged`
    the times of those that were found due and are not, because their wait began anew.

    `joining` says who is merged into this customer before its turns; `journal` … `erasure` are what
    merges and commands write besides the turns, `settled` the commands done, with record and seq;
    `companions` are changes of others that are written with this one or not at all. `cancelled` are effects that a
    merge withdraws. `indexed` says that somebody counts whom segments and scenarios have; then `was_in` are the segments that the store has of the customer, `was_at` the places in
    scenarios, `was_grouped` the memberships that it has. `united` are
    those of customers who were merged into this one, by number, and `parted` of who becomes another again.
    """

    number: int
    partition: int
    epoch: int
    seq_before: int
    state: CustomerState
    jobs: list[Job] = field(default_factory=list)
    done: list[tuple[Job, Turn, int]] = field(default_factory=list)
    recalled: dict[tuple[int, int, int], OpenEffect] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    prolonged: dict[str, int] = field(default_factory=dict)
    broken: bool = False
    joining: Party | None = None
    journal: list[JournalRow] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    identities_from: tuple[int, ...] = ()
    timers: dict[str, int] = field(default_factory=dict)
    timers_deleted: list[str] = field(default_factory=list)
    companions: list[Change] = field(default_factory=list)
    settled: list[tuple[Job, TurnRecord, int]] = field(default_factory=list)
    marker: bytes = b""
    erasure: Erasure | None = None
    united: list[tuple[int, list[Membership]]] = field(default_factory=list)
    parted: list[tuple[int, list[Membership]]] = field(default_factory=list)
    cancelled: list[tuple[int, int, int]] = field(default_factory=list)
    indexed: bool = True
    was_in: dict[str, int] = field(init=False)
    was_at: Standing = field(init=False)
    was_grouped: list[Membership] = field(init=False)

    def __init__(
        self,
        number: int,
        partition: int,
        epoch: int,
        seq_before: int,
        state: CustomerState,
        *,
        indexed: bool = True,
    ) -> None:
        """Begin with a customer as it is stored; written out, because the fields are many."""
        self.number = number
        self.partition = partition
        self.epoch = epoch
        self.seq_before = seq_before
        self.state = state
        self.jobs = []
        self.done = []
        self.recalled = {}
        self.stale = []
        self.prolonged = {}
        self.broken = False
        self.joining = None
        self.journal = []
        self.identities = []
        self.identities_from = ()
        self.timers = {}
        self.timers_deleted = []
        self.companions = []
        self.settled = []
        self.marker = b""
        self.erasure = None
        self.united = []
        self.parted = []
        self.cancelled = []
        self.indexed = indexed
        self.was_in = dict(state.segments) if indexed else {}
        self.was_at = standing(state.journeys) if indexed else ()
        self.was_grouped = [replace(each) for each in state.groups] if state.groups else []

    def origin(self, number: int) -> int:
        """Return how the state names the one in whose turns an effect was made."""
        return 0 if number == self.number else number

    def turns_to_take(self) -> list[Job]:
        """Return the jobs that have neither an answer nor been settled, in order."""
        settled = {id(job) for job, _, _ in self.settled}
        return [job for job in self.jobs if job.answer is None and id(job) not in settled]

    def run_again(self) -> None:
        """Leave what has no answer for another attempt."""
        self.broken = True
        for job in self.jobs:
            job.again = job.answer is None

    def wait(self) -> None:
        """Leave what has no answer for another attempt, which reads anew."""
        self.run_again()
        for job in self.jobs:
            job.reread = job.again

    def settle(self, job: Job, record: TurnRecord, kind: int) -> None:
        """Add the row of a command that is done, whose seq the state has reached."""
        seq = self.state.seq
        self.journal.append(JournalRow(seq, record.at_ms, kind, pack_turn(record)))
        self.settled.append((job, record, seq))

    def change(
        self, playbook: Playbook, *, unread: bool = False, kept: bool = False
    ) -> Change | None:
        """Return what to commit, or None when nothing happened.

        `unread` leaves the turns' rows empty, `kept` the state's bytes.

        Raises:
            Exception: The state or a turn cannot be packed.
        """
        if not (self.done or self.stale or self.prolonged or self.journal):
            return None
        change = Change(
            self.number,
            self.partition,
            self.epoch,
            self.seq_before,
            self.state.seq,
            self.marker or (b"" if kept else pack_state(self.state)),
            journal=list(self.journal),
            identities=list(self.identities),
            identities_from=self.identities_from,
            tied_to=self.number if self.companions else 0,
            erasure=self.erasure,
            outbox_cancelled=list(self.cancelled),
        )
        for job, _, seq in self.settled:
            if job.hash is not None:
                change.messages.append(Message(job.hash, job.fingerprint, seq))
        timers = self.timers | self.prolonged
        deleted: dict[str, None] = dict.fromkeys((*self.timers_deleted, *self.stale))
        for key in self.stale:
            timers.pop(key, None)
        for job, turn, seq in self.done:
            told = b"" if unread else pack_turn(turn.record)
            change.journal.append(JournalRow(seq, turn.record.at_ms, _kind(turn), told))
            if job.hash is not None:
                change.messages.append(Message(job.hash, job.fingerprint, seq))
            change.identities += turn.claimed
            for key in turn.timers_deleted:
                timers.pop(key, None)
                deleted[key] = None
            for timer in turn.timers_set:
                timers[timer.key] = timer.due_at_ms
                deleted.pop(timer.key, None)
            now_ms = turn.record.received_at_ms
            rows = [self._outbox(effect, now_ms) for effect in turn.outbox]
            change.outbox += with_spends(turn, rows)
            change.outbox_cancelled += turn.cancelled
            change.outbox_released += turn.released
            change.outbox_postponed += turn.postponed
            change.outbox_dropped += [
                (number, seq, n, OutboxState.EXPIRED if late else OutboxState.CANCELLED, why)
                for number, seq, n, late, why in turn.dropped
            ]
            change.spends += kept_spends(turn)
        self._count(change, playbook)
        if self.erasure is None:  # which empties the index itself
            self._index(change)
        change.timers_deleted = list(deleted)
        change.timers_set = [TimerRow(key, due_at_ms) for key, due_at_ms in timers.items()]
        return change

    def _count(self, change: Change, playbook: Playbook) -> None:
        """Let the counts of scenarios' steps follow what has become of the customer."""
        if not self.indexed:
            return
        after: Standing = () if self.marker else standing(self.state.journeys)
        lines = [line for _, turn, _ in self.done for line in turn.record.lines]
        change.scenario_counts = count_changes(self.was_at, after, lines, playbook)

    def _index(self, change: Change) -> None:
        """Bring the index from what it says to what the state says."""
        before, now = self.was_in, self.state.segments
        if not self.indexed or before == now:
            return
        records = [turn.record for _, turn, _ in self.done] + [r for _, r, _ in self.settled]
        at_ms = max((record.received_at_ms for record in records), default=0)
        gone = [name for name in before if before[name] != now.get(name)]
        change.segments_left = [(name, at_ms or before[name]) for name in gone]
        change.segments_entered = [
            (name, since_ms) for name, since_ms in now.items() if before.get(name) != since_ms
        ]

    def _outbox(self, effect: Effect, now_ms: int) -> OutboxRow:
        payload: bytes = msgpack.packb(
            {
                "action": effect.action,
                "purpose": effect.purpose,
                "placement": effect.placement,
                "content": effect.content,
                "at_ms": effect.at_ms,
                "cause": effect.cause,
                "address": address_of(self.state.profile, effect.channel),
                "recipient": {i.kind: i.value for i in reversed(self.state.identities)},
            }
        )
        return OutboxRow(
            effect.seq,
            effect.n,
            effect.channel,
            effect.send_at_ms or effect.at_ms,
            effect.expires_at_ms,
            payload,
            held=effect.send_at_ms > now_ms,
        )


def _kind(turn: Turn) -> int:
    record = turn.record
    if isinstance(record.event, Event):
        return JournalKind.DECIDE if record.event.type == DECIDE else JournalKind.EVENT
    if record.command is not None:
        return JournalKind.COMMAND
    return JournalKind.OUTCOME if record.response is not None else JournalKind.WAKE
