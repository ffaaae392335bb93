"""When the rules of segments can next change their mind though nothing happens.

A rule changes by time alone only where it reads something that moves: days since something, what
leaves a window, the local clock. Each part of a rule (between its `&&`, `||`, `? :`) that compares
days linearly, as in `recency_days < 10.0` or `spend >= tenure_days * 13.0`, is solved. Any other part
that reads days is looked at again at every local midnight.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache, partial
from math import floor
from typing import Any

from actors.attributes import next_change_ms
from actors.decisioning.context import builder_of
from actors.decisioning.linear import Line, NotLinearError, compare
from actors.decisioning.local_time import local_time
from actors.domain.loyalty import CLIENT_ORDERS, LAPSED_AFTER_MS, LAPSED_GAPS, mean_gap_ms
from actors.domain.state import CustomerState
from actors.playbook.fields import CATALOGUE, NEVER_DAYS
from actors.playbook.lowering import Variable
from actors.playbook.model import Playbook, Segment
from actors.playbook.references import terms, tokenize

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000

DAYS = frozenset(
    {
        "profile.recency_days",
        "profile.tenure_days",
        "profile.days_since_case",
        "profile.days_since_missed_payment",
        "profile.days_since_department",
        "profile.days_since_interest",
        "profile.days_since_refused",
        "profile.channel_days",
        "profile.trait_days",
    }
)
"""Fields that grow by one a day, unless they are `NEVER_DAYS`."""
ATTRIBUTES = "attributes"

Step = Callable[[CustomerState, int], int | None]
"""Returns when a field that otherwise stands still changes next, after an instant."""


def lasting(playbook: Playbook) -> tuple[Segment, ...]:
    """Return the segments that one can be a member of: those whose rule does not read the event."""
    return tuple(
        segment
        for segment in playbook.segments
        if not any(path.startswith("event.") for path in segment.rule.paths)
    )


def _contacts(days: int) -> Step:
    def leaves(state: CustomerState, now_ms: int) -> int | None:
        ends = (contact.at_ms + days * _DAY_MS for contact in state.profile.contacts)
        return min((end_ms for end_ms in ends if end_ms > now_ms), default=None)

    return leaves


def _consent_expires(state: CustomerState, now_ms: int) -> int | None:
    ends = (consent.expires_at_ms for consent in state.profile.consents.values())
    return min((end_ms for end_ms in ends if end_ms > now_ms), default=None)


def _lapses(state: CustomerState, now_ms: int) -> int | None:
    profile = state.profile
    if profile.purchases.orders < CLIENT_ORDERS:
        return None
    allowed_ms = max(LAPSED_AFTER_MS, LAPSED_GAPS * mean_gap_ms(profile))
    at_ms = profile.purchases.last_at_ms + floor(allowed_ms) + 1
    return at_ms if at_ms > now_ms else None


def _next_hour(zone: str, state: CustomerState, now_ms: int) -> int:
    local = local_time(now_ms, state.profile.timezone, zone)
    past_ms = (local.minute * 60 + local.second) * 1000 + local.microsecond // 1000
    return now_ms + _HOUR_MS - past_ms


def _next_midnight(zone: str, state: CustomerState, now_ms: int) -> int:
    local = local_time(now_ms, state.profile.timezone, zone)
    tomorrow = local.date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), local.tzinfo)
    return max(now_ms + 1, floor(midnight.timestamp() * 1000))


class Crossings:
    """What moves in the rules of one playbook's lasting segments, worked out once.

    `positions` are those of the values that it is asked with.
    """

    def __init__(self, playbook: Playbook, positions: Mapping[str, int]) -> None:
        self._playbook = playbook
        self._positions = positions
        self._marks: dict[int, set[int]] = {}  # lengths in ms, by the position of the days
        self._lines: list[Line] = []
        self._steps: dict[str, Step] = {}
        for segment in lasting(playbook):
            self._read(segment)
        self._all = list(self._steps.values())
        self._ends = [(position, sorted(ends)) for position, ends in self._marks.items()]
        self.moves = bool(self._ends or self._lines or self._all)

    def next_ms(self, state: CustomerState, values: Sequence[Any], now_ms: int) -> int | None:
        """Return the first instant after now at which some membership might change; None for never.

        `values` are those of now.
        """
        first_ms = 0
        for position, ends in self._ends:
            days: float = values[position]
            if days == NEVER_DAYS:
                continue
            gone_ms = floor(days * _DAY_MS + 0.5)
            for end_ms in ends:
                if end_ms > gone_ms:
                    at_ms = now_ms + end_ms - gone_ms
                    if not first_ms or at_ms < first_ms:
                        first_ms = at_ms
                    break
        for line in self._lines:
            at_ms = line.meets_ms(values, now_ms)
            if at_ms and (not first_ms or at_ms < first_ms):
                first_ms = at_ms
        for step in self._all:
            step_ms = step(state, now_ms)
            if step_ms is not None and (not first_ms or step_ms < first_ms):
                first_ms = step_ms
        return first_ms or None

    def _read(self, segment: Segment) -> None:
        rule = segment.rule
        for variable in rule.variables:
            self._add_step(variable)
        lowered = rule.lowered
        for start, end, _ in terms(tokenize(lowered)):
            tokens = tokenize(lowered[start:end])
            named = {token.text for token in tokens if token.kind == "ident"}
            moving = [v for v in rule.variables if v.path in DAYS and v.name in named]
            if not moving:
                continue
            if any(v.key is None and CATALOGUE[v.path].is_map for v in moving):
                self._daily()
                continue
            try:
                self._add(compare(tokens, self._positions, {v.name for v in moving}))
            except NotLinearError:
                self._daily()

    def _add(self, found: tuple[int, float] | Line) -> None:
        """Add a comparison: of days with a number, or of anything that is linear in days."""
        if not isinstance(found, tuple):
            self._lines.append(found)
            return
        position, days = found
        first = floor(days * _DAY_MS) - 2
        while first / _DAY_MS < days:
            first += 1
        marks = self._marks.setdefault(position, set())
        marks.add(first)
        if first / _DAY_MS == days:
            marks.add(first + 1)

    def _add_step(self, variable: Variable) -> None:
        path, zone = variable.path, self._playbook.timezone
        if path == "profile.contacts_7d":
            self._steps[path] = _contacts(7)
        elif path == "profile.contacts_30d":
            self._steps[path] = _contacts(30)
        elif path == "profile.loyalty_stage":
            self._steps[path] = _lapses
        elif path == "profile.consent":
            self._steps[path] = _consent_expires
        elif path == "now.hour":
            self._steps[path] = partial(_next_hour, zone)
        elif path.startswith("now.") or path == "profile.preferred_hour":
            self._daily()
        elif path == ATTRIBUTES:
            declared = self._playbook.attributes.by_name
            for name in declared if variable.key is None else (variable.key,):
                self._steps[f"{path}.{name}"] = partial(_attribute, self._playbook, name)

    def _daily(self) -> None:
        self._steps["midnight"] = partial(_next_midnight, self._playbook.timezone)


def _attribute(playbook: Playbook, name: str, state: CustomerState, now_ms: int) -> int | None:
    return next_change_ms(state.attributes, name, playbook, now_ms)


@lru_cache(maxsize=16)
def crossings_of(playbook: Playbook) -> Crossings:
    """Return what moves in a playbook's segments, for the values that turns work out; made once."""
    return Crossings(playbook, builder_of(playbook).positions)


def moving_fields() -> Mapping[str, str]:
    """Return every field that may change by time alone, with how it is followed."""
    steps = (
        *("profile.contacts_7d", "profile.contacts_30d", "profile.consent"),
        *("profile.loyalty_stage", ATTRIBUTES),
    )
    clock = ("now.hour", "now.weekday", "now.day", "now.month", "profile.preferred_hour")
    return (
        dict.fromkeys(DAYS, "solved") | dict.fromkeys(steps, "step") | dict.fromkeys(clock, "clock")
    )
