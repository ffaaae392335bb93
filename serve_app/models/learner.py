"""All models of a store: what the journal has taught them up to an offset, and what they answer.

Which model learns from a lesson is a function of the journal alone: the turn of the effect names its playbook
version, and that version the model. So any replica that has read as far has the same models, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from actors.decisioning.features import features_of
from actors.decisioning.journal import Lesson, TurnRecord
from actors.domain.scores import Score, ScoreRow, Scores
from actors.playbook.learning_model import ModelRules
from actors.playbook.model import Playbook
from serve_app.models.interface import Labelled, Model, Setup
from serve_app.models.kinds import load_model, new_model, prior_score
from serve_app.models.monitor import Monitor

COUNTING = "beta-bernoulli"
"""The model of every action that has no other; it learns from all lessons."""
VERSION_EVERY = 500
"""Lessons of a model between two numbered versions of it."""
MAX_MODELS = 32
"""Models that are kept, those of earlier playbooks included; the one that learned longest ago goes."""

_FORMAT = 1


@dataclass(slots=True)
class Kept:
    """A model with what it was made from, and how well it predicts."""

    key: str
    kind: str
    setup: Setup
    model: Model
    columns: tuple[str, ...] = ()
    monitor: Monitor = field(default_factory=Monitor)
    learned_at: int = 0

    @property
    def name(self) -> str:
        """The model's name in the playbook."""
        return self.key.partition("@")[0]

    @property
    def version(self) -> int:
        """The number of its last version; 0 before the first."""
        return self.model.lessons // VERSION_EVERY

    def to_fields(self, *, plain: bool = False) -> list[Any]:
        """Flatten it; `plain` leaves the figures out, as a version does."""
        s = self.setup
        return [
            self.key,
            self.kind,
            [s.numeric, s.half_life, s.width],
            self.columns,
            self.learned_at,
            self.model.dump(),
            None if plain else self.monitor.to_fields(),
        ]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> "Kept":
        """Rebuild it from `to_fields`.

        Raises:
            ValueError: It is of another version.
        """
        key, kind, (numeric, half_life, width), columns, learned_at, data, figures = fields
        setup = Setup(tuple(numeric), half_life, width)
        monitor = Monitor() if figures is None else Monitor.from_fields(figures)
        model = load_model(kind, setup, data)
        return cls(key, kind, setup, model, tuple(columns), monitor, learned_at)


