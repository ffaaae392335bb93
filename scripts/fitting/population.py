"""What customers of a population are like, fitted to real households, and how far to believe it.

Half of the households are fitted, the other half is held out. What cannot be read off directly (the rates of
those who leave, the spread of means) is brought into line by simulating and comparing, a few times over.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actors.simulation.behaviour import ORDER, Baskets, Behaviour, Occasion, usual_behaviour
from actors.simulation.draws import DAILY, DAY, OCCASION, STREAMS, Chance, uniforms
from actors.simulation.model import PopulationModel
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population, scores
from actors.simulation.spec import Spec
from actors.simulation.visits import visits_of
from scripts.demo.households import Frames
from scripts.fitting.seen import Floats, Seen, Whole, gaps_of, last_of

DAYS = 350
"""Fifty weeks, which end before the holidays: those of one year are no habit of the households."""
KINDS = 12
"""Categories that are told apart; what is left is `OTHER`."""
SETTLED_DAYS = 28
"""Households whose first basket is within so many days from the start: those there from the beginning."""
LONGEST = 45
"""Days since the last visit that are told apart by the rhythm."""
QUANTILES = np.linspace(0.0, 1.0, 201)
ROUNDS = 22
SOFTLY = 14
"""From this round on corrections are taken by a third, for what is left is noise."""
MANY = 8
"""How many times as many customers as households the last correction of shares is measured on."""
OTHER = "OTHER"


def halves_of(frames: Frames, seed: int) -> tuple[Seen, Seen, list[str]]:
    """Return two halves of the settled households, drawn by a seed, and the names of the categories."""
    lines = frames.transactions
    ms = lines["transaction_timestamp"].astype("datetime64[ms]").astype("int64")
    table = pd.DataFrame(
        {
            "household": lines["household_id"].astype("int64"),
            "basket": lines["basket_id"].astype("int64"),
            "ms": ms,
            "minor": lines["sales_value"] * 100.0,
            "kind": lines["product_id"]
            .map(frames.products.set_index("product_id")["department"])
            .fillna(OTHER),
        }
    )
    first = int(table["ms"].min()) // DAY_MS
    table = table[table["ms"] < (first + DAYS) * DAY_MS]
    start = table.groupby("household")["ms"].min() // DAY_MS - first
    settled = np.array(sorted(start[start < SETTLED_DAYS].index))
    table = table[table["household"].isin(settled)]
    names = [*table.groupby("kind")["minor"].sum().nlargest(KINDS).index, OTHER]
    table["kind"] = table["kind"].where(table["kind"].isin(names), OTHER)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(settled))
    middle = len(settled) // 2
    found = []
    for chosen in (np.sort(order[:middle]), np.sort(order[middle:])):
        numbers = settled[chosen]
        found.append(_seen(table[table["household"].isin(numbers)], numbers, names, first, frames))
    return found[0], found[1], names


def _seen(
    table: pd.DataFrame, numbers: Whole, names: list[str], first: int, frames: Frames
) -> Seen:
    row_of = {int(number): row for row, number in enumerate(numbers)}
    baskets = (
        table.groupby(["household", "basket"]).agg(ms=("ms", "min"), minor=("minor", "sum"))
    ).reset_index()
    baskets = baskets[baskets["minor"] >= 1.0].sort_values(["household", "ms"])
    ms = baskets["ms"].to_numpy()
    kinds = np.zeros((len(numbers), len(names)))
    for (household, kind), minor in table.groupby(["household", "kind"])["minor"].sum().items():
        kinds[row_of[int(household)], names.index(str(kind))] = minor
    type_of = dict(
        zip(
            frames.campaign_descriptions["campaign_id"],
            frames.campaign_descriptions["campaign_type"],
            strict=True,
        )
    )
    mailed = frames.campaigns[frames.campaigns["household_id"].isin(numbers)]
    used = frames.coupon_redemptions
    used = used[used["household_id"].isin(numbers)]
    pairs = used[["household_id", "campaign_id"]].drop_duplicates()
    return Seen(
        count=len(numbers),
        days=DAYS,
        household=baskets["household"].map(row_of).to_numpy(),
        day=ms // DAY_MS - first,
        hour=ms // 3_600_000 % 24,
        weekday=(ms // DAY_MS + 3) % 7,
        amount=baskets["minor"].to_numpy(),
        kinds=kinds,
        mailed=mailed["campaign_id"].map(type_of).astype(str).value_counts().to_dict(),
        redeemed=pairs["campaign_id"].map(type_of).astype(str).value_counts().to_dict(),
    )


def _by_household(seen: Seen) -> tuple[Floats, Floats, Floats]:
    """Return baskets, and mean and standard deviation of the logarithms of baskets, by household."""
    counts = np.bincount(seen.household, minlength=seen.count).astype(float)
    logs = np.log(seen.amount)
    safe = np.maximum(counts, 1.0)
    mean = np.bincount(seen.household, logs, seen.count) / safe
    square = np.bincount(seen.household, logs * logs, seen.count) / safe
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0) * safe / np.maximum(safe - 1.0, 1.0))
    return counts, mean, spread


def fit(seen: Seen, names: list[str], said: Callable[[str], None]) -> PopulationModel:
    """Return the model of households; what has to be assumed keeps its defaults."""
    counts, mean, spread = _by_household(seen)
    many = counts >= 8
    shape = (np.log(seen.amount) - mean[seen.household]) / np.maximum(spread[seen.household], 1e-6)
    shape = shape[many[seen.household]]
    spans = np.clip(seen.days - last_of(seen) + seen.days / np.maximum(counts, 1.0), 1.0, seen.days)
    rates = counts / spans
    ranks = [_normal(column) for column in (rates[many], mean[many], spread[many])]
    totals = seen.kinds.sum(axis=0)
    shares = seen.kinds[counts > 0] / seen.kinds[counts > 0].sum(axis=1, keepdims=True)
    model = PopulationModel(
        source="completejourney",
        visit_rates=_table(rates),
        basket_means=_table(mean[many]),
        basket_spreads=_table(spread[many]),
        basket_shape=[round(float(q), 4) for q in np.quantile(shape, np.linspace(0, 1, 101))],
        copula=[
            [round(float(c), 4) for c in row] for row in np.atleast_2d(np.corrcoef(np.stack(ranks)))
        ],
        rhythm=_rhythm(seen, rates),
        rhythm_rare=_rhythm(seen, rates),
        often=round(float(np.median(rates)), 5),
        weekdays=_factors(seen.weekday, 7),
        hours=_factors(seen.hour, 24),
        categories={
            name: round(float(t / totals.sum()), 5) for name, t in zip(names, totals, strict=True)
        },
        evenness=_evenness(shares, totals / totals.sum()),
        redemption={
            kind: round(seen.redeemed.get(kind, 0) / mailed, 5)
            for kind, mailed in sorted(seen.mailed.items())
        },
        leave=0.0006,
        come_back=0.002,
    )
    for turn in range(ROUNDS):
        model = _closer(model, seen, names, turn)
        said(f"brought into line, {turn + 1} of {ROUNDS}")
    return polished(model, seen, names)


def polished(model: PopulationModel, seen: Seen, names: list[str]) -> PopulationModel:
    """Correct the shares once more, by many more customers than there are households."""
    made = behave(model, seen.count * MANY, seen.days, 999, names)
    return replace(
        model,
        weekdays=_corrected(model.weekdays, seen.weekday, made.weekday),
        hours=_corrected(model.hours, seen.hour, made.hour),
        categories=_amounts(model, seen, made, 1.0)["categories"],
    )


def _table(values: Floats) -> list[float]:
    return [round(float(q), 5) for q in np.quantile(values, QUANTILES)]


def _normal(column: Floats) -> Floats:
    order = np.argsort(np.argsort(column, kind="stable"), kind="stable")
    return scores((order + 0.5) / len(column))


def _factors(places: Whole, count: int) -> list[float]:
    found = np.bincount(places, minlength=count) * count / len(places)
    return [round(float(each), 4) for each in found]


def _rhythm(seen: Seen, rates: Floats) -> list[float]:
    """Return baskets on days so long after the last visit, divided by what the rates alone would give."""
    keys, counts = np.unique(seen.household * 10_000 + seen.day, return_counts=True)
    household, day = keys // 10_000, keys % 10_000
    same = household[1:] == household[:-1]
    gaps, who, bought = (day[1:] - day[:-1])[same], household[1:][same], counts[1:][same]
    came, risk = np.zeros(LONGEST), np.zeros(LONGEST)
    np.add.at(came, np.minimum(gaps, LONGEST - 1), bought)
    for gap in range(1, LONGEST - 1):
        risk[gap] = rates[who[gaps >= gap]].sum()
    risk[-1] = (rates[who] * np.maximum(gaps - (LONGEST - 2), 0)).sum()
    raw = np.where(risk > 0, came / np.maximum(risk, 1e-9), 1.0)
    raw[0] = raw[1]
    return [round(float(each), 4) for each in raw]


def _evenness(shares: Floats, means: Floats) -> float:
    """Return the Dirichlet weight whose variances are those of the households' shares."""
    variance = shares.var(axis=0)
    weights = means * (1.0 - means) / np.maximum(variance, 1e-9) - 1.0
    return round(float(np.average(weights, weights=means)), 3)


