"""When the rules of segments can next change their mind though nothing happens.

A rule changes by time alone only where it reads something that moves: days since something, what
leaves a window, the local clock. Each part of a rule (between its `&&`, `||`, `? :`) that compares
days linearly, as in `recency_days < 10.0` or `spend >= tenure_days * 13.0`, is solved. Any other part
that reads days is looked at again at every local midnight. How long the whole of a rule stays as it is
follows from its parts (`changing`).
"""

import ast
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache, partial
from math import floor
from typing import Any

from actors.attributes import next_change_ms
from actors.decisioning.changing import NEVER, Moment, Part, Step, parts_of
from actors.decisioning.context import builder_of
from actors.decisioning.linear import NotLinearError, compare
from actors.decisioning.local_time import local_time
from actors.domain.loyalty import CLIENT_ORDERS, LAPSED_AFTER_MS, LAPSED_GAPS, mean_gap_ms
from actors.domain.state import CustomerState
from actors.playbook.direct import simple, together
from actors.playbook.fields import CATALOGUE
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
        self._parts: list[Part] = []
        self._steps: dict[str, Step] = {}  # each once, however many leaves read it
        known: list[ast.expr] = []
        for segment in lasting(playbook):
            part = parts_of(segment.rule.lowered, tokenize(segment.rule.lowered))
            for leaf in part.leaves():
                self._read(leaf, segment.rule.variables)
            if not part.moves():
                continue
            self._parts.append(part)
            for leaf in part.leaves():
                asked = simple(leaf.text, segment.rule.variables, positions)
                if asked is not None:
                    leaf.place = len(known)
                    known.append(asked)
        self._ask = together(known)
        self.moves = bool(self._parts)

    def next_ms(self, state: CustomerState, values: Sequence[Any], now_ms: int) -> int | None:
        """Return an instant after now before which no membership changes; None for never.

        `values` are those of now.
        """
        moment = Moment(state, now_ms, values, self._ask(values, (), ""))
        first_ms = NEVER
        for part in self._parts:
            first_ms = min(first_ms, part.until_ms(moment))
        return first_ms if first_ms < NEVER else None

    def _read(self, leaf: Part, variables: Collection[Variable]) -> None:
        """Note all that moves in a leaf."""
        named = {token.text for token in tokenize(leaf.text) if token.kind == "ident"}
        steps: dict[str, Step] = {}
        marks: dict[int, set[int]] = {}
        for variable in variables:
            if variable.name in named:
                self._add_step(variable, steps)
        for start, end, _ in terms(tokenize(leaf.text)):
            tokens = tokenize(leaf.text[start:end])
            inside = {token.text for token in tokens if token.kind == "ident"}
            moving = [v for v in variables if v.path in DAYS and v.name in inside]
            if not moving:
                continue
            if any(v.key is None and CATALOGUE[v.path].is_map for v in moving):
                self._daily(steps)
                continue
            try:
                found = compare(tokens, self._positions, {v.name for v in moving})
            except NotLinearError:
                self._daily(steps)
                continue
            if isinstance(found, tuple):
                _mark(found, marks)
            else:
                leaf.lines.append(found)
        leaf.ends = [(position, sorted(ends)) for position, ends in marks.items()]
        leaf.steps = [self._steps.setdefault(key, step) for key, step in steps.items()]

    def _add_step(self, variable: Variable, steps: dict[str, Step]) -> None:
        path, zone = variable.path, self._playbook.timezone
        if path == "profile.contacts_7d":
            steps[path] = _contacts(7)
        elif path == "profile.contacts_30d":
            steps[path] = _contacts(30)
        elif path == "profile.loyalty_stage":
            steps[path] = _lapses
        elif path == "profile.consent":
            steps[path] = _consent_expires
        elif path == "now.hour":
            steps[path] = partial(_next_hour, zone)
        elif path.startswith("now.") or path == "profile.preferred_hour":
            self._daily(steps)
        elif path == ATTRIBUTES:
            declared = self._playbook.attributes.by_name
            for name in declared if variable.key is None else (variable.key,):
                steps[f"{path}.{name}"] = partial(_attribute, self._playbook, name)

    def _daily(self, steps: dict[str, Step]) -> None:
        steps["midnight"] = partial(_next_midnight, self._playbook.timezone)


def _mark(found: tuple[int, float], marks: dict[int, set[int]]) -> None:
    """Add a comparison of days with a number: the first millisecond at which they have come to it."""
    position, days = found
    first = floor(days * _DAY_MS) - 2
    while first / _DAY_MS < days:
        first += 1
    ends = marks.setdefault(position, set())
    ends.add(first)
    if first / _DAY_MS == days:
        ends.add(first + 1)


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
