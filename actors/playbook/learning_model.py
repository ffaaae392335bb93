"""What the core uses of `models.yaml`: which model scores an action, and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.playbook.rules import Rule

NUMBER = "number"
FLAG = "flag"
CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing that models may be told of a customer at a decision.

    It is the catalogue's field `path`, looked into by `key` where that is a map, or whether `rule` holds. A number is
    cut to [`low`, `high`], then ln(1 + x) of it taken when `log` is set, then divided by `scale`; what is
    no finite number is `default`. A category is one column for each of `values`, and anything else none of them.
    """

    name: str
    type: str
    unit: str = ""
    path: str = ""
    key: str = ""
    rule: Rule | None = None
    values: tuple[str, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    log: bool = False
    scale: float = 1.0
    default: float = 0.0
    description: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a feature row, in order."""
        if self.type == CATEGORY:
            return tuple(f"{self.name}={value}" for value in self.values)
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRules:
    """A model. `half_life` is in lessons, 0 for never; `width` in standard errors.

    `digest` differs whenever a row of features would mean something else, or be learned otherwise.
    """

    name: str
    kind: str
    digest: str
    features: tuple[Feature, ...] = ()
    half_life: float = 0.0
    width: float = 0.5
    description: str = ""

    @property
    def key(self) -> str:
        """What rows name the model by: state of one definition is never used for another."""
        return f"{self.name}@{self.digest}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a row."""
        return tuple(column for each in self.features for column in each.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column whether it is a number, or else 0 or 1."""
        return tuple(each.type == NUMBER for each in self.features for _ in each.columns)


@dataclass(frozen=True, slots=True)
class Learning:
    """All models in the order of the file, and by the index of an action the one that scores it.

    An action without one is scored by counts alone, as all are without a `models.yaml`.
    """

    models: tuple[ModelRules, ...] = ()
    by_action: Mapping[int, ModelRules] = field(default_factory=dict)

    @property
    def used(self) -> tuple[Feature, ...]:
        """The features of models that score some action, each once, in the order of first use."""
        scoring = {model.name for model in self.by_action.values()}
        found = {
            each.name: each
            for model in self.models
            if model.name in scoring
            for each in model.features
        }
        return tuple(found.values())


NO_MODELS = Learning()
