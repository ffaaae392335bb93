"""What policies answer: silences, planned times, and whether something may go."""

from enum import StrEnum
from typing import NamedTuple

LATE_MS = 60_000
"""A message is attempted within this after its planned time, or it is planned anew."""


class Silence(NamedTuple):
    """A rule that silences something for a time.

    `scope` is `action`, `group`, `channel`, `purpose` or `all`, `name` what of it (of a channel also
    `channel|purpose`), `rule` why, `until_ms` when it ends (0: not known).
    """

    scope: str
    name: str
    rule: str
    until_ms: int


class Planned(NamedTuple):
    """When an outbound message would go: `at_ms` on the business clock, or 0 when it is dropped; `why`."""

    at_ms: int
    why: str = ""


class Verdict(StrEnum):
    """What may happen to a message now."""

    ALLOW = "allow"
    HOLD = "hold"
    DROP = "drop"


class Go(NamedTuple):
    """A verdict; of a hold until when at least, in business time; and why, empty when allowed."""

    verdict: Verdict
    until_ms: int = 0
    why: str = ""


ALLOWED = Go(Verdict.ALLOW)
