"""From logs to estimates: files of anybody's, journals of this system, results of simulations."""

import asyncio
import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from actors.decisioning.inputs import Draw, Ranked
from actors.evaluation.estimators import ESTIMATORS
from actors.stores.memory import MemoryStore
from actors.stores.opening import open_store
from scripts.cli.app import app
from scripts.research.journal import Chronicle, of_rounds
from scripts.research.policies import probabilities
from scripts.research.reading import flat
from tests.learning_books import close_windows, learning_world, live
from tests.unit.evaluation.evaluation_logs import NAMES, OBD, TABLE, needs_obd, reference

KEYS = {"click": 1.0, "dismiss": 0.0}


def told(*arguments):
    found = CliRunner().invoke(
        app, ["evaluate", *map(str, arguments), "--resamples", "100", "--json"]
    )
    result = json.loads(found.stdout.splitlines()[-1])
    return found.exit_code, result


@needs_obd
@pytest.mark.parametrize(("log", "policy"), [("random", "bts"), ("bts", "uniform")])
def test_the_command_has_the_estimates_of_the_reference(log, policy):
    code, found = told(
        OBD / f"{log}_all.csv.gz",
        *("--policy", "uniform" if policy == "uniform" else f"{TABLE}:pi_{policy}"),
        *("--action", "item_id", "--reward", "click", "--propensity", "pscore"),
        *("--pull", 100, "--clip", 5, "--switch", 5, "--shrink", 10),
    )

    assert code == 0
    wanted = reference()[f"{log}->{policy}"]
    values = {each["name"]: each["value"] for each in found["estimators"]}
    assert values == {
        name: pytest.approx(wanted[theirs], rel=1e-9) for name, theirs in NAMES.items()
    }
    assert "not long-run value" in found["estimates"]
    assert "(Σwr)²" in found["warnings"][0]


@pytest.fixture(scope="module")
def chronicle():
    """What three customers were shown and did, read back from the journal."""
    store = MemoryStore()
    world = learning_world(store)
    live(world, rounds=8)
    close_windows(world)
    found = Chronicle(store)
    asyncio.run(found.read())
    return world, found


def test_the_journal_gives_every_drawn_slot_with_all_its_probabilities(chronicle):
    world, found = chronicle

    drawn = 0
    for number in {number for number, _ in found.rounds}:
        for seq, _, record in world.turns(number):
            if record.decision is None:
                continue
            mine = [r for n, r in found.rounds if (n, r.seq) == (number, seq)]
            draws = [Draw(*fields) for fields in record.decision.outcome[5]]
            assert [r.slot for r in mine] == [draw.placement for draw in draws]
            drawn += len(draws)
            for each, draw in zip(mine, draws, strict=True):
                assert sum(each.probabilities) == pytest.approx(1.0)
                assert each.probabilities[-1] == draw.nothing
                assert len(each.actions) == draw.survivors + 1
            effects = {e.n: e for e in record.effects}
            for each in mine:
                if each.n >= 0:
                    assert each.actions[each.chosen] == "{0.action}|{0.channel}".format(
                        effects[each.n]
                    )
                    assert each.probabilities[each.chosen] == effects[each.n].chosen_with
    assert drawn == len(found.rounds) > 10
    assert found.unreadable == 0


def test_rewards_are_what_came_back_on_the_effects(chronicle):
    world, found = chronicle
    clicked = {
        (number, record.response.effect_key)
        for number in {number for number, _ in found.rounds}
        for _, _, record in world.turns(number)
        if record.response is not None and record.response.outcome == "click"
    }

    taken, value = of_rounds(found, "taken"), of_rounds(found, "value")

    assert taken.reward.sum() == len(clicked) > 2
    gains = [each.gains[each.chosen] for _, each in found.rounds]
    assert value.reward.tolist() == (taken.reward * gains).tolist()


def test_the_journal_of_a_stored_system_is_judged_by_its_url(tmp_path):
    path = tmp_path / "righttime.db"
    store = open_store(f"sqlite://{path}")
    live(learning_world(store), rounds=8)
    asyncio.run(store.close())

    code, found = told(f"sqlite://{path}", "--policy", "uniform")

    assert code == 0, found
    assert found["clusters"] == 3
    assert found["cluster"] == "customer"
    assert found["logged"]["value"] > 0
    assert told(f"sqlite://{tmp_path}/none.db", "--policy", "uniform")[0] == 1


def test_policies_know_only_what_competed(chronicle):
    logged = of_rounds(chronicle[1], "taken")

    for text in ("uniform", "greedy", "epsilon:0.2", "logged"):
        found = probabilities(text, logged)
        assert found.sum(axis=1) == pytest.approx(np.ones(logged.size))
        assert not found[logged.behaviour == 0.0].any(), text
    greedy = probabilities("greedy", logged)
    assert (logged.priorities[greedy == 1.0] == logged.priorities.max(axis=1)).all()


def cheapest(context, actions):
    """A policy: the first by name, where it may be chosen in this slot."""
    assert context["slot"] == "hero"
    return [float(action == min(actions[:-1])) for action in actions]


