"""The models follow the journal: the same rows as were served, the same models everywhere, versions."""

import asyncio

import pytest

from actors.decisioning.context import Occasion, builder_of
from actors.decisioning.features import features_of
from actors.decisioning.journal import Lesson
from actors.domain.ids import parse_effect
from actors.domain.scores import ScoreRow
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from actors.wire.records import unpack_turn
from actors.wire.scoring import pack_rows, unpack_rows
from serve_app.models import learner as learning
from serve_app.models import shelf
from serve_app.models.follower import Follower
from serve_app.models.interface import Labelled, Setup
from serve_app.models.kinds import new_model, prior_score
from serve_app.models.learner import COUNTING, Learner, Source, told_row
from serve_app.models.reading import listed, shown
from tests.builders import BANNER, order, response, user
from tests.learning_books import (
    FEATURES,
    MODELS,
    caught_up,
    close_windows,
    learning_book,
    learning_world,
    live,
)


def run(awaited):
    return asyncio.run(awaited)


@pytest.fixture
def world():
    return learning_world(MemoryStore())


def learned_rows(world):
    """What a learner makes of each lesson in the journal: (effect, row), by what was decided then."""
    for row in run(world.truth.turns_after(0, 100_000)):
        for lesson in unpack_turn(row.payload).lessons:
            if not lesson.taken and not lesson.refused:
                continue
            at = (lesson.number, lesson.seq)
            turn = {seq: r for seq, _, r in world.turns(lesson.number)}[lesson.seq]
            yield (*at, lesson.n), told_row(lesson, Source(turn, world.playbook))[1]


def differing(served, learned, columns):
    """The names of the columns in which what was learned is not what was served."""
    return sorted(
        {
            name
            for key, row in learned
            for name, then, now in zip(columns, served[key].features, row.features, strict=True)
            if then != now
        }
    )


def by_effect(served):
    return {parse_effect(key): row for key, row in served.items()}


def test_what_is_learned_is_what_was_served_for_every_decision(world):
    served = by_effect(live(world))
    close_windows(world)

    learned = list(learned_rows(world))

    assert len(learned) == len(served) > 15
    assert dict(learned) == served
    assert len({row.features for row in served.values()}) > 5  # and it is not one row for all
    assert unpack_rows(pack_rows(list(served.values()))) == list(served.values())


def test_a_learner_that_looked_at_customers_afterwards_would_be_found_out(world):
    """The check above finds a leak: here what is learned is read from the state after the outcome."""
    leaking = {
        **FEATURES,
        "clicked": {"from": f"profile.taken.{BANNER}", "type": "number", "unit": "clicks"},
    }
    models = {"banners": MODELS["banners"] | {"features": ["clicked", "asked_on"]}}
    world = learning_world(MemoryStore(), features=leaking, models=models)
    served = by_effect(live(world, rounds=1))
    rules = world.playbook.learning.models[0]
    builder, reader = builder_of(world.playbook), features_of(world.playbook)

    def afterwards(number):
        occasion = Occasion("decide", "", "web", {}, {}, late=False)
        values = builder.build(world.state(number), occasion, world.clock.business_ms())
        return ScoreRow("", "", 0.1, rules.key, reader.row(rules, values, (), "standard"))

    leaked = [(key, afterwards(key[0])) for key, _ in learned_rows(world)]

    assert differing(served, leaked, rules.columns) == ["clicked"]
    assert differing(served, learned_rows(world), rules.columns) == []


def test_two_replicas_have_the_same_models_wherever_they_stopped(world):
    live(world)
    first = caught_up(world.truth)
    run(first.save())
    live(world, first=6)
    close_windows(world)
    resumed, alone = caught_up(world.truth), Follower(world.truth)
    run(alone.step())  # has never seen a checkpoint

    assert resumed.learner.offset > first.learner.offset
    assert resumed.learner.dump() == alone.learner.dump()
    key = world.playbook.learning.models[0].key
    assert resumed.learner.kept[key].model.lessons > 30
    assert resumed.learner.kept[COUNTING].model.lessons == resumed.learner.kept[key].model.lessons


