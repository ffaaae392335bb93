"""`experiments.yaml` as pydantic models, its checks against the other files, and how it is compiled."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, model_validator

from actors.playbook.budget_files import Day
from actors.playbook.experiment_model import (
    ARBITRATED,
    DEFAULT_HORIZON_MS,
    ENGINE,
    FOR_EVER_MS,
    HELD,
    HOLDOUT,
    LOGGED,
    OPEN,
    Arm,
    Experiment,
    Experiments,
    Measure,
)
from actors.playbook.hints import expected
from actors.playbook.model import Action, event_key
from actors.playbook.source import Document
from actors.playbook.yaml_types import (
    CONFIG,
    DurationMs,
    Label,
    Name,
    NonEmpty,
    On,
    Text,
    no_bool,
)

MAX_EXPERIMENTS = 32
MAX_EXPERIMENT_ARMS = 16
MAX_MEASURES = 8
_FILE = "experiments.yaml"
_SERVICE = ("service",)

_Share = Annotated[float, BeforeValidator(no_bool), Field(gt=0, lt=1, allow_inf_nan=False)]
_Weight = Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class ArmModel(BaseModel):
    """An arm; the key in the file is its name. A number alone is its weight."""

    model_config = CONFIG

    weight: _Weight
    hold: StrictBool = False
    actions: NonEmpty | None = None
    policy: Literal["arbitrated", "random", "propensity", "no_levers"] = "arbitrated"

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.hold and self.actions is not None:
            raise ValueError("expected 'hold' or 'actions', not both")
        return self


def _arm(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"weight": value} if number else value


class ScopeModel(BaseModel):
    """What an experiment is about; what is left out does not matter."""

    model_config = CONFIG

    actions: NonEmpty | None = None
    groups: NonEmpty | None = None
    channels: NonEmpty | None = None
    purposes: NonEmpty | None = None
    scenarios: NonEmpty | None = None


class LoggedModel(BaseModel):
    """Where the arm is found that another system has drawn."""

    model_config = CONFIG

    on: On
    arm: Label = "arm"


class ExperimentModel(BaseModel):
    """A holdout or an experiment; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    kind: Literal["holdout", "experiment", "engine", "logged"]
    share: _Share | None = None
    arms: (
        Annotated[
            dict[Label, Annotated[ArmModel, BeforeValidator(_arm)]],
            Field(min_length=2, max_length=MAX_EXPERIMENT_ARMS),
        ]
        | None
    ) = None
    control: Label | None = None
    scope: ScopeModel = ScopeModel()
    exempt_purposes: tuple[Label, ...] | None = None
    within: Name | None = None
    logged: LoggedModel | None = None
    salt: Label | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    until: Day | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.kind == HOLDOUT) != (self.share is not None):
            raise ValueError("expected 'share' with 'kind: holdout', and with no other")
        if (self.kind == HOLDOUT) == (self.arms is not None):
            raise ValueError("expected 'arms' unless it is 'kind: holdout'")
        if (self.kind == LOGGED) != (self.logged is not None):
            raise ValueError("expected 'logged' with 'kind: logged', and with no other")
        if self.control is not None and self.control not in (self.arms or (HELD, OPEN)):
            known = self.arms or (HELD, OPEN)
            raise ValueError(f"unknown arm {self.control!r}{expected(self.control, known)}")
        if self.from_ is not None and self.until is not None and self.until < self.from_:
            raise ValueError("expected 'until' not to be before 'from'")
        self._arms_fit()
        return self

    def _arms_fit(self) -> None:
        arms = (self.arms or {}).values()
        if self.kind != ENGINE and any(each.policy != ARBITRATED for each in arms):
            raise ValueError("expected 'policy' in 'kind: engine' alone")
        if self.kind in {ENGINE, LOGGED}:
            if any(each.hold or each.actions is not None for each in arms):
                raise ValueError("expected 'hold' and 'actions' in 'kind: experiment' alone")
            if self.scope != ScopeModel():
                raise ValueError(f"expected no 'scope' in 'kind: {self.kind}'")


class MeasureModel(BaseModel):
    """What is counted; the key in the file is its name. Without `on` every event counts, but `except`."""

    model_config = CONFIG

    on: On | None = None
    sum: Label | None = None
    except_: Annotated[tuple[Label, ...], Field(alias="except", max_length=32)] = ()

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.on is not None and self.except_:
            raise ValueError("expected 'on' or 'except', not both")
        if self.on is None and self.sum is not None:
            raise ValueError("expected 'on' with 'sum': which event has that property")
        return self


class ExperimentsFile(BaseModel):
    """`experiments.yaml`."""

    model_config = CONFIG

    experiments: Annotated[dict[Name, ExperimentModel], Field(max_length=MAX_EXPERIMENTS)] = {}
    outcomes: Annotated[dict[Name, MeasureModel], Field(max_length=MAX_MEASURES)] = {}
    horizon: DurationMs = DEFAULT_HORIZON_MS