def test_a_function_is_asked_about_each_decision(chronicle):
    logged = of_rounds(chronicle[1], "taken")

    found = probabilities(f"{__name__}:cheapest", logged)

    for (_, each), probability in zip(chronicle[1].rounds, found, strict=True):
        assert probability[logged.actions.index(min(each.actions[:-1]))] == 1.0


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def log(tmp_path):
    rng = np.random.default_rng(4)
    rows = []
    for i in range(600):
        tier = ["gold", "other"][i % 2]
        action = rng.choice(["mail", "call"], p=[0.7, 0.3])
        rows.append(
            {
                "customer": i // 3,
                "tier": tier,
                "action": action,
                "propensity": 0.7 if action == "mail" else 0.3,
                "reward": int(rng.random() < (0.5 if action == "call" else 0.2)),
            }
        )
    return write(tmp_path / "log.csv", rows)


def test_a_table_of_probabilities_is_looked_up_by_the_columns_it_shares(log, tmp_path):
    table = write(
        tmp_path / "table.csv",
        [
            {"tier": "gold", "action": "call", "p": 0.9},
            {"tier": "gold", "action": "mail", "p": 0.1},
            {"tier": "other", "action": "call", "p": 0.2},
            {"tier": "other", "action": "mail", "p": 0.8},
        ],
    )

    code, found = told(log, "--policy", f"{table}:p", "--state", "tier")

    assert code == 0
    assert (found["states"], found["cluster"], found["clusters"]) == (["tier"], "customer", 200)
    values = {each["name"]: each["value"] for each in found["estimators"]}
    assert values["dr"] == pytest.approx(0.55 * 0.5 + 0.45 * 0.2, abs=0.08)
    assert len(values) == len(ESTIMATORS)


def test_a_regression_takes_the_place_of_the_table_when_columns_are_named(log):
    code, found = told(log, "--policy", "always:call", "--features", "tier", "--cluster", "none")

    assert code == 0
    assert found["clusters"] == 600
    assert found["estimators"][4]["value"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "always:fax"], "no action 'fax'"),
        (["--policy", "greedy"], "no priorities"),
        (["--policy", "nonsense"], "expected uniform"),
        (["--policy", "math:nothing_there"], "nothing_there"),
        (["--policy", "uniform", "--reward", "money"], "no column 'money'"),
        (["--policy", "uniform", "--state", "customer", "--cluster", "none"], "coarser"),
        (["--policy", "uniform", "--estimators", "magic"], "no 'magic'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(log, arguments, said):
    code, found = told(log, *arguments)

    assert code == 1
    assert said in found["error"]


def test_an_action_without_support_is_refused(log, tmp_path):
    table = write(
        tmp_path / "table.csv",
        [{"action": "call", "p": 0.5}, {"action": "fax", "p": 0.5}],
    )

    code, found = told(log, "--policy", f"{table}:p")

    assert code == 1
    assert "zero support" in found["error"]


def test_results_of_a_simulation_are_read_with_their_outcomes(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow
    import pyarrow.parquet

    slots = {
        "customer": [1, 1, 2],
        "seq": [1, 2, 1],
        "n": [0, -1, 0],
        "slot": ["hero", "hero", ""],
        "tier": ["gold"] * 3,
        "actions": [["a|web", "b|web", ""], ["a|web", ""], ["c|email", ""]],
        "probabilities": [[0.5, 0.3, 0.2], [0.6, 0.4], [0.9, 0.1]],
        "priorities": [[2.0, 1.0, 0.0], [2.0, 0.0], [3.0, 0.0]],
        "gains": [[100.0, 50.0, 0.0], [100.0, 0.0], [70.0, 0.0]],
        "chosen": [1, 1, 0],
    }
    outcomes = {
        "customer": [1, 2, 2],
        "seq": [1, 1, 1],
        "n": [0, 0, 0],
        "outcome": ["click", "delivered", "credit click"],
        "taken": [1, 0, 0],
        "reward_minor": [50, 0, 900],
    }
    for name, columns in (("decisions", slots), ("outcomes", outcomes)):
        folder = tmp_path / "r" / "arm" / name
        folder.mkdir(parents=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "0.parquet")

    def logged(reward):
        code, found = told(tmp_path / "r", "--policy", "logged", "--reward", reward)
        assert code == 0, found
        return found["logged"]["value"]

    assert logged("taken") == pytest.approx(1 / 3)
    assert logged("value") == pytest.approx(50 / 3)
    assert logged("credit") == pytest.approx(900 / 3)
    code, found = told(tmp_path / "r", "--policy", "greedy")
    assert code == 0
    assert found["estimators"][0]["value"] == 0.0  # it would not have chosen what was taken


def test_ranked_candidates_without_a_probability_are_told_apart():
    """A deterministic policy leaves survivors at 0; where there was no room, they did not compete."""
    from actors.evaluation.records import _survivors

    def bid(action, probability):
        return Ranked(action, "web", "hero", "", 0.1, 0, 1, 1, 1, 0, 0.1, probability=probability)

    bids = [bid(0, 1.0), bid(1, 0.0)]

    assert [i for i, _ in _survivors(bids, Draw("hero", 2, 0.0, 0, 0.0))] == [0, 1]
    assert [i for i, _ in _survivors(bids, Draw("hero", 1, 0.0, 0, 0.0))] == [0]


def test_columns_of_words_name_actions_in_a_fixed_order():
    columns = {"a": ["z", "y", "z"], "r": [1, 0, 1], "p": [0.5, 0.5, 0.5]}

    found = flat(columns, "a", "r", "p")

    assert (found.actions, found.action.tolist()) == (("y", "z"), [1, 0, 1])
