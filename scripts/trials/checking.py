"""Runs one test of a playbook, and says what is not as expected."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actors.domain.actions import CALL, OUTBOUND, Effect
from actors.domain.events import ENTER, Command, Event, Response
from actors.domain.ids import Identity
from actors.domain.journeys import Instance
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Propose
from actors.scenarios.world import Line
from scripts.trials.cases import (
    KINDS,
    STEPS,
    Answer,
    Case,
    CasesFile,
    Customer,
    Expected,
    Given,
    yaml_name,
)
from scripts.trials.times import clock_text, span_text, time_ms
from scripts.trials.trial import Happened, Trial, trying, user_in_arms

_NARROWING = ("scenario", "key", "channel", "content", "why", "times")
_NO_WORD = "end"
"""What `ended` says of an instance that ended without a word on how."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a test ended: `failures` are sentences, none of them when it has passed."""

    name: str
    failures: tuple[str, ...]
    past: tuple[Happened, ...]
    timezone: str
    scenario: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, or the call of a webhook, and the instance that sent it as its line tells.

    `scenario` is None for what a trigger has sent.
    """

    effect: Effect
    scenario: str | None
    key: str


async def run_case(name: str, case: Case, file: CasesFile, playbook: Playbook) -> Verdict:
    """Let happen what is given, wait until the end, and compare."""
    customer = case.customer or file.customer
    zone = customer.timezone or playbook.timezone
    start_ms = time_ms(case.start or file.start, zone)
    if customer.arms and file.scenario is not None:
        user = user_in_arms(customer.user_id, customer.arms, file.scenario, playbook)
        customer = customer.model_copy(update={"user_id": user})
    answers: dict[str, Answer] = {**file.answers, **case.answers}
    given = _in_order(case, start_ms, zone)
    end_ms = max([_instant(case.until, start_ms, zone), *(at_ms for at_ms, _ in given)])
    async with trying(playbook, start_ms, answers) as trial:
        await trial.tell(_hello(customer, start_ms))
        for i, (at_ms, each) in enumerate(given):
            await trial.advance(at_ms)
            item = await _item(trial, each, customer.user_id, f"given-{i}", (at_ms, start_ms), zone)
            if item is not None:
                await trial.tell(item)
        await trial.advance(end_ms)
        past, state = await trial.past(), await trial.state()
    judge = Judge(case, file.scenario, past, state, start_ms, zone, playbook)
    return Verdict(name, (*trial.refusals, *judge.failures()), tuple(past), zone, file.scenario)


def _in_order(case: Case, start_ms: int, zone: str) -> list[tuple[int, Given]]:
    """Return what is given with its instants, repetitions told one by one."""
    found = []
    for given in case.given:
        first_ms = _instant(given.at or given.after or 0, start_ms, zone)
        found += [(first_ms + i * (given.every or 0), given) for i in range(given.times)]
    return sorted(found, key=lambda each: each[0])


def _instant(when: int | datetime, start_ms: int, zone: str) -> int:
    return time_ms(when, zone) if isinstance(when, datetime) else start_ms + when


def _hello(customer: Customer, at_ms: int) -> Event:
    context: dict[str, object] = {"consent": {"categoryPreferences": dict(customer.consent)}}
    if customer.timezone:
        context["timezone"] = customer.timezone
    if customer.locale:
        context["locale"] = customer.locale
    return Event(
        message_id="hello",
        type="identify",
        identities=(Identity("user", customer.user_id),),
        channel="web",
        traits=dict(customer.traits),
        context=context,
        at_ms=at_ms,
    )


async def _item(
    trial: Trial, given: Given, user_id: str, message_id: str, times: tuple[int, int], zone: str
) -> Event | Response | Command | None:
    """Return what is given as the system takes it; `times` are now and the start."""
    now_ms, start_ms = times
    if given.launch is not None:
        arguments = {
            "scenario": given.launch,
            "launch": message_id,
            "data": dict(given.properties),
        }
        return Command(message_id=message_id, kind=ENTER, arguments=arguments)
    if given.outcome is not None:
        return await trial.response(given.outcome, given.action, message_id)
    happened_ms = now_ms
    if given.happened is not None:
        happened_ms = _instant(given.happened, start_ms, zone)
    context = {"consent": {"categoryPreferences": dict(given.consent)}} if given.consent else {}
    return Event(
        message_id=message_id,
        type=given.type or "track",
        name=given.event or "",
        identities=(Identity("user", user_id),),
        channel=given.channel,
        properties=dict(given.properties),
        traits=dict(given.traits),
        context=context,
        at_ms=happened_ms,
    )


class Judge:
    """Compares what happened with what was expected. Use once."""

    def __init__(
        self,
        case: Case,
        scenario: str | None,
        past: list[Happened],
        state: CustomerState | None,
        start_ms: int,
        zone: str,
        playbook: Playbook,
    ) -> None:
        self._case = case
        self._scenario = scenario
        self._state = state
        self._start_ms = start_ms
        self._zone = zone
        every = [each for turn in past for each in sent_in(turn, playbook)]
        self._calls = [each for each in every if each.effect.action.startswith(CALL)]
        self._sent = [each for each in every if not each.effect.action.startswith(CALL)]
        self._lines = [(turn.record, line) for turn in past for line in turn.record.lines]
        self._taken: set[int] = set()

    def failures(self) -> Iterator[str]:
        """Yield a sentence for everything that is not as expected, in the order of the file."""
        for expected in self._case.expect:
            if not self._met(expected):
                yield f"expected {self._said(expected)}; {self._instead(expected)}"
        if not self._case.exactly:
            return
        for each in self._sent:
            mine = each.scenario is not None and self._scenario in {None, each.scenario}
            if mine and id(each) not in self._taken:
                yield f"not expected: {self._message(each)}"

    def _met(self, expected: Expected) -> bool:
        kind = expected.kind
        if kind == "trait":
            return self._has_trait(expected)
        if kind == "waiting":
            return any(
                t.step == expected.waiting for i in self._instances(expected) for t in i.tokens
            )
        if kind == "under_way":
            return len(self._instances(expected)) == expected.under_way
        if kind in {"sent", "not_sent"}:
            return self._sends(expected)
        if kind == "called":
            found = sum(self._fits(expected, each) for each in self._calls)
        else:
            found = sum(self._tells(expected, at_ms, line) for at_ms, line in self._told())
        return found == expected.times if expected.times is not None else found > 0

    def _has_trait(self, expected: Expected) -> bool:
        traits: dict[str, Any] = {} if self._state is None else self._state.profile.traits
        if expected.trait not in traits:
            return False
        found, wanted = traits[expected.trait], expected.is_
        if "is_" not in expected.model_fields_set:
            return True
        return bool(found == wanted) and isinstance(found, bool) is isinstance(wanted, bool)

    def _sends(self, expected: Expected) -> bool:
        found = [each for each in self._sent if self._fits(expected, each)]
        if expected.kind == "not_sent":
            return not found
        if expected.times is not None:
            self._taken.update(map(id, found))
            return len(found) == expected.times
        left = [each for each in found if id(each) not in self._taken]
        self._taken.update(map(id, left[:1]))
        return bool(left)

    def _fits(self, expected: Expected, each: Sent) -> bool:
        effect = each.effect
        if expected.called is not None:
            is_it = effect.channel == expected.called
        else:
            is_it = effect.action == (expected.sent or expected.not_sent)
        return (
            is_it
            and expected.scenario in {None, each.scenario}
            and expected.key in {None, each.key}
            and expected.channel in {None, effect.channel}
            and (expected.content or {}).items() <= effect.content.items()
            and self._timely(expected, effect.at_ms)
        )

    def _told(self) -> Iterator[tuple[int, Line]]:
        return ((record.received_at_ms, line) for record, line in self._lines)

    def _tells(self, expected: Expected, at_ms: int, line: Line) -> bool:
        kind = expected.kind
        word = getattr(expected, kind)
        named = line.step if kind in STEPS else line.why
        if kind == "ended":
            named = named or _NO_WORD
        return (
            line.what == kind
            and named == word
            and (expected.scenario or self._scenario) in {None, line.scenario}
            and expected.key in {None, line.key}
            and (expected.why is None or expected.why in line.why)
            and self._timely(expected, at_ms)
        )

    def _timely(self, expected: Expected, at_ms: int) -> bool:
        if expected.between is not None:
            first, last = [_instant(each, self._start_ms, self._zone) for each in expected.between]
            return first <= at_ms <= last
        when = expected.after if expected.at is None else expected.at
        return when is None or _instant(when, self._start_ms, self._zone) == at_ms

    def _instances(self, expected: Expected) -> list[Instance]:
        scenario = expected.scenario or self._scenario
        instances = [] if self._state is None else self._state.journeys.instances
        return [
            each
            for each in instances
            if scenario in {None, each.scenario} and expected.key in {None, each.key}
        ]

    def _said(self, expected: Expected) -> str:
        kind = expected.kind
        text = f"{yaml_name(kind)} {getattr(expected, kind)!r}"
        values = [(name, getattr(expected, name)) for name in _NARROWING]
        parts = [f"{name} {value!r}" for name, value in values if value is not None]
        if "is_" in expected.model_fields_set:
            parts.append(f"is {expected.is_!r}")
        times = [expected.after if expected.at is None else expected.at]
        for word, each in zip(("from", "to"), expected.between or (), strict=False):
            parts.append(f"{word} {self._time(_instant(each, self._start_ms, self._zone))}")
        if times[0] is not None:
            parts.append(f"at {self._time(_instant(times[0], self._start_ms, self._zone))}")
        return ", ".join([text, *parts])

    def _instead(self, expected: Expected) -> str:
        kind, scenario = expected.kind, expected.scenario or self._scenario
        found: list[str] = []
        if kind == "trait":
            traits = {} if self._state is None else self._state.profile.traits
            found = [f"{name}: {value!r}" for name, value in traits.items()]
        elif kind in {"waiting", "under_way"}:
            found = [
                f"{each.scenario}{f' [{each.key}]' if each.key else ''} at {token.step}"
                for each in self._instances(expected)
                for token in each.tokens
            ]
        elif kind in {"sent", "not_sent", "called"}:
            every = self._calls if kind == "called" else self._sent
            found = [self._message(each) for each in every]
        else:
            for at_ms, line in self._told():
                if line.what == kind and scenario in {None, line.scenario}:
                    named = f"{line.step} ({line.why})" if kind in STEPS and line.why else line.step
                    word = named if kind in STEPS else line.why or _NO_WORD
                    found.append(
                        f"{word}{f' [{line.key}]' if line.key else ''} at {self._time(at_ms)}"
                    )
        return (
            f"found: {'; '.join(found)}" if found else f"found nothing {_NOTHING.get(kind, kind)}"
        )

    def _message(self, each: Sent) -> str:
        effect = each.effect
        key = f" [{each.key}]" if each.key else ""
        return f"{effect.action}{key} by {effect.channel} at {self._time(effect.at_ms)}"

    def _time(self, at_ms: int) -> str:
        after = "" if at_ms < self._start_ms else f" (after {span_text(at_ms - self._start_ms)})"
        return f"{clock_text(at_ms, self._zone)}{after}"


_NOTHING = {"not_sent": "sent", "under_way": "under way", "waiting": "under way", "trait": "known"}
if set(STEPS) - set(KINDS):
    raise AssertionError("steps are expected that are none of the kinds")


def sent_in(turn: Happened, playbook: Playbook) -> Iterator[Sent]:
    """Yield what a turn has sent, each with the line of the instance that sent it.

    A turn's lines and effects are written apart: of the effects that the line's step can have sent,
    the first that no earlier line has sent is its own.
    """
    effects = [each for each in turn.record.effects if each.mode == OUTBOUND]
    senders: dict[int, Line] = {}
    for line in turn.record.lines:
        if line.what not in {"sent", "entered"}:
            continue
        scenario = playbook.scenarios_by_name.get(line.scenario)
        step = None if scenario is None else scenario.steps.get(line.step)
        call = f"{CALL}{line.scenario}/{line.step}"
        actions = {call} if line.what == "entered" else set()
        channels = None
        if isinstance(step, Propose) and line.what == "sent":
            actions = {playbook.actions[index].key for index in step.actions}
            channels = step.channels
        for effect in effects:
            possible = effect.action in actions and effect.channel in (channels or {effect.channel})
            if possible and effect.n not in senders:
                senders[effect.n] = line
                break
    for effect in effects:
        sender = senders.get(effect.n)
        yield Sent(effect, sender and sender.scenario, sender.key if sender else "")
