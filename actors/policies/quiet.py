"""Quiet hours and public holidays: when something may be sent, in every zone where the customer may be."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from actors.domain.profile import Profile
from actors.playbook.model import Playbook
from actors.playbook.policy_model import Holidays, Quiet
from actors.policies.verdicts import Planned
from actors.policies.whereabouts import place_of, zones_of
from actors.scenarios.calendar import day_begins, local_day

MAX_HOLD_MS = 7 * 86_400_000
"""What would have to wait longer is dropped."""
_DAY_MINUTES = 1440
_QUARTER = 15
_QUARTER_MS = _QUARTER * 60_000

Stop = tuple[Callable[[int], int], str, bool]
"""Until when it is quiet at an instant (0: it is not), the reason, and whether it drops."""


def plan_send(
    profile: Profile, playbook: Playbook, channel: str, purpose: str, now_ms: int
) -> Planned:
    """Return the first instant at which a message may be sent, as far as the clock decides it."""
    hours, holidays = _concerned(playbook, channel, purpose)
    if not hours and not holidays:
        return Planned(now_ms)
    zones = zones_of(profile, playbook)
    place = place_of(profile) if holidays else ("", "")
    known = _all_through(playbook, channel, purpose, zones, place, now_ms // _QUARTER_MS)
    if known is None:
        return after_quiet(_stops(hours, holidays, zones, place), now_ms)
    return known if known.at_ms or known.why else Planned(now_ms)


def plan_sends(
    profile: Profile, playbook: Playbook, kinds: tuple[tuple[str, str], ...], now_ms: int
) -> dict[str, Planned]:
    """Return `plan_send` of several (channel, purpose), by `channel|purpose`, where it is not now."""
    if not kinds:
        return {}
    place = place_of(profile) if playbook.policies.holidays else ("", "")
    zones, found = zones_of(profile, playbook), {}
    for kind, said in _kinds_all_through(playbook, kinds, zones, place, now_ms // _QUARTER_MS):
        planned = said
        if planned is None:
            channel, _, purpose = kind.partition("|")
            planned = plan_send(profile, playbook, channel, purpose, now_ms)
        if planned.at_ms != now_ms:
            found[kind] = planned
    return found


@lru_cache(maxsize=4096)
def _kinds_all_through(
    playbook: Playbook,
    kinds: tuple[tuple[str, str], ...],
    zones: tuple[str, ...],
    place: tuple[str, str],
    quarter: int,
) -> tuple[tuple[str, Planned | None], ...]:
    """Return `_all_through` of several kinds of messages, but for those that nothing keeps back."""
    found: list[tuple[str, Planned | None]] = []
    for channel, purpose in kinds:
        hours, holidays = _concerned(playbook, channel, purpose)
        if not hours and not holidays:
            continue
        here = place if holidays else ("", "")
        known = _all_through(playbook, channel, purpose, zones, here, quarter)
        if known is None or known.at_ms or known.why:
            found.append((f"{channel}|{purpose}", known))
    return tuple(found)


@lru_cache(maxsize=4096)
def _all_through(
    playbook: Playbook,
    channel: str,
    purpose: str,
    zones: tuple[str, ...],
    place: tuple[str, str],
    quarter: int,
) -> Planned | None:
    """Return what holds all through a quarter of an hour since 1970; None if it may change within.

    Days and quiet hours that begin and end at full quarters do so here too, where the zone is whole quarters
    ahead. `Planned(0)` without a reason says that nothing is quiet.
    """
    hours, holidays = _concerned(playbook, channel, purpose)
    first_ms, last_ms = quarter * _QUARTER_MS, (quarter + 1) * _QUARTER_MS - 1
    if any(each.begins % _QUARTER or each.ends % _QUARTER for each in hours):
        return None
    for zone in zones:
        for at_ms in (first_ms, last_ms):
            if day_begins(zone, local_day(at_ms, zone)) % _QUARTER_MS:
                return None
    stops = _stops(hours, holidays, zones, place)
    first, last = after_quiet(stops, first_ms), after_quiet(stops, last_ms)
    if first == (first_ms, "") and last == (last_ms, ""):
        return Planned(0)
    return first if first == last and first.why else None


def after_quiet(stops: Sequence[Stop], now_ms: int) -> Planned:
    """Return the first instant from `now_ms` on that no stop covers, within `MAX_HOLD_MS`."""
    at_ms, reason, moved = now_ms, "", True
    while moved:
        moved = False
        for until, why, drops in stops:
            ends_ms = until(at_ms)
            if ends_ms <= at_ms:
                continue
            if drops:
                return Planned(0, why)
            at_ms, reason, moved = ends_ms, why, True
            if at_ms - now_ms > MAX_HOLD_MS:
                return Planned(0, f"{why}: for more than 7 days")
    return Planned(at_ms, reason)


def stops_for(profile: Profile, playbook: Playbook, channel: str, purpose: str) -> list[Stop]:
    """Return what may keep a message back, one for each zone in which the customer may be."""
    hours, holidays = _concerned(playbook, channel, purpose)
    if not hours and not holidays:
        return []
    place = place_of(profile) if holidays else ("", "")
    return _stops(hours, holidays, zones_of(profile, playbook), place)


def _stops(
    hours: Sequence[Quiet],
    holidays: Sequence[Holidays],
    zones: Sequence[str],
    place: tuple[str, str],
) -> list[Stop]:
    return [*_hours(hours, zones), *_holidays(holidays, zones, place)]


@lru_cache(maxsize=4096)
def _concerned(
    playbook: Playbook, channel: str, purpose: str
) -> tuple[tuple[Quiet, ...], tuple[Holidays, ...]]:
    """Return the rules that concern messages on a channel for a purpose."""
    policies = playbook.policies
    return (
        tuple(each for each in policies.quiet if each.reach.includes(channel, purpose)),
        tuple(each for each in policies.holidays if each.reach.includes(channel, purpose)),
    )


def _hours(hours: Iterable[Quiet], zones: Sequence[str]) -> Iterator[Stop]:
    for each in hours:
        for zone in zones:
            yield _hours_in(each, zone), f"quiet hours {each.name}", each.drop


def _hours_in(each: Quiet, zone: str) -> Callable[[int], int]:
    def until(at_ms: int) -> int:
        return quiet_until(each, at_ms, zone)

    return until


def quiet_until(each: Quiet, at_ms: int, zone: str) -> int:
    """Return when the quiet hours end that an instant is in; 0 when it is in none."""
    today = local_day(at_ms, zone)
    latest = 0
    for begins_ms, ends_ms in _around(each.begins, each.ends, each.weekdays, zone, today):
        if begins_ms <= at_ms < ends_ms:
            latest = max(latest, ends_ms)
    return latest


@lru_cache(maxsize=4096)
def _around(
    begins: int, ends: int, weekdays: frozenset[int], zone: str, today: int
) -> tuple[tuple[int, int], ...]:
    """Return the quiet hours of a day and of those beside it, as (begin, end).

    The day before: hours that began then may last still. The next: the clocks may be put back over midnight.
    """
    until = ends + (_DAY_MINUTES if ends <= begins else 0)
    return tuple(
        (day_begins(zone, day, begins), day_begins(zone, day, until))
        for day in (today - 1, today, today + 1)
        if not weekdays or (day + 6) % 7 in weekdays
    )


def _holidays(
    holidays: Iterable[Holidays], zones: Sequence[str], place: tuple[str, str]
) -> Iterator[Stop]:
    for each in holidays:
        country, region = _country(each, place)
        for zone in zones:
            why = f"public holiday in {country}{'-' if region else ''}{region}"
            yield _holiday_in(country, region, zone), why, each.drop


def _holiday_in(country: str, region: str, zone: str) -> Callable[[int], int]:
    def until(at_ms: int) -> int:
        day = local_day(at_ms, zone)
        days = public_holidays(country, region, datetime.fromordinal(day).year)
        return day_begins(zone, day + 1) if day in days else 0

    return until


def _country(each: Holidays, place: tuple[str, str]) -> tuple[str, str]:
    """Return the customer's country and region where their holidays are known, else the rule's."""
    country, region = place
    regions = _regions(country) if country else None
    if regions is None:
        return each.country, each.subdivision
    if region in regions:
        return country, region
    return country, each.subdivision if country == each.country else ""


@lru_cache(maxsize=1)
def _countries() -> dict[str, frozenset[str]]:
    from holidays import list_supported_countries  # noqa: PLC0415 - half a second, seldom needed

    return {name: frozenset(regions) for name, regions in list_supported_countries().items()}


def _regions(country: str) -> frozenset[str] | None:
    return _countries().get(country)


@lru_cache(maxsize=512)
def public_holidays(country: str, region: str, year: int) -> frozenset[int]:
    """Return the public holidays of a year as days counted from the first of January of the year 1."""
    from holidays import country_holidays  # noqa: PLC0415 - as above

    days = country_holidays(country, subdiv=region or None, years=year)
    return frozenset(day.toordinal() for day in days)
