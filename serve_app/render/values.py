"""Values that every JSON body is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from actors.domain.ids import Identity
from actors.domain.instants import format_instant
from serve_app.envelope import minor_digits


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """The book currency and its number of minor digits."""

    currency: str

    @property
    def scale(self) -> float:
        """Minor units per currency unit."""
        return 10.0 ** minor_digits(self.currency)

    def __call__(self, minor: float) -> dict[str, Any]:
        """Return an amount of minor units."""
        return {"amount": units(minor, minor_digits(self.currency)), "currency": self.currency}


def units(minor: float, digits: int) -> float:
    """Return minor units as currency units."""
    return minor / 10.0**digits


def instant(at_ms: int) -> str | None:
    """Return an instant of a state, where 0 means never."""
    return format_instant(at_ms) if at_ms else None


def identities_json(identities: Iterable[Identity]) -> list[dict[str, str]]:
    """Return identities in their order."""
    return [{"kind": each.kind, "value": each.value} for each in identities]


def zone_offset_ms(timezone: str, at_ms: int) -> int:
    """Return how far a zone is ahead of UTC at an instant, 0 for one that does not exist."""
    try:
        zone = ZoneInfo(timezone)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
        offset = moment.astimezone(zone).utcoffset()
    except (KeyError, ValueError, OSError, OverflowError):
        return 0
    return 0 if offset is None else int(offset.total_seconds()) * 1000
