"""Advancing triggers: what an event starts, restarts or stops. Pure; the turn applies the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from actors.domain.events import Event
from actors.domain.state import MAX_TIMERS, CustomerState, Timer
from actors.playbook.model import Playbook, Trigger

TRIGGER = "trigger"
CLOSE = "close"

_MAX_KEY = 64
_MAX_FIELDS = 16
_MAX_TEXT = 256
_NUMBERS = frozenset({bool, int, float})


@dataclass(slots=True, init=False)
class Advance:
    """What one event did to a customer's triggers.

    `proposed` fire now; `recorded` log what another system delivered; `started` are waits to set,
    `prolonged` waits that are due later than they were, and `stopped` the keys of waits to delete.
    `notes` say why something did not start.
    """

    proposed: list[Trigger] = field(default_factory=list)
    recorded: list[Trigger] = field(default_factory=list)
    started: list[Timer] = field(default_factory=list)
    prolonged: list[Timer] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __init__(self) -> None:
        """Begin with nothing; written out, because every event makes one."""
        self.proposed = []
        self.recorded = []
        self.started = []
        self.prolonged = []
        self.stopped = []
        self.notes = []


def concerns(state: CustomerState, event: Event, playbook: Playbook) -> bool:
    """Return whether an event can start or stop anything for this customer."""
    if playbook.triggers_for(event.type, event.name):
        return True
    return bool(state.timers) and (event.name or event.type) in playbook.waits_cancelled_by


def advance(
    state: CustomerState,
    event: Event,
    at_ms: int,
    playbook: Playbook,
    fires: Callable[[Trigger], bool],
) -> Advance:
    """Return what an event that happened at `at_ms` starts and stops.

    `fires` tells whether a trigger's rule holds. A wait's due time counts from the event's own time. A new match with the same key restarts it.
    """
    result = Advance()
    for trigger in playbook.waits_cancelled_by.get(event.name or event.type, ()):
        result.stopped += [
            timer.key
            for timer in state.timers
            if timer.kind == TRIGGER
            and timer.subject == trigger.name
            and _same_key(trigger, timer, event)
        ]
    for trigger in playbook.triggers_for(event.type, event.name):
        if fires(trigger):
            _take(state, trigger, event.properties, at_ms, result)
    return result


def hear(
    state: CustomerState,
    triggers: Sequence[Trigger],
    at_ms: int,
    fires: Callable[[Trigger], bool],
) -> Advance:
    """Return what entering and leaving segments at `at_ms` starts: `triggers` wait for just that."""
    result = Advance()
    for trigger in triggers:
        if fires(trigger):
            _take(state, trigger, {}, at_ms, result)
    return result


def _take(
    state: CustomerState,
    trigger: Trigger,
    properties: dict[str, Any],
    at_ms: int,
    result: Advance,
) -> None:
    if trigger.record:
        result.recorded.append(trigger)
    elif trigger.after_ms:
        _start(state, trigger, properties, at_ms, result)
    else:
        result.proposed.append(trigger)


def _start(
    state: CustomerState,
    trigger: Trigger,
    properties: dict[str, Any],
    at_ms: int,
    result: Advance,
) -> None:
    key = f"{TRIGGER}/{trigger.name}/{_key_of(trigger, properties)}"
    known = next((t for t in state.timers if t.key == key), None)
    due_at_ms = at_ms + trigger.after_ms
    timer = Timer(key, due_at_ms, TRIGGER, trigger.name, _scalars(properties))
    if known is not None and key not in result.stopped:
        if due_at_ms > known.due_at_ms:  # an older event that came late moves nothing
            result.prolonged.append(timer)
        return
    if known is None and len(state.timers) + len(result.started) >= MAX_TIMERS:
        result.notes.append(f"too many waits: {trigger.name}")
        return
    result.started.append(timer)


def _key_of(trigger: Trigger, properties: dict[str, Any]) -> str:
    if not trigger.keyed_by:
        return ""
    text = str(properties.get(trigger.keyed_by, ""))
    if len(text) > _MAX_KEY:
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return text


def _same_key(trigger: Trigger, timer: Timer, event: Event) -> bool:
    if not trigger.keyed_by or trigger.keyed_by not in event.properties:
        return True
    return timer.key == f"{TRIGGER}/{trigger.name}/{_key_of(trigger, event.properties)}"


def _scalars(properties: dict[str, Any]) -> dict[str, object]:
    """Keep what a later message may quote: few, small, flat."""
    kept: dict[str, object] = {}
    for name, value in properties.items():
        if len(kept) >= _MAX_FIELDS:
            break
        kind = type(value)
        if kind in _NUMBERS or (kind is str and len(value) <= _MAX_TEXT):
            kept[name] = value
    return kept
