"""Compiles `scenarios.yaml`, once nothing is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from actors.playbook import scenario_model as model
from actors.playbook.rules import Rule
from actors.playbook.scenario_digest import digest_of
from actors.playbook.scenario_schema import (
    WEEKDAYS,
    CaseModel,
    HeardModel,
    PatternModel,
    ScenariosFile,
    SignalModel,
    StepModel,
    WaitUntilModel,
    WindowModel,
)
from actors.playbook.scenario_ways import following
from actors.playbook.source import Path
from actors.playbook.templates import Template

OFFER_FOR_MS = 86_400_000
CALL_TIMEOUT_MS = 60_000
_WITHOUT_NEXT = frozenset({"branch", "fork", "end"})
TRAITS, ATTRIBUTES = "profile.traits", "attributes"
"""Where a date can be found."""


def compile_scenarios(
    file: ScenariosFile,
    rules: Mapping[Path, Rule],
    templates: Mapping[Path, Template],
    action_index: Mapping[str, int],
) -> tuple[model.Scenario, ...]:
    """Compile a file that has no problems; rules and templates are by their paths in it."""
    return tuple(
        _Compiler(file, name, rules, templates, action_index).compile() for name in file.scenarios
    )


def hearing(scenarios: Iterable[model.Scenario]) -> dict[str, tuple[model.Scenario, ...]]:
    """Return scenarios by the keys of all signals that their starts listen to."""
    found: dict[str, list[model.Scenario]] = {}
    for scenario in scenarios:
        for key in sorted({heard.key for heard in _heard_by(scenario.start.pattern)}):
            found.setdefault(key, []).append(scenario)
    return {key: tuple(some) for key, some in found.items()}


def _heard_by(pattern: model.Pattern) -> Iterator[model.Heard]:
    for part in pattern.parts:
        yield part.heard
        yield from part.without


class _Compiler:
    """Compiles one scenario; use once."""

    def __init__(
        self,
        file: ScenariosFile,
        name: str,
        rules: Mapping[Path, Rule],
        templates: Mapping[Path, Template],
        action_index: Mapping[str, int],
    ) -> None:
        self._windows = file.windows
        self._name = name
        self._given = file.scenarios[name]
        self._path: Path = ("scenarios", name)
        self._rules = rules
        self._templates = templates
        self._index = action_index
        self._then = following(self._given.steps)

    def compile(self) -> model.Scenario:
        given = self._given
        steps = {name: self._step(name, step) for name, step in given.steps.items()}
        start = self._start()
        stops = tuple(
            self._heard(each, (*self._path, "stop", i)) for i, each in enumerate(given.stop)
        )
        goals = tuple(
            model.Goal(
                name=name,
                heard=self._heard(each, (*self._path, "goals", name)),
                goes_on=each.go_on,
            )
            for name, each in given.goals.items()
        )
        windows = self._used()
        heard = [*_heard_by(start.pattern), *stops, *(goal.heard for goal in goals)]
        for step in steps.values():
            if isinstance(step, model.Listen):
                heard += [one for case in step.cases for one in _heard_by(case.pattern)]
        return model.Scenario(
            name=self._name,
            digest=digest_of(given, windows),
            start=start,
            steps=steps,
            first=next(iter(steps)),
            keyed_by=given.keyed_by or "",
            reentry=given.reentry.how,
            limit=given.reentry.parallel,
            every_ms=given.every or 0,
            lateness_ms=given.lateness or 0,
            zone=given.timezone or "",
            stops=stops,
            goals=goals,
            moves=None if given.migrate is None else dict(given.migrate.steps),
            windows={name: _hours(name, each) for name, each in windows.items()},
            listens=frozenset(each.key for each in heard),
            description=given.description,
        )

    def _used(self) -> dict[str, WindowModel]:
        names = {
            step.wait_until.window
            for step in self._given.steps.values()
            if step.wait_until is not None and step.wait_until.window
        }
        return {name: self._windows[name] for name in sorted(names)}

    def _start(self) -> model.Start:
        given = self._given.start
        path = (*self._path, "start")
        alone = given.sequence is None and given.count is None
        asked = self._rules.get((*path, "when")) if alone or given.sequence is not None else None
        segments = given.segments or ((given.segment,) if given.segment else ())
        return model.Start(
            pattern=self._pattern(given, path, own_rule=asked is None),
            segments=tuple(segments),
            when=asked,
        )

    def _key(self, on: SignalModel) -> str:
        return on.key + self._name if on.launch else on.key

    def _heard(self, given: HeardModel, path: Path) -> model.Heard:
        return model.Heard(
            key=self._key(given.on),
            when=self._rules.get((*path, "when")),
            same_key=given.same_key is not False,
        )

    def _pattern(
        self, given: PatternModel, path: Path, *, own_rule: bool = True, same_key: bool = True
    ) -> model.Pattern:
        if given.on is not None:
            rule = self._rules.get((*path, "when")) if own_rule else None
            heard = model.Heard(key=self._key(given.on), when=rule, same_key=same_key)
            return model.Pattern(
                parts=(model.Follow(heard=heard),),
                count=given.count or 1,
                within_ms=given.within or 0,
            )
        parts = []
        for i, part in enumerate(given.sequence or ()):
            at = (*path, "sequence", i)
            parts.append(
                model.Follow(
                    heard=model.Heard(
                        key=self._key(part.on),
                        when=self._rules.get((*at, "when")),
                        same_key=same_key,
                    ),
                    within_ms=part.within or 0,
                    without=tuple(
                        self._heard(each, (*at, "without", j))
                        for j, each in enumerate(part.without)
                    ),
                )
            )
        return model.Pattern(parts=tuple(parts))

    def _case(self, given: CaseModel, path: Path, then: str) -> model.Case:
        return model.Case(
            pattern=self._pattern(given, path, same_key=given.same_key is not False),
            next=given.next or then,
            keep=tuple(given.keep.items()),
        )

    def _step(self, name: str, given: StepModel) -> model.Step:
        build = _BUILDERS[given.kinds[0]]
        common = {"name": name, "next": self._then[name], "description": given.description}
        if given.kinds[0] in _WITHOUT_NEXT:
            common["next"] = model.END
        return build(self, given, (*self._path, "steps", name), common)

    def _wait(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        return model.Wait(**common, span_ms=given.wait or 0)

    def _wait_until(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        assert given.wait_until is not None  # noqa: S101 - its kind says so
        moment = _moment(given.wait_until)
        return model.WaitUntil(**common, moment=moment, otherwise=given.otherwise or model.END)

    def _filter(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        rule = self._rules.get((*path, "filter")) or self._rules.get((*path, "filter", "when"))
        if rule is None:
            assert given.filter is not None  # noqa: S101 - its kind says so
            rule = within(given.filter.segment or "")
        return model.Filter(**common, rule=rule, otherwise=given.otherwise or model.END)

    def _propose(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        return model.Propose(
            **common,
            actions=tuple(self._index[key] for key in given.propose or given.send or ()),
            channels=None if given.channels is None else frozenset(given.channels),
            offer_for_ms=given.offer_for or OFFER_FOR_MS,
            not_sent=given.not_sent or common["next"],
            mandatory=given.send is not None,
        )

    def _set(self, _: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        return model.Update(**common, traits=self._templates[(*path, "set")])

    def _thread(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        thread = given.open or given.close
        assert thread is not None  # noqa: S101 - its kind says so
        subject = self._templates[(*path, "open" if given.open else "close")]
        opens = given.open is not None
        return model.Thread(**common, kind=thread.kind, subject=subject, opens=opens)

    def _emit(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        properties = self._templates.get((*path, "properties"), Template())
        return model.Emit(**common, event=given.emit or "", properties=properties)

    def _call(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        return model.Call(
            **common,
            channel=given.call or "",
            content=self._templates.get((*path, "content"), Template()),
            timeout_ms=given.timeout or CALL_TIMEOUT_MS,
            otherwise=given.otherwise or model.END,
            keep=tuple((given.keep or {}).items()),
        )

    def _listen(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        return model.Listen(
            **common,
            cases=tuple(
                self._case(case, (*path, "listen", i), common["next"])
                for i, case in enumerate(given.listen or ())
            ),
            timeout_ms=given.timeout or 0,
            otherwise=given.otherwise or model.END,
        )

    def _branch(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        cases = tuple(
            (self._rules[(*path, "branch", i, "when")], way.next)
            for i, way in enumerate(given.branch or ())
        )
        return model.Branch(**common, cases=cases, otherwise=given.otherwise or model.END)

    def _split(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        arms = tuple(
            model.Arm(name=name, weight=arm.weight, next=arm.next or common["next"])
            for name, arm in (given.split or {}).items()
        )
        return model.Split(**common, arms=arms)

    def _fork(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        return model.Fork(**common, branches=given.fork or (), join=str(given.join))

    def _join(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        fork = next(s for s in self._given.steps.values() if s.fork and s.join == common["name"])
        return model.Join(
            **common,
            need=needed(given, len(fork.fork or ())),
            timeout_ms=given.timeout or 0,
            otherwise=given.otherwise or model.END,
        )

    def _repeat(self, given: StepModel, path: Path, common: dict[str, Any]) -> model.Step:
        return model.Repeat(
            **common,
            back=given.repeat or "",
            times=given.times or 1,
            rule=self._rules.get((*path, "while")),
        )

    def _end(self, given: StepModel, _: Path, common: dict[str, Any]) -> model.Step:
        return model.End(**common, label=given.end or "")


_BUILDERS = {
    "wait": _Compiler._wait,
    "waitUntil": _Compiler._wait_until,
    "filter": _Compiler._filter,
    "propose": _Compiler._propose,
    "send": _Compiler._propose,
    "set": _Compiler._set,
    "open": _Compiler._thread,
    "close": _Compiler._thread,
    "emit": _Compiler._emit,
    "call": _Compiler._call,
    "listen": _Compiler._listen,
    "branch": _Compiler._branch,
    "split": _Compiler._split,
    "fork": _Compiler._fork,
    "join": _Compiler._join,
    "repeat": _Compiler._repeat,
    "end": _Compiler._end,
}


def within(segment: str) -> Rule:
    """Return the rule that a customer is in a segment."""
    return Rule(f"'{segment}' in segments")


def needed(join: StepModel, branches: int) -> int:
    """Return how many of a fork's branches a join waits for."""
    if isinstance(join.join, int):
        return join.join
    return 1 if join.join == "any" else branches


def _hours(name: str, given: WindowModel) -> model.Hours:
    return model.Hours(
        name=name,
        weekdays=_weekdays(given.weekdays),
        opens=given.opens,
        closes=given.closes,
        zone=given.timezone,
    )


def _weekdays(names: Iterable[str]) -> frozenset[int]:
    return frozenset(WEEKDAYS.index(name) for name in names)


def _moment(given: WaitUntilModel) -> model.Moment:
    if given.window is not None:
        return model.Window(name=given.window)
    if given.date is None:
        return model.Clock(minute=given.at or 0, weekdays=_weekdays(given.weekdays or ()))
    path, key = date_path(given.date)
    return model.Date(
        path=path,
        key=key,
        days=given.offset or 0,
        minute=given.at or 0,
        yearly=bool(given.yearly),
    )


def date_path(text: str) -> tuple[str, str]:
    """Return (path, key) of `profile.traits.birthday` or `attributes.last_visit`; else two empty texts."""
    for path in (TRAITS, ATTRIBUTES):
        key = text.removeprefix(f"{path}.")
        if key != text and key:
            return path, key
    return "", ""
