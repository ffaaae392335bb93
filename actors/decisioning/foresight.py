"""When a membership really changes by time alone: looking ahead, instant by instant.

That asks the rules of segments again and again, so it reads nothing but what they read.
"""

from functools import lru_cache

from actors.decisioning.context import ContextBuilder, Occasion
from actors.decisioning.crossings import Crossings, lasting
from actors.decisioning.predicates import predicates_of
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook

_MAX_LOOKS = 48
"""How far a timer looks ahead for an instant that changes something, before it is set anyway."""

_NOTHING = Occasion("", "", "", {}, {}, late=False)
"""Nothing happens at an instant to come."""


class Foresight:
    """The lasting segments of one playbook, with what reads and asks for them alone."""

    def __init__(self, playbook: Playbook) -> None:
        rules = [segment.rule for segment in lasting(playbook)]
        variables = {variable for rule in rules for variable in rule.variables}
        self._builder = ContextBuilder(playbook, variables)
        self._holding = predicates_of(rules, self._builder.positions)
        self._crossings = Crossings(playbook, self._builder.positions)

    def next_change_ms(self, state: CustomerState, now_ms: int) -> int | None:
        """Return when some membership changes if nothing happens; None for never.

        After `_MAX_LOOKS` instants at which nothing would change it is the last of them.
        """
        if not self._crossings.moves:
            return None
        values = self._builder.build(state, _NOTHING, now_ms)
        held = self._holding(values, (), "")
        at_ms = now_ms
        for _ in range(_MAX_LOOKS):
            next_ms = self._crossings.next_ms(state, values, at_ms)
            if next_ms is None:
                return None
            at_ms = next_ms
            values = self._builder.build(state, _NOTHING, at_ms)
            if self._holding(values, (), "") != held:
                break
        return at_ms


@lru_cache(maxsize=16)
def foresight_of(playbook: Playbook) -> Foresight:
    """Return the foresight of a playbook, made once."""
    return Foresight(playbook)
