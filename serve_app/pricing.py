"""The job that prices budgets: a linear program (HiGHS) over the candidates that decisions have seen.

maximise Σ value × x, so that every opportunity has Σ x ≤ 1 and every budget Σ use × x ≤ allowance. The dual of
a budget's constraint is its price. The solver is in the extra `fit`; without it nothing is priced.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from actors.decisioning.arbitration import choose
from actors.decisioning.funnel import prepare
from actors.decisioning.inputs import ENGINE_VERSION
from actors.decisioning.plan import plan_of
from actors.decisioning.record import DecisionRecord
from actors.domain.errors import CodecError
from actors.domain.scores import Score
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.policies.budgets import uses_now, window_of
from actors.policies.pricing import Offer, Opportunity, allowance
from actors.ports import Lookup, Store
from actors.session.spending import PRICES, prices_to_bytes
from actors.wire.records import unpack_turn

log = logging.getLogger(__name__)

MAX_DECISIONS = 4_000
"""Decisions looked at, the latest ones: a second of work or two, in a thread of its own."""
MIN_OPPORTUNITIES = 50
"""Below that a price would be a guess."""
EVERY_S = 600.0
_PAGE = 500
_ENOUGH = 1e15  # minor units: what a budget has for a candidate that is only asked for its worth


@dataclass(frozen=True, slots=True)
class Solution:
    """Prices by budget, in minor units by unit of use, and the greatest value that can be had."""

    prices: dict[str, float]
    value_minor: float


@dataclass(frozen=True, slots=True)
class Pricing:
    """What one run of the job has found. `why` says why there are no prices; then nothing is stored."""

    at_ms: int
    opportunities: int = 0
    seen_ms: int = 0
    allowances: dict[str, float] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    why: str = ""


def solver_is_here() -> bool:
    """Return whether the solver is installed; it is not loaded yet."""
    return find_spec("scipy") is not None


def solve(opportunities: Sequence[Opportunity], allowances: Mapping[str, float]) -> Solution:
    """Price the budgets in `allowances`; others cost nothing. Loads scipy: a second, once.

    Raises:
        RuntimeError: The solver has found no optimum, which every such program has.
    """
    import numpy as np  # noqa: PLC0415 - an extra, and a second to load
    from scipy.optimize import linprog  # noqa: PLC0415
    from scipy.sparse import csr_array  # noqa: PLC0415

    names = sorted(allowances)
    row_of = {name: row for row, name in enumerate(names)}
    values: list[float] = []
    entries: list[tuple[int, int, float]] = []
    bounds = [max(0.0, allowances[name]) for name in names]
    for opportunity in opportunities:
        offers = [offer for offer in opportunity if offer.value_minor > 0.0]
        if not offers:
            continue
        for offer in offers:
            column = len(values)
            entries.append((len(bounds), column, 1.0))
            entries += [(row_of[key], column, n) for key, n in offer.uses if key in row_of]
            values.append(offer.value_minor)
        bounds.append(1.0)
    if not values or not names:
        return Solution(dict.fromkeys(names, 0.0), sum(values))
    rows, columns, amounts = zip(*entries, strict=True)
    matrix = csr_array((amounts, (rows, columns)), shape=(len(bounds), len(values)))
    found: Any = linprog(-np.array(values), A_ub=matrix, b_ub=np.array(bounds), method="highs")
    if found.status != 0:
        raise RuntimeError(f"budgets cannot be priced: {found.message}")
    duals = -found.ineqlin.marginals[: len(names)]
    prices = {name: max(0.0, float(dual)) for name, dual in zip(names, duals, strict=True)}
    return Solution(prices, -float(found.fun))


def opportunities_of(record: DecisionRecord, playbook: Playbook) -> list[Opportunity]:
    """Return what a decision could have chosen from, slot by slot, had budgets been free and full.

    Nothing of decisions by another version of the playbook or of the engine, whose candidates are others.
    """
    if (record.playbook, record.engine) != (playbook.version, ENGINE_VERSION):
        return []
    free = replace(record.given, prices={}, funds=dict.fromkeys(record.given.funds, _ENOUGH))
    prepared = prepare(free, playbook)
    scores = {index: Score(*each) for index, each in record.scores.items()}
    if any(candidate.action not in scores for candidate in prepared.candidates):
        return []
    options = plan_of(playbook).options
    slots: dict[str, list[Offer]] = {}
    for ranked in choose(prepared, free, scores, playbook).ranked:
        uses = options[ranked.action][ranked.channel].uses
        offer = Offer(ranked.priority_minor, uses_now(uses, prepared.segments, ranked.trigger))
        slots.setdefault(ranked.placement, []).append(offer)
    return list(slots.values())


async def price(store: Store, playbook: Playbook) -> Pricing:
    """Price the budgets from the latest decisions, and store the prices for cells to read.

    Now is when the latest decision was taken: the business clock may be a virtual one.
    """
    shared = playbook.budgets.shared
    if not shared:
        return Pricing(0, why="the playbook has no budget with a limit")
    records = await _latest(store)
    instants = [record.given.at_ms for record in records] or [0]
    now_ms, seen_ms = max(instants), max(instants) - min(instants)
    windows = tuple(window_of(each, playbook.budgets.zone, now_ms) for each in shared)
    spent = (await store.lookup(Lookup(budgets=windows))).spent
    if seen_ms <= 0:
        return Pricing(now_ms, why="too little was decided yet")
    allowances = {}
    for each in shared:
        share = allowance(each, playbook.budgets.zone, spent[each.name], now_ms, seen_ms)
        if share is not None:
            allowances[each.name] = share

    def work() -> tuple[int, Solution]:
        found = [o for record in records for o in opportunities_of(record, playbook)]
        enough = len(found) >= MIN_OPPORTUNITIES
        return len(found), solve(found, allowances) if enough else Solution({}, 0.0)

    count, solution = await asyncio.to_thread(work)
    if count < MIN_OPPORTUNITIES:
        why = f"{count} opportunities were seen, {MIN_OPPORTUNITIES} are needed"
        return Pricing(now_ms, count, seen_ms, allowances, why=why)
    await store.put_setting(PRICES, prices_to_bytes(solution.prices, now_ms))
    return Pricing(now_ms, count, seen_ms, allowances, solution.prices)


async def active_playbook(store: Store) -> Playbook | None:
    """Return the playbook in force, compiled, or None when there is none."""
    stored = await store.playbook()
    if stored is None:
        return None
    return await asyncio.to_thread(_compiled, stored[1])


@lru_cache(maxsize=2)
def _compiled(bundle: bytes) -> Playbook:
    return compile_bundle(bundle_from_bytes(bundle))


async def _latest(store: Store) -> list[DecisionRecord]:
    """Return the latest decisions, oldest first."""
    last = (await store.counts())["turns"]
    offset, records = max(0, last - MAX_DECISIONS), []
    while rows := await store.turns_after(offset, _PAGE):
        offset = rows[-1].offset
        for row in rows:
            try:
                turn = unpack_turn(row.payload) if row.payload else None
            except CodecError:
                continue
            if turn is not None and turn.decision is not None:
                records.append(turn.decision)
    return records[-MAX_DECISIONS:]