def kept_for(rules: ModelRules) -> Kept:
    """Return a model as a playbook declares it, that has learned nothing."""
    setup = Setup(rules.numeric, rules.half_life, rules.width)
    return Kept(rules.key, rules.kind, setup, new_model(rules.kind, setup), rules.columns)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an effect was decided: its turn, and the playbook of that decision; None when gone."""

    turn: TurnRecord | None = None
    playbook: Playbook | None = None


NOWHERE = Source()


class Learner:
    """The models, the offset up to which they have learned, and running totals of labels."""

    def __init__(self) -> None:
        self.offset = 0
        self._totals = [0.0, 0.0]
        self.kept: dict[str, Kept] = {}
        self._keep(Kept(COUNTING, "beta", Setup(), new_model("beta", Setup())))

    def learn(
        self, offset: int, lessons: Sequence[Lesson], sources: Sequence[Source]
    ) -> list[Kept]:
        """Take what one row of the journal teaches; return the models that have come to a new version."""
        told = [told_row(lesson, source) for lesson, source in zip(lessons, sources, strict=True)]
        return self.learn_rows(offset, lessons, told)

    def learn_rows(
        self,
        offset: int,
        lessons: Sequence[Lesson],
        told: Sequence[tuple[ModelRules | None, ScoreRow | None]],
    ) -> list[Kept]:
        """Take lessons whose rows are known already, with the models that scored them; see `told_row`."""
        new: list[Kept] = []
        for lesson, (rules, row) in zip(lessons, told, strict=True):
            if not lesson.taken and not lesson.refused:
                continue  # it is about the reward alone
            rate = (self._totals[0] + 1.0) / (self._totals[0] + self._totals[1] + 20.0)
            counted = ScoreRow(lesson.action, lesson.segment, min(max(rate, 0.001), 0.999))
            new += self._teach(self.kept[COUNTING], lesson, counted, offset)
            self._totals = [
                max(self._totals[0] + lesson.taken, 0.0),
                max(self._totals[1] + lesson.refused, 0.0),
            ]
            if rules is not None and row is not None:
                kept = self.kept.get(rules.key) or self._keep(kept_for(rules))
                new += self._teach(kept, lesson, row, offset)
        self.offset = max(self.offset, offset)
        return new

    def _teach(self, kept: Kept, lesson: Lesson, row: ScoreRow, offset: int) -> list[Kept]:
        labelled = Labelled(row, lesson.taken, lesson.refused, lesson.channel, lesson.reward_minor)
        before = kept.version
        kept.monitor.watch(labelled, kept.model.score([row])[0].propensity)
        kept.model.learn([labelled])
        kept.learned_at = offset
        return [kept] if kept.version != before else []

    def _keep(self, kept: Kept) -> Kept:
        if len(self.kept) >= MAX_MODELS:
            others = [each for each in self.kept.values() if each.key != COUNTING]
            del self.kept[min(others, key=lambda each: (each.learned_at, each.key)).key]
        self.kept[kept.key] = kept
        return kept

    def score(self, rows: Sequence[ScoreRow], pinned: Mapping[str, Kept] | None = None) -> Scores:
        """Score rows, each by the model that it names; `pinned` holds the versions to use instead, by name.

        A row whose model is not known, or has other features than the row, gets its prior, and the answer's `model` says
        so: `unknown:` and what the row named. The version is the offset learned up to, and the pinned versions.
        """
        by_model: dict[str, list[int]] = {}
        for i, row in enumerate(rows):
            by_model.setdefault(row.model, []).append(i)
        found: list[Score] = [prior_score(row) for row in rows] if len(by_model) > 1 else []
        named: list[str] = []
        versions = [str(self.offset)]
        for key, places in sorted(by_model.items()):
            asked = rows if len(by_model) == 1 else [rows[i] for i in places]
            kept = self._serving(key, pinned or {})
            scores = _scored(kept, asked)
            named.append(kept.key if kept and scores is not None else f"unknown:{key}")
            if kept and pinned and pinned.get(kept.name) is kept:
                versions.append(f"{kept.name}=v{kept.version}")
            answers = scores or tuple([prior_score(row) for row in asked])
            if len(by_model) == 1:
                found = list(answers)
            else:
                for i, score in zip(places, answers, strict=True):
                    found[i] = score
        return Scores("+".join(named), ";".join(versions), prior=False, rows=tuple(found))

    def _serving(self, key: str, pinned: Mapping[str, Kept]) -> Kept | None:
        key = key or COUNTING
        kept = pinned.get(key.partition("@")[0])
        return kept if kept is not None and kept.key == key else self.kept.get(key)

    def dump(self) -> bytes:
        """Return a checkpoint of everything; the offset is in it."""
        kept = [each.to_fields() for each in self.kept.values()]
        data: bytes = msgpack.packb([_FORMAT, self.offset, self._totals, kept])
        return data

    @classmethod
    def load(cls, data: bytes) -> "Learner":
        """Rebuild it from its checkpoint.

        Raises:
            ValueError: It is of another version.
        """
        version, offset, totals, kept = msgpack.unpackb(data)
        if version != _FORMAT:
            raise ValueError(f"checkpoint version {version!r}, expected {_FORMAT}")
        learner = cls()
        learner.offset, learner._totals = offset, totals
        learner.kept = {each.key: each for each in map(Kept.from_fields, kept)}
        return learner

    @classmethod
    def load_counts(cls, offset: int, data: bytes) -> "Learner":
        """Go on from the checkpoint of a store that had one model alone, which counts."""
        learner = cls()
        learner.offset = offset
        learner.kept[COUNTING].model = load_model("beta", Setup(), data)
        return learner


def told_row(lesson: Lesson, source: Source) -> tuple[ModelRules | None, ScoreRow | None]:
    """Return the playbook's model of a lesson's action, and the row that it was scored with.

    Both are None for what no decision scored, such as a message of another system, or when the turn is gone.
    """
    turn, playbook = source.turn, source.playbook
    if turn is None or turn.decision is None or playbook is None:
        return None, None
    index = playbook.action_index.get(lesson.action)
    features = features_of(playbook)
    if index is None or features is None or index not in turn.decision.scores:
        return None, None
    rules = playbook.learning.by_action.get(index)
    if rules is None:
        return None, None
    tier, segments = turn.decision.outcome[0], turn.decision.outcome[1]
    told = features.row(rules, turn.decision.given.context, segments, tier)
    prior = playbook.actions[index].starting_propensity
    return rules, ScoreRow(lesson.action, tier, prior, rules.key, told)


def _scored(kept: Kept | None, rows: Sequence[ScoreRow]) -> tuple[Score, ...] | None:
    if kept is None:
        return None
    try:
        return kept.model.score(rows)
    except ValueError:
        return None  # rows of another length than the model's
