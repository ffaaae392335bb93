"""Bodies and replies about models, as the OpenAPI document shows them."""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)

Kind = Literal["beta", "logistic", "linucb", "lints"]


class Recent(TypedDict):
    """How well the last lessons were predicted, each before it was learned. `logLoss` is in nats."""

    labels: int
    rate: float
    auc: float
    logLoss: float


class Reliability(TypedDict):
    """Labels for which about the same was predicted: what that was on average, and what was taken."""

    predicted: float
    taken: float
    labels: int


class Figures(Recent):
    """The same of more lessons, with what was predicted beside what was taken, from low to high."""

    reliability: list[Reliability]


class PlaceFigures(Figures):
    """The same of one channel and tier."""

    channel: str
    tier: str


class Drift(TypedDict):
    """Whether the recent log-loss departs from the one before by 4 standard errors or more; `z` of them."""

    told: bool
    z: float


class ModelHead(TypedDict):
    """A model: `key` names its definition, `version` is its newest, `pinned` the one that answers instead."""

    name: str
    key: str
    kind: Kind
    lessons: int
    version: int
    pinned: NotRequired[int]
    recent: Recent
    drift: Drift


class ModelsOut(TypedDict):
    """All models as of their last checkpoint, which holds the journal up to `offset`."""

    offset: int
    models: list[ModelHead]


class ModelVersion(TypedDict):
    """A kept version: how far it had read the journal, and how many lessons it had learned."""

    version: int
    offset: int
    lessons: int
    key: str


class ModelOut(TypedDict):
    """A model with its features, its versions, the newest first, and its figures."""

    name: str
    key: str
    kind: Kind
    lessons: int
    version: int
    pinned: NotRequired[int]
    offset: int
    columns: list[str]
    versions: list[ModelVersion]
    all: Figures
    recent: Figures
    byPlace: list[PlaceFigures]
    drift: Drift


@with_config(_STRICT)
class ModelRollback(TypedDict):
    """The kept version that is to answer; null has the model itself answer again."""

    version: Annotated[int, Field(ge=1, le=2**53)] | None


class ModelRolledBack(TypedDict):
    """Which version answers now, null for the newest state; in all replicas within about a second."""

    name: str
    version: int | None


MODEL_ROLLBACK = TypeAdapter(ModelRollback)
INPUTS = (ModelRollback,)
TYPES = (ModelsOut, ModelOut, ModelRolledBack)
