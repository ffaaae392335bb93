"""`models.yaml` as pydantic models: features with units and types, and the models that use them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from math import inf
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictStr, model_validator

from actors.playbook.fields import (
    AFTER_SEGMENTS,
    ATTRIBUTES,
    CATALOGUE,
    INSTANCE,
    resolve,
)
from actors.playbook.fields import Field as CatalogueField
from actors.playbook.hints import expected, nearest
from actors.playbook.learning_model import CATEGORY, FLAG, NUMBER, Feature, Learning, ModelRules
from actors.playbook.model import Action
from actors.playbook.rules import Rule
from actors.playbook.source import Document, Path
from actors.playbook.yaml_types import CONFIG, MAX_ENTRIES, Label, Name, Names, Text, no_bool

FILE = "models.yaml"
MAX_FEATURES = 64
MAX_VALUES = 64
MAX_COLUMNS = 200

_FITTING = {
    NUMBER: frozenset({"int", "double", "dyn"}),
    FLAG: frozenset({"bool", "dyn"}),
    CATEGORY: frozenset({"string", "dyn"}),
}
Number = Annotated[float, BeforeValidator(no_bool), Field(allow_inf_nan=False)]


class FeatureModel(BaseModel):
    """A feature; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    source: Label | None = Field(None, alias="from")
    when: Text | None = None
    type: Literal["number", "flag", "category"]
    unit: Label | None = None
    values: Annotated[tuple[Label, ...], Field(max_length=MAX_VALUES)] = ()
    min: Number | None = None
    max: Number | None = None
    log: StrictBool = False
    scale: Annotated[Number, Field(gt=0)] = 1.0
    default: Number = 0.0

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.source is None) == (self.when is None):
            raise ValueError("expected either 'from', a field, or 'when', a rule")
        if self.when is not None and self.type != FLAG:
            raise ValueError("expected 'type: flag' with 'when'")
        if (self.type == CATEGORY) != bool(self.values):
            raise ValueError("expected 'values' for a category, and for nothing else")
        if len(set(self.values)) < len(self.values):
            raise ValueError("expected each of 'values' once")
        if (self.type == NUMBER) != (self.unit is not None):
            raise ValueError("expected a 'unit' such as days, for a number and for nothing else")
        self._numbers_only()
        return self

    def _numbers_only(self) -> None:
        given = {"min", "max", "log", "scale", "default"} & self.model_fields_set
        if self.type != NUMBER and given:
            raise ValueError(f"expected no {min(given)!r} but for a number")
        low = (0.0 if self.log else -inf) if self.min is None else self.min
        if low >= (inf if self.max is None else self.max):
            raise ValueError("expected 'min' below 'max'")
        if self.log and low < 0:
            raise ValueError("expected 'min: 0' or more with 'log'")


class AppliesToModel(BaseModel):
    """The actions that a model scores: those that all of these let through."""

    model_config = CONFIG

    actions: Annotated[tuple[StrictStr, ...], Field(max_length=MAX_ENTRIES)] | None = None
    groups: Annotated[tuple[StrictStr, ...], Field(max_length=MAX_ENTRIES)] | None = None
    channels: Annotated[tuple[StrictStr, ...], Field(max_length=MAX_ENTRIES)] | None = None


