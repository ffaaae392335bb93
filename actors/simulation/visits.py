"""Who comes on a day, when, and where: all customers of a part at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.simulation.draws import DAILY
from actors.simulation.part import World
from actors.simulation.people import DAY_MS, Floats, People, Whole

_HOUR_MS = 3_600_000
_AT = {name: place for place, name in enumerate(DAILY)}


class Visits(NamedTuple):
    """Visits of a day, in order of customer and time: rows of `People`, instants, channels.

    `left` and `returned` are the rows of those who stop with this day and begin again on it.
    """

    rows: Whole
    at_ms: Whole
    channels: list[str]
    left: Whole
    returned: Whole


def visits_of(world: World, people: People, day: int, drawn: Floats) -> Visits:
    """Return the visits of a day, and let people know of it; `drawn` are the streams of `DAILY`.

    The number of visits is Poisson given the rate, at most three. It depends on nothing but that day's draw, so
    that populations under different policies come on the same days as long as their rates are the same.
    """
    behaviour, model = world.behaviour, world.population.model
    returned = ~people.active & (drawn[:, _AT["return"]] < behaviour.staying.returning(people, day))
    people.active |= returned
    mean = behaviour.arrival.expected(people, day)
    none = np.exp(-mean)
    point = drawn[:, _AT["visits"]]
    counts = (point >= none).astype(np.int64)
    counts += point >= none * (1.0 + mean)
    counts += point >= none * (1.0 + mean + 0.5 * mean * mean)
    counts[returned] = np.maximum(counts[returned], 1)
    came = counts > 0
    left = came & (drawn[:, _AT["leave"]] < behaviour.staying.leaving(people, day))
    people.last_day[came] = day
    people.active &= ~left
    rows, instants, channels = [], [], []
    hours = np.cumsum(model.hours) / sum(model.hours)
    for visit, (time, channel) in enumerate(
        (("first", "first_channel"), ("second", "second_channel"), ("third", "second_channel"))
    ):
        who = np.flatnonzero(counts > visit)
        rows.append(who)
        instants.append(day * DAY_MS + _time_of_day(drawn[who, _AT[time]], hours))
        channels.append((people.habits[who] <= drawn[who, _AT[channel], None]).sum(axis=1))
    names = list(model.channels)
    all_rows, all_ms = np.concatenate(rows), np.concatenate(instants)
    order = np.lexsort((all_ms, all_rows))
    places = np.minimum(np.concatenate(channels)[order], len(names) - 1)
    return Visits(
        all_rows[order],
        all_ms[order],
        [names[place] for place in places.tolist()],
        np.flatnonzero(left),
        np.flatnonzero(returned),
    )


def _time_of_day(points: Floats, hours: Floats) -> NDArray[np.int64]:
    """Return milliseconds since midnight, by cumulated shares of the hours."""
    hour = np.minimum(hours.searchsorted(points, side="right"), len(hours) - 1)
    before = np.where(hour > 0, hours[hour - 1], 0.0)
    within = (points - before) / np.maximum(hours[hour] - before, 1e-12)
    return hour * _HOUR_MS + (np.clip(within, 0.0, 1.0 - 1e-9) * _HOUR_MS).astype(np.int64)
