"""Where a customer may be: zones for wall clocks, the country for holidays, calendar windows."""

from datetime import datetime
from typing import Any

from actors.domain.profile import Profile
from actors.playbook.model import Playbook
from actors.playbook.policy_model import MONTH, WEEK
from actors.scenarios.calendar import day_begins, is_zone, local_day, place_zone


def zones_of(profile: Profile, playbook: Playbook) -> tuple[str, ...]:
    """Return the customer's zone, else that of her place, else all in which she may be."""
    if profile.timezone and is_zone(profile.timezone):
        return (profile.timezone,)
    country, region = place_of(profile)
    found = place_zone(country, region) if country else None
    return (found,) if found else playbook.policies.zones


def place_of(profile: Profile) -> tuple[str, str]:
    """Return (country, region) as the traits say them, in capitals; empty where they do not."""
    traits = profile.traits
    if not traits:
        return "", ""
    address = traits.get("address")
    place = address if isinstance(address, dict) else traits
    country = _text(place.get("country"))
    region = _text(place.get("region") or place.get("state"))
    return country, region.removeprefix(country + "-")


def period(unit: str, at_ms: int, zone: str) -> tuple[int, int]:
    """Return (begin, end) of the local day, week or month that an instant is in; weeks begin on Monday.

    Each begins when the wall clock of `zone` shows its first midnight, so that windows follow upon each
    other without gaps, however the clocks are changed.
    """
    day = local_day(at_ms, zone)
    while True:
        first, after = _days(unit, day)
        ends_ms = day_begins(zone, after)
        if at_ms < ends_ms:
            return day_begins(zone, first), ends_ms
        day = after  # the clocks were put back over midnight


def _days(unit: str, day: int) -> tuple[int, int]:
    if unit == WEEK:
        first = day - (day + 6) % 7
        return first, first + 7
    if unit == MONTH:
        date = datetime.fromordinal(day)
        first = day - date.day + 1
        return first, datetime.fromordinal(first + 31).replace(day=1).toordinal()
    return day, day + 1


def _text(value: Any) -> str:
    return value.strip().upper() if isinstance(value, str) else ""
