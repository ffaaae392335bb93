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
"""

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import WITHDRAWING, Effect, OpenEffect
from actors.domain.errors import InvalidIdError
from actors.domain.events import CONSENT, Command, Event, Response
from actors.domain.fold import fold, set_consent
from actors.domain.ids import Identity, parse_effect
from actors.domain.merges import MergeRecord
from actors.domain.profile import ConsentState
from actors.domain.state import CustomerState
from actors.identity import identities_of
from actors.merging.merging import Parts, merge
from actors.merging.origins import seen_from
from actors.playbook.model import Playbook, Trigger
from actors.policies.consent import GRANTED
from actors.turn import DECIDE, Turn, begin, effect_of, obey, respond, wake
from actors.turn.effects import add_effect

Unpack = Callable[[bytes], CustomerState]


@dataclass(frozen=True, slots=True)
class LaterTurn:
    """A turn of the survivor since the merge, as journalled.

    `recalled` is the effect that a response is about, where neither side's state nor a turn since the
    merge has it. `given_back` says that an unmerge from somebody else has given the turn away since:
    then only what it withdrew counts.
    """

    seq: int
    record: TurnRecord
    recalled: OpenEffect | None = None
    given_back: bool = False


@dataclass(slots=True)
class UnmergeReport:
    """Seqs of the turns since the merge, by where they went.

    `both` names events that carry identities of both sides and stay with the survivor; they are in
    `to_survivor` too. `skipped` could not be taken again. `to_loser_identities` are the loser's own
    and those claimed on its side since: the loser owns them from now on.
    """

    to_loser: list[int] = field(default_factory=list)
    to_survivor: list[int] = field(default_factory=list)
    both: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
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


def unmerge(
    survivor_before: CustomerState,
    loser_before: CustomerState,
    later: Sequence[LaterTurn],
    reading: Reading,
    *,
    moved: Collection[Identity] = (),
    owned: Collection[Identity] | None = None,
    merged_at: int = 0,
) -> Unmerged:
    """Take a merge back. Both states are taken over.

    `later` are the survivor's turns since the merge, oldest first; `moved` the loser's identities by
    the merge record; `owned` all that the survivor owns now, if known: nothing else is claimed again.
    Where an even earlier merge was undone since, `survivor_before` and `later` begin before that one,
    and `merged_at` is the seq of the merge to take back: until then all is the survivor's alone.
    A later merge that was undone itself is `given_back`, as are the turns that went with it.
    """
    split = _Split(survivor_before, loser_before, reading, moved, owned)
    split.merged_at = merged_at
    for turn in later:
        split.take(turn)
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
        moved: Collection[Identity],
        owned: Collection[Identity] | None,
    ) -> None:
        self._survivor, self._loser = survivor, loser
        self._reading, self._playbook = reading, reading.playbook
        self._waits = _waits_only(reading.playbook)
        self._rules = reading.playbook.identities
        self._owned = owned
        self.merged_at = 0
        self._seqs = (survivor.seq, loser.seq)
        self._own = set(survivor.identities)
        self._other = {*loser.identities, *moved} - self._own
        self._campaigns = {
            name: (each.assigned_at_ms, each.seq) for name, each in loser.profile.campaigns.items()
        }
        self._effects: dict[tuple[int, int], Effect] = {}
        self._side_of: dict[int, CustomerState] = {}
        self._report = UnmergeReport()
        seen_from(loser, loser.number, survivor.number)

    def take(self, turn: LaterTurn) -> None:
        """Give one turn to whom it belongs."""
        record = turn.record
        if turn.given_back:
            self._withdrawn_only(turn)
        elif record.merge is not None and record.merge.loser_state:
            self._merge(turn.seq, record.merge)
        elif record.event is not None:
            self._event(turn.seq, record, record.event)
        elif record.response is not None:
            self._response(turn, record, record.response)
        elif record.timer is not None:
            self._timer(turn.seq, record, record.timer[0])
        elif record.command is not None and record.command.kind == CONSENT:
            self._consent(turn.seq, record, record.command)
        else:
            self._report.skipped.append(turn.seq)
        for effect in record.effects:
            self._effects[effect.seq, effect.n] = effect

    def done(self) -> Unmerged:
        """Return both sides, each seen from its own number again."""
        survivor, loser = self._survivor, self._loser
        for name, campaign in loser.profile.campaigns.items():
            if self._campaigns.get(name) != (campaign.assigned_at_ms, campaign.seq):
                campaign.seq = 0  # a turn of the survivor's
        seen_from(loser, survivor.number, loser.number)
        survivor.seq, loser.seq = self._seqs
        self._report.to_loser_identities = sorted(self._other)
        return Unmerged(survivor, loser, self._report)

    def _sides(self, seq: int) -> tuple[CustomerState, ...]:
        """Return those who were one customer at a turn."""
        return (self._survivor,) if seq < self.merged_at else (self._survivor, self._loser)

    def _gave(self, seq: int, side: CustomerState) -> None:
        self._side_of[seq] = side
        report = self._report
        (report.to_loser if side is self._loser else report.to_survivor).append(seq)

    def _merge(self, seq: int, record: MergeRecord) -> None:
        third = self._reading.unpack(record.loser_state)
        self._own |= {*third.identities, *record.moved} - self._other
        merge(self._survivor, third, self._rules, self._reading.parts)
        self._gave(seq, self._survivor)

    def _event(self, seq: int, record: TurnRecord, event: Event) -> None:
        named = dict.fromkeys([*event.identities, *self._further(event)])
        side, owned, foreign = self._survivor, self._own, self._other
        if seq >= self.merged_at and not self._other.isdisjoint(named):
            if not self._own.isdisjoint(named):
                self._report.both.append(seq)
            else:
                side, owned, foreign = self._loser, self._other, self._own
        self._gave(seq, side)
        mine = [i for i in named if i not in foreign and (self._owned is None or i in self._owned)]
        owned.update(mine)
        if event.type == DECIDE:
            side.identities += [i for i in mine if i not in side.identities]
            turn = _nothing_yet(side, record)
        else:
            side.seq = seq - 1
            again = replace(event, identities=tuple(mine), placements=())
            turn = begin(side, again, self._waits, record.received_at_ms, {})
        self._add_effects(side, turn, record)
        self._withdraw(seq, _acts_of_event(event, record))

    def _further(self, event: Event) -> list[Identity]:
        found, _ = identities_of(
            event.type, event.identities, event.traits, event.context, self._rules
        )
        return [identity for identity in found if self._rules.kind(identity.kind).unique]

    def _response(self, turn: LaterTurn, record: TurnRecord, response: Response) -> None:
        found = self._effect(turn, response)
        if found is None:
            self._report.skipped.append(turn.seq)
            return
        side, effect = found
        self._gave(turn.seq, side)
        side.seq = turn.seq - 1
        respond(side, response, effect, record.received_at_ms, self._playbook.minor_digits)
        if response.outcome in WITHDRAWING:
            self._withdraw(turn.seq, _acts_of_response(effect, response, record))

    def _consent(self, seq: int, record: TurnRecord, command: Command) -> None:
        self._gave(seq, self._survivor)
        self._survivor.seq = seq - 1
        obey(self._survivor, command, self._playbook, record.received_at_ms)
        self._withdraw(seq, _acts_of_command(command, record, self._playbook))

    def _effect(
        self, turn: LaterTurn, response: Response
    ) -> tuple[CustomerState, OpenEffect] | None:
        """Return the effect that a response is about, and whose it is."""
        try:
            number, seq, n = parse_effect(response.effect_key)
        except InvalidIdError:
            return None
        origin = 0 if number == self._survivor.number else number
        for side in self._sides(turn.seq):
            effect = side.effect(seq, n, origin)
            if effect is not None:
                return side, effect
        side = self._loser if number == self._loser.number else self._survivor
        if turn.recalled is not None:
            return side, replace(turn.recalled, origin=origin)
        made = self._effects.get((seq, n)) if origin == 0 else None
        if made is None:
            return None
        opened = effect_of(TurnRecord(at_ms=0, received_at_ms=0, effects=[made]), n)
        return None if opened is None else (self._side_of.get(seq, side), opened)

    def _timer(self, seq: int, record: TurnRecord, key: str) -> None:
        waiting = [
            side
            for side in self._sides(seq)
            if any(t.key == key and t.due_at_ms <= record.received_at_ms for t in side.timers)
        ]
        caused = waiting[0] if len(waiting) == 1 else self._survivor
        self._gave(seq, caused)
        turn = None
        for side in waiting:
            timer = next(t for t in side.timers if t.key == key)
            side.seq = seq - 1
            woken = wake(side, timer, self._waits, record.received_at_ms)
            turn = woken if side is caused else turn
        self._add_effects(caused, turn or _nothing_yet(caused, record), record)

    def _add_effects(self, side: CustomerState, turn: Turn, record: TurnRecord) -> None:
        """Remember the effects of a turn, which stay the survivor's by their keys."""
        for effect in record.effects:
            side.seq = effect.seq
            add_effect(turn, self._playbook, effect)

    def _withdraw(self, seq: int, acts: dict[str, ConsentState]) -> None:
        """Let denials of a turn hold on both sides; who has them already keeps them."""
        for key, act in acts.items():
            if act.status != GRANTED:
                for side in self._sides(seq):
                    set_consent(side.profile, key, False, act.at_ms, act.source, basis=act.basis)

    def _withdrawn_only(self, turn: LaterTurn) -> None:
        record = turn.record
        if record.event is not None:
            self._withdraw(turn.seq, _acts_of_event(record.event, record))
        elif record.response is not None and record.response.outcome in WITHDRAWING:
            found = self._effect(turn, record.response)
            if found is not None:
                self._withdraw(turn.seq, _acts_of_response(found[1], record.response, record))
        elif record.command is not None and record.command.kind == CONSENT:
            self._withdraw(turn.seq, _acts_of_command(record.command, record, self._playbook))


def _nothing_yet(side: CustomerState, record: TurnRecord) -> Turn:
    return Turn(side, TurnRecord(at_ms=record.at_ms, received_at_ms=record.received_at_ms))


def _acts_of_event(event: Event, record: TurnRecord) -> dict[str, ConsentState]:
    """Return the consents that an event gives or takes, as somebody unknown would have them."""
    if "consent" not in event.context:
        return {}
    nobody = CustomerState(0, 0)
    fold(nobody, event, record.at_ms, record.received_at_ms, 0)
    return nobody.profile.consents


def _acts_of_response(
    effect: OpenEffect, response: Response, record: TurnRecord
) -> dict[str, ConsentState]:
    nobody = CustomerState(0, 0)
    respond(nobody, response, deepcopy(effect), record.received_at_ms, 0)
    return nobody.profile.consents


def _acts_of_command(
    command: Command, record: TurnRecord, playbook: Playbook
) -> dict[str, ConsentState]:
    nobody = CustomerState(0, 0)
    obey(nobody, command, playbook, record.received_at_ms)
    return nobody.profile.consents
