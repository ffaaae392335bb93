"""Replies about experiments, as the OpenAPI document shows them."""

from typing_extensions import TypedDict


class ExperimentArm(TypedDict):
    """An arm: its share of those in the experiment, and what it changes."""

    name: str
    share: float
    hold: bool
    actions: list[str] | None
    policy: str


class ExperimentHead(TypedDict):
    """An experiment of the active playbook; `within` names the one that it divides the remainder of."""

    name: str
    kind: str
    description: str
    control: str
    within: str | None
    arms: list[ExperimentArm]


class ExperimentsOut(TypedDict):
    """All of them, outer ones first."""

    experiments: list[ExperimentHead]


class ExperimentOutcome(TypedDict):
    """One outcome over the customers of an arm whose horizon has passed; `se` is the mean's."""

    mean: float
    sum: float
    se: float


class ExperimentArmResult(TypedDict):
    """Who reached the experiment in an arm; `complete` are those of them whose outcomes count."""

    name: str
    share: float
    reached: int
    complete: int
    outcomes: dict[str, ExperimentOutcome]


class AnytimeResult(TypedDict):
    """An interval and a p-value that hold however often one looks."""

    low: float
    high: float
    p: float


class ExperimentDifference(TypedDict):
    """An arm minus the control: standard error, 95 % interval, z and p for one look planned beforehand."""

    arm: str
    control: str
    outcome: str
    difference: float
    se: float
    low: float
    high: float
    z: float
    p: float
    anytime: AnytimeResult | None


class SampleRatio(TypedDict):
    """Whether arms have the sizes that they should; when `flagged`, trust no difference."""

    chi2: float
    degrees: int
    p: float
    threshold: float
    flagged: bool


class ExperimentOut(TypedDict):
    """The report of an experiment, by intention to treat from the turn that first reached it.

    `behind` says that the journal goes on: ask again. `capped` says that more customers reached it than
    are counted, `unreadable` how many turns were forgotten or erased.
    """

    name: str
    kind: str
    description: str
    control: str
    within: str | None
    horizonSeconds: int
    asOf: str
    arms: list[ExperimentArmResult]
    differences: list[ExperimentDifference]
    sampleRatio: SampleRatio | None
    mergedAcrossArms: int
    unknownArm: int
    behind: bool
    capped: bool
    unreadable: int


TYPES = (ExperimentsOut, ExperimentOut)
