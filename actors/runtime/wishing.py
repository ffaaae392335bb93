"""Which customers of a cell should have an actor of their own, by the rule in the settings."""

import json
import logging

from actors.decisioning.asking import Question
from actors.domain.errors import CodecError
from actors.domain.ids import PARTITIONS
from actors.playbook.model import Playbook
from actors.playbook.rules import Rule
from actors.session.activations import Activation, Activations
from actors.wire.state import unpack_state

log = logging.getLogger(__name__)

TOP_TIER = "top-tier"
"""Says: whoever is in the first of the playbook's tiers."""

RECENT_MS = 300_000
"""Whose last turn is longer ago, by the machine's clock, needs no actor now."""

_LOOKED_AT = 256
_ASKED_AT_ONCE = 16
"""Customers of whom a call asks anew: each is unpacked, about a millisecond, on the cell's own loop."""
_REMEMBERED = 4_096


def rule_of(text: str, playbook: Playbook) -> Rule | None:
    """Return the rule that a setting means under a playbook; None for nobody.

    Raises:
        ValueError: It does not compile.
    """
    if text != TOP_TIER:
        return Rule(text) if text else None
    if not playbook.tiers:
        return None
    return Rule(f"tier == {json.dumps(playbook.tiers[0].segment)}")


class Wishes:
    """Asks the rule of those customers who are active, once a turn of theirs at most."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._version: str | None = None
        self._question: Question | None = None
        self._known: dict[int, tuple[int, bool]] = {}

    def wanted(self, activation: Activation, playbook: Playbook, now_ms: int) -> bool:
        """Return whether the rule holds for a customer as of the last turn."""
        if playbook.version != self._version:
            rule = rule_of(self._text, playbook)
            self._question = None if rule is None else Question(rule, playbook)
            self._version = playbook.version
            self._known.clear()
        if self._question is None:
            return False
        known = self._known.get(activation.number)
        if known is not None and known[0] == activation.seq:
            return known[1]
        try:
            holds = self._question.holds(unpack_state(activation.state), now_ms)
        except CodecError:
            holds = False  # damaged: said at the next turn
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[activation.number] = (activation.seq, holds)
        return holds

    def _asked(self, activation: Activation) -> bool:
        return self._known.get(activation.number, (-1, False))[0] == activation.seq

    def of(
        self, activations: Activations, playbook: Playbook, now_ms: int, machine_ms: int
    ) -> list[tuple[int, int]]:
        """Return (number, milliseconds since the last turn) of who should have one, the latest first.

        Only of those who are in partitions of many; of many new ones some are asked, the others later.
        """
        found, left = [], _ASKED_AT_ONCE
        for activation in activations.latest(_LOOKED_AT):
            idle_ms = max(machine_ms - activation.used_at_ms, 0)
            if idle_ms > RECENT_MS:
                break
            if activation.partition >= PARTITIONS:
                continue
            if not self._asked(activation):
                if not left:
                    continue
                left -= 1
            if self.wanted(activation, playbook, now_ms):
                found.append((activation.number, idle_ms))
        return found
