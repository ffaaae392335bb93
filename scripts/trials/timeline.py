"""What happened to one customer, as lines; what is drawn is plain ASCII.

`*` is something that happened, `|` what a scenario did because of it and why, `>` what left.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from actors.domain.actions import CALL, OUTBOUND, RECORDED, Effect
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.scenarios.wording import start_text
from actors.scenarios.world import Line
from scripts.trials.times import clock_text, local, span_text
from scripts.trials.trial import Happened, flat

_QUIET = frozenset({"close", "segments", "absence", "retention"})
"""Timers of no interest unless something came of them."""
_LATE_MS = 1_000
_WIDTH = 23
_WORDS = {
    "started": "starts",
    "entered": "now at",
    "passed": "passes",
    "sent": "sent at",
    "lost": "lost at",
    "refused": "refused at",
    "held": "held at",
    "expired": "not sent in time at",
    "skipped": "does not start",
    "moved": "moved to another version, at",
    "goal": "GOAL",
    "stopped": "stopped",
    "ended": "ends",
}
_TIMERS = {"scenario": "time passes", "absence": "stays away"}
_COMMANDS = {"answer": "the webhook answers", "enter": "launch"}


def timeline(
    past: Iterable[Happened], playbook: Playbook, zone: str, scenario: str | None = None
) -> Iterator[str]:
    """Yield the lines; with a `scenario` only its own, beside what was heard and sent."""
    before = ""
    for turn in past:
        record = turn.record
        shown = [line for line in record.lines if scenario in {None, line.scenario}]
        timer = record.timer
        quiet = timer is not None and (scenario is not None or timer[1] in _QUIET)
        if quiet and not shown and not record.effects:
            continue
        day, time = local(record.received_at_ms, zone).strftime("%a %Y-%m-%d|%H:%M:%S").split("|")
        yield f"{day if day != before else '':14} {time.removesuffix(':00'):8} * {_what(turn)}"
        before = day
        for line in shown:
            yield f"{'':{_WIDTH}} | {_line(line, zone)}"
        for effect in record.effects:
            yield f"{'':{_WIDTH}} > {_effect(effect)}"


def closing(
    past: Iterable[Happened],
    state: CustomerState | None,
    playbook: Playbook,
    zone: str,
    scenario: str | None = None,
) -> Iterator[str]:
    """Yield how it stands at the end: who is still under way, and why nothing has begun."""
    under_way = [] if state is None else state.journeys.instances
    for each in under_way:
        if scenario in {None, each.scenario}:
            name = each.scenario + (f"[{each.key}]" if each.key else "")
            for token in each.tokens:
                until = f", until {clock_text(token.due_ms, zone)}" if token.due_ms else ""
                yield f"still under way: {name} at {token.step}{until}"
    found = playbook.scenarios_by_name.get(scenario or "")
    lines = [line for turn in past for line in turn.record.lines]
    if found is not None and not any(line.scenario == scenario for line in lines):
        yield f"{scenario} did not start. It starts on: {start_text(found)}"


def _what(turn: Happened) -> str:
    record = turn.record
    if record.event is not None:
        event = record.event
        late_ms = record.received_at_ms - record.at_ms
        told = f" (happened {span_text(late_ms)} ago)" if late_ms >= _LATE_MS else ""
        short = {k: v for k, v in event.properties.items() if not isinstance(v, list | dict)}
        values = f" {{{flat(short)}}}" if short else ""
        return f"{event.name or event.type}{values}{told}"
    if record.response is not None:
        return f"outcome: {record.response.outcome}"
    if record.timer is not None:
        return _TIMERS.get(record.timer[1], f"time: {record.timer[1]}")
    if record.command is not None:
        return _COMMANDS.get(record.command.kind, record.command.kind) + _given(
            record.command.arguments
        )
    return "-"


def _given(arguments: dict[str, Any]) -> str:
    if arguments.get("ok") is False:
        return ": failed"
    values = arguments.get("properties") or arguments.get("data")
    return f" {{{flat(values)}}}" if values else ""


def _line(line: Line, zone: str) -> str:
    name = line.scenario + (f"[{line.key}]" if line.key else "")
    word = _WORDS.get(line.what, line.what)
    text = f"{name}: {word} {line.step}".rstrip()
    if line.why:
        text += f" ({line.why})"
    if line.until_ms:
        again = "tried again " if line.what == "refused" else "until "
        text += f", {again}{clock_text(line.until_ms, zone)}"
    return text


def _effect(effect: Effect) -> str:
    if effect.action.startswith(CALL):
        return f"{effect.channel} is called{f': {flat(effect.content)}' if effect.content else ''}"
    how = {OUTBOUND: "sent by", RECORDED: "sent by others, by"}.get(effect.mode, "shown on")
    title = effect.content.get("subject") or effect.content.get("title") or ""
    return f"{effect.action} {how} {effect.channel}{f': {title}' if title else ''}"
