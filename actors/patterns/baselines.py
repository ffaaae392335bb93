"""What is usual for one customer, kept in a list of numbers, and what deviates from it.

`patterns` is `CustomerState.patterns`: an empty list while nothing is known. Every function that
learns changes it in place. Events are given in the order of their arrival. One that happened before
the last of its kind is late: it adds to what is usual, but is no sign of a change, never moves her
last visit back and never makes a deviation.
"""

from collections.abc import Iterable
from math import exp, log
from typing import Any

from actors.patterns import deviation as names
from actors.patterns.deviation import Deviation, contrast
from actors.patterns.level import (
    GAP,
    MEAN,
    MIN_KNOWN,
    Change,
    Level,
    N,
    learn_value,
    merge_levels,
    new_level,
    observe_value,
)
from actors.patterns.mix import MAX_NAME, Mix, Shift, merge_mixes, new_mix, observe_names
from actors.patterns.rhythm import (
    DAY_MS,
    RANDOM,
    VISIT_MS,
    after_days,
    count_visit,
    days_between,
    longest_days,
)
from actors.patterns.rhythm import survival as rhythm_survival

LAYOUT = 1
"""Version of the layout, the list's first element."""

_LAST, _CHANNEL, _OFFSET, _TOLD, _BOUGHT = range(1, 6)
_WEEK, _RHYTHM, _SPEND, _CHANNELS, _CATEGORIES = range(6, 11)

ABSENCE_LEVEL = 0.01
"""The survival probability below which a customer counts as absent, unless another is asked for."""

SPEND_VARIANCE = 1.0
"""Prior variance of the natural logarithm of an amount."""


def observe(
    patterns: list[Any],
    at_ms: int,
    channel: str,
    spend_minor: int | None = None,
    categories: Iterable[str] = (),
    offset_ms: int = 0,
) -> list[Deviation]:
    """Learn from a visit or, where `spend_minor` is given, from a purchase, and compare it first.

    Args:
        patterns: The customer's; changed in place.
        at_ms: When it happened.
        channel: Where.
        spend_minor: The amount; nothing is learned about spending from one of 0 or less.
        categories: What was bought, each once, in an order that is not by chance (so no set).
        offset_ms: Local time minus UTC where she lives, for days of the week.

    Returns:
        What is significant for this customer: mostly nothing, at most one of each kind.
    """
    if not patterns:
        patterns += _nothing_known()
    channel = channel[:MAX_NAME]
    found: list[Deviation] = []
    late = at_ms < patterns[_LAST]
    if _visit(patterns, at_ms, offset_ms, found) or channel != patterns[_CHANNEL]:
        if not late:
            patterns[_CHANNEL] = channel
        shift = observe_names(patterns[_CHANNELS], (channel,), patterns[_RHYTHM][GAP], late=late)
        if shift is not None:
            found.append(_shifted(names.CHANNEL_SHIFT, shift))
    if spend_minor is not None:
        late = at_ms < patterns[_BOUGHT]
        if spend_minor > 0:
            _purchase(patterns, at_ms, spend_minor, found)
        if categories:
            shift = observe_names(
                patterns[_CATEGORIES], categories, patterns[_SPEND][GAP], late=late
            )
            if shift is not None:
                found.append(_shifted(names.CATEGORY_SHIFT, shift))
    return found


def absence_due_at_ms(patterns: list[Any], level: float = ABSENCE_LEVEL) -> int:
    """Return when her survival probability falls below `level`, or 0 for never.

    Never: fewer than 5 gaps are known, or this absence was reported. Set a timer for it after each
    `observe`, instead of the one before; there is nothing to scan.

    Args:
        patterns: The customer's.
        level: Between 0 and 1; 0.01 means that she stays away for longer once in 100 times.
    """
    if not patterns or patterns[_TOLD] or patterns[_RHYTHM][N] < MIN_KNOWN:
        return 0
    offset, last = int(patterns[_OFFSET]), int(patterns[_LAST])
    days = longest_days(patterns[_RHYTHM], level)
    due = after_days(patterns[_WEEK], last + offset, days) - offset
    return max(due, last + VISIT_MS)


def absent(patterns: list[Any], now_ms: int, level: float = ABSENCE_LEVEL) -> Deviation | None:
    """Return her absence if it is due by now, once: it is armed again by her next visit."""
    due = absence_due_at_ms(patterns, level)
    if not due or now_ms < due:
        return None
    surprise = -log(max(survival(patterns, now_ms), 1e-300))
    patterns[_TOLD] = 1
    usual = usual_gap_days(patterns)
    now = (now_ms - patterns[_LAST]) / DAY_MS
    return Deviation(names.ABSENCE, contrast(usual, now), surprise, usual, now, 0)


def survival(patterns: list[Any], now_ms: int) -> float:
    """Return the probability that she would stay away for this long, 1 when too little is known."""
    if not patterns or patterns[_RHYTHM][N] < MIN_KNOWN or now_ms <= patterns[_LAST]:
        return 1.0
    offset = patterns[_OFFSET]
    days = days_between(patterns[_WEEK], patterns[_LAST] + offset, now_ms + offset)
    return rhythm_survival(patterns[_RHYTHM], days)


