"""`policies.yaml` as pydantic models, and what the core uses of it."""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, StrictInt, StrictStr, model_validator

from actors.domain.profile import MAX_CONTACTS
from actors.playbook.durations import parse_duration_ms
from actors.playbook.group_model import CUSTOMER
from actors.playbook.hints import expected
from actors.playbook.model import Cap
from actors.playbook.policy_model import (
    ACTION,
    AFTER,
    CHANNEL,
    DROP,
    GROUP,
    HOLD,
    MONTH,
    PURCHASE,
    SCOPES,
    UNITS,
    WEEK,
    Holidays,
    Policies,
    Quiet,
    Reach,
    Suppress,
)
from actors.playbook.retention import RetentionModel
from actors.playbook.scenario_schema import WEEKDAYS, Clock, ScenariosFile, Weekdays, Zone
from actors.playbook.yaml_types import (
    CONFIG,
    MAX_ENTRIES,
    DurationMs,
    Label,
    Name,
    NonEmpty,
    Text,
    one_of,
)

MAX_RULES = 32
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
UNIT_MS = {"day": _DAY_MS + 2 * _HOUR_MS, "week": 7 * _DAY_MS + 2 * _HOUR_MS}
"""At least as long as any local day and week are, when the clocks are put back too."""
_MONTH_MS = 31 * _DAY_MS + 2 * _HOUR_MS


class _Model(BaseModel):
    model_config = CONFIG


def _window(value: object) -> object:
    if value in UNITS:
        return value
    try:
        return parse_duration_ms(str(value))
    except ValueError as error:
        raise ValueError(f"{error}, or one of {', '.join(UNITS)}") from None


Window = Annotated[int | str, BeforeValidator(_window)]
"""Milliseconds of elapsed time, or a unit of the calendar."""


def longest_ms(window: int | str) -> int:
    """Return the longest that a window can be, in milliseconds."""
    return window if isinstance(window, int) else UNIT_MS.get(window, _MONTH_MS)


def shortest_ms(window: int | str) -> int:
    """Return the shortest distance of two windows of a kind, in milliseconds, or less."""
    if isinstance(window, int):
        return window
    days = 28 if window == MONTH else 7 if window == WEEK else 1
    return days * _DAY_MS - 2 * _HOUR_MS


class CapModel(_Model):
    """A contact cap; the key in the file is its name. `per` is a kind of group, or `customer`."""

    description: Text = ""
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_CONTACTS)]
    window: Window
    per: Name = CUSTOMER
    channels: NonEmpty | None = None
    groups: NonEmpty | None = None
    actions: NonEmpty | None = None
    purposes: NonEmpty | None = None


class _ReachModel(_Model):
    channels: NonEmpty | None = None
    purposes: NonEmpty | None = None
    exempt: Annotated[tuple[StrictStr, ...], Field(max_length=MAX_ENTRIES)] = ()
    hold: Annotated[StrictStr, one_of((HOLD, DROP))] = HOLD

    @property
    def reach(self) -> Reach:
        """Whom it concerns."""
        return Reach(
            channels=names(self.channels),
            purposes=names(self.purposes),
            exempt=frozenset(self.exempt),
        )


class QuietModel(_ReachModel):
    """Quiet hours; of equal times the whole day is quiet."""

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    weekdays: Weekdays | None = None


class HolidaysModel(_ReachModel):
    """Public holidays, of the customer's country where it is known."""

    country: Label
    subdivision: Label | None = None


