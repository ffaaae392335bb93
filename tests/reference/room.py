"""What a turn has only so much of, where several slots draw on it: groups, issues, caps, budgets."""

from collections.abc import Mapping, Sequence
from itertools import chain

from actors.decisioning.assignment import lacks
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
from tests.reference.bids import Bid

ISSUE, CAP, FUNDS = "issue", "cap", "budget"
_STAGES = {GROUP: BUNDLING, ISSUE: BUNDLING, CAP: CONTACT_POLICY, FUNDS: BUDGET}


class Room:
    """What is left while slots are filled; only what can run short within this turn is looked at.

    A contact that is made now counts under a cap at every later instant for which something is
    planned; one that is planned counts at its own instant.
    """

    def __init__(
        self, slots: Sequence[Sequence[Bid]], given: DecisionInput, playbook: Playbook
    ) -> None:
        self.left: dict[Key, float] = {}
        self._given, self._playbook = given, playbook
        per_issue = playbook.arbitration.per_issue
        self._per_issue = per_issue if per_issue < len(slots) else 0  # else it cannot run short
        self._shared = _in_several([{bid.option.group for bid in bids} for bids in slots])
        self._short = self._short_funds(slots)
        self._instants = self._planned_instants(slots)
        self._tight = {at_ms: self._tight_caps(at_ms, len(slots)) for at_ms in self._instants}
        tight = frozenset().union(*self._tight.values())
        self.competing = False
        everything = bool(self._short or self._per_issue)
        if everything or tight:
            for bid in chain.from_iterable(slots):
                option = bid.option
                if everything or option.group in self._shared or not tight.isdisjoint(option.caps):
                    self.competing = True
                    self._fill_in(bid)
        elif self._shared:
            self.competing = True
            self._only_groups(slots)

    def _only_groups(self, slots: Sequence[Sequence[Bid]]) -> None:
        """Fill in the groups, where nothing else can run short."""
        shared = self._shared
        for bids in slots:
            for bid in bids:
                option = bid.option
                if option.group in shared:
                    bid.checks = bid.takes = option.alone
        self.left.update([((GROUP, group, 0), 1.0) for group in shared])

    def fits(self, bid: Bid) -> bool:
        """Return whether there is room for it."""
        return lacks(bid.checks, self.left) is None

    def refusal(self, bid: Bid) -> Removal | None:
        """Return why there is no room for it any more, or None."""
        key = lacks(bid.checks, self.left)
        if key is None:
            return None
        kind, name, _ = key
        if kind == CAP:
            rule = self._playbook.caps[int(name)].name
        elif kind == FUNDS:
            rule = name
        else:
            rule = f"enough of {kind} {name}"
        return Removal(bid.option.index, bid.option.channel, _STAGES[kind], rule)

    def take(self, bid: Bid) -> None:
        """Take what a chosen bid uses."""
        for key, amount in bid.takes:
            self.left[key] -= amount

    def _planned_instants(self, slots: Sequence[Sequence[Bid]]) -> list[int]:
        """Return when the turn's messages could be delivered: now, and what is planned for later."""
        given = self._given
        if not given.planned:
            return [given.at_ms]
        return sorted({given.at_ms, *[self._at(bid) for bids in slots for bid in bids]})

    def _at(self, bid: Bid) -> int:
        """Return when a bid would be delivered."""
        given = self._given
        if bid.candidate.placement:
            return given.at_ms
        planned = given.planned.get(bid.option.consent)
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

    def _short_funds(self, slots: Sequence[Sequence[Bid]]) -> Mapping[str, float]:
        """Return the budgets that do not have enough for every slot, and what is left of them."""
        most: dict[str, float] = {}
        if not self._given.funds:
            return most
        for bids in slots:
            each: dict[str, float] = {}
            for uses in {id(bid.uses): bid.uses for bid in bids}.values():  # few differ
                for key, amount in uses:
                    each[key] = max(each.get(key, 0.0), amount)
            for key, amount in each.items():
                most[key] = most.get(key, 0.0) + amount
        funds = self._given.funds
        return {key: funds[key] for key, amount in most.items() if funds[key] < amount}

    def _fill_in(self, bid: Bid) -> None:
        option, again = bid.option, bid.again is not None
        needs: list[Need] = []
        if option.group in self._shared:
            needs += option.alone
            self.left.setdefault((GROUP, option.group, 0), 1.0)
        if self._per_issue:
            key = (ISSUE, option.action.issue, 0)
            needs.append((key, 1.0))
            self.left.setdefault(key, float(self._per_issue))
        for name, amount in bid.uses:
            if name in self._short:
                needs.append(((FUNDS, name, 0), amount))
                self.left.setdefault((FUNDS, name, 0), self._short[name])
        here = self._at(bid)
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
        bid.checks, bid.takes = tuple(needs), tuple(takes)


def _in_several(sets: Sequence[set[str]]) -> set[str]:
    """Return what is in more than one of some sets."""
    seen: set[str] = set()
    again: set[str] = set()
    for each in sets:
        again |= seen & each
        seen |= each
    return again
