"""Replies about scenarios, as the OpenAPI document shows them."""

from typing_extensions import TypedDict

from actors.scenarios.graph import StepKind


class ScenarioHead(TypedDict):
    """A scenario, and how many instances of it are under way, of all its versions."""

    name: str
    description: str
    digest: str
    underWay: int


class ScenariosOut(TypedDict):
    """The active playbook's scenarios, in its order."""

    scenarios: list[ScenarioHead]


class ScenarioStep(TypedDict):
    """A step, what it does, how many wait at it, have gone on from it, and were lost there.

    At a step of the kind `end`, those who ended there have left. Ways are counted: a customer with forks, or
    with several instances, has more than one.
    """

    name: str
    kind: StepKind
    text: str
    waiting: int
    passed: int
    left: int


class ScenarioVersion(TypedDict):
    """A version that instances walk, or have walked: how many are under way, have begun, and are over."""

    digest: str
    waiting: int
    started: int
    over: int


class ScenarioOut(ScenarioHead):
    """A scenario: the steps of the version in force, and all versions that were ever walked.

    The version in force comes first. `ended` are those of its instances that ended at no step of the kind `end`.
    """

    steps: list[ScenarioStep]
    ended: int
    versions: list[ScenarioVersion]


TYPES = (ScenariosOut, ScenarioOut)
