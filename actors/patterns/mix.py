"""Which channels a customer uses and which categories she buys, and when that has shifted.

For each name is counted in how many of her events it occurred. Every ten events the last ten, with k
occurrences of a name, are compared with the N before them, with a occurrences. Were nothing different,
k would be hypergeometric, whatever the customer's habits and however names go together:

    mean = m π,   variance = m π (1 − π) N ÷ (N + m − 1),   π = (a + k) ÷ (N + m),   m = 10,

so z = (|k − mean| − ½) ÷ √variance says how unlikely k is. The surprise is the largest z²/2 in nats, less
the log of the number of names, because the largest was picked (Bonferroni). It is a shift from
ln(0.7 · events a month) on, so that false alarms are equally rare in time for frequent and for rare
customers. Then the ten are part of what is usual; after a shift what was usual before is worth
only 5 events, so that a shift is reported once and not for ever.
"""

from collections.abc import Iterable
from math import log
from typing import Any, NamedTuple

Mix = list[Any]
"""[N, events since, {name: [occurrences in N, occurrences since]}]."""

BEFORE, SINCE, NAMES = range(3)

MAX_NAMES = 8
MAX_NAME = 24
BLOCK = 10

_MAX_AT_ONCE = 12
_MIN_BEFORE = 2 * BLOCK
_CAP = 200
_KEEP = 5
_ALARMS = 0.7
_MONTH = 30.4375
_MIN_SURPRISE = 1.0
_GAINED = 1.0 + 1e-9
"""Of two names that are equally surprising, the one is taken that she uses more."""


class Shift(NamedTuple):
    """A name whose share has changed from `usual` to `now`, both 0 to 1."""

    name: str
    surprise: float
    usual: float
    now: float
    events: int


def new_mix() -> Mix:
    """Return a mix of which nothing is known."""
    return [0, 0, {}]


def observe_names(
    mix: Mix, names: Iterable[str], gap_days: float, *, late: bool = False
) -> Shift | None:
    """Count one event with these names, none of them twice, in an order that is not by chance.

    `gap_days` is the mean time between such events. A late event only adds to what is usual.
    """
    table = mix[NAMES]
    at = 0 if late else 1
    for name in names:
        entry = table.get(name)
        if entry is None:
            entry = _entry(table, name)
        entry[at] += 1
    if late:
        mix[BEFORE] += 1
        return None
    mix[SINCE] += 1
    return _close(mix, gap_days) if mix[SINCE] >= BLOCK else None


def merge_mixes(a: Mix, b: Mix) -> Mix:
    """Return the mix of both: counts add up.

    Commutative and associative. Names beyond `MAX_NAMES` are dropped when the block closes, the
    rarest first, so that the order of merges cannot matter.
    """
    table = {name: list(counts) for name, counts in a[NAMES].items()}
    for name, (before, since) in b[NAMES].items():
        known = table.setdefault(name, [0, 0])
        known[0] += before
        known[1] += since
    return [
        a[BEFORE] + b[BEFORE],
        a[SINCE] + b[SINCE],
        {name: table[name] for name in sorted(table)},
    ]


def _entry(table: dict[str, list[int]], name: str) -> list[int]:
    """Return the counts of a name that is new or long; of one too many, counts that get lost."""
    name = name[:MAX_NAME]
    if name not in table and len(table) < _MAX_AT_ONCE:
        table[name] = [0, 0]
    return table.get(name, [0, 0])


def _close(mix: Mix, gap_days: float) -> Shift | None:
    before, since, table = mix
    shift = _shift(before, since, table) if before >= _MIN_BEFORE else None
    if shift is not None and shift.surprise < _threshold(gap_days):
        shift = None
    if shift is not None:
        before = _fade(table, before, _KEEP)
    elif before > _CAP:
        before = _fade(table, before, _CAP // 2)
    for entry in table.values():
        entry[0] += entry[1]
        entry[1] = 0
    mix[BEFORE], mix[SINCE] = before + since, 0
    if len(table) > MAX_NAMES:
        ranked = sorted(table, key=lambda name: (-table[name][0], name))
        for name in ranked[MAX_NAMES:]:
            del table[name]
    return shift


def _shift(before: int, since: int, table: dict[str, list[int]]) -> Shift | None:
    events = before + since
    most, found = 0.0, ""
    scale = since * before / (events * events * (events - 1.0))
    for name, (usual, now) in table.items():
        both = usual + now
        apart = now - since * both / events
        bonus = _GAINED if apart > 0 else 1.0
        apart = abs(apart) - 0.5
        if apart > 0 and bonus * apart * apart > most * scale * both * (events - both):
            most = bonus * apart * apart / (scale * both * (events - both))
            found = name
    if not found:
        return None
    usual, now = table[found]
    surprise = max(0.0, most / 2.0 - log(len(table)))
    return Shift(found, surprise, usual / before, now / since, since)


def _threshold(gap_days: float) -> float:
    monthly = _MONTH / gap_days if gap_days > 0 else _MONTH
    return max(_MIN_SURPRISE, log(_ALARMS * monthly))


def _fade(table: dict[str, list[int]], before: int, keep: int) -> int:
    for entry in table.values():
        entry[0] = entry[0] * keep // before
    return keep