def test_lessons_change_what_the_next_decision_is_scored_with(world):
    live(world)
    close_windows(world)
    world.scorer.follower = caught_up(world.truth)
    seen = live(world, rounds=1, first=50)

    scores = world.scorer.follower.score(list(seen.values()))

    assert scores.model == world.playbook.learning.models[0].key
    assert all(score.observations > 0 and score.sd > 0 for score in scores.rows)
    (number, seq, _), *_ = by_effect(seen)
    decision = {s: r for s, _, r in world.turns(number)}[seq].decision
    assert decision.model == scores.model
    assert decision.model_version == str(world.scorer.follower.learner.offset)


def test_an_order_that_is_credited_teaches_too(world):
    (key,) = live(world, rounds=1, people=("bob",), first=1)
    now = world.clock.business_ms()
    before = caught_up(world.truth).learner.kept[COUNTING].model.lessons
    event = order(30.0, user("bob"), id="with-key", at=now)
    event.properties["effectKey"] = key

    world.jobs(event)

    learner = caught_up(world.truth).learner
    assert learner.kept[COUNTING].model.lessons == before + 1
    assert learner.kept[world.playbook.learning.models[0].key].model.lessons == before + 1


def test_a_late_yes_is_learned_as_a_correction(world):
    (key,) = live(world, rounds=1, people=("bob",), first=1)
    close_windows(world, people=("bob",))
    world.jobs(response(key, "click", id="late"))

    kept = caught_up(world.truth).learner.kept[world.playbook.learning.models[0].key]

    (score,) = kept.model.score([world.scorer.last[0]])
    assert (score.observations, score.positives) == (1, 1)
    assert kept.monitor.figures()["all"]["labels"] == 1


def test_a_row_of_an_unknown_model_gets_its_prior_and_the_answer_says_so():
    rows = [ScoreRow("a/a/a", "gold", 0.2), ScoreRow("b/b/b", "gold", 0.3, "gone@1", (1.0,))]

    scores = Learner().score(rows)

    assert scores.model == f"{COUNTING}+unknown:gone@1"
    assert scores.rows[1] == prior_score(rows[1])
    assert scores.rows[1].propensity == 0.3
    assert not scores.prior


def test_a_model_that_is_declared_and_has_learned_nothing_is_known(world):
    follower = caught_up(world.truth)
    rules = world.playbook.learning.models[0]
    told = ScoreRow(BANNER, "standard", 0.2, rules.key, (0.0,) * len(rules.columns))

    assert follower.score([told]).model == rules.key
    short = follower.score([told._replace(features=(1.0,))])
    assert short.model == f"unknown:{rules.key}"
    assert short.rows[0].propensity == 0.2


def test_another_definition_of_a_model_starts_anew(world):
    live(world)
    close_windows(world)
    changed = {**FEATURES, "orders": FEATURES["orders"] | {"max": 60}}
    playbook, packed = learning_book(features=changed)
    run(world.truth.put_playbook(playbook.version, packed, 1))

    follower = caught_up(world.truth)

    old, new = world.playbook.learning.models[0], playbook.learning.models[0]
    assert (old.name, old.columns) == (new.name, new.columns)
    told = ScoreRow(BANNER, "standard", 0.2, new.key, (0.0,) * len(new.columns))
    assert follower.score([told]).rows[0].observations == 0
    assert follower.score([told._replace(model=old.key)]).rows[0].observations > 0


def test_lessons_of_turns_that_were_forgotten_teach_the_counts_alone(world):
    live(world)
    close_windows(world)
    run(world.truth.forget_turns(2, 1 << 60, 1 << 60, 1000))  # all questions

    learner = caught_up(world.truth).learner

    assert learner.kept.keys() == {COUNTING}
    assert learner.kept[COUNTING].model.lessons > 15


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = SqliteStore.open(tmp_path / "s.db") if request.param == "sqlite" else MemoryStore()
    yield made
    run(made.close())