def _closer(model: PopulationModel, seen: Seen, names: list[str], turn: int) -> PopulationModel:
    """Simulate and correct, in turns what is about time and what is about amounts and rates."""
    made = behave(model, seen.count * 2, seen.days, 1000 + turn, names)
    power = 1.0 if turn < SOFTLY else 1.0 / 3.0
    if turn % 2:
        return replace(model, **_amounts(model, seen, made, power))
    return replace(model, **_times(model, seen, made, power))


def _times(model: PopulationModel, seen: Seen, made: Seen, power: float) -> dict[str, Any]:
    """Correct the rhythms by the gaps, leaving by who is gone at the end, weekdays by weekdays."""
    rhythms = []
    for table, rare in ((model.rhythm, False), (model.rhythm_rare, True)):
        wanted, got = (
            _hazard(np.bincount(np.minimum(gaps, LONGEST), minlength=LONGEST + 1)[1:])
            for gaps in (gaps_of(_those(each, model.often, rare)) for each in (seen, made))
        )
        rhythm = np.array(table)
        rhythm[1:] *= np.clip(wanted / np.maximum(got, 1e-9), 0.7, 1.4)[: LONGEST - 1] ** power
        rhythm[0] = rhythm[1]
        rhythms.append([round(float(v), 4) for v in rhythm])
    gone, mine = (float((last_of(each) > LONGEST).mean()) for each in (seen, made))
    leave = model.leave * float(np.clip((gone + 0.002) / (mine + 0.002), 0.6, 1.7)) ** power
    return {
        "rhythm": rhythms[0],
        "rhythm_rare": rhythms[1],
        "leave": round(leave, 7),
        "weekdays": _corrected(model.weekdays, seen.weekday, made.weekday),
        "hours": _corrected(model.hours, seen.hour, made.hour),
    }


