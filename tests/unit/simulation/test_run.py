"""Runs: the same rows whoever works, in whatever order, and after a stop; policies and people can be others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import json

import numpy as np
import pyarrow.parquet as pq

from actors import turn as core
from actors.playbook.loader import bundle_bytes, compile_bundle
from actors.simulation.behaviour import Behaviour, Rhythm, usual_behaviour
from actors.simulation.model import PopulationModel, default_model
from actors.simulation.people import DAY_MS, Floats, People
from actors.simulation.run import Budgets, Outcome, Run, Stopped
from actors.simulation.spec import Spec
from actors.simulation.worker import Worker, setup_bytes
from actors.turn import Turn
from scripts.simulation.workers import dealt

LEARNER = "serve_app.models.simulated:LearnedModel"
HERE = "tests.unit.simulation.test_run"
SPEC = Spec(population=25, days=3, seed=11, blocks=5)
BOOK = {
    "playbook.yaml": json.dumps(
        {
            "name": "small",
            "version": "1.0",
            "currency": {"code": "USD", "minorDigits": 2},
            "channels": {
                "store": {"placements": ["till"], "defaultPlacements": ["till"]},
                "web": {"placements": ["hero"], "defaultPlacements": ["hero"]},
                "email": {"outbound": True},
            },
        }
    ),
    "actions.yaml": json.dumps(
        {
            "actions": {
                "growth/a/produce": {
                    "value": 3.0,
                    "purpose": "onsite",
                    "startingPropensity": 0.2,
                    "treatments": {
                        "store": {"placements": ["till"]},
                        "web": {"placements": ["hero"]},
                    },
                },
                "growth/b/meat": {
                    "value": 2.0,
                    "purpose": "onsite",
                    "startingPropensity": 0.2,
                    "treatments": {
                        "store": {"placements": ["till"]},
                        "web": {"placements": ["hero"]},
                    },
                },
                "growth/c/thanks": {
                    "value": 4.0,
                    "purpose": "marketing",
                    "startingPropensity": 0.2,
                    "treatments": {"email": {"cost": 0.5, "outbound": True}},
                },
            }
        }
    ),
    "triggers.yaml": json.dumps(
        {
            "triggers": {
                "thanks": {
                    "on": "Order Completed",
                    "propose": ["growth/c/thanks"],
                    "channels": ["email"],
                }
            }
        }
    ),
    "policies.yaml": json.dumps(
        {
            "consent": {"purposesNotNeedingConsent": ["onsite"]},
            "quiet": [{"from": "22:00", "to": "07:00", "channels": ["email"]}],
        }
    ),
    "budgets.yaml": json.dumps(
        {
            "budgets": {
                "mail_money": {
                    "limit": 10.0,
                    "unit": "money",
                    "per": {"channels": ["email"]},
                    "period": "day",
                }
            }
        }
    ),
}
MODEL = replace(default_model(), visit_rates=[0.8, 1.2], offer_log_odds=-1.0)


class Several:
    """Workers in this process, one after the other, in the order given."""

    def __init__(self, setup: bytes, deals: list[list[int]], folder: Path) -> None:
        self._workers = [Worker(setup, blocks, str(folder)) for blocks in deals]

    def step(self, order: bytes) -> list[bytes]:
        return [worker.step(order) for worker in self._workers]

    def load(self, folder: str, packed: bool) -> None:
        for worker in self._workers:
            worker.load(folder, packed)

    def end(self, period: int) -> list[bytes]:
        return [worker.end(period) for worker in self._workers]


@contextmanager
def _a_run(
    folder: Path, deals: list[list[int]], policy: str = "", behaviour: str = ""
) -> Iterator[tuple[Run, Several]]:
    setup = setup_bytes(SPEC, MODEL, bundle_bytes(BOOK), policy, LEARNER, behaviour)
    run = Run(SPEC, compile_bundle(BOOK), folder, setup)
    yield run, Several(setup, deals, folder)


def _ran(folder: Path, deals: list[list[int]], policy: str = "", behaviour: str = "") -> Outcome:
    with _a_run(folder, deals, policy, behaviour) as (run, workers):
        return run.go(workers, lambda _: None, lambda: False, resume=False)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    folder = tmp_path_factory.mktemp("alone")
    return _ran(folder, dealt(5, 1)), folder


def _table(folder: Path, name: str) -> list[dict[str, Any]]:
    return [
        row for path in sorted((folder / name).glob("*")) for row in pq.read_table(path).to_pylist()
    ]


def test_the_rows_are_the_same_for_one_two_and_five_workers_in_any_order(
    alone: tuple[Outcome, Path], tmp_path: Path
) -> None:
    assert alone[0].failed == {}
    for name, deals in (("two", dealt(5, 2)), ("five", [[4], [0], [3], [1], [2]])):
        other = _ran(tmp_path / name, deals)
        assert other.digest == alone[0].digest, name
        assert other.spent == alone[0].spent


def test_the_rows_are_the_same_when_they_are_written_before_a_day_is_over(
    alone: tuple[Outcome, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.simulation.worker.MANY", 2)
    assert _ran(tmp_path, dealt(5, 1)).digest == alone[0].digest
    assert _table(tmp_path, "decisions") == _table(alone[1], "decisions")


def test_a_run_that_was_stopped_goes_on_to_the_same_rows(
    alone: tuple[Outcome, Path], tmp_path: Path
) -> None:
    asked = []
    with _a_run(tmp_path, dealt(5, 2)) as (run, workers), pytest.raises(Stopped):
        run.go(workers, asked.append, lambda: len(asked) >= 60, resume=False)
    with _a_run(tmp_path, dealt(5, 1)) as (run, workers):
        outcome = run.go(workers, lambda _: None, lambda: False, resume=True)
    assert outcome.digest == alone[0].digest
    assert _table(tmp_path, "decisions") == _table(alone[1], "decisions")


def test_a_checkpoint_of_another_run_is_not_taken(tmp_path: Path) -> None:
    asked = []
    with _a_run(tmp_path, dealt(5, 1)) as (run, workers), pytest.raises(Stopped):
        run.go(workers, asked.append, lambda: len(asked) >= 30, resume=False)
    with (
        _a_run(tmp_path, dealt(5, 1), f"{HERE}:first") as (run, workers),
        pytest.raises(ValueError, match="another run"),
    ):
        run.go(workers, lambda _: None, lambda: False, resume=True)


def test_every_decision_has_probabilities_that_sum_to_one_and_says_what_was_chosen(
    alone: tuple[Outcome, Path],
) -> None:
    rows = _table(alone[1], "decisions")
    assert len(rows) > 50
    for row in rows:
        assert sum(row["probabilities"]) == pytest.approx(1.0)
        assert row["propensity"] == row["probabilities"][row["chosen"]]
        assert (row["n"] >= 0) == (row["chosen"] < len(row["actions"]) - 1)
        assert all(0.0 <= truth <= 1.0 for truth in row["truth"])


def test_messages_are_written_spent_for_and_never_beyond_the_budget(
    alone: tuple[Outcome, Path],
) -> None:
    sent = [row for row in _table(alone[1], "decisions") if row["slot"] == "" and row["n"] >= 0]
    spent = sum(amount for _, _, amount in alone[0].spent)
    assert sent
    assert spent == len(sent) * 50 * 1_000
    assert all(amount <= 1_000_000 for _, _, amount in alone[0].spent)


def test_what_is_granted_of_a_budget_is_never_more_than_what_is_left() -> None:
    budgets = Budgets(compile_bundle(BOOK), 7)
    for spent in (0, 1_000, 999_999, 1_000_000, 5_000_000):
        window = budgets.grants(SPEC.start_ms, 0)[0]["mail_money"][0]
        budgets.spent["mail_money", window] = spent
        for turn in range(9):
            granted = budgets.grants(SPEC.start_ms, turn)
            assert sum(g["mail_money"][1] for g in granted.values()) <= max(0, 1_000_000 - spent)


def first(context: Mapping[str, Any], actions: Sequence[str]) -> list[float]:
    """A policy: always the first survivor."""
    assert len(context["priorities"]) == len(actions)
    return [1.0] + [0.0] * (len(actions) - 1)


def wrong(context: Mapping[str, Any], actions: Sequence[str]) -> list[float]:
    """A policy whose probabilities do not sum to 1."""
    return [0.4] * len(actions)


def test_a_policy_from_outside_decides_and_its_probabilities_are_what_is_written(
    alone: tuple[Outcome, Path], tmp_path: Path
) -> None:
    _ran(tmp_path, dealt(5, 1), f"{HERE}:first")
    rows = _table(tmp_path, "decisions")
    assert {row["propensity"] for row in rows} == {1.0}
    assert {row["chosen"] for row in rows} == {0}


def test_a_policy_that_gives_no_distribution_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sum to"):
        _ran(tmp_path, dealt(5, 1), f"{HERE}:wrong")


class Weekenders(Rhythm):
    """Customers who come on Saturdays and Sundays only: another side of them in a few lines."""

    def expected(self, people: People, day: int) -> Floats:
        weekend = (day + 3) % 7 >= 5
        return people.rate * float(weekend)


def weekenders(model: PopulationModel) -> Behaviour:
    """What `--behaviour` names."""
    return replace(usual_behaviour(model), arrival=Weekenders(model))


def test_a_side_of_customers_can_be_replaced_by_a_few_lines(tmp_path: Path) -> None:
    outcome = _ran(tmp_path, dealt(5, 1), behaviour=f"{HERE}:weekenders")
    assert outcome.turns == 0  # the three days are a Monday to a Wednesday


def test_compared_policies_meet_the_same_people_on_the_same_days(
    alone: tuple[Outcome, Path], tmp_path: Path
) -> None:
    _ran(tmp_path, dealt(5, 1), f"{HERE}:first")
    days = []
    for folder in (alone[1], tmp_path):
        events = _table(folder, "events")
        days.append({(row["customer"], row["at_ms"] // 86_400_000) for row in events})
    assert len(days[0] & days[1]) > 0.9 * len(days[0] | days[1])


def test_a_customer_takes_little_memory(alone: tuple[Outcome, Path]) -> None:
    assert alone[0].bytes_a_customer < 4_096
    sizes = [part["bytes"] for part in alone[0].parts]
    assert np.mean(sizes) > 0


class Loaded(Several):
    """Workers that remember what they were asked to go on from."""

    def __init__(self, setup: bytes, deals: list[list[int]], folder: Path) -> None:
        super().__init__(setup, deals, folder)
        self.loads: list[tuple[str, bool]] = []

    def load(self, folder: str, packed: bool) -> None:
        self.loads.append((Path(folder).name, packed))
        super().load(folder, packed)


@pytest.mark.parametrize(("day", "place"), [(0, ""), (2, "0001")])
def test_a_turn_that_fails_is_left_out_and_counted_though_its_state_was_not_packed_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: int, place: str
) -> None:
    met: set[int] = set()

    def failing(turn: Turn, *given: Any) -> None:
        state, day_of = turn.state, (turn.record.at_ms - SPEC.start_ms) // DAY_MS
        if day_of == day and state.seq == 3:
            met.add(state.number)
            raise KeyError("nobody had thought of this")
        core.decide(turn, *given)

    monkeypatch.setattr("actors.simulation.worker.core", SimpleNamespace(decide=failing))
    setup = setup_bytes(SPEC, MODEL, bundle_bytes(BOOK), "", LEARNER)

    def went(name: str) -> tuple[Outcome, Loaded]:
        folder = tmp_path / name
        workers = Loaded(setup, dealt(5, 2), folder)
        run = Run(SPEC, compile_bundle(BOOK), folder, setup)
        return run.go(workers, lambda _: None, lambda: False, resume=False), workers

    outcome, workers = went("kept")
    assert workers.loads == [(place, True)]
    assert sum(outcome.failed.values()) >= len(met) > 0
    monkeypatch.setattr("actors.simulation.worker.MOST_KEPT", 0)
    packed, workers = went("packed")
    assert workers.loads == []
    assert packed == outcome
    assert _table(tmp_path / "packed", "decisions") == _table(tmp_path / "kept", "decisions")
