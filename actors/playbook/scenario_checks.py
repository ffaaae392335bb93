"""Checks of `scenarios.yaml`: what goes together, and that every name is one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from actors.playbook.attribute_model import Attributes
from actors.playbook.crosscheck import lasting_segment
from actors.playbook.hints import expected
from actors.playbook.scenario_compiler import ATTRIBUTES, date_path
from actors.playbook.scenario_flow import check_flow
from actors.playbook.scenario_model import END, QUEUE
from actors.playbook.scenario_schema import (
    KINDS,
    CaseModel,
    PatternModel,
    ScenarioModel,
    ScenariosFile,
    SignalModel,
    StartModel,
    StepModel,
    WaitUntilModel,
    alias_of,
)
from actors.playbook.schema import ActionsFile, PlaybookFile
from actors.playbook.source import Document, Path

_WHERE_TO = frozenset({"next", "otherwise"})
_OFFER = frozenset({"next", "channels", "offerFor", "notSent"})
_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "wait": (frozenset(), frozenset({"next"})),
    "waitUntil": (frozenset(), _WHERE_TO),
    "filter": (frozenset(), _WHERE_TO),
    "propose": (frozenset(), _OFFER),
    "send": (frozenset(), _OFFER),
    "set": (frozenset(), frozenset({"next"})),
    "open": (frozenset(), frozenset({"next"})),
    "close": (frozenset(), frozenset({"next"})),
    "emit": (frozenset(), frozenset({"next", "properties"})),
    "call": (frozenset(), _WHERE_TO | {"content", "timeout", "keep"}),
    "listen": (frozenset(), _WHERE_TO | {"timeout"}),
    "branch": (frozenset(), frozenset({"otherwise"})),
    "split": (frozenset(), frozenset({"next"})),
    "fork": (frozenset({"join"}), frozenset({"join"})),
    "join": (frozenset(), _WHERE_TO | {"timeout"}),
    "repeat": (frozenset({"times"}), frozenset({"next", "times", "while"})),
    "end": (frozenset(), frozenset()),
}
"""By kind, the fields that it needs and all those that it may have beside its own."""


def check_scenarios(
    documents: Mapping[str, Document], models: Mapping[str, Any], attributes: Attributes
) -> None:
    """Report what is wrong with the scenarios, in their document.

    A model that is None stands for a file that has problems already.
    """
    file: ScenariosFile | None = models["scenarios.yaml"]
    if file is None:
        return
    for name, scenario in file.scenarios.items():
        _Checker(documents, models, attributes, file, name, scenario).check()


@dataclass(frozen=True, slots=True)
class _Checker:
    documents: Mapping[str, Document]
    models: Mapping[str, Any]
    attributes: Attributes
    file: ScenariosFile
    name: str
    scenario: ScenarioModel

    @property
    def document(self) -> Document:
        return self.documents["scenarios.yaml"]

    def tell(self, path: Path, text: str, *, key: bool = False) -> None:
        where = ("scenarios", self.name, *path)
        place = self.document.key_place(where) if key else self.document.place(where)
        self.document.report(place, text)

    def known(self, path: Path, name: str, what: str, names: Collection[str] | None) -> bool:
        if names is None or name in names:
            return True
        self.tell(path, f"unknown {what} {name!r}{expected(name, names)}")
        return False

    def check(self) -> None:
        problems = len(self.document.problems)
        scenario = self.scenario
        self._start(scenario.start)
        self._entering()
        for i, stop in enumerate(scenario.stop):
            self._heard(("stop", i), stop.on, same_key=stop.same_key)
        for name, goal in scenario.goals.items():
            self._heard(("goals", name), goal.on, same_key=goal.same_key)
        for old, new in (scenario.migrate.steps if scenario.migrate else {}).items():
            self.known(("migrate", "steps", old), new, "step", scenario.steps)
        for name, step in scenario.steps.items():
            self._step(name, step)
        if len(self.document.problems) == problems:
            check_flow(self.document, ("scenarios", self.name, "steps"), scenario.steps)

    def _entering(self) -> None:
        scenario, start = self.scenario, self.scenario.start
        signals = [start.on] if start.on else [part.on for part in start.sequence or ()]
        keyless = not any(each.has_properties or each.outcome for each in signals)
        if scenario.keyed_by and keyless:
            what = signals[0].key.partition(":")[0] if signals else "nothing"
            text = f"'keyedBy' with a start on {what!r}, expected a start on an event: its key is a property"
            self.tell(("keyedBy",), text, key=True)
        if scenario.every is not None and scenario.reentry.how == QUEUE:
            text = "'every' with 'reentry: queue', expected one of them: what waits starts at once"
            self.tell(("every",), text, key=True)

    def _start(self, start: StartModel) -> None:
        path: Path = ("start",)
        self._pattern(path, start, at_start=True)
        if start.segment is not None and start.segments is not None:
            self.tell((*path, "segments"), "'segments' beside 'segment', expected one", key=True)
        segments = self.documents["segments.yaml"].names("segments")
        if start.segment is not None:
            self.known((*path, "segment"), start.segment, "segment", segments)
        self._list((*path, "segments"), start.segments or (), "segment", segments)

    def _list(
        self, path: Path, names: Iterable[str], what: str, known: Collection[str] | None
    ) -> None:
        seen: set[str] = set()
        for i, name in enumerate(names):
            if self.known((*path, i), name, what, known) and name in seen:
                self.tell((*path, i), f"{what} {name!r} is listed twice")
            seen.add(name)

    def _pattern(self, path: Path, pattern: PatternModel, *, at_start: bool = False) -> None:
        """Check one that may be `on` with a count, or a sequence."""
        if (pattern.on is None) == (pattern.sequence is None):
            self.tell(path, "expected 'on' or 'sequence', one of them")
            return
        if pattern.within is not None and pattern.count is None:
            text = "'within' without 'count', expected how many are counted"
            self.tell((*path, "within"), text, key=True)
        same_key = pattern.same_key if isinstance(pattern, CaseModel) else None
        if pattern.on is not None:
            self._heard(path, pattern.on, same_key=same_key, at_start=at_start)
            if pattern.on.launch and pattern.count is not None:
                text = "'count' with 'on: launch', expected one launch to start it"
                self.tell((*path, "count"), text, key=True)
            return
        self._sequence(path, pattern, same_key=same_key, at_start=at_start)

    def _sequence(
        self, path: Path, pattern: PatternModel, *, same_key: bool | None, at_start: bool
    ) -> None:
        parts = pattern.sequence or ()
        if pattern.count is not None:
            text = "'count' with 'sequence', expected one of them"
            self.tell((*path, "count"), text, key=True)
        if pattern.when is not None and not at_start:
            text = "'when' with 'sequence', expected one in each part that needs it"
            self.tell((*path, "when"), text, key=True)
        if len(parts) < 2:
            text = f"a sequence of {len(parts)}, expected two parts or more; for one use 'on'"
            self.tell((*path, "sequence"), text)
        elif len({(part.on.key, part.when) for part in parts}) == 1:
            text = "all parts of the sequence are the same, expected 'count' for that"
            self.tell((*path, "sequence"), text)
        for i, part in enumerate(parts):
            at = (*path, "sequence", i)
            self._heard(at, part.on, same_key=same_key, at_start=at_start, alone=False)
            for j, each in enumerate(part.without):
                where = (*at, "without", j)
                self._heard(where, each.on, same_key=each.same_key, at_start=at_start, alone=False)
            for field, value in (("within", part.within), ("without", part.without)):
                if i == 0 and value:
                    text = f"{field!r} in the first part, expected it in a later one"
                    self.tell((*at, field), text, key=True)

    def _heard(
        self,
        path: Path,
        on: SignalModel,
        *,
        same_key: bool | None,
        at_start: bool = False,
        alone: bool = True,
    ) -> None:
        where = (*path, "on")
        if on.launch and not (at_start and alone):
            self.tell(where, "'launch' can only start a scenario, expected something that happens")
        if on.outcome is not None and at_start:
            text = "nothing is sent before the start, expected an outcome in steps, stops and goals"
            self.tell(where, text)
        if on.segment:
            problem = lasting_segment(self.documents["segments.yaml"], on.segment)
            if problem:
                self.tell(where, problem)
        if same_key is not None and not self.scenario.keyed_by:
            text = "'sameKey' without 'keyedBy', expected the property that is the key"
            self.tell((*path, "sameKey"), text, key=True)

    def _step(self, name: str, step: StepModel) -> None:
        path: Path = ("steps", name)
        if name == END:
            self.tell(path, f"found a step {END!r}, expected a name of its own", key=True)
            return
        if len(step.kinds) != 1:
            found = " and ".join(map(repr, step.kinds)) or "none"
            text = f"step {name!r}: found {found}, expected one of {', '.join(KINDS)}"
            self.tell(path, text, key=True)
            return
        kind = step.kinds[0]
        needed, allowed = _FIELDS[kind]
        given = {alias_of(each) for each in step.model_fields_set} - {"description", kind}
        for field in sorted(needed - given):
            self.tell(path, f"missing field {field!r}, expected by {kind!r}", key=True)
        for field in sorted(given - allowed):
            text = f"{field!r} with {kind!r}{expected(field, allowed)}"
            self.tell((*path, field), text, key=True)
        self._kind(path, kind, step)

    def _kind(self, path: Path, kind: str, step: StepModel) -> None:
        if kind == "waitUntil" and step.wait_until is not None:
            self._moment(path, step.wait_until, step)
        elif kind == "filter" and step.filter is not None and step.filter.segment is not None:
            segments = self.documents["segments.yaml"].names("segments")
            self.known((*path, "filter", "segment"), step.filter.segment, "segment", segments)
        elif kind in {"propose", "send"}:
            self._offer((*path, kind), step.propose or step.send or (), step)
        elif kind == "call":
            self._call(path, step)
        elif kind == "listen":
            for i, case in enumerate(step.listen or ()):
                self._pattern((*path, "listen", i), case)
            if step.otherwise is not None and step.timeout is None:
                text = "'otherwise' without 'timeout', expected how long it listens"
                self.tell((*path, "otherwise"), text, key=True)
        elif kind == "split" and len(step.split or ()) < 2:
            self.tell((*path, "split"), "found less than two arms, expected two or more")
        if kind in {"listen", "branch"} and not (step.listen or step.branch):
            self.tell((*path, kind), "found no cases, expected one or more")

    def _moment(self, path: Path, moment: WaitUntilModel, step: StepModel) -> None:
        path = (*path, "waitUntil")
        given = {type(moment).model_fields[each].alias or each for each in moment.model_fields_set}
        kind = "window" if "window" in given else "date" if "date" in given else "at"
        allowed = {
            "window": {"window"},
            "date": {"date", "offset", "at", "yearly"},
            "at": {"at", "weekdays"},
        }[kind]
        for field in sorted(given - allowed):
            text = f"{field!r} with {kind!r}{expected(field, allowed)}"
            self.tell((*path, field), text, key=True)
        if kind not in given:
            self.tell(path, "expected 'at', 'date' or 'window'")
        if kind != "date" and step.otherwise is not None:
            text = f"'otherwise' with {kind!r}, which always comes; expected it with 'date' alone"
            self.tell((*path[:-1], "otherwise"), text, key=True)
        if moment.window is not None:
            self.known((*path, "window"), moment.window, "window", self.file.windows)
        if moment.date is not None:
            self._date((*path, "date"), moment.date)

    def _date(self, path: Path, text: str) -> None:
        where, key = date_path(text)
        if not key:
            told = f"found {text!r}, expected profile.traits.NAME or attributes.NAME"
            self.tell(path, told)
        elif where == ATTRIBUTES and self.models["attributes.yaml"] is not None:
            if self.documents["attributes.yaml"].problems:
                return
            dates = {each.name for each in self.attributes.declared if each.type == "string"}
            declared = {each.name for each in self.attributes.declared}
            if key in declared and key not in dates:
                told = f"attribute {key!r} is a number, expected a text that is a date"
                self.tell(path, told)
            else:
                self.known(path, key, "attribute", dates)

    def _offer(self, path: Path, actions: tuple[str, ...], step: StepModel) -> None:
        known = self.documents["actions.yaml"].names("actions")
        channels = self.documents["playbook.yaml"].names("channels")
        self._list(path, actions, "action", known)
        self._list((*path[:-1], "channels"), step.channels or (), "channel", channels)
        file: ActionsFile | None = self.models["actions.yaml"]
        for i, key in enumerate(actions):
            action = file.actions.get(key) if file is not None else None
            if action is None:
                continue
            reached = {name for name, each in action.treatments.items() if each.outbound}
            asked = set(step.channels or ())
            if channels is not None and not asked <= channels:
                continue
            if not (reached & asked if asked else reached):
                where = "" if step.channels is None else " on its channels"
                self.tell(
                    (*path, i), f"action {key!r} has no treatment with 'outbound: true'{where}"
                )
            elif step.send is not None and action.purpose == "marketing":
                text = (
                    f"action {key!r} is of purpose 'marketing', expected a message that is due,"
                    " such as 'service': contact caps do not hold what is sent; propose it"
                )
                self.tell((*path, i), text)

    def _call(self, path: Path, step: StepModel) -> None:
        book: PlaybookFile | None = self.models["playbook.yaml"]
        if book is None or step.call is None:
            return
        at = (*path, "call")
        if self.known(at, step.call, "channel", book.channels) and not (
            book.channels[step.call].outbound
        ):
            self.tell(
                at,
                f"channel {step.call!r} cannot be written to, expected one with"
                " 'outbound: true' in playbook.yaml",
            )
