"""Two customers of one again: both sides as they were, and everything since then given to whom it belongs.

| turn since the merge | goes to |
| --- | --- |
| event that names identities of the loser's side only | the loser |
| event that names those of the survivor's side only, or none | the survivor |
| event that names both | the survivor; its seq is reported |
| outcome of an effect | the side that made the effect, or on whose behalf it was made |
| timer | each side that was waiting for it; what it caused: one side's if one waited, else the survivor's |
| another merge | the survivor |

A side owns the identities that it had, and those that its events claimed since. Taking an event again
is the turn's own `begin`, at the recorded times and with the playbook of now, but nothing is decided:
effects are those that were recorded. Withdrawals of consent since the merge stay on both sides.

While the survivor was itself part of somebody else, its turns were taken in that one's journal, under
that one's numbers: those that came back with it are taken again like its own.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect, OpenEffect
from actors.domain.errors import InvalidIdError
from actors.domain.events import CONSENT, Command, Event, Response
from actors.domain.fold import set_consent
from actors.domain.ids import Identity, parse_effect
from actors.domain.merges import MergeRecord
from actors.domain.state import CustomerState
from actors.identity import identities_of, refused_in, remember
from actors.merging.merging import Parts, merge
from actors.merging.origins import seen_from
from actors.merging.withdrawing import Acts, acts_of_command, acts_of_event, acts_of_response
from actors.playbook.model import Playbook, Trigger
from actors.policies.consent import GRANTED
from actors.turn import DECIDE, AtHand, Turn, begin, effect_of, obey, respond, wake
from actors.turn.effects import add_effect

Unpack = Callable[[bytes], CustomerState]


@dataclass(frozen=True, slots=True)
class LaterTurn:
    """A turn since the merge, as journalled.

    `recalled` is the effect that a response is about, where neither side's state nor a turn since the
    merge has it. `not_theirs` says that the turn is somebody else's, with whom the survivor was one
    when it was taken: then only what it withdrew counts, and that it ended a wait. `number` is the
    customer in whose journal the turn is and `place` the seq of the survivor's journal at which it
    counts; both are 0 for a turn in the survivor's own.
    """

    seq: int
    record: TurnRecord
    recalled: OpenEffect | None = None
    not_theirs: bool = False
    number: int = 0
    place: int = 0


@dataclass(slots=True)
class Shares:
    """Seqs of turns in one journal, by where they went.

    `both` names events that carry identities of both sides and stay with the survivor; they are in
    `to_survivor` too. `skipped` could not be taken again.
    """

    to_loser: list[int] = field(default_factory=list)
    to_survivor: list[int] = field(default_factory=list)
    both: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)


@dataclass(slots=True)
class UnmergeReport(Shares):
    """Where the turns since the merge went: those in the survivor's own journal, and `elsewhere`.

    `elsewhere` is by the number of the journal's customer. `to_loser_identities` are the loser's own
    and those claimed on its side since: the loser owns them from now on.
    """

    elsewhere: dict[int, Shares] = field(default_factory=dict)
    to_loser_identities: list[Identity] = field(default_factory=list)


@dataclass(slots=True)
class Unmerged:
    """Both sides, with the `seq` that each had before the merge: whoever commits them sets it."""

    survivor: CustomerState
    loser: CustomerState
    report: UnmergeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a merge is taken back with: `unpack` reads the other side of a later merge."""

    playbook: Playbook
    parts: Parts
    unpack: Unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Whose identities are whose, beyond what states remember.

    `moved` are the loser's by the merge record; `owned` all that the survivor owns now, but what came
    with somebody else: nothing else is claimed again. None: that is not known.
    """

    moved: Collection[Identity] = ()
    owned: Collection[Identity] | None = None


def unmerge(
    survivor_before: CustomerState,
    loser_before: CustomerState,
    later: Sequence[LaterTurn],
    reading: Reading,
    *,
    names: Names | None = None,
    merged_at: int = 0,
    denied: Acts | None = None,
) -> Unmerged:
    """Take a merge back. Both states are taken over.

    `later` are the survivor's turns since the merge, oldest first. Where an even earlier merge was undone since, `survivor_before` and `later` begin before that one,
    and `merged_at` is the seq of the merge to take back: until then all is the survivor's alone.
    A merge that was undone itself is not among `later`; the turns that went with it are `not_theirs`.
    `denied` are consents that are to hold on both sides afterwards unless they were granted later:
    for when what withdrew them cannot be read any more.
    """
    split = _Split(survivor_before, loser_before, reading, names or Names())
    split.merged_at = merged_at
    for turn in later:
        split.take(turn)
    split.deny(denied or {}, merged_at)
    return split.done()


@lru_cache(maxsize=4)
def _waits_only(playbook: Playbook) -> Playbook:
    """Return a playbook that starts and ends waits as this one does, and proposes nothing."""

    def waits(of: dict[str, tuple[Trigger, ...]]) -> dict[str, tuple[Trigger, ...]]:
        return {key: kept for key, all_ in of.items() if (kept := _waits(all_))}

    return replace(
        playbook,
        triggers=_waits(playbook.triggers),
        triggers_by_event=waits(playbook.triggers_by_event),
        triggers_by_change=waits(playbook.triggers_by_change),
    )


def _waits(triggers: Sequence[Trigger]) -> tuple[Trigger, ...]:
    return tuple([each for each in triggers if each.after_ms and not each.record])


class _Split:
    """Both sides while they are brought up to date, seen from the survivor's number."""

    def __init__(
        self,
        survivor: CustomerState,
        loser: CustomerState,
        reading: Reading,
        names: Names,
    ) -> None:
        self._survivor, self._loser = survivor, loser
        self._reading, self._playbook = reading, reading.playbook
        self._waits = _waits_only(reading.playbook)
        self._rules = reading.playbook.identities
        self._owned = names.owned
        self.merged_at = 0
        self._seqs = (survivor.seq, loser.seq)
        self._own = set(survivor.identities)
        self._other = {*loser.identities, *names.moved} - self._own
        self._effects: dict[tuple[int, int, int], Effect] = {}
        self._side_of: dict[tuple[int, int], CustomerState] = {}
        self._report = UnmergeReport()
        self._number = survivor.number
        self._turn = LaterTurn(0, TurnRecord(at_ms=0, received_at_ms=0))
        seen_from(loser, loser.number, survivor.number)

    def take(self, turn: LaterTurn) -> None:
        """Give one turn to whom it belongs."""
        record, self._turn = turn.record, turn
        self._look_from(turn.number or self._survivor.number)
        if turn.not_theirs:
            self._spare(turn)
        elif record.merge is not None and record.merge.loser_state:
            self._merge(record.merge)
        elif record.event is not None:
            self._event(record, record.event)
        elif record.response is not None:
            self._response(turn, record, record.response)
        elif record.timer is not None:
            self._timer(record, record.timer[0])
        elif record.command is not None and record.command.kind == CONSENT:
            self._consent(record, record.command)
        else:
            self._shares().skipped.append(turn.seq)
        for effect in record.effects:
            self._effects[self._number, effect.seq, effect.n] = effect

    def deny(self, acts: Acts, place: int) -> None:
        """Let denials hold on the sides that were one customer at a place of the survivor's journal."""
        for key, act in acts.items():
            if act.status != GRANTED:
                for side in (self._survivor,) if place < self.merged_at else self._both:
                    set_consent(side.profile, key, False, act.at_ms, act.source, basis=act.basis)

    def done(self) -> Unmerged:
        """Return both sides, each seen from its own number again."""
        survivor, loser = self._survivor, self._loser
        self._look_from(survivor.number)
        seen_from(loser, survivor.number, loser.number)
        survivor.seq, loser.seq = self._seqs
        self._report.to_loser_identities = sorted(self._other)
        return Unmerged(survivor, loser, self._report)

    def _look_from(self, number: int) -> None:
        """See both sides from the number in whose journal the next turn is."""
        if number != self._number:
            for side in self._both:
                seen_from(side, self._number, number)
            self._number = number

    @property
    def _both(self) -> tuple[CustomerState, CustomerState]:
        return self._survivor, self._loser

    @property
    def _sides(self) -> tuple[CustomerState, ...]:
        """Those who were one customer at this turn."""
        return self._both if self._place >= self.merged_at else (self._survivor,)

    @property
    def _place(self) -> int:
        return self._turn.place or self._turn.seq

    def _shares(self) -> Shares:
        report, number = self._report, self._number
        return (
            report
            if number == self._survivor.number
            else report.elsewhere.setdefault(number, Shares())
        )

    def _gave(self, side: CustomerState) -> None:
        self._side_of[self._number, self._turn.seq] = side
        shares = self._shares()
        (shares.to_loser if side is self._loser else shares.to_survivor).append(self._turn.seq)

    def _merge(self, record: MergeRecord) -> None:
        third = self._reading.unpack(record.loser_state)
        self._own |= {*third.identities, *record.moved} - self._other
        merge(self._survivor, third, self._rules, self._reading.parts)
        self._gave(self._survivor)

    def _event(self, record: TurnRecord, event: Event) -> None:
        named = dict.fromkeys([*event.identities, *self._further(event)])
        side, owned, foreign = self._survivor, self._own, self._other
        if self._place >= self.merged_at and not self._other.isdisjoint(named):
            if not self._own.isdisjoint(named):
                self._shares().both.append(self._turn.seq)
            else:
                side, owned, foreign = self._loser, self._other, self._own
        self._gave(side)
        refused = refused_in(record.notes, event.identities)
        mine = [
            i
            for i in named
            if i not in foreign and i not in refused and (self._owned is None or i in self._owned)
        ]
        owned.update(mine)
        for identity in mine:
            remember(side, identity, self._rules)  # whatever the limits are by now
        if event.type == DECIDE:
            turn = _nothing_yet(side, record)
        else:
            side.seq = self._turn.seq - 1
            again = replace(event, identities=tuple(mine), placements=())
            turn = begin(side, again, self._waits, record.received_at_ms, {})
        self._add_effects(side, turn, record)
        self._withdraw(acts_of_event(event, record))

    def _further(self, event: Event) -> list[Identity]:
        found, _ = identities_of(
            event.type, event.identities, event.traits, event.context, self._rules
        )
        return [identity for identity in found if self._rules.kind(identity.kind).unique]

    def _response(self, turn: LaterTurn, record: TurnRecord, response: Response) -> None:
        found = self._effect(turn, response)
        if found is None:
            self._shares().skipped.append(turn.seq)
            return
        side, effect = found
        self._gave(side)
        side.seq = turn.seq - 1
        respond(side, response, effect, record.received_at_ms, self._playbook)
        self._withdraw(acts_of_response(effect, response, record, self._playbook))

    def _consent(self, record: TurnRecord, command: Command) -> None:
        self._gave(self._survivor)
        self._survivor.seq = self._turn.seq - 1
        obey(self._survivor, command, self._playbook, record.received_at_ms)
        self._withdraw(acts_of_command(command, record, self._playbook))

    def _effect(
        self, turn: LaterTurn, response: Response
    ) -> tuple[CustomerState, OpenEffect] | None:
        """Return the effect that a response is about, and whose it is."""
        try:
            number, seq, n = parse_effect(response.effect_key)
        except InvalidIdError:
            return None
        origin = 0 if number == self._number else number
        for side in self._sides:
            effect = side.effect(seq, n, origin)
            if effect is not None:
                return side, effect
        side = self._loser if number == self._loser.number else self._survivor
        side = self._side_of.get((number, seq), side)
        if turn.recalled is not None:
            return side, replace(turn.recalled, origin=origin)
        made = self._effects.get((number, seq, n))
        if made is None:
            return None
        opened = effect_of(TurnRecord(at_ms=0, received_at_ms=0, effects=[made]), n)
        return None if opened is None else (side, replace(opened, origin=origin))

    def _timer(self, record: TurnRecord, key: str) -> None:
        waiting = self._waiting(record, key)
        caused = waiting[0] if len(waiting) == 1 else self._survivor
        self._gave(caused)
        woken = {side.number: self._woken(side, record, key) for side in waiting}
        self._add_effects(caused, woken.get(caused.number) or _nothing_yet(caused, record), record)

    def _waiting(self, record: TurnRecord, key: str) -> list[CustomerState]:
        """Return the sides that were waiting for a timer when it fired."""
        return [
            side
            for side in self._sides
            if any(t.key == key and t.due_at_ms <= record.received_at_ms for t in side.timers)
        ]

    def _woken(self, side: CustomerState, record: TurnRecord, key: str) -> Turn:
        timer = next(t for t in side.timers if t.key == key)
        side.seq = self._turn.seq - 1
        at_hand = AtHand(unsent=self._untaught(side, record))
        return wake(side, timer, self._waits, record.received_at_ms, at_hand=at_hand)

    def _untaught(
        self, side: CustomerState, record: TurnRecord
    ) -> Collection[tuple[int, int, int]]:
        """Return the effects from whose silence a turn has learned nothing: they had not arrived."""
        taught = {(each.number, each.seq, each.n) for each in record.lessons}
        return {
            (e.origin or side.number, e.seq, e.n)
            for e in side.effects
            if (e.origin or self._number, e.seq, e.n) not in taught
        }

    def _add_effects(self, side: CustomerState, turn: Turn, record: TurnRecord) -> None:
        """Remember the effects of a turn, which stay the survivor's by their keys."""
        for name, arm in record.reached.items():
            side.arms.setdefault(name, (arm, record.received_at_ms))
        for effect in record.effects:
            side.seq = effect.seq
            add_effect(turn, self._playbook, effect)

    def _withdraw(self, acts: Acts) -> None:
        """Let denials of a turn hold on both sides; who has them already keeps them."""
        self.deny(acts, self._place)

    def _spare(self, turn: LaterTurn) -> None:
        """Take from a turn of somebody else what concerned everybody: denials, and a wait that ended."""
        record = turn.record
        if record.event is not None:
            self._withdraw(acts_of_event(record.event, record))
        elif record.response is not None:
            found = self._effect(turn, record.response)
            if found is not None:
                self._withdraw(acts_of_response(found[1], record.response, record, self._playbook))
        elif record.command is not None and record.command.kind == CONSENT:
            self._withdraw(acts_of_command(record.command, record, self._playbook))
        elif record.timer is not None:
            for side in self._waiting(record, record.timer[0]):
                self._woken(side, record, record.timer[0])


def _nothing_yet(side: CustomerState, record: TurnRecord) -> Turn:
    return Turn(side, TurnRecord(at_ms=record.at_ms, received_at_ms=record.received_at_ms))
