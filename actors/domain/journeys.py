"""Where a customer stands in scenarios: instances, the tokens that walk them, and what was heard."""

from dataclasses import dataclass, field
from typing import Any

MAX_INSTANCES = 32
MAX_TOKENS = 16
MAX_QUEUED = 8
MAX_STARTS = 64
MAX_RECENT = 32
MAX_SENT = 8
MAX_DATA = 16
MAX_TEXT = 256
"""What is kept of a customer at most: see docs/scenarios.md for what happens beyond."""


@dataclass(slots=True, init=False)
class Token:
    """One place in an instance. `id` is unique in the instance and grows.

    `scope` is the id of the fork's scope it walks in, 0 for none. `since_ms` is the moment of
    entering the step, `due_ms` when it goes on by itself, 0 for never; its timer fires `late_ms` after that. `try_ms`
    is when an offer competes again, 0 for whenever there is a turn, and `said` a checksum of what was
    last said of the offer. `heard` holds the progress of each case's pattern of a
    `Listen`: by case, times or [position, time]; `call` the (seq, n, origin) of the effect whose answer
    is awaited; origin as in `OpenEffect`.
    """

    id: int
    step: str
    scope: int
    since_ms: int
    due_ms: int = 0
    late_ms: int = 0
    try_ms: int = 0
    said: int = 0
    heard: dict[int, list[int]] = field(default_factory=dict)
    call: tuple[int, int, int] = (0, 0, 0)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        id: int,  # noqa: A002
        step: str,
        scope: int,
        since_ms: int,
        due_ms: int = 0,
        late_ms: int = 0,
        try_ms: int = 0,
        said: int = 0,
        heard: dict[int, list[int]] | None = None,
        call: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.id = id
        self.step = step
        self.scope = scope
        self.since_ms = since_ms
        self.due_ms = due_ms
        self.late_ms = late_ms
        self.try_ms = try_ms
        self.said = said
        self.heard = {} if heard is None else heard
        self.call = call


@dataclass(slots=True, init=False)
class Scope:
    """A fork under way: the step, the scope around it (0 for none), how many arrived, when it is over."""

    id: int
    fork: str
    parent: int
    arrived: int = 0
    due_ms: int = 0

    def __init__(
        self,
        id: int,  # noqa: A002
        fork: str,
        parent: int,
        arrived: int = 0,
        due_ms: int = 0,
    ) -> None:
        self.id = id
        self.fork = fork
        self.parent = parent
        self.arrived = arrived
        self.due_ms = due_ms


@dataclass(slots=True, init=False)
class Instance:
    """One way of a customer through a scenario. `id` is unique within the customer and grows.

    `digest` is the version that it walks. `data` are few, short, flat values: of the event that
    started it, and what was kept since. `sent` are the (seq, n, origin) of the effects it caused,
    oldest first. `rounds` count the repeats by step, `met` names the goals met. `began_seq` is the turn that started it.
    `origin` is the number of the customer who began it, 0 for the one who holds it.
    """

    id: int
    scenario: str
    digest: str
    key: str
    started_ms: int
    began_seq: int
    data: dict[str, Any] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    rounds: dict[str, int] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)
    next_id: int = 1
    origin: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        id: int,  # noqa: A002
        scenario: str,
        digest: str,
        key: str,
        started_ms: int,
        began_seq: int,
        data: dict[str, Any] | None = None,
        tokens: list[Token] | None = None,
        scopes: list[Scope] | None = None,
        sent: list[tuple[int, int, int]] | None = None,
        rounds: dict[str, int] | None = None,
        met: list[str] | None = None,
        next_id: int = 1,
        origin: int = 0,
    ) -> None:
        self.id = id
        self.scenario = scenario
        self.digest = digest
        self.key = key
        self.started_ms = started_ms
        self.began_seq = began_seq
        self.data = {} if data is None else data
        self.tokens = [] if tokens is None else tokens
        self.scopes = [] if scopes is None else scopes
        self.sent = [] if sent is None else sent
        self.rounds = {} if rounds is None else rounds
        self.met = [] if met is None else met
        self.next_id = next_id
        self.origin = origin


@dataclass(slots=True, init=False)
class Recent:
    """A signal heard lately, for those that begin to wait for it only when a late one comes."""

    key: str
    at_ms: int
    seq: int
    properties: dict[str, Any]

    def __init__(
        self,
        key: str,
        at_ms: int,
        seq: int,
        properties: dict[str, Any],
    ) -> None:
        self.key = key
        self.at_ms = at_ms
        self.seq = seq
        self.properties = properties


@dataclass(slots=True, init=False)
class Journeys:
    """All of a customer's scenarios.

    `starts` are the last starts by (scenario, key), `queued` those that wait for their turn: scenario,
    key, moment and data; `patterns` the progress of patterns that start scenarios, by scenario, digest
    and key. In `starts` and `patterns` the one touched last is last.
    """

    next_id: int = 1
    instances: list[Instance] = field(default_factory=list)
    starts: dict[tuple[str, str], int] = field(default_factory=dict)
    queued: list[tuple[str, str, int, dict[str, Any]]] = field(default_factory=list)
    patterns: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    recent: list[Recent] = field(default_factory=list)

    def __init__(
        self,
        next_id: int = 1,
        instances: list[Instance] | None = None,
        starts: dict[tuple[str, str], int] | None = None,
        queued: list[tuple[str, str, int, dict[str, Any]]] | None = None,
        patterns: dict[tuple[str, str, str], list[int]] | None = None,
        recent: list[Recent] | None = None,
    ) -> None:
        self.next_id = next_id
        self.instances = [] if instances is None else instances
        self.starts = {} if starts is None else starts
        self.queued = [] if queued is None else queued
        self.patterns = {} if patterns is None else patterns
        self.recent = [] if recent is None else recent