def check_experiments(documents: Mapping[str, Document], models: Mapping[str, Any]) -> None:
    """Report unknown names, and experiments that are within themselves."""
    file: ExperimentsFile | None = models[_FILE]
    if file is None:
        return
    document = documents[_FILE]
    actions = documents["actions.yaml"].names("actions")
    known: dict[str, Collection[str] | None] = {
        "actions": actions,
        "groups": None
        if actions is None
        else {k.split("/")[1] for k in actions if k.count("/") == 2},
        "channels": documents["playbook.yaml"].names("channels"),
        "scenarios": _proposers(documents),
    }
    for name, each in file.experiments.items():
        path: tuple[str | int, ...] = ("experiments", name)
        for field, names in known.items():
            given = getattr(each.scope, field)
            _known(document, (*path, "scope", field), given or (), field[:-1], names)
        for arm, spec in (each.arms or {}).items():
            _known(document, (*path, "arms", arm, "actions"), spec.actions or (), "action", actions)
        if each.within is None:
            continue
        if each.within not in file.experiments:
            end = expected(each.within, [e for e in file.experiments if e != name])
            text = f"unknown experiment {each.within!r}{end}"
            document.report(document.place((*path, "within")), text)
        elif _circular(name, file.experiments):
            text = f"{name!r} is within itself, by way of {each.within!r}"
            document.report(document.place((*path, "within")), text)


def _proposers(documents: Mapping[str, Document]) -> frozenset[str] | None:
    """Return the names of scenarios and triggers, or None when a file has problems."""
    found = [
        documents[file].names(root)
        for file, root in (("scenarios.yaml", "scenarios"), ("triggers.yaml", "triggers"))
    ]
    return None if None in found else frozenset(n for names in found for n in names or ())


def _known(
    document: Document,
    path: tuple[str | int, ...],
    names: Sequence[str],
    what: str,
    known: Collection[str] | None,
) -> None:
    for i, name in enumerate(names):
        if known is not None and name not in known:
            text = f"unknown {what} {name!r}{expected(name, known)}"
            document.report(document.place((*path, i)), text)


def _circular(name: str, experiments: Mapping[str, ExperimentModel]) -> bool:
    seen, here = {name}, experiments[name].within
    while here is not None and here in experiments:
        if here in seen:
            return here == name
        seen.add(here)
        here = experiments[here].within
    return False


def compile_experiments(
    file: ExperimentsFile, actions: Iterable[Action], timezone: str
) -> Experiments:
    """Return what the core uses; days begin and end in the playbook's time zone."""
    given = file.experiments
    some = tuple(actions)
    compiled = tuple(
        _experiment(name, given[name], some, ZoneInfo(timezone))
        for name in sorted(given, key=lambda n: _depth(n, given))
    )
    by_event: dict[str, list[Experiment]] = {}
    for each in compiled:
        if each.event:
            by_event.setdefault(each.event, []).append(each)
    return Experiments(
        all=compiled,
        by_name={each.name: each for each in compiled},
        by_event={key: tuple(group) for key, group in by_event.items()},
        barring={
            (each.name, arm.name): (each, arm)
            for each in compiled
            for arm in each.arms
            if arm.hold or arm.actions is not None
        },
        deciding={
            (each.name, arm.name): arm.policy
            for each in compiled
            for arm in each.arms
            if arm.policy != ARBITRATED
        },
        measures=tuple(
            Measure(
                name=name,
                event=""
                if each.on is None
                else event_key(each.on.type or "track", each.on.event or ""),
                sum_of=each.sum or "",
                but=frozenset(each.except_),
            )
            for name, each in file.outcomes.items()
        ),
        horizon_ms=file.horizon,
    )


def _depth(name: str, given: Mapping[str, ExperimentModel]) -> int:
    depth, within = 0, given[name].within
    while within is not None:
        depth, within = depth + 1, given[within].within
    return depth


def _experiment(
    name: str, each: ExperimentModel, actions: tuple[Action, ...], zone: ZoneInfo
) -> Experiment:
    arms = _arms(each)
    exempt = each.exempt_purposes
    if exempt is None:
        exempt = () if each.kind == ENGINE else _SERVICE
    logged = each.logged
    return Experiment(
        name=name,
        kind=each.kind,
        description=each.description,
        arms=arms,
        by_arm={arm.name: arm for arm in arms},
        control=each.control or (HELD if each.kind == HOLDOUT else arms[0].name),
        key=blake2b((each.salt or name).encode(), digest_size=32, person=b"experiment").digest(),
        covers=frozenset() if logged is not None else _covers(each.scope, exempt, actions),
        scenarios=None if each.scope.scenarios is None else frozenset(each.scope.scenarios),
        within=each.within or "",
        from_ms=0 if each.from_ is None else _start_ms(each.from_, zone),
        until_ms=FOR_EVER_MS
        if each.until is None
        else _start_ms(each.until + timedelta(days=1), zone),
        event="" if logged is None else event_key(logged.on.type or "track", logged.on.event or ""),
        arm_property="" if logged is None else logged.arm,
    )


def _arms(each: ExperimentModel) -> tuple[Arm, ...]:
    share = each.share or 0.0
    given: dict[str, ArmModel] = each.arms or {
        HELD: ArmModel(weight=share, hold=True),
        OPEN: ArmModel(weight=1.0 - share),
    }
    total = sum(arm.weight for arm in given.values())
    arms, below = [], 0.0
    for name, arm in given.items():
        below += arm.weight
        arms.append(
            Arm(
                name=name,
                share=arm.weight / total,
                below=below / total,
                hold=arm.hold,
                actions=None if arm.actions is None else frozenset(arm.actions),
                policy=arm.policy,
            )
        )
    return tuple(arms)


def _covers(
    scope: ScopeModel, exempt: Collection[str], actions: tuple[Action, ...]
) -> frozenset[tuple[int, str]]:
    def fits(value: str, wanted: Any) -> bool:
        return wanted is None or value in wanted

    return frozenset(
        (action.index, channel)
        for action in actions
        if fits(action.key, scope.actions)
        and fits(action.group, scope.groups)
        and fits(action.purpose, scope.purposes)
        and action.purpose not in exempt
        for channel in action.treatments
        if fits(channel, scope.channels)
    )


def _start_ms(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