class SuppressModel(_Model):
    """Silence after something."""

    after: Annotated[StrictStr, one_of(AFTER)]
    scope: Annotated[StrictStr, one_of(SCOPES)]
    purposes: NonEmpty | None = None
    topics: NonEmpty | None = None
    for_: Annotated[DurationMs, Field(alias="for")]

    @model_validator(mode="after")
    def _scope_is_known(self) -> Self:
        if self.after == PURCHASE and self.scope in {ACTION, GROUP, CHANNEL}:
            text = expected(self.scope, ("purpose", "all")).removeprefix("; ")
            raise ValueError(f"a purchase is about no {self.scope}{', ' if text else ''}{text}")
        if self.scope == "purpose" and self.purposes is None and self.after == PURCHASE:
            raise ValueError("a purchase has no purpose of its own, expected 'purposes'")
        if self.topics is not None and self.after != "complaint":
            raise ValueError("'topics' are those of cases, expected 'after: complaint'")
        return self


class SuppressionModel(_Model):
    """How long an action rests after a refusal; by default it does not."""

    after_refusal: DurationMs | None = None


class ConsentModel(_Model):
    """Purposes for which a customer need not have said yes."""

    purposes_not_needing_consent: tuple[StrictStr, ...] = Field(
        ("onsite", "service"), max_length=MAX_ENTRIES
    )


class PoliciesFile(_Model):
    """`policies.yaml`."""

    caps: dict[Name, CapModel] = {}
    zones: Annotated[tuple[Zone, ...], Field(max_length=MAX_RULES)] = ()
    quiet: Annotated[tuple[QuietModel, ...], Field(max_length=MAX_RULES)] = ()
    holidays: Annotated[tuple[HolidaysModel, ...], Field(max_length=MAX_RULES)] = ()
    suppress: Annotated[tuple[SuppressModel, ...], Field(max_length=MAX_RULES)] = ()
    suppression: SuppressionModel = SuppressionModel()
    consent: ConsentModel = ConsentModel()
    retention: RetentionModel = RetentionModel()


def zones_of(timezone: str, file: ScenariosFile) -> set[str]:
    """Return the time zones that a playbook names outside of its policies."""
    windows = {each.timezone for each in file.windows.values()}
    own = {each.timezone for each in file.scenarios.values()}
    return {timezone} | {zone for zone in windows | own if zone is not None}


def names(of: Iterable[str] | None) -> frozenset[str] | None:
    """Return a filter as a set; None lets everything in."""
    return None if of is None else frozenset(of)


def compile_caps(file: PoliciesFile) -> tuple[Cap, ...]:
    """Return the caps in the order of the file."""
    return tuple(
        Cap(
            name=name,
            limit=each.limit,
            window_ms=longest_ms(each.window),
            unit=each.window if isinstance(each.window, str) else "",
            channels=names(each.channels),
            groups=names(each.groups),
            actions=names(each.actions),
            purposes=names(each.purposes),
            per="" if each.per == CUSTOMER else each.per,
        )
        for name, each in file.caps.items()
    )


def compile_policies(file: PoliciesFile, zones: Iterable[str]) -> Policies:
    """Return everything but the caps; `zones` are those that the rest of the playbook names."""
    caps = compile_caps(file)
    return Policies(
        quiet=tuple(map(_quiet, file.quiet)),
        holidays=tuple(
            Holidays(
                country=each.country.upper(),
                subdivision=(each.subdivision or "").upper(),
                reach=each.reach,
                drop=each.hold == DROP,
            )
            for each in file.holidays
        ),
        suppress=tuple(
            Suppress(
                after=each.after,
                scope=each.scope,
                for_ms=each.for_,
                purposes=names(each.purposes),
                topics=names(each.topics),
            )
            for each in file.suppress
        ),
        zones=tuple(sorted({*zones, *file.zones})),
        calendar=any(cap.unit for cap in caps),
        longest_ms=max((cap.window_ms for cap in caps), default=0),
    )


def _quiet(each: QuietModel) -> Quiet:
    return Quiet(
        name=f"{_clock(each.from_)}-{_clock(each.to)}",
        begins=each.from_,
        ends=each.to,
        weekdays=frozenset(WEEKDAYS.index(day) for day in each.weekdays or ()),
        reach=each.reach,
        drop=each.hold == DROP,
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
