"""How long a playbook lets things be kept, in milliseconds by kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEDUPE_MS = 8 * 86_400_000
"""How long message ids are remembered unless a playbook says otherwise."""

EVERY_TRAIT = "*"
"""The name that stands for every trait that has no age of its own."""

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Ages past which something is forgotten; what has none is kept, 0 stands for none.

    `journal_ms` is by `event`, `decide`, `outcome`, `wake` and `command`, `outbox_ms` by `sent`, `parked`,
    `cancelled` and `expired`, `traits_ms` by trait or `EVERY_TRAIT`. All are on the business clock but
    `dedupe_ms`, which is on the machine's.
    """

    journal_ms: Mapping[str, int] = field(default_factory=dict)
    outbox_ms: Mapping[str, int] = field(default_factory=dict)
    dedupe_ms: int = DEDUPE_MS
    traits_ms: Mapping[str, int] = field(default_factory=dict)
    conversation_ms: int = 0
    segments_ms: int = 0

    @property
    def touches_state(self) -> bool:
        """Whether anything that is kept in a customer's own state has an age."""
        return bool(self.traits_ms or self.conversation_ms)

    def trait_ms(self, name: str) -> int:
        """Return the age of a trait; 0 when it is kept."""
        return self.traits_ms.get(name, self.traits_ms.get(EVERY_TRAIT, 0))


def day_after(at_ms: int) -> int:
    """Return the first beginning of a day, in UTC, that is not before an instant.

    What a customer who stays away has to be forgotten is looked at once a day, not at every utterance.
    """
    return -(-at_ms // _DAY_MS) * _DAY_MS


KEEP_ALL = Retention()
"""What holds for a playbook that says nothing."""
