"""A part of a population: what its session leaves out or keeps at hand changes nothing that is written down."""

import gc
from collections import Counter
from dataclasses import replace

import pytest

from actors.playbook.loader import compile_bundle, library
from actors.simulation.behaviour import usual_behaviour
from actors.simulation.block import Block, finish
from actors.simulation.draws import one, uniforms
from actors.simulation.learning import Frozen
from actors.simulation.ledger import DECISIONS, EVENTS, MEASURES, OUTCOMES, PLACE
from actors.simulation.model import default_model
from actors.simulation.part import World
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.spec import Spec
from actors.simulation.worker import YOUNG, undisturbed
from actors.turn import decide

MODEL = replace(default_model(), visit_rates=[0.8, 1.2], offer_log_odds=-1.0)
SPEC = Spec(population=6, days=3, seed=3, blocks=1)
WORLD = World(
    SPEC,
    Population(MODEL, SPEC.seed, SPEC.start_ms),
    usual_behaviour(MODEL),
    compile_bundle(library("retail")),
    decide,
)


def _ran(*, packed: bool = False, unread: bool = True) -> Block:
    block = Block(WORLD, 0, Frozen(), packed=packed)
    block.session.unread = unread
    block.run_until(SPEC.end_ms)
    assert block.failed.counts == {}
    return block


@pytest.fixture(scope="module")
def usual() -> Block:
    return _ran()


@pytest.mark.parametrize(("packed", "unread"), [(False, False), (True, True), (True, False)])
def test_rows_and_states_are_the_same_with_all_records_and_with_states_packed_at_every_commit(
    usual: Block, packed: bool, unread: bool
) -> None:
    other = _ran(packed=packed, unread=unread)
    assert other.store.rows.states() == usual.store.rows.states()
    for table in (EVENTS, DECISIONS, OUTCOMES):
        assert other.tables.rows[table] == usual.tables.rows[table]
        assert usual.tables.rows[table]
    assert other.sums.to_fields() == usual.sums.to_fields()


def test_sums_by_day_tier_and_arms_are_those_of_the_rows(usual: Block) -> None:
    sums = {tuple(row[:3]): row[3:] for row in usual.sums.to_fields()}
    decided = {(r[0], r[1]): (r[3] // DAY_MS, r[6], r[8]) for r in usual.tables.rows[DECISIONS]}
    counted = Counter(decided.values())
    assert len(counted) > 2
    for where, count in counted.items():  # a decision without a slot to fill has no row
        assert count <= sums[where][PLACE["decisions"]] <= count + 2
    assert sum(each[PLACE["decisions"]] for each in sums.values()) == usual.decisions
    days = Counter(row[2] // DAY_MS for row in usual.tables.rows[EVENTS])
    for day, count in days.items():
        assert sum(s[PLACE["events"]] for where, s in sums.items() if where[0] == day) == count
    assert len(MEASURES) == len(next(iter(sums.values())))


def test_draws_are_the_same_after_any_others_and_in_a_row_of_many() -> None:
    alone = one(7, 3, SPEC.start_ms, 4, 1).tolist()
    for seed, customer, blocks in ((8, 3, 1), (7, 4, 3), (1 << 70, 3, 2)):
        one(seed, customer, SPEC.start_ms, blocks, 2)
        assert one(7, 3, SPEC.start_ms, 4, 1).tolist() == alone
    index = WORLD.population.people(0, 60).index
    many = uniforms(7, index, index * 0 + SPEC.start_ms, 16, 1)
    assert many[3].tolist() == alone


def test_timers_that_are_taken_at_once_are_those_that_a_store_says_are_due() -> None:
    first, second = _ran(), _ran()
    until_ms = SPEC.end_ms + 30 * DAY_MS
    assert first.store.rows.next_due_ms() == finish(second.store.next_timer_ms())
    taken = first.store.rows.take_due(until_ms)
    due = finish(second.store.due_timers("", until_ms, 1 << 30))
    assert taken
    assert taken == [(each.due_at_ms, each.number, each.key) for each in due]
    assert first.store.rows.next_due_ms() is None or first.store.rows.next_due_ms() > until_ms


def test_totals_come_back_from_a_checkpoint_and_go_on(usual: Block) -> None:
    again = Block(WORLD, 0, Frozen())
    again.notes.take_fields(usual.notes.to_fields())
    again.notes.add("orders", 2, 1.0)
    before, after = usual.notes.totals["orders"], again.notes.totals["orders"]
    assert (after - before).tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_garbage_is_looked_for_only_when_a_process_has_grown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = gc.get_threshold()[2]
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", asked.append)
    monkeypatch.setattr(gc, "get_count", lambda: (YOUNG, 0, old))
    was = gc.isenabled()
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled() is was
    assert asked == []
    monkeypatch.setattr(gc, "get_count", lambda: (YOUNG + 1, 0, old - 1))
    with undisturbed():
        pass
    assert asked == [1]
    monkeypatch.setattr(gc, "get_count", lambda: (YOUNG + 1, 0, old))
    with undisturbed():
        pass
    assert asked == [1, 2]
