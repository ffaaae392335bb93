"""What the core uses of `policies.yaml` besides caps: quiet hours, holidays, silences after answers."""

from dataclasses import dataclass

DAY, WEEK, MONTH = "day", "week", "month"
UNITS = (DAY, WEEK, MONTH)
"""Calendar windows of caps: the customer's local day, week from Monday on, and month."""
HOLD, DROP = "hold", "drop"

REJECT, DISMISS, PURCHASE, COMPLAINT, BOUNCE = (
    "reject",
    "dismiss",
    "purchase",
    "complaint",
    "bounce",
)
AFTER = (REJECT, DISMISS, PURCHASE, COMPLAINT, BOUNCE)
"""What may be followed by silence."""
ANSWERS = frozenset({REJECT, DISMISS, COMPLAINT, BOUNCE})
"""Those of them that are outcomes of effects."""

ACTION, GROUP, CHANNEL, PURPOSE, ALL = "action", "group", "channel", "purpose", "all"
SCOPES = (ACTION, GROUP, CHANNEL, PURPOSE, ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which messages something concerns. A filter that is None lets everything in.

    `exempt` are purposes that it never concerns.
    """

    channels: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    exempt: frozenset[str] = frozenset()

    def includes(self, channel: str, purpose: str) -> bool:
        """Return whether a message on a channel for a purpose is concerned."""
        return (
            (self.channels is None or channel in self.channels)
            and (self.purposes is None or purpose in self.purposes)
            and purpose not in self.exempt
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the day in which nothing is sent: from minute `begins` up to, not including, `ends`.

    Hours that end at or before they begin last until the next day; `weekdays` are the days on which
    they begin (0 is Monday), empty for all. `drop` says that what would have to wait is not sent.
    """

    name: str
    begins: int
    ends: int
    weekdays: frozenset[int]
    reach: Reach
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """Public holidays, whole local days, of the customer's country or, unknown, of `country`."""

    country: str
    subdivision: str
    reach: Reach
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """Silence for `for_ms` after something, about the same action, group, channel or purpose, or all.

    `purposes` None lets it silence every purpose. `topics` are the topics of cases that count as
    complaints, None for all.
    """

    after: str
    scope: str
    for_ms: int
    purposes: frozenset[str] | None = None
    topics: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """All of it. `zones` are those in which a customer whose zone is not known may be, sorted.

    `calendar` says that a cap counts in calendar windows; `longest_ms` is the longest window of any
    cap, 0 without caps.
    """

    quiet: tuple[Quiet, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    suppress: tuple[Suppress, ...] = ()
    zones: tuple[str, ...] = ("UTC",)
    calendar: bool = False
    longest_ms: int = 0


NO_POLICIES = Policies()
"""What holds without a `policies.yaml`."""
