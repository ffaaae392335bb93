"""Reads files of tests, and checks the names in them against the playbook."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from actors.domain.errors import PlaybookError
from actors.playbook.hints import expected
from actors.playbook.model import Playbook
from actors.playbook.problems import validate
from actors.playbook.scenario_model import LAUNCH, Call, Scenario, Split, Step
from actors.playbook.source import Document, parse
from actors.playbook.source import Path as Place
from scripts.trials.cases import STEPS, CasesFile, Customer, Expected, Given, yaml_name

FOLDER = "tests"
_SUFFIXES = (".yaml", ".yml")


def files_in(folder: Path) -> dict[str, str]:
    """Return the YAML files of a folder by name; none if there is no such folder."""
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def read_cases(files: Mapping[str, str], playbook: Playbook) -> dict[str, CasesFile]:
    """Read test files; the result is by name without the suffix.

    Raises:
        PlaybookError: With every problem as file:line:column.
    """
    problems: list[str] = []
    found: dict[str, CasesFile] = {}
    for name, text in sorted(files.items()):
        document = parse(f"{FOLDER}/{name}", text)
        cases = None if document.problems else validate(document, CasesFile)
        if isinstance(cases, CasesFile):
            _Names(document, playbook).check(cases)
            found[name.rpartition(".")[0]] = cases
        problems += map(str, sorted(document.problems))
    if problems:
        raise PlaybookError(tuple(dict.fromkeys(problems)))
    return found


class _Names:
    """Looks for names that the playbook does not have. Events are free: anything may happen."""

    def __init__(self, document: Document, playbook: Playbook) -> None:
        self._document = document
        self._playbook = playbook
        self._actions = [action.key for action in playbook.actions]
        self._channels = {name for action in playbook.actions for name in action.treatments}
        self._called = {
            step.channel
            for scenario in playbook.scenarios
            for step in scenario.steps.values()
            if isinstance(step, Call)
        }

    def check(self, file: CasesFile) -> None:
        """Report unknown names to the document."""
        self._scenario(file.scenario, ("scenario",))
        self._customer(file.customer, file.scenario, ("customer",))
        self._answers(file.answers, ("answers",))
        for name, case in file.tests.items():
            place: Place = ("tests", name)
            if case.customer is not None:
                self._customer(case.customer, file.scenario, (*place, "customer"))
            self._answers(case.answers, (*place, "answers"))
            for i, given in enumerate(case.given):
                self._given(given, (*place, "given", i))
            for i, each in enumerate(case.expect):
                self._expected(each, file.scenario, (*place, "expect", i))

    def _customer(self, customer: Customer, scenario: str | None, place: Place) -> None:
        steps = self._steps(scenario)
        splits = {name: step for name, step in steps.items() if isinstance(step, Split)}
        for name, arm in customer.arms.items():
            here = (*place, "arms", name)
            if self._known("split", name, splits, here):
                self._known("arm", arm, [each.name for each in splits[name].arms], here)

    def _answers(self, answers: Iterable[str], place: Place) -> None:
        for name in answers:
            self._known("channel of a call", name, self._called, (*place, name))

    def _given(self, given: Given, place: Place) -> None:
        if given.action is not None:
            self._known("action", given.action, self._actions, (*place, "action"))
        if given.launch is not None:
            launched = [s.name for s in self._playbook.scenarios if LAUNCH + s.name in s.listens]
            self._known("scenario to launch", given.launch, launched, (*place, "launch"))

    def _expected(self, each: Expected, scenario: str | None, place: Place) -> None:
        self._scenario(each.scenario, (*place, "scenario"))
        within = each.scenario or scenario
        goals = [g.name for s in self._scenarios(within) for g in s.goals]
        steps = self._steps(within)
        for field, what, known in (
            ("sent", "action", self._actions),
            ("not_sent", "action", self._actions),
            ("channel", "channel", self._channels),
            ("called", "channel of a call", self._called),
            ("goal", "goal", goals),
            *((field, "step", steps) for field in STEPS),
        ):
            name = getattr(each, field)
            if name is not None:
                self._known(what, name, known, (*place, yaml_name(field)))

    def _scenarios(self, name: str | None) -> list[Scenario]:
        return [each for each in self._playbook.scenarios if name in {None, each.name}]

    def _steps(self, scenario: str | None) -> dict[str, Step]:
        return {name: step for s in self._scenarios(scenario) for name, step in s.steps.items()}

    def _scenario(self, name: str | None, place: Place) -> None:
        if name is not None:
            self._known("scenario", name, self._playbook.scenarios_by_name, place)

    def _known(self, what: str, name: str, known: Iterable[str], place: Place) -> bool:
        names = list(known)
        if name in names:
            return True
        text = f"unknown {what} {name!r}{expected(name, names)}"
        self._document.report(self._document.place(place), text)
        return False