class ModelModel(BaseModel):
    """A model; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    kind: Literal["beta", "logistic", "linucb", "lints"]
    applies_to: AppliesToModel = AppliesToModel()
    features: Names = ()
    half_life: Annotated[Number, Field(ge=10, le=1e9)] | None = None
    width: Annotated[Number, Field(gt=0, le=10)] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "beta") == bool(self.features):
            raise ValueError("expected 'features' for any kind but beta, which counts alone")
        if self.kind == "beta" and self.half_life is not None:
            raise ValueError("expected no 'halfLife' for beta, which never forgets")
        if self.width is not None and self.kind not in {"linucb", "lints"}:
            raise ValueError("expected no 'width' but for linucb and lints")
        return self


class ModelsFile(BaseModel):
    """`models.yaml`."""

    model_config = CONFIG

    features: Annotated[dict[Name, FeatureModel], Field(max_length=MAX_FEATURES)] = {}
    models: Annotated[dict[Name, ModelModel], Field(max_length=16)] = {}


def field_of(
    written: str, attributes: Mapping[str, str] | None
) -> tuple[CatalogueField, str, str] | str:
    """Return the catalogue's field that a feature is read from, the key in it, and the type there.

    Or what is wrong. `attributes` are those that the playbook declares, with their types.
    """
    found, inside = resolve(tuple(written.split(".")))
    if found is None:
        hint = nearest(written, CATALOGUE)
        return f"unknown field {written!r}" + (f"; did you mean {hint!r}?" if hint else "")
    if found.path in AFTER_SEGMENTS or found.path == INSTANCE:
        return f"{found.path!r} cannot be a feature by itself, expected a rule in 'when'"
    key = ".".join(inside)
    if found.is_map != bool(key):
        return (
            f"{written!r} is a map, expected one key in it"
            if found.is_map
            else f"{written!r} does not exist: {found.path!r} is of type {found.type}"
        )
    if found.path == ATTRIBUTES:
        if attributes is None:
            return found, key, "dyn"
        if key not in attributes:
            return f"unknown attribute {key!r}{expected(key, attributes)}"
        return found, key, attributes[key]
    inner = found.type.removeprefix("map<string,").removesuffix(">") if found.is_map else found.type
    return found, key, inner


def compile_feature(
    name: str, each: FeatureModel, rule: Rule | None, attributes: Mapping[str, str] | None
) -> Feature | str:
    """Return a feature, or what is wrong with where it is read from."""
    path = key = ""
    if each.source is not None:
        found = field_of(each.source, attributes)
        if isinstance(found, str):
            return found
        field, key, kind = found
        if kind not in _FITTING[each.type]:
            return f"{each.source!r} is of type {kind}, which is no {each.type}"
        path = field.path
    return Feature(
        name=name,
        type=each.type,
        unit=each.unit or "",
        path=path,
        key=key,
        rule=rule,
        values=each.values,
        low=(0.0 if each.log else -inf) if each.min is None else each.min,
        high=inf if each.max is None else each.max,
        log=each.log,
        scale=each.scale,
        default=each.default,
        description=each.description,
    )


def check_models(
    documents: Mapping[str, Document],
    file: BaseModel | None,
    attributes: Mapping[str, str] | None,
) -> list[tuple[str, str]]:
    """Report what is wrong in `models.yaml`; return the (path, key) that its features read.

    A file that has problems already is None, and is not checked.
    """
    if not isinstance(file, ModelsFile):
        return []
    document = documents[FILE]
    read: list[tuple[str, str]] = []
    widths: dict[str, int] = {}
    for name, each in file.features.items():
        feature = compile_feature(name, each, None, attributes)
        if isinstance(feature, str):
            document.report(document.place(("features", name, "from")), feature)
            continue
        widths[name] = len(feature.columns)
        if feature.path:
            read.append((feature.path, feature.key))
    actions = documents["actions.yaml"].names("actions")
    channels = documents["playbook.yaml"].names("channels")
    groups = None if actions is None else {key.split("/")[1] for key in actions if key.count("/")}
    for name, model in file.models.items():
        path: Path = ("models", name)
        _known(document, (*path, "features"), model.features, "feature", file.features)
        to, at = model.applies_to, (*path, "appliesTo")
        _known(document, (*at, "actions"), to.actions or (), "action", actions)
        _known(document, (*at, "groups"), to.groups or (), "group", groups)
        _known(document, (*at, "channels"), to.channels or (), "channel", channels)
        columns = sum(widths.get(feature, 0) for feature in model.features)
        if columns > MAX_COLUMNS:
            text = f"the features have {columns} columns, expected at most {MAX_COLUMNS}"
            document.report(document.place((*path, "features")), text)
    return read


def _known(
    document: Document, path: Path, names: Sequence[str], what: str, known: Collection[str] | None
) -> None:
    for i, name in enumerate(names):
        if known is not None and name not in known:
            document.report(
                document.place((*path, i)), f"unknown {what} {name!r}{expected(name, known)}"
            )
        elif name in names[:i]:
            document.report(document.place((*path, i)), f"{what} {name!r} is listed twice")


def compile_models(
    file: ModelsFile,
    rules: Mapping[tuple[str, Path], Rule],
    attributes: Mapping[str, str] | None,
    actions: Sequence[Action],
) -> Learning:
    """Return the models of a file without problems, and which of them scores each action."""
    features: dict[str, Feature] = {}
    for name, each in file.features.items():
        made = compile_feature(
            name, each, rules.get((FILE, ("features", name, "when"))), attributes
        )
        assert not isinstance(made, str), made  # noqa: S101 - check_models has reported it
        features[name] = made
    models = [
        _model(name, each, [features[feature] for feature in each.features])
        for name, each in file.models.items()
    ]
    by_action: dict[int, ModelRules] = {}
    for model, given in zip(models, file.models.values(), strict=True):
        for action in actions:
            if action.index not in by_action and _applies(given.applies_to, action):
                by_action[action.index] = model
    return Learning(tuple(models), by_action)


def _model(name: str, each: ModelModel, features: Sequence[Feature]) -> ModelRules:
    width = 0.5 if each.width is None else each.width
    meant: list[Any] = [each.kind, each.half_life or 0.0, width]
    for feature in features:
        plain = replace(feature, description="", rule=None)
        meant.append((repr(plain), "" if feature.rule is None else feature.rule.source))
    return ModelRules(
        name=name,
        kind=each.kind,
        digest=sha256(repr(meant).encode()).hexdigest()[:8],
        features=tuple(features),
        half_life=each.half_life or 0.0,
        width=width,
        description=each.description,
    )


def _applies(to: AppliesToModel, action: Action) -> bool:
    return (
        (to.actions is None or action.key in to.actions)
        and (to.groups is None or action.group in to.groups)
        and (to.channels is None or not action.treatments.keys().isdisjoint(to.channels))
    )
