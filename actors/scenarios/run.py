"""One thing that the turn tells the scenarios, while the engine works on it."""

from dataclasses import dataclass, field
from typing import Any

from actors.domain.journeys import Instance, Journeys
from actors.playbook.model import Playbook
from actors.scenarios.world import Line, Progress, Signal, World

MAX_EMITTED = 16
"""Emitted signals that are heard for one thing told."""


@dataclass(slots=True, init=False)
class Run:
    """What the engine works on, and what has come of it so far.

    `pending` are emitted signals that nobody has heard yet. `ended` are, by scenario and key, the moment
    at which an instance ended and the signal because of which. `told` says that an effect is being told as sent or refused:
    whoever comes to propose something now competes in a turn of its own. `touched` are the
    instances whose timer may have changed.
    """

    journeys: Journeys
    playbook: Playbook
    world: World
    now_ms: int
    told: bool = False
    progress: Progress = field(default_factory=Progress)
    pending: list[Signal] = field(default_factory=list)
    ended: dict[tuple[str, str], tuple[int, Signal | None]] = field(default_factory=dict)
    touched: dict[int, Instance] = field(default_factory=dict)

    def __init__(self, journeys: Journeys, playbook: Playbook, world: World, now_ms: int) -> None:
        """Begin with nothing that has come of it; written out, because every turn makes some."""
        self.journeys = journeys
        self.playbook = playbook
        self.world = world
        self.now_ms = now_ms
        self.told = False
        self.progress = Progress()
        self.pending = []
        self.ended = {}
        self.touched = {}

    def say(
        self, instance: Instance, what: str, step: str = "", why: str = "", until_ms: int = 0
    ) -> None:
        """Add a line on an instance."""
        self.progress.lines.append(
            Line(instance.scenario, instance.id, instance.key, what, step, why, until_ms)
        )

    def emit(self, key: str, properties: dict[str, Any], at_ms: int) -> None:
        """Let a signal be heard when this one has been; drop it when there are too many."""
        emitted = self.progress.emitted
        if len(emitted) >= MAX_EMITTED:
            self.progress.notes.append(f"too many emitted events: {key}")
            return
        signal = Signal(key, at_ms, self.world.seq, properties)
        emitted.append(signal)
        self.pending.append(signal)
