"""What the core uses of a scenario: compiled steps, in milliseconds, with names resolved.

Steps refer to each other by name. `END` as a target ends the way that a token is on. What each step
does, and when exactly, is in docs/scenarios.md.
"""

from dataclasses import dataclass, field

from actors.playbook.rules import Rule
from actors.playbook.templates import Template

END = "end"
"""The target that ends a branch of a fork, or the instance."""

IGNORE, RESTART, QUEUE, PARALLEL = "ignore", "restart", "queue", "parallel"
"""What happens to a start while an instance of the same key is under way."""

LAUNCH = "launch:"
"""What the key of a start by an operator begins with; the scenario's name follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One kind of signal: `key` as in `Trigger.on`, `outcome:` and a name, or `LAUNCH` and a name.

    `when` None always holds. `same_key` wants the property that keys the scenario to be the instance's own, where the signal
    has that property.
    """

    key: str
    when: Rule | None = None
    same_key: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One part of a sequence: what must be heard, how soon after the part before, and without what."""

    heard: Heard
    within_ms: int = 0
    without: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What must be heard: `parts[0]` once, `count` times `within_ms`, or all parts one after the other.

    A count over 1 goes with one part only. `within_ms` 0 is without limit.
    """

    parts: tuple[Follow, ...]
    count: int = 1
    within_ms: int = 0

    @property
    def simple(self) -> bool:
        """Whether one signal is enough, so that nothing has to be remembered."""
        return self.count == 1 and len(self.parts) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Until it is `minute` of the day (0 to 1439) on one of `weekdays` (0 is Monday; empty is any)."""

    minute: int
    weekdays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """Until a date that the profile holds, shifted by whole `days`, at a minute of that day.

    `path` is `profile.traits` with a `key`, or a declared attribute. `yearly` takes the next
    anniversary; 29 February is 28 February in other years.
    """

    path: str
    key: str = ""
    days: int = 0
    minute: int = 0
    yearly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Until a declared window of business hours is open; at once when it is."""

    name: str


Moment = Clock | Date | Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A window of business hours: from `opens` up to and not including `closes`, minutes of the day.

    `weekdays` are days on which it opens (0 is Monday); one that closes at or before it opens closes
    on the next day. `zone` None is the customer's.
    """

    name: str
    weekdays: frozenset[int]
    opens: int
    closes: int
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What all steps have: a name that is unique in the scenario, and where to go on."""

    name: str
    next: str = END
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """time: wait for a span."""

    span_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil(Step):
    """time: wait for a moment; `otherwise` when the date is missing, or past and not yearly."""

    moment: Moment
    otherwise: str = END


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that a `Listen` waits for. `keep` copies properties: (name in the instance, property)."""

    pattern: Pattern
    next: str
    keep: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen(Step):
    """event: wait for the first of some cases; `otherwise` after `timeout_ms`, 0 for never."""

    cases: tuple[Case, ...]
    timeout_ms: int = 0
    otherwise: str = END


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Step):
    """people: go on if the rule holds, else to `otherwise`."""

    rule: Rule
    otherwise: str = END


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Step):
    """condition, and the exclusive fork: the first case whose rule holds, else `otherwise`."""

    cases: tuple[tuple[Rule, str], ...]
    otherwise: str = END


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of a random split; weights are relative to each other."""

    name: str
    weight: float
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Step):
    """fork: a way by chance, the same for a customer each time."""

    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork(Step):
    """fork: several ways at once, which meet in `join`. `next` is not used."""

    branches: tuple[str, ...]
    join: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Step):
    """Where the ways of a fork meet: `need` of them, within `timeout_ms` of the fork (0: no limit)."""

    need: int
    timeout_ms: int = 0
    otherwise: str = END


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Step):
    """fork: go back to `back` up to `times` times, while the rule holds; then on."""

    back: str
    times: int
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose(Step):
    """action: propose actions, which compete in arbitration; `not_sent` when none won in time.

    `actions` are indexes into the playbook; `channels` None is any outbound channel. `mandatory` is
    for a service message: it does not compete and no contact cap holds it, but consent does.
    """

    actions: tuple[int, ...]
    channels: frozenset[str] | None
    offer_for_ms: int
    not_sent: str
    mandatory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Step):
    """action: set traits."""

    traits: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread(Step):
    """action: open or close a thread of the conversation or a service case, by its subject."""

    kind: str
    subject: Template
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit(Step):
    """action: an event that the customer's scenarios hear in this same turn."""

    event: str
    properties: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Step):
    """action: call a webhook and wait for its answer; `otherwise` when there is none in time.

    What the answer holds is kept in the instance as in `Case.keep`.
    """

    channel: str
    content: Template
    timeout_ms: int
    otherwise: str = END
    keep: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Step):
    """Ends a branch of a fork, or the instance, with a word on how."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Something hoped for. When it is met, what was sent on the way has worked."""

    name: str
    heard: Heard
    goes_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How customers enter: what starts it, and who may (`segments`: all of them, and `when`)."""

    pattern: Pattern
    segments: tuple[str, ...] = ()
    when: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """A process that customers go through. Steps are in the order of the file; `first` is the first.

    `digest` tells versions apart: it is over the scenario's own text and the declared windows it uses. `every_ms` is
    the least time between two starts of one key. `keyed_by` is the property that tells instances
    apart, or empty. `zone` is that of customers of whom none is known; empty for the playbook's.
    `moves` maps steps of earlier versions to those of this one, None when none is declared: then an instance finishes on its own version.
    `listens` are the keys of every signal that a start, stop, goal or step waits for.
    """

    name: str
    digest: str
    start: Start
    steps: dict[str, Step]
    first: str
    keyed_by: str = ""
    reentry: str = IGNORE
    limit: int = 1
    every_ms: int = 0
    lateness_ms: int = 0
    zone: str = ""
    stops: tuple[Heard, ...] = ()
    goals: tuple[Goal, ...] = ()
    moves: dict[str, str] | None = None
    windows: dict[str, Hours] = field(default_factory=dict)
    listens: frozenset[str] = frozenset()
    description: str = ""
