"""What switches, tiers, experiments and contact policies hold back, looked up once a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.decisioning.inputs import (
    AVAILABILITY,
    CHANNEL,
    CONTACT_POLICY,
    EXPERIMENT,
    TREATMENT,
    DecisionInput,
    Removal,
)
from actors.decisioning.parts import Mark, Option
from actors.decisioning.plan import ALL, SUGGESTS
from actors.experiments.standing import Bar, bars_of, refusal
from actors.playbook.model import Playbook
from actors.policies.suppression import silenced_by

STANDS = "@stands"
"""Stands for the trigger of what a placement shows already: no playbook can name one so."""
_NONE: frozenset[str] = frozenset()
_NOBODY = frozenset({"", STANDS})


@dataclass(slots=True, init=False)
class Restraint:
    """What holds candidates back, apart from the rules of their actions and from consent.

    Whatever does names one of the `marks` of its option; hardly any option has one, and only those are
    looked at closely. Where a trigger is asked for, it is empty for what answers in a placement, and
    `STANDS` for what stands there already. `full` maps positions of caps that have no room to when they
    have again, `standing` placements to the index of the action that stands there.
    """

    given: DecisionInput
    playbook: Playbook
    full: Mapping[int, int]
    standing: dict[str, int]
    paused: frozenset[str]
    barred: dict[str, str]
    bars: tuple[Bar, ...]
    marks: set[Mark] = field(default_factory=set)
    later: dict[int, Mapping[int, int]] = field(default_factory=dict)

    def __init__(
        self,
        given: DecisionInput,
        playbook: Playbook,
        full: Mapping[int, int],
        bars: tuple[Bar, ...],
    ) -> None:
        self.given = given
        self.playbook = playbook
        self.full = full
        stand = given.standing
        self.standing = {each.placement: each.action for each in stand} if stand else {}
        self.paused = frozenset(given.paused) if given.paused else _NONE
        self.barred = dict([_reason(each) for each in given.barred]) if given.barred else {}
        self.bars = bars
        self.marks = set()
        self.later = {}
        self.mark()

    def mark(self) -> None:
        """Collect the marks: too many do no harm, one too few lets through what is held back."""
        given, marks = self.given, self.marks
        marks.update(self.paused, self.barred, given.refused, self.full)
        for silence in given.silences:
            marks.add(silence.name or silence.scope)
        for consent, planned in given.planned.items():
            if planned.at_ms:
                marks.update(self._full_at(planned.at_ms))
            else:
                marks.add(consent)
        for bar in self.bars:
            marks |= bar.experiment.covers
        if self.playbook.suggests:
            marks.add(SUGGESTS)

    def paused_proposal(self, trigger: str) -> str:
        """Return which switch stops a proposal by its name, or nothing."""
        if not self.paused:
            return ""
        switch = f"scenario:{trigger.partition(':')[0]}"
        return f"paused: {switch}" if switch in self.paused else ""

    def unavailable(self, option: Option, trigger: str) -> Removal | None:
        """Return what a switch, or a channel that this customer cannot be written to on, says."""
        index, channel = option.index, option.channel
        if self.paused and not self.paused.isdisjoint(option.marks):
            for switch in (ALL, f"channel:{channel}", f"action:{option.action.key}"):
                if switch in self.paused:
                    return Removal(index, channel, AVAILABILITY, f"paused: {switch}")
        reason = None if trigger in _NOBODY else self.barred.get(channel)
        return None if reason is None else Removal(index, channel, CHANNEL, reason)

    def refusal(self, option: Option, trigger: str) -> Removal | None:
        """Return what experiments and contact policies say; what stands has been counted already.

        Before them, that there is nothing to fill in where an action suggests something.
        """
        given, index, channel, action = self.given, option.index, option.channel, option.action
        if action.suggest and action.suggest not in given.suggested:
            return Removal(index, channel, TREATMENT, "nothing to suggest")
        if self.bars:
            proposed = "" if trigger == STANDS else trigger
            rule = refusal(self.bars, action, channel, proposed)
            if rule:
                return Removal(index, channel, EXPERIMENT, rule)
        if given.silences:
            silence = silenced_by(given.silences, action.key, action.group, channel, action.purpose)
            if silence is not None:
                return Removal(index, channel, CONTACT_POLICY, silence.rule, silence.until_ms)
        if trigger == STANDS:
            return None
        full = self.full
        if given.planned and trigger:
            planned = given.planned.get(option.consent)
            if planned is not None and not planned.at_ms:
                return Removal(index, channel, CONTACT_POLICY, planned.why)
            if planned is not None:
                full = self._full_at(planned.at_ms)
        return self._full_cap(option, full) if full else None

    def _full_cap(self, option: Option, full: Mapping[int, int]) -> Removal | None:
        for i in option.caps:
            if i in full:
                name = self.playbook.caps[i].name
                return Removal(option.index, option.channel, CONTACT_POLICY, name, full[i])
        return None

    def _full_at(self, at_ms: int) -> Mapping[int, int]:
        """Return the caps that are full at a planned instant."""
        counts = self.given.caps_later.get(at_ms)
        if counts is None:
            return self.full
        if at_ms not in self.later:
            self.later[at_ms] = _full(self.playbook, counts)
        return self.later[at_ms]


def restraint_of(
    given: DecisionInput, playbook: Playbook, *, suggests: bool = False
) -> Restraint | None:
    """Return what holds back candidates of a decision, None when nothing does.

    `suggests` says that some of them suggest something.
    """
    full = _full(playbook, given.caps)
    bars = bars_of(given.arms, playbook.experiments) if given.arms else ()
    if not (
        full
        or bars
        or given.paused
        or given.barred
        or given.refused
        or given.silences
        or given.planned
        or given.standing
        or suggests
    ):
        return None
    return Restraint(given, playbook, full, bars)


def _full(playbook: Playbook, counts: tuple[tuple[int, int], ...]) -> dict[int, int]:
    """Return the positions of the caps that have no room, and when they have again."""
    if not any(count for count, _ in counts):
        return {}  # as for most customers, and a limit is 1 at least
    return {
        i: retry_at_ms
        for i, (cap, (count, retry_at_ms)) in enumerate(zip(playbook.caps, counts, strict=True))
        if count >= cap.limit
    }


def _reason(barred: str) -> tuple[str, str]:
    channel, _, reason = barred.partition(": ")
    return channel, reason or "barred"