def _those(seen: Seen, often: float, rare: bool) -> Seen:
    """Return the households that came rarely, or the others, by what they did."""
    counts = np.bincount(seen.household, minlength=seen.count) / seen.days
    return seen.part(np.flatnonzero((counts < often) == rare))


def _corrected(factors: list[float], real: Whole, mine: Whole) -> list[float]:
    count = len(factors)
    wanted, got = (np.array(_factors(each, count)) for each in (real, mine))
    found = np.array(factors) * np.clip(wanted / np.maximum(got, 1e-9), 0.8, 1.25)
    return [round(float(each), 4) for each in found * count / found.sum()]


def _amounts(model: PopulationModel, seen: Seen, made: Seen, power: float) -> dict[str, Any]:
    """Correct quantiles over households by quantiles, and categories by their shares."""
    real, mine = _by_household(seen), _by_household(made)
    counts = [np.quantile(each[0], QUANTILES) for each in (real, mine)]
    rates = np.array(model.visit_rates) * (
        np.clip((counts[0] + 0.3) / (counts[1] + 0.3), 0.7, 1.4) ** power
    )
    heads = [
        np.quantile(np.bincount(s.household, s.amount, s.count)[c > 0] / c[c > 0], QUANTILES)
        for s, c in ((seen, real[0]), (made, mine[0]))
    ]
    logs = [np.quantile(each[1][each[0] > 0], QUANTILES) for each in (real, mine)]
    # Half for the mean of logarithms, half for the logarithm of the mean.
    change = 0.5 * (logs[0] - logs[1]) + 0.5 * np.log(heads[0] / heads[1])
    means = np.array(model.basket_means) + power * np.clip(change, -0.3, 0.3)
    spreads = [np.quantile(each[2][each[0] >= 8], QUANTILES) for each in (real, mine)]
    wider = np.clip(spreads[0] / np.maximum(spreads[1], 1e-6), 0.8, 1.25)
    shares = [each.kinds.sum(axis=0) / each.kinds.sum() for each in (seen, made)]
    kinds = np.array(list(model.categories.values())) * (
        np.clip(shares[0] / shares[1], 0.6, 1.6) ** power
    )
    return {
        "visit_rates": _rising(rates),
        "basket_means": _rising(means),
        "basket_spreads": _rising(np.array(model.basket_spreads) * wider**power),
        "categories": {
            name: round(float(k / kinds.sum()), 5)
            for name, k in zip(model.categories, kinds, strict=True)
        },
    }