def merge(a: list[Any], b: list[Any]) -> list[Any]:
    """Return the patterns of two customers who turned out to be one; leaves both as they are.

    Commutative; associative, rounding aside; the empty list is neutral. Counts, amounts and weekdays
    come out as if one customer had done it all, save for the fading of old values. The rhythm is
    approximate: the gaps of both are pooled, while visits of one that fell between those of the
    other would have made them shorter; her next visits put it right. Of two suspicions of a change
    the stronger is kept. An absence reported of the one seen last stays reported.
    """
    if not a or not b:
        return copy(a or b)
    newer = max(a, b, key=lambda p: p[_LAST:_BOUGHT])
    return [
        LAYOUT,
        *newer[_LAST:_BOUGHT],
        max(a[_BOUGHT], b[_BOUGHT]),
        [x + y for x, y in zip(a[_WEEK], b[_WEEK], strict=True)],
        merge_levels(a[_RHYTHM], b[_RHYTHM]),
        merge_levels(a[_SPEND], b[_SPEND]),
        merge_mixes(a[_CHANNELS], b[_CHANNELS]),
        merge_mixes(a[_CATEGORIES], b[_CATEGORIES]),
    ]


def last_visit_at_ms(patterns: list[Any]) -> int:
    """Return when she was last seen, 0 for never."""
    return int(patterns[_LAST]) if patterns else 0


def usual_gap_days(patterns: list[Any]) -> float:
    """Return the mean number of days between her recent visits, 0 when it is not known."""
    return float(patterns[_RHYTHM][GAP]) if patterns else 0.0


def usual_spend_minor(patterns: list[Any]) -> float:
    """Return the geometric mean of her purchases, 0 when it is not known."""
    return exp(patterns[_SPEND][MEAN]) if patterns and patterns[_SPEND][N] else 0.0


def weekday_visits(patterns: list[Any]) -> list[int]:
    """Return how many of her recent visits fell on each day of the week, Monday first."""
    return list(patterns[_WEEK]) if patterns else [0] * 7


def usual_channels(patterns: list[Any]) -> dict[str, float]:
    """Return the share of her events by channel."""
    return _shares(patterns[_CHANNELS]) if patterns else {}


def usual_categories(patterns: list[Any]) -> dict[str, float]:
    """Return the share of her purchases in which a category occurs, for the most usual ones."""
    return _shares(patterns[_CATEGORIES]) if patterns else {}


def _nothing_known() -> list[Any]:
    return [LAYOUT, 0, "", 0, 0, 0, [0] * 7, new_level(), new_level(), new_mix(), new_mix()]


def copy(patterns: list[Any]) -> list[Any]:
    """Return patterns that share nothing with these."""
    if not patterns:
        return []
    head, tail = patterns[:_WEEK], patterns[_WEEK:_CHANNELS]
    return [*head, *map(list, tail), *(merge_mixes(mix, new_mix()) for mix in patterns[_CHANNELS:])]


def _visit(patterns: list[Any], at_ms: int, offset_ms: int, found: list[Deviation]) -> bool:
    """Return whether this event begins a visit; a late one does when it is far from the last."""
    last, week = patterns[_LAST], patterns[_WEEK]
    gap_ms = at_ms - last
    if gap_ms < 0:
        if gap_ms > -VISIT_MS:
            return False
        count_visit(week, at_ms, offset_ms)
        return True
    patterns[_LAST] = at_ms
    patterns[_OFFSET] = offset_ms
    patterns[_TOLD] = 0
    if last and gap_ms < VISIT_MS:
        return False
    if last:
        level = patterns[_RHYTHM]
        days = days_between(week, last + offset_ms, at_ms + offset_ms)
        change = observe_value(level, days**0.25, gap_ms / DAY_MS, RANDOM * level[MEAN] ** 2)
        if change is not None:
            name = names.RHYTHM_SLOWER if change.up else names.RHYTHM_FASTER
            found.append(_changed(name, change, change.usual**4, change.now**4))
    count_visit(week, at_ms, offset_ms)
    return True


def _purchase(patterns: list[Any], at_ms: int, spend_minor: int, found: list[Deviation]) -> None:
    level: Level = patterns[_SPEND]
    bought = patterns[_BOUGHT]
    if at_ms < bought:
        learn_value(level, log(spend_minor))
        return
    patterns[_BOUGHT] = at_ms
    gap_days = (at_ms - bought) / DAY_MS if bought else 0.0
    change = observe_value(level, log(spend_minor), gap_days, SPEND_VARIANCE)
    if change is not None:
        name = names.SPEND_RISE if change.up else names.SPEND_DROP
        found.append(_changed(name, change, exp(change.usual), exp(change.now)))


def _changed(name: str, change: Change, usual: float, now: float) -> Deviation:
    return Deviation(name, contrast(usual, now), change.surprise, usual, now, change.events)


def _shifted(name: str, shift: Shift) -> Deviation:
    strength = abs(shift.now - shift.usual)
    return Deviation(
        name, strength, shift.surprise, shift.usual, shift.now, shift.events, shift.name
    )


def _shares(mix: Mix) -> dict[str, float]:
    before, since, table = mix
    events = before + since
    return {name: (a + k) / events for name, (a, k) in table.items()}