def test_versions_are_numbered_kept_and_gone_back_to(store, monkeypatch):
    monkeypatch.setattr(learning, "VERSION_EVERY", 10)
    world = learning_world(store)
    follower = Follower(store)
    for turn in range(0, 12, 2):
        live(world, rounds=2, first=turn)
        run(follower.step())
    close_windows(world)
    run(follower.step())
    run(follower.save())
    name = world.playbook.learning.models[0].name
    versions = [version for version, _, _ in run(shelf.versions_of(store, name))]
    row = next(r for r in world.scorer.last if r.model)
    newest = follower.score([row])

    assert versions == [3, 2, 1]
    assert run(shelf.pin(store, name, 9)) is False
    assert run(shelf.pin(store, name, 1)) is True
    run(follower.step())
    pinned = follower.score([row])
    assert pinned.version.endswith(f"{name}=v1")
    assert pinned.rows[0].observations == 10 - pinned_others(world, follower, row)
    assert pinned.rows != newest.rows
    assert run(shown(store, name))["pinned"] == 1

    assert run(shelf.unpin(store, name)) is True
    run(follower.step())
    assert follower.score([row]) == newest
    assert run(shelf.unpin(store, name)) is False


def pinned_others(world, follower, row):
    """Observations of the other banner in the pinned version."""
    pinned = follower._pinned["banners"]
    others = [a for a in world.playbook.action_index if a != row.action]
    return sum(pinned.model.score([row._replace(action=a)])[0].observations for a in others)


def test_what_is_told_of_models_comes_from_the_checkpoint(world):
    live(world)
    close_windows(world)
    follower = caught_up(world.truth)
    assert run(shown(world.truth, "banners")) is None
    run(follower.save())

    found = run(listed(world.truth))
    one = run(shown(world.truth, "banners"))

    assert [each["name"] for each in found["models"]] == ["banners", COUNTING]
    assert one["columns"] == ["orders", "spend", "regular", "asked_on=web", "asked_on=app"]
    assert one["all"]["labels"] == one["lessons"] == sum(p["labels"] for p in one["byPlace"])
    assert {each["channel"] for each in one["byPlace"]} == {"web"}
    assert run(shown(world.truth, "nobody")) is None


def test_the_checkpoint_of_the_counting_model_alone_is_gone_on_with(world):
    counts = new_model("beta", Setup())
    counts.learn([Labelled(ScoreRow(BANNER, "standard", 0.1), 1, 0)] * 7)
    run(world.truth.save_checkpoint(COUNTING, 5, counts.dump()))

    learner = run(shelf.read_learner(world.truth))

    assert learner.offset == 5
    assert learner.score([ScoreRow(BANNER, "standard", 0.1)]).rows[0].positives == 7


def test_a_lesson_about_the_reward_alone_is_no_label():
    learner = Learner()

    learner.learn(
        1, [Lesson(action="a/a/a", segment="g", taken=0, refused=0, reward_minor=5)], [Source()]
    )

    assert learner.kept[COUNTING].model.lessons == 0
    assert learner.offset == 1


def test_models_that_nobody_uses_any_more_make_room(monkeypatch):
    monkeypatch.setattr(learning, "MAX_MODELS", 3)
    learner = Learner()
    for i in range(5):
        models = {"banners": MODELS["banners"] | {"halfLife": 100 + i}}
        rules = learning_book(models=models)[0].learning.models[0]
        kept = learner._keep(learning.kept_for(rules))
        kept.learned_at = i + 1

    assert len(learner.kept) == 3
    assert COUNTING in learner.kept
    assert sorted(each.learned_at for each in learner.kept.values()) == [0, 4, 5]