def _rising(values: Floats) -> list[float]:
    return [round(float(v), 5) for v in np.maximum.accumulate(values)]


def _hazard(counts: NDArray[Any]) -> Floats:
    later = np.cumsum(counts[::-1])[::-1]
    found: Floats = counts / np.maximum(later, 1)
    return found


def behave(model: PopulationModel, count: int, days: int, seed: int, names: list[str]) -> Seen:
    """Let customers come and buy, with nobody who writes to them: the defaults alone."""
    plain = replace(model, channels={"store": 1.0}, buys={"store": 1.0})
    spec = Spec(population=count, days=days, seed=seed, start_ms=0)
    population = Population(plain, seed, 0)
    people = population.people(0, count)
    behaviour = usual_behaviour(plain)
    world = _World(spec, population, behaviour)
    shopping = Baskets(plain)
    kinds = np.zeros((count, len(names)))
    place = {name: k for k, name in enumerate(plain.categories)}
    rows, instants, amounts = [], [], []
    for day in range(days):
        drawn = uniforms(seed, people.index, np.full(count, day), len(DAILY), DAY)
        visits = visits_of(world, people, day, drawn)  # type: ignore[arg-type]
        table = uniforms(seed, visits.rows, visits.at_ms, len(STREAMS), OCCASION).tolist()
        for row, at_ms, chances in zip(
            visits.rows.tolist(), visits.at_ms.tolist(), table, strict=True
        ):
            chance = Chance(seed, row, at_ms, chances)
            basket = shopping.basket(people, row, Occasion(at_ms, "store", ORDER), 0.0, chance)
            if basket is None:
                continue
            rows.append(row)
            instants.append(at_ms)
            amounts.append(float(basket.total_minor))
            for name, minor in basket.categories.items():
                kinds[row, place[name]] += minor
    household, ms = np.array(rows), np.array(instants)
    order = np.lexsort((ms, household))
    ms = ms[order]
    generator = np.random.Generator(np.random.Philox(key=seed))
    mailed = dict.fromkeys(plain.redemption, count)
    redeemed = {
        kind: int(generator.binomial(count, share)) for kind, share in plain.redemption.items()
    }
    made = Seen(
        count,
        days,
        household[order],
        ms // DAY_MS,
        ms // 3_600_000 % 24,
        (ms // DAY_MS + 3) % 7,
        np.array(amounts)[order],
        kinds,
        mailed,
        redeemed,
    )
    # The real ones are those who were seen in the first weeks: so are these.
    first = np.full(count, days)
    np.minimum.at(first, made.household, made.day)
    return made.part(np.flatnonzero(first < SETTLED_DAYS))


@dataclass(frozen=True, slots=True)
class _World:
    spec: Spec
    population: Population
    behaviour: Behaviour
