"""`budgets.yaml` as pydantic models, its checks against the other files, and how it is compiled."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictStr, model_validator

from actors.domain.budgets import MILLI
from actors.playbook.budget_model import (
    CALENDAR,
    DATES,
    MONEY,
    ROLLING,
    Budget,
    Budgets,
    Period,
    Share,
)
from actors.playbook.hints import expected
from actors.playbook.source import Document
from actors.playbook.yaml_types import CONFIG, DurationMs, Money, Name, NonEmpty, Text, no_bool

MAX_BUDGETS = 100
MAX_BUCKETS = 1000
"""Of a rolling window: each commit sums them up."""
MAX_OWN_BUCKETS = 32
"""Of a rolling window per customer: they are kept in the customer's state."""
_PERIODS = ("total", *CALENDAR)

_Fraction = Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1, allow_inf_nan=False)]


def _date(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("expected a date in quotes, such as '2027-03-01'") from None


Day = Annotated[date, BeforeValidator(_date)]


class RollingModel(BaseModel):
    """A window of elapsed time, counted in buckets."""

    model_config = CONFIG

    window: DurationMs
    bucket: DurationMs

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.window % self.bucket:
            raise ValueError("expected a 'window' that is a whole number of buckets")
        if self.window // self.bucket > MAX_BUCKETS:
            raise ValueError(f"expected at most {MAX_BUCKETS:,} buckets in a window")
        return self


class PeriodModel(BaseModel):
    """A calendar's period or all time, a window that rolls, or dates, `until` being the last day."""

    model_config = CONFIG

    calendar: StrictStr | None = None
    rolling: RollingModel | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    until: Day | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if self.calendar is not None and self.calendar not in _PERIODS:
            raise ValueError(f"unknown period {self.calendar!r}{expected(self.calendar, _PERIODS)}")
        dates = self.from_ is not None and self.until is not None
        kinds = (self.calendar is not None, self.rolling is not None, dates)
        if sum(kinds) != 1 or (self.from_ is None) != (self.until is None):
            raise ValueError(
                "expected total, day, week or month, or 'rolling' with 'window' and 'bucket', or"
                " 'from' and 'until'"
            )
        if self.from_ is not None and self.until is not None and self.until < self.from_:
            raise ValueError("expected 'until' not to be before 'from'")
        return self


def _period(value: object) -> object:
    return {"calendar": value} if isinstance(value, str) else value


AnyPeriod = Annotated[PeriodModel, BeforeValidator(_period)]
"""A text stands for a calendar's period."""


class PacingModel(BaseModel):
    """How a limit is spread over its period: `slack` is the share that may be spent ahead."""

    model_config = CONFIG

    evenly: StrictBool = True
    slack: _Fraction = 0.05


class PerCustomerModel(BaseModel):
    """What one customer may be worth, as a share of the value predicted for her."""

    model_config = CONFIG

    share_of_value: _Fraction
    at_least: Money = Decimal(0)
    at_most: Money | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("expected 'atMost' not to be below 'atLeast'")
        return self


class FilterModel(BaseModel):
    """What a budget pays for; what is left out does not matter."""

    model_config = CONFIG

    actions: NonEmpty | None = None
    groups: NonEmpty | None = None
    channels: NonEmpty | None = None
    purposes: NonEmpty | None = None
    segments: NonEmpty | None = None
    campaigns: NonEmpty | None = None


class BudgetModel(BaseModel):
    """A budget; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    limit: Money | None = None
    unit: Literal["money", "count"] = "money"
    per: FilterModel = FilterModel()
    period: AnyPeriod = PeriodModel(calendar="total")
    pacing: PacingModel | None = None
    per_customer: PerCustomerModel | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.limit is None and self.per_customer is None:
            raise ValueError("expected a 'limit' for all customers, or 'perCustomer', or both")
        if self.unit != MONEY and self.per_customer is not None:
            raise ValueError("expected the unit money with 'perCustomer': it is a share of a value")
        if self.unit != MONEY and self.limit is not None and self.limit % 1:
            raise ValueError("expected a whole number as the limit of a count")
        rolling = self.period.rolling
        if self.pacing is not None and (self.period.calendar == "total" or rolling is not None):
            raise ValueError("expected 'pacing' with a period that ends: day, week, month or dates")
        if self.pacing is not None and self.limit is None:
            raise ValueError("expected 'pacing' with a 'limit', which it spreads")
        buckets = 0 if rolling is None else rolling.window // rolling.bucket
        if self.per_customer is not None and buckets > MAX_OWN_BUCKETS:
            raise ValueError(
                f"expected at most {MAX_OWN_BUCKETS} buckets with 'perCustomer': each customer's"
                " state keeps them"
            )
        return self


class BudgetsFile(BaseModel):
    """`budgets.yaml`."""

    model_config = CONFIG

    budgets: Annotated[dict[Name, BudgetModel], Field(max_length=MAX_BUDGETS)] = {}


def check_budgets(documents: Mapping[str, Document], models: Mapping[str, Any]) -> None:
    """Report names that nothing has, at their place; a file with problems of its own is None."""
    file: BudgetsFile | None = models["budgets.yaml"]
    if file is None:
        return
    document = documents["budgets.yaml"]
    known = _known(documents)
    for name, budget in file.budgets.items():
        for field in FilterModel.model_fields:
            names = getattr(budget.per, field)
            if names is None or known[field] is None:
                continue
            for i, each in enumerate(names):
                place = document.place(("budgets", name, "per", field, i))
                if each not in known[field]:
                    end = expected(each, known[field])
                    document.report(place, f"unknown {field[:-1]} {each!r}{end}")
                elif each in names[:i]:
                    document.report(place, f"{field[:-1]} {each!r} is listed twice")


def _known(documents: Mapping[str, Document]) -> dict[str, Any]:
    actions = documents["actions.yaml"].names("actions")
    triggers = documents["triggers.yaml"].names("triggers")
    scenarios = documents["scenarios.yaml"].names("scenarios")
    campaigns: Collection[str] | None = None
    if triggers is not None and scenarios is not None:
        campaigns = triggers | scenarios
    groups = purposes = None
    if actions is not None:
        groups = {key.split("/")[1] for key in actions if key.count("/") == 2}
        given = [documents["actions.yaml"].value(("actions", key, "purpose")) for key in actions]
        purposes = {each for each in given if isinstance(each, str)}
    return {
        "actions": actions,
        "groups": groups,
        "channels": documents["playbook.yaml"].names("channels"),
        "purposes": purposes,
        "segments": documents["segments.yaml"].names("segments"),
        "campaigns": campaigns,
    }


def compile_budgets(file: BudgetsFile, zone: str, minor_digits: int) -> Budgets:
    """Return the budgets, in the ledger's units."""
    scale = Decimal(10) ** minor_digits * MILLI
    return Budgets(
        tuple(_budget(name, each, zone, scale) for name, each in file.budgets.items()), zone
    )


def _budget(name: str, each: BudgetModel, zone: str, scale: Decimal) -> Budget:
    share = each.per_customer
    filters = {
        field: None if names is None else frozenset(names)
        for field, names in ((f, getattr(each.per, f)) for f in FilterModel.model_fields)
    }
    return Budget(
        name=name,
        description=each.description,
        unit=each.unit,
        limit=_ledger(each.limit, scale if each.unit == MONEY else Decimal(MILLI)),
        share=None
        if share is None
        else Share(
            share.share_of_value, _ledger(share.at_least, scale) or 0, _ledger(share.at_most, scale)
        ),
        period=_compiled_period(each.period, zone),
        slack=each.pacing.slack if each.pacing is not None and each.pacing.evenly else None,
        **filters,
    )


def _ledger(amount: Decimal | None, scale: Decimal) -> int | None:
    """Return an amount in thousandths; what is finer is cut off, so that a limit never grows."""
    return None if amount is None else int((amount * scale).to_integral_value(ROUND_FLOOR))


def _compiled_period(period: PeriodModel, zone: str) -> Period:
    if period.calendar is not None:
        return Period(period.calendar)
    if period.rolling is not None:
        return Period(ROLLING, period.rolling.window, period.rolling.bucket)
    first, last = period.from_, period.until
    if first is None or last is None:  # the model has seen to that
        raise ValueError("a period has neither a window nor dates")
    return Period(
        DATES,
        from_ms=_midnight_ms(first.toordinal(), zone),
        until_ms=_midnight_ms(last.toordinal() + 1, zone),
    )


def _midnight_ms(day: int, zone: str) -> int:
    first = datetime.combine(date.fromordinal(day), datetime.min.time(), ZoneInfo(zone))
    return round(first.timestamp() * MILLI)
