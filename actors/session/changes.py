"""One customer's turns in a group, and what one commit writes for them."""

from dataclasses import dataclass, field

import msgpack

from actors.domain.actions import Effect, OpenEffect
from actors.domain.events import Event
from actors.domain.state import CustomerState
from actors.ports import Change, JournalKind, JournalRow, Message, OutboxRow, TimerRow
from actors.session.jobs import Job
from actors.turn import DECIDE, Turn
from actors.wire.records import pack_turn
from actors.wire.state import pack_state


@dataclass(slots=True)
class Chain:
    """One customer's jobs in this group, in order, and the turns that were taken.

    `recalled` are the effects that responses are about, from the state or, when it has forgotten
    them, from the journal; `stale` are keys of timers that the state knows nothing of, `prolonged`
    the times of those that were found due and are not, because their wait began anew.
    """

    number: int
    partition: int
    epoch: int
    seq_before: int
    state: CustomerState
    jobs: list[Job] = field(default_factory=list)
    done: list[tuple[Job, Turn, int]] = field(default_factory=list)
    recalled: dict[tuple[int, int], OpenEffect] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    prolonged: dict[str, int] = field(default_factory=dict)
    broken: bool = False

    def change(self) -> Change | None:
        """Return what to commit, or None when nothing happened.

        Raises:
            Exception: The state or a turn cannot be packed.
        """
        if not (self.done or self.stale or self.prolonged):
            return None
        change = Change(
            self.number,
            self.partition,
            self.epoch,
            self.seq_before,
            self.state.seq,
            pack_state(self.state),
            timers_deleted=list(self.stale),
        )
        timers: dict[str, int] = dict(self.prolonged)
        deleted: dict[str, None] = dict.fromkeys(self.stale)
        for job, turn, seq in self.done:
            change.journal.append(
                JournalRow(seq, turn.record.at_ms, _kind(turn), pack_turn(turn.record))
            )
            if job.hash is not None:
                change.messages.append(Message(job.hash, job.fingerprint, seq))
            change.identities += turn.claimed
            for key in turn.timers_deleted:
                timers.pop(key, None)
                deleted[key] = None
            for timer in turn.timers_set:
                timers[timer.key] = timer.due_at_ms
                deleted.pop(timer.key, None)
            change.outbox += [self._outbox(effect) for effect in turn.outbox]
            change.outbox_cancelled += [(self.number, *effect) for effect in turn.cancelled]
        change.timers_deleted = list(deleted)
        change.timers_set = [TimerRow(key, due_at_ms) for key, due_at_ms in timers.items()]
        return change

    def _outbox(self, effect: Effect) -> OutboxRow:
        payload: bytes = msgpack.packb(
            {
                "action": effect.action,
                "purpose": effect.purpose,
                "placement": effect.placement,
                "content": effect.content,
                "at_ms": effect.at_ms,
                "recipient": {i.kind: i.value for i in reversed(self.state.identities)},
            }
        )
        return OutboxRow(
            effect.seq, effect.n, effect.channel, effect.at_ms, effect.expires_at_ms, payload
        )


def _kind(turn: Turn) -> int:
    record = turn.record
    if isinstance(record.event, Event):
        return JournalKind.DECIDE if record.event.type == DECIDE else JournalKind.EVENT
    return JournalKind.OUTCOME if record.response is not None else JournalKind.WAKE
