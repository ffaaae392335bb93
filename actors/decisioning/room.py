"""What a turn has only so much of, where several slots draw on it: groups, issues, caps, budgets."""

from collections.abc import Mapping, Sequence

from actors.decisioning.assignment import lacks
from actors.decisioning.bids import Slot
from actors.decisioning.inputs import (
    BUDGET,
    BUNDLING,
    CONTACT_POLICY,
    DecisionInput,
    Removal,
)
from actors.decisioning.parts import Key, Need
from actors.decisioning.plan import GROUP
from actors.playbook.model import Playbook

ISSUE, CAP, FUNDS = "issue", "cap", "budget"
_STAGES = {GROUP: BUNDLING, ISSUE: BUNDLING, CAP: CONTACT_POLICY, FUNDS: BUDGET}


class Room:
    """What is left while slots are filled; only what can run short within this turn is looked at.

    A contact that is made now counts under a cap at every later instant for which something is
    planned; one that is planned counts at its own instant.
    """

    def __init__(self, slots: Sequence[Slot], given: DecisionInput, playbook: Playbook) -> None:
        """Work out what could run short, and fill in `checks` and `takes` of the bids of `slots`."""
        self.left: dict[Key, float] = {}
        self._given, self._playbook = given, playbook
        per_issue = playbook.arbitration.per_issue
        self._per_issue = per_issue if per_issue < len(slots) else 0  # else it cannot run short
        self._shared = _in_several([{option.group for option in slot.options} for slot in slots])
        self._short = self._short_funds(slots)
        self._instants = self._planned_instants(slots)
        self._tight = {at_ms: self._tight_caps(at_ms, len(slots)) for at_ms in self._instants}
        tight = frozenset().union(*self._tight.values())
        self.competing = bool(self._shared)
        if self._short or self._per_issue or tight:
            everything = bool(self._short or self._per_issue)
            for slot in slots:
                self._fill_in(slot, tight, everything=everything)
        elif self._shared:
            self._only_groups(slots)

    def _only_groups(self, slots: Sequence[Slot]) -> None:
        """Fill in the groups, where nothing else can run short."""
        shared = self._shared
        for slot in slots:
            alone = [option.alone if option.group in shared else () for option in slot.options]
            slot.checks = slot.takes = alone
        self.left.update([((GROUP, group, 0), 1.0) for group in shared])

    def refusal(self, slot: Slot, place: int) -> Removal | None:
        """Return why there is no room for a bid any more, or None."""
        key = lacks(slot.checks[place], self.left)
        if key is None:
            return None
        kind, name, _ = key
        if kind == CAP:
            rule = self._playbook.caps[int(name)].name
        elif kind == FUNDS:
            rule = name
        else:
            rule = f"enough of {kind} {name}"
        return Removal(slot.actions[place], slot.channels[place], _STAGES[kind], rule)

    def lacking(self, slot: Slot) -> list[int]:
        """Return the places of the bids for which there is no room any more."""
        left = self.left
        return [i for i, need in enumerate(slot.checks) if need and lacks(need, left) is not None]

    def take(self, slot: Slot, place: int) -> None:
        """Take what a chosen bid uses."""
        if slot.takes:
            for key, amount in slot.takes[place]:
                self.left[key] -= amount

    def _planned_instants(self, slots: Sequence[Slot]) -> list[int]:
        """Return when the turn's messages could be delivered: now, and what is planned for later."""
        given = self._given
        instants = {given.at_ms}
        if given.planned:
            for slot in slots:
                if not slot.placement:
                    for consent in {option.consent for option in slot.options}:
                        instants.add(self._at(slot.placement, consent))
        return sorted(instants)

    def _at(self, placement: str, consent: str) -> int:
        """Return when a bid would be delivered."""
        given = self._given
        if placement:
            return given.at_ms
        planned = given.planned.get(consent)
        return given.at_ms if planned is None else planned.at_ms

    def _tight_caps(self, at_ms: int, slots: int) -> dict[int, int]:
        """Return the caps that fewer contacts fit in than there are slots, and how many do."""
        given = self._given
        counts = given.caps if at_ms == given.at_ms else given.caps_later.get(at_ms, given.caps)
        return {
            i: cap.limit - count
            for i, (cap, (count, _)) in enumerate(zip(self._playbook.caps, counts, strict=False))
            if cap.limit - count < slots
        }

    def _short_funds(self, slots: Sequence[Slot]) -> Mapping[str, float]:
        """Return the budgets that do not have enough for every slot, and what is left of them."""
        most: dict[str, float] = {}
        if not self._given.funds:
            return most
        for slot in slots:
            each: dict[str, float] = {}
            for uses in {id(uses): uses for uses in slot.uses}.values():  # few differ
                for key, amount in uses:
                    each[key] = max(each.get(key, 0.0), amount)
            for key, amount in each.items():
                most[key] = most.get(key, 0.0) + amount
        funds = self._given.funds
        return {key: funds[key] for key, amount in most.items() if funds[key] < amount}

    def _fill_in(self, slot: Slot, tight: frozenset[int], *, everything: bool) -> None:
        slot.checks, slot.takes = [], []
        for place, option in enumerate(slot.options):
            checks: tuple[Need, ...] = ()
            takes: tuple[Need, ...] = ()
            if everything or option.group in self._shared or not tight.isdisjoint(option.caps):
                self.competing = True
                checks, takes = self._needs(slot, place)
            slot.checks.append(checks)
            slot.takes.append(takes)

    def _needs(self, slot: Slot, place: int) -> tuple[tuple[Need, ...], tuple[Need, ...]]:
        """Return what must be left for a bid, and what it takes."""
        option, again = slot.options[place], slot.again[place] is not None
        needs: list[Need] = []
        if option.group in self._shared:
            needs += option.alone
            self.left.setdefault((GROUP, option.group, 0), 1.0)
        if self._per_issue:
            key = (ISSUE, option.action.issue, 0)
            needs.append((key, 1.0))
            self.left.setdefault(key, float(self._per_issue))
        for name, amount in slot.uses[place]:
            if name in self._short:
                needs.append(((FUNDS, name, 0), amount))
                self.left.setdefault((FUNDS, name, 0), self._short[name])
        here = self._at(slot.placement, option.consent)
        later = () if again else self._instants if here == self._given.at_ms else (here,)
        takes = list(needs)
        for at_ms in later:
            tight = self._tight[at_ms]
            for i in option.caps:
                if i in tight:
                    key = (CAP, str(i), at_ms)
                    self.left.setdefault(key, float(tight[i]))
                    takes.append((key, 1.0))
                    if at_ms == here:
                        needs.append((key, 1.0))
        return tuple(needs), tuple(takes)


def _in_several(sets: Sequence[set[str]]) -> set[str]:
    """Return what is in more than one of some sets."""
    seen: set[str] = set()
    again: set[str] = set()
    for each in sets:
        again |= seen & each
        seen |= each
    return again
