"""The files of a bundle as pydantic models. Names of fields are camelCase in YAML."""

from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt, StrictStr

from actors.domain.economics import DEFAULT_MARGIN
from actors.playbook.arbitration import ArbitrationModel, Lever
from actors.playbook.attributes import AttributesFile
from actors.playbook.budget_files import BudgetsFile
from actors.playbook.content_model import SUCCESS, Formats, Locales, Success
from actors.playbook.conversions import ConversionsFile
from actors.playbook.experiment_files import ExperimentsFile
from actors.playbook.feeds import FeedsFile
from actors.playbook.group_files import GroupsFile
from actors.playbook.identities import IdentitiesFile
from actors.playbook.learning_files import ModelsFile
from actors.playbook.policy_files import PoliciesFile
from actors.playbook.scenario_schema import ScenariosFile
from actors.playbook.yaml_types import (
    CONFIG,
    MAX_ENTRIES,
    ActionKey,
    ContentValue,
    CurrencyCode,
    DurationMs,
    Factor,
    Heard,
    Label,
    Money,
    Name,
    Names,
    NonEmpty,
    Text,
    Version,
    no_bool,
)


class _Model(BaseModel):
    model_config = CONFIG


Routing = Annotated[StrictInt, Field(ge=0, le=2)]
"""Who handles a service contact: 0 self-service, 1 a general agent, 2 a skilled agent."""


class CurrencyModel(_Model):
    """The book currency and how many digits its minor unit has."""

    code: CurrencyCode
    minor_digits: Annotated[StrictInt, Field(ge=0, le=4)] = 2


class ChannelModel(_Model):
    """A channel: where something may stand in its replies, and whether it can be written to."""

    placements: Names = ()
    default_placements: Names = ()
    outbound: StrictBool = False


class DefaultTierModel(_Model):
    """The tier of customers for whom no tier's segment holds; its service level as in `TierModel`."""

    name: Name = "standard"
    service_level: Name = "standard"
    channels: NonEmpty | None = None
    routing: Routing | None = None
    reply_within: DurationMs | None = None


class TierModel(_Model):
    """A tier; tiers are tried in order.

    `channels` are those that may be written to, by default all; `reply_within` is the goal for a reply.
    """

    segment: Name
    service_level: Name
    description: Text = ""
    channels: NonEmpty | None = None
    routing: Routing | None = None
    reply_within: DurationMs | None = None


class EconomicsModel(_Model):
    """What goods and service cost where nobody states it; what is left out is as by default."""

    margin: Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1)] = DEFAULT_MARGIN
    contact_costs: Annotated[dict[Name, Money], Field(max_length=MAX_ENTRIES)] = {}


class PlaybookFile(_Model):
    """`playbook.yaml`."""

    name: Name
    version: Version
    description: Text = ""
    currency: CurrencyModel
    timezone: StrictStr = "UTC"
    channels: dict[Name, ChannelModel] = Field(min_length=1)
    tiers: tuple[TierModel, ...] = Field((), max_length=MAX_ENTRIES)
    default_tier: DefaultTierModel = DefaultTierModel()
    economics: EconomicsModel = EconomicsModel()
    arbitration: ArbitrationModel = ArbitrationModel()


class SegmentModel(_Model):
    """A segment; the key in the file is its name."""

    description: Text = ""
    when: Text


class SegmentsFile(_Model):
    """`segments.yaml`."""

    segments: dict[Name, SegmentModel] = {}


class WeightModel(_Model):
    """A context weight: the factor applies while the rule holds."""

    when: Text
    factor: Factor


class TreatmentModel(_Model):
    """How an action looks on one channel; the key in the file is the channel."""

    when: Text | None = None
    cost: Money = Decimal(0)
    placements: Names = ()
    outbound: StrictBool = False
    content: dict[Label, ContentValue] = {}
    locales: Locales = {}
    formats: Formats = {}


class ActionModel(_Model):
    """An action; the key in the file is `issue/group/name`. `lever` is in percent."""

    description: Text = ""
    value: Money
    offer_cost: Money = Decimal(0)
    purpose: Name
    eligible: Text | None = None
    applicable: Text | None = None
    suitable: Text | None = None
    weights: tuple[WeightModel, ...] = Field((), max_length=MAX_ENTRIES)
    lever: Lever = 0.0
    starting_propensity: Annotated[float, BeforeValidator(no_bool), Field(gt=0, lt=1)]
    expires_after: DurationMs = 7 * 86_400_000
    success: Success = SUCCESS
    suggest: Name | None = None
    treatments: dict[Name, TreatmentModel] = Field(min_length=1)


class ActionsFile(_Model):
    """`actions.yaml`."""

    actions: dict[ActionKey, ActionModel] = Field(min_length=1)


class TriggerModel(_Model):
    """A trigger; the key in the file is its name."""

    description: Text = ""
    on: Heard
    when: Text | None = None
    propose: NonEmpty
    channels: NonEmpty | None = None
    after: DurationMs | None = None
    cancel_on: tuple[Label, ...] = Field((), max_length=MAX_ENTRIES)
    keyed_by: Label | None = None
    record: StrictBool = False


class TriggersFile(_Model):
    """`triggers.yaml`."""

    triggers: dict[Name, TriggerModel] = {}


FILES: dict[str, type[BaseModel]] = {
    "playbook.yaml": PlaybookFile,
    "segments.yaml": SegmentsFile,
    "actions.yaml": ActionsFile,
    "triggers.yaml": TriggersFile,
    "scenarios.yaml": ScenariosFile,
    "policies.yaml": PoliciesFile,
    "attributes.yaml": AttributesFile,
    "identities.yaml": IdentitiesFile,
    "groups.yaml": GroupsFile,
    "budgets.yaml": BudgetsFile,
    "experiments.yaml": ExperimentsFile,
    "conversions.yaml": ConversionsFile,
    "feeds.yaml": FeedsFile,
    "models.yaml": ModelsFile,
}
"""The files of a bundle, in the order in which their problems are told."""
REQUIRED = ("playbook.yaml", "actions.yaml")


def fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the names, as written in YAML, of the fields of the mapping at `path`."""
    here: Any = model
    for part in path:
        here = _step(here, part)
    here = _bare(here)
    if not (isinstance(here, type) and issubclass(here, BaseModel)):
        return ()
    return tuple(each.alias or name for name, each in here.model_fields.items())


def _step(here: Any, part: str | int) -> Any:
    """Go from a model to the type of its field, or from a mapping or list to that of its entries."""
    here = _bare(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        found = [each for name, each in here.model_fields.items() if part in {each.alias, name}]
        return found[0].annotation if found else None
    arguments = get_args(here)
    if get_origin(here) is dict:
        return arguments[1]
    return arguments[0] if get_origin(here) is tuple else None


def _bare(here: Any) -> Any:
    """Return a type without its constraints, and without the None that it may be instead."""
    while get_origin(here) in {Annotated, Union, UnionType}:
        here = next(each for each in get_args(here) if each is not NoneType)
    return here
