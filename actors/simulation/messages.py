"""What is on its way to a customer, and what stands in a reply."""

from typing import Any

import msgpack

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import INLINE, Effect
from actors.ports import OutboxRow


class Going:
    """A message on its way, as the policies ask of it."""

    def __init__(self, row: OutboxRow) -> None:
        said = msgpack.unpackb(row.payload)
        self.seq, self.n, self.channel = row.seq, row.n, row.channel
        self.action: str = said["action"]
        self.purpose: str = said["purpose"]
        self.at_ms: int = said["at_ms"]
        self.expires_at_ms = row.expires_at_ms

    def to_review(self, number: int) -> dict[str, Any]:
        """Return the question to its customer, whose check has held it back."""
        return {
            "number": number,
            "seq": self.seq,
            "n": self.n,
            "action": self.action,
            "channel": self.channel,
            "purpose": self.purpose,
            "at_ms": self.at_ms,
            "expires_at_ms": self.expires_at_ms,
            "attempted": False,
        }


def shown_in(record: TurnRecord) -> list[Effect]:
    """Return what a reply shows, in the order in which its places are looked at."""
    event = record.event
    places = {name: place for place, name in enumerate(event.placements if event else ())}
    shown = [e for e in (*record.effects, *record.again) if e.mode == INLINE]
    return sorted(shown, key=lambda effect: places.get(effect.placement, len(places)))
