"""Decisions replay in a process of their own, after the model that scored them has learned on."""

import subprocess
import sys
from pathlib import Path

import msgpack

from actors import turn as core
from actors.decisioning.record import replay
from actors.domain.scores import Scores
from actors.wire.records import pack_turn, unpack_turn
from serve_app.models.beta import BetaBernoulli
from serve_app.models.interface import Labelled
from tests.builders import DAY, NOW, SHOP, make_state, order, question

ROOT = Path(__file__).parents[3]
OUTCOMES = 10_000


def lessons(rows, count, taken_of):
    return [
        Labelled(rows[i % len(rows)], *((1, 0) if i % 10 < taken_of else (0, 1)))
        for i in range(count)
    ]


def decide_with(model, turn):
    rows = model.score(turn.rows)
    core.decide(turn, Scores("beta", str(model.lessons), prior=False, rows=rows), SHOP)
    return rows


def test_after_ten_thousand_outcomes_and_in_another_process_all_is_recomputed(tmp_path):
    model, state, packed = BetaBernoulli(), make_state(), []
    for i in range(12):
        event = order(5.0) if i % 2 else question(placements=("hero", "basket"))
        turn = core.begin(state, event, SHOP, NOW + i * 8 * DAY)
        if i == 1:
            model.learn(lessons(turn.rows, 90, 3))
        decide_with(model, turn)
        packed.append(pack_turn(turn.record))
    asked = core.begin(make_state(), question(), SHOP, NOW).rows
    before = model.score(asked)
    model.learn(lessons(asked, OUTCOMES, 7))
    assert model.lessons == OUTCOMES + 90
    assert model.score(asked) != before
    file = tmp_path / "journal"
    file.write_bytes(msgpack.packb([*packed, model.dump()]))

    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.core.test_replay_later", str(file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout.split() == ["12", "identical", "12", "found", "out"]


def replay_all(file: Path) -> str:
    """Replay what is in a file, then again with one score of each replaced by today's."""
    *packed, dumped = msgpack.unpackb(file.read_bytes())
    model = BetaBernoulli.load(None, dumped)
    identical = altered = 0
    for data in packed:
        decision = unpack_turn(data).decision
        identical += replay(decision, SHOP).identical
        index = next(iter(decision.scores))
        (now,) = model.score([core.begin(make_state(), question(), SHOP, NOW).rows[0]])
        decision.scores[index] = tuple(now)
        altered += not replay(decision, SHOP).identical
    return f"{identical} identical {altered} found out"


if __name__ == "__main__":
    sys.stdout.write(replay_all(Path(sys.argv[1])))
