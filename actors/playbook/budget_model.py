"""What the core uses of `budgets.yaml`: compiled, in milliseconds and the ledger's thousandths."""

from dataclasses import dataclass, field

MONEY = "money"
COUNT = "count"

TOTAL = "total"
DAY = "day"
WEEK = "week"
MONTH = "month"
DATES = "dates"
ROLLING = "rolling"
CALENDAR = (DAY, WEEK, MONTH)


@dataclass(frozen=True, slots=True)
class Period:
    """The time in which a limit holds. `kind` is one of those above.

    `window_ms` and `bucket_ms` are of a rolling one; `from_ms` and `until_ms`, when it is over, of dates.
    """

    kind: str = TOTAL
    window_ms: int = 0
    bucket_ms: int = 0
    from_ms: int = 0
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one customer may be worth: a share of the value predicted for her, within bounds.

    The bounds are in the ledger's thousandths of a minor unit; `at_most` None is no bound.
    """

    of_value: float
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most `limit` in a period, for all customers together, and `share` for each; either may be None.

    `limit` is in the ledger's thousandths, of minor units or of contacts by `unit`. A filter that is None
    lets everything count. `slack` is the share of the limit that may be spent ahead of an even pace; None
    is no pacing. `groups` hold the middle part of action keys, `campaigns` names of triggers and scenarios.
    """

    name: str
    unit: str
    limit: int | None
    share: Share | None
    period: Period
    slack: float | None = None
    actions: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    segments: frozenset[str] | None = None
    campaigns: frozenset[str] | None = None
    description: str = ""

    def covers(self, action: str, group: str, channel: str, purpose: str) -> bool:
        """Return whether a message of this kind is paid from the budget, as far as it alone can tell."""
        return (
            (self.actions is None or action in self.actions)
            and (self.groups is None or group in self.groups)
            and (self.channels is None or channel in self.channels)
            and (self.purposes is None or purpose in self.purposes)
        )


@dataclass(frozen=True, slots=True)
class Budgets:
    """All budgets in the file's order; `shared` are those with a limit, `own` those with a share.

    `zone` is the playbook's: its calendar is that of budgets.
    """

    all: tuple[Budget, ...] = ()
    zone: str = "UTC"
    shared: tuple[Budget, ...] = field(init=False)
    own: tuple[Budget, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shared", tuple(b for b in self.all if b.limit is not None))
        object.__setattr__(self, "own", tuple(b for b in self.all if b.share is not None))

    def __bool__(self) -> bool:
        return bool(self.all)

    def named(self, name: str) -> Budget | None:
        """Return a budget by name, or None."""
        for each in self.all:
            if each.name == name:
                return each
        return None


NO_BUDGETS = Budgets()
"""What holds without a `budgets.yaml`: nothing is limited."""
