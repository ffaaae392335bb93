"""`arbitration:` in `playbook.yaml`: prices, levers, exploration and bundling."""

from collections.abc import Collection
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt

from actors.playbook.arbitration_model import Arbitration
from actors.playbook.hints import expected
from actors.playbook.source import Document
from actors.playbook.yaml_types import CONFIG, MAX_ENTRIES, DurationMs, Label, Money, no_bool

Lever = Annotated[float, BeforeValidator(no_bool), Field(ge=-100, le=10_000)]
"""In percent: 10 makes an action worth a tenth more."""


class _Model(BaseModel):
    model_config = CONFIG


class AttentionModel(_Model):
    """What a message costs in attention: `price` for each contact in the `window` before it."""

    price: Money = Decimal(0)
    window: DurationMs = 7 * 86_400_000


class LeversModel(_Model):
    """Levers of whole issues and groups (`issue/group`), added to those of the actions."""

    issues: Annotated[dict[Label, Lever], Field(max_length=MAX_ENTRIES)] = {}
    groups: Annotated[dict[Label, Lever], Field(max_length=MAX_ENTRIES)] = {}


class MaturityModel(_Model):
    """The ramp of a new action: the share of the audience that it starts from, and where it ends."""

    start: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=1, alias="from")] = 0.02
    positives: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 200


class ExplorationModel(_Model):
    """Posterior vectors that vote, and the share of choices that is uniform: never none."""

    vectors: Annotated[StrictInt, Field(ge=1, le=256)] = 64
    epsilon: Annotated[float, BeforeValidator(no_bool), Field(ge=0.001, le=1)] = 0.05


class BundlingModel(_Model):
    """What may be said together in one turn."""

    one_per_group: StrictBool = True
    per_issue: Annotated[StrictInt, Field(ge=1, le=100)] | None = None


class ArbitrationModel(_Model):
    """All of it is optional."""

    attention: AttentionModel = AttentionModel()
    levers: LeversModel = LeversModel()
    minimum_propensity: Annotated[float, BeforeValidator(no_bool), Field(ge=0, lt=1)] = 0.0
    maturity: MaturityModel = MaturityModel()
    exploration: ExplorationModel = ExplorationModel()
    bundling: BundlingModel = BundlingModel()


def compile_arbitration(given: ArbitrationModel, digits: int) -> Arbitration:
    """Return what the core uses, money in minor units."""
    return Arbitration(
        attention_minor=float(given.attention.price * Decimal(10) ** digits),
        least_propensity=given.minimum_propensity,
        maturity_from=given.maturity.start,
        mature_positives=float(given.maturity.positives),
        vectors=given.exploration.vectors,
        epsilon=given.exploration.epsilon,
        one_per_group=given.bundling.one_per_group,
        per_issue=given.bundling.per_issue or 0,
    )


def window_of(given: ArbitrationModel) -> int:
    """Return for how many ms a contact makes attention dearer, 0 where attention has no price."""
    return given.attention.window if given.attention.price else 0


def factor_of(levers: LeversModel, key: str, own: float) -> float:
    """Return 1 + Σ% / 100 of the levers of an action, its group and its issue; never below 0."""
    issue, group, _ = key.split("/")
    named = (own, levers.issues.get(issue, 0.0), levers.groups.get(f"{issue}/{group}", 0.0))
    percent = sum((Decimal(str(each)) for each in named), Decimal(0))
    return max(0.0, float(1 + percent / 100))


def check_levers(document: Document, given: ArbitrationModel, keys: Collection[str]) -> None:
    """Report levers of issues and groups that no action has."""
    parts = [key.split("/") for key in map(str, keys)]
    known = {
        "issues": {each[0] for each in parts},
        "groups": {"/".join(each[:2]) for each in parts},
    }
    for kind, named in (("issues", given.levers.issues), ("groups", given.levers.groups)):
        for name in named:
            if name not in known[kind]:
                place = document.key_place(("arbitration", "levers", kind, name))
                text = f"unknown {kind[:-1]} {name!r}{expected(name, known[kind])}"
                document.report(place, text)
