"""What the engine asks of the turn around it, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from actors.domain.journeys import Instance
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import Date, Scenario
from actors.playbook.templates import Template


@dataclass(slots=True, init=False)
class Signal:
    """Something heard. `key` is as in `Heard.key`; `instance` is the only one that hears it, 0 for all.

    `seq` is the turn in which it is heard.
    """

    key: str
    at_ms: int
    seq: int
    properties: Mapping[str, Any] = field(default_factory=dict)
    instance: int = 0

    def __init__(
        self,
        key: str,
        at_ms: int,
        seq: int,
        properties: Mapping[str, Any] | None = None,
        instance: int = 0,
    ) -> None:
        self.key = key
        self.at_ms = at_ms
        self.seq = seq
        self.properties = {} if properties is None else properties
        self.instance = instance


class World(Protocol):
    """The customer around the scenarios, at one turn."""

    @property
    def number(self) -> int:
        """The customer's number."""
        ...

    @property
    def seq(self) -> int:
        """The number of the turn."""
        ...

    def met(
        self, scenario: Scenario, rule: Rule, instance: Instance | None, signal: Signal | None
    ) -> bool:
        """Return whether a rule holds now; `instance` None is for starts."""
        ...

    def within(self, segment: str) -> bool:
        """Return whether the customer is in a segment now."""
        ...

    def zone(self, scenario: Scenario) -> str:
        """Return the name of the zone in which the customer's wall clock runs."""
        ...

    def date(self, path: Date) -> str:
        """Return the date that the profile holds, as text; empty when there is none."""
        ...

    def take(self, traits: Mapping[str, Any], at_ms: int) -> None:
        """Take traits that a step has just set, so that the rules of later steps see them."""
        ...

    def text(
        self, scenario: Scenario, template: Template, instance: Instance, signal: Signal | None
    ) -> dict[str, Any]:
        """Return a template with its placeholders filled."""
        ...


class Line(NamedTuple):
    """What happened to an instance, for the timeline. A tuple, as `Offer`, because a turn makes many.

    `what` is one of `started`, `entered`, `passed`, `sent`, `lost`, `refused`, `held`, `expired`,
    `skipped`, `moved`, `goal`, `stopped`, `ended`; `why` a word on the reason; `until_ms` until when it waits,
    0 for not at all.
    """

    scenario: str
    instance: int
    key: str
    what: str
    step: str = ""
    why: str = ""
    until_ms: int = 0


class Offer(NamedTuple):
    """A token at a `propose` step: its actions compete."""

    instance: int
    token: int
    scenario: str
    step: str
    actions: tuple[int, ...]
    channels: frozenset[str] | None
    mandatory: bool


@dataclass(frozen=True, slots=True)
class CallOut:
    """A webhook to be called for a token; the turn makes it an effect and tells `Engine.called`."""

    instance: int
    token: int
    scenario: str
    step: str
    channel: str
    content: dict[str, Any]
    expires_at_ms: int


@dataclass(slots=True, init=False)
class Progress:
    """What a run of the engine did, besides to the journeys.

    `traits` are (name, value, moment), `threads` (opens, kind, subject, moment), `withdrawn` (seq, n, origin) of effects to cancel
    if they are still queued, `converted` (seq, n, origin) of effects that a goal has proved right. `waits` maps an
    instance's id to when its timer is due, 0 for none; only those that were touched.
    """

    lines: list[Line] = field(default_factory=list)
    emitted: list[Signal] = field(default_factory=list)
    calls: list[CallOut] = field(default_factory=list)
    traits: list[tuple[str, Any, int]] = field(default_factory=list)
    threads: list[tuple[bool, str, str, int]] = field(default_factory=list)
    withdrawn: list[tuple[int, int, int]] = field(default_factory=list)
    converted: list[tuple[int, int, int]] = field(default_factory=list)
    waits: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __init__(self, waits: dict[int, int] | None = None) -> None:
        """Begin with nothing; written out, because every turn makes some."""
        self.lines = []
        self.emitted = []
        self.calls = []
        self.traits = []
        self.threads = []
        self.withdrawn = []
        self.converted = []
        self.waits = {} if waits is None else waits
        self.notes = []
