"""The ways through a scenario as its file has them: which step leads to which, written where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from actors.playbook.scenario_model import END
from actors.playbook.scenario_schema import StepModel
from actors.playbook.source import Path


@dataclass(frozen=True, slots=True)
class Way:
    """From one step to another. `path` is where it is written in the step, empty when it is not."""

    start: str
    target: str
    path: Path = ()
    back: bool = False


Ways = Mapping[str, tuple[Way, ...]]
"""By step, in the order of the file."""


def following(steps: Mapping[str, StepModel]) -> dict[str, str]:
    """Return where each step goes on: what it says, else the step written next, else `END`."""
    names = list(steps)
    after = dict(zip(names, [*names[1:], END], strict=True))
    return {name: step.next or after[name] for name, step in steps.items()}


def ways_of(steps: Mapping[str, StepModel]) -> Ways:
    """Return all ways; those to `END` too, and those to steps that do not exist."""
    then = following(steps)
    return {
        name: tuple(
            Way(name, target, path, back=path == ("repeat",))
            for path, target in _written(step, then[name])
        )
        for name, step in steps.items()
    }


def _written(step: StepModel, then: str) -> Iterator[tuple[Path, str]]:
    kind = step.kinds[0] if step.kinds else ""
    onward: tuple[Path, str] = (("next",) if step.next else (), then)
    if kind in {"listen", "branch", "split", "fork"}:
        yield from _several(step, onward)
    elif kind != "end":
        yield onward
    if kind in {"waitUntil", "filter", "call", "join", "branch"} or step.timeout:
        yield from _otherwise(step)
    elif kind in {"propose", "send"} and step.not_sent:
        yield ("notSent",), step.not_sent
    elif kind == "repeat" and step.repeat:
        yield ("repeat",), step.repeat


def _several(step: StepModel, onward: tuple[Path, str]) -> Iterator[tuple[Path, str]]:
    for i, case in enumerate(step.listen or ()):
        yield (("listen", i, "next"), case.next) if case.next else onward
    for i, way in enumerate(step.branch or ()):
        yield ("branch", i, "next"), way.next
    for name, arm in (step.split or {}).items():
        yield (("split", name, "next"), arm.next) if arm.next else onward
    for i, branch in enumerate(step.fork or ()):
        yield ("fork", i), branch


def _otherwise(step: StepModel) -> Iterator[tuple[Path, str]]:
    yield (("otherwise",), step.otherwise) if step.otherwise else ((), END)
