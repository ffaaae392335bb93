"""Reads a file of events for a trial: JSON lines in the Segment envelope."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from actors.domain.actions import OUTCOMES
from actors.domain.events import Event
from actors.playbook.hints import expected
from scripts.trials.times import read_time, time_ms
from serve_app.auth import Key
from serve_app.envelope import build_event, kind_of
from serve_app.problems import ProblemError
from serve_app.schemas import ENVELOPE

_KEY = Key("", b"", frozenset({"ingest"}), frozenset())


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last message of an `action`, empty for any, was taken."""

    outcome: str
    action: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event or an outcome, and when the system hears of it."""

    at_ms: int
    item: Event | Outcome


def read_events(path: Path) -> list[Told]:
    """Return what a file holds in the order in which it is heard: by `receivedAt`, else `timestamp`.

    Raises:
        ValueError: A line is no event, or there is none; it says which.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_told(json.loads(line), f"line-{number}"))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ValueError(f"{path.name}:{number}: {where}: {first['msg']}") from error
        except ProblemError as error:
            raise ValueError(f"{path.name}:{number}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{path.name}:{number}: {_short(error)}") from error
    if not found:
        raise ValueError(f"{path.name} holds no event")
    return sorted(found, key=lambda told: told.at_ms)


def _told(data: Any, message_id: str) -> Told:
    if not isinstance(data, dict):
        raise ValueError("expected an object")  # noqa: TRY004 - told with its line
    received = data.get("receivedAt")
    received_ms = None if received is None else time_ms(read_time(received), "UTC")
    if "outcome" in data:
        return _outcome(data, message_id, received_ms)
    envelope = ENVELOPE.validate_python(data)
    event = build_event(kind_of(envelope), envelope, _KEY, partial(str, message_id))
    if event.at_ms is None:
        raise ValueError("has no timestamp")
    return Told(event.at_ms if received_ms is None else received_ms, event)


def _outcome(data: dict[str, Any], message_id: str, received_ms: int | None) -> Told:
    outcome, action = data["outcome"], data.get("action", "")
    if outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {outcome!r}{expected(str(outcome), OUTCOMES)}")
    if received_ms is None:
        if "timestamp" not in data:
            raise ValueError("has no timestamp")
        received_ms = time_ms(read_time(data["timestamp"]), "UTC")
    return Told(received_ms, Outcome(outcome, str(action), message_id))


def _short(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is no JSON: {error.msg} at column {error.colno}"
    return str(error)
