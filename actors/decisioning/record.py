"""The decision record: what a decision was taken from and what came out, replayable bit for bit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from actors.decisioning.arbitration import choose
from actors.decisioning.funnel import prepare
from actors.decisioning.inputs import (
    APPLICABILITY,
    ARBITRATION,
    AVAILABILITY,
    BUDGET,
    BUNDLING,
    CHANNEL,
    CONSENT,
    CONTACT_POLICY,
    ELIGIBILITY,
    ENGINE_VERSION,
    EXPERIMENT,
    PROPENSITY,
    SUITABILITY,
    TREATMENT,
    Choice,
    DecisionInput,
    Prepared,
    Proposal,
    Removal,
    Stands,
)
from actors.domain.scores import Score
from actors.playbook.model import Playbook
from actors.policies.verdicts import Planned, Silence

STAGE_CODES = (
    AVAILABILITY,
    ELIGIBILITY,
    SUITABILITY,
    CONSENT,
    CONTACT_POLICY,
    ARBITRATION,
    CHANNEL,
    APPLICABILITY,
    EXPERIMENT,
    PROPENSITY,
    TREATMENT,
    BUNDLING,
    BUDGET,
)
"""What the numbers of stages in stored records stand for: new ones come last, so that old rows stay."""

_CODE_OF = {stage: code for code, stage in enumerate(STAGE_CODES)}


@dataclass(slots=True, kw_only=True, init=False)
class DecisionRecord:
    """One arbitration with all its inputs.

    `scores` maps action index to the fields of the `Score` that was answered; `prior` says
    that the playbook's starting propensities stood in for a model. `outcome` is `outcome_of` the
    result, lists and, for what was ranked, tuples, which a replay must equal.
    """

    engine: str
    playbook: str
    model: str
    model_version: str
    prior: bool
    given: DecisionInput
    scores: dict[int, tuple[float, ...]]
    outcome: list[Any]

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        engine: str,
        playbook: str,
        model: str,
        model_version: str,
        prior: bool,
        given: DecisionInput,
        scores: dict[int, tuple[float, ...]],
        outcome: list[Any],
    ) -> None:
        self.engine = engine
        self.playbook = playbook
        self.model = model
        self.model_version = model_version
        self.prior = prior
        self.given = given
        self.scores = scores
        self.outcome = outcome


def outcome_of(prepared: Prepared, choice: Choice) -> list[Any]:
    """Flatten a decision: [tier, segments, removed, ranked, chosen, draws], in a fixed order.

    removed: [action, channel, stage code, rule, retry at]; ranked and draws: the fields of `Ranked` and
    `Draw`; chosen: [position in ranked, rank, chosen with], and for what is returned again the seq and
    n of its effect. Records of engine 1 have no draws, and ranked only up to the priority.
    """
    return [
        prepared.tier,
        list(prepared.segments),
        list(map(_row_of, choice.removed)),
        choice.rows,
        [
            [place, each.rank, each.chosen_with, *(each.again or ())]
            for place, each in zip(choice.places, choice.chosen, strict=True)
        ],
        [list(each) for each in choice.draws],
    ]


@lru_cache(maxsize=4096)
def _row_of(removal: Removal) -> list[Any]:
    """Return what is recorded of a removal; the same ones come again and again, and nobody changes them."""
    action, channel, stage, rule, retry_at_ms = removal
    return [action, channel, _CODE_OF[stage], rule, retry_at_ms]


def decision_to_fields(record: DecisionRecord) -> list[Any]:
    """Flatten a record for the journal."""
    g = record.given
    added = _added(g)
    return [
        record.engine,
        record.playbook,
        record.model,
        record.model_version,
        record.prior,
        [
            g.at_ms,
            g.seed,
            g.channel,
            g.placements,
            g.max_actions,
            g.context,
            g.caps,
            g.refused,
            g.consents,
            [(p.trigger, p.actions, p.channels) for p in g.proposals],
            *([added] if added else ()),
        ],
        [(index, *score) for index, score in record.scores.items()],
        record.outcome,
    ]


def _added(g: DecisionInput) -> dict[str, Any]:  # noqa: C901 - one a field
    """Return those of the further inputs that are not empty, in the order of `_ADDED`."""
    added: dict[str, Any] = {}
    if g.paused:
        added["paused"] = g.paused
    if g.silences:
        added["silences"] = g.silences
    if g.planned:
        added["planned"] = g.planned
    if g.caps_later:
        added["caps_later"] = g.caps_later
    if g.recent:
        added["recent"] = g.recent
    if g.barred:
        added["barred"] = g.barred
    if g.arms:
        added["arms"] = g.arms
    if g.funds:
        added["funds"] = g.funds
    if g.prices:
        added["prices"] = g.prices
    if g.standing:
        added["standing"] = g.standing
    if g.suggested:
        added["suggested"] = g.suggested
    return added


def _from_added(found: dict[str, Any]) -> dict[str, Any]:
    return {name: _ADDED[name](value) for name, value in found.items()}


_PLAIN = 10
_ADDED: dict[str, Callable[[Any], Any]] = {
    "paused": tuple,
    "silences": lambda rows: tuple([Silence(*row) for row in rows]),
    "planned": lambda rows: {key: Planned(*row) for key, row in rows.items()},
    "caps_later": lambda rows: {
        at_ms: tuple([(count, retry) for count, retry in counts]) for at_ms, counts in rows.items()
    },
    "recent": int,
    "barred": tuple,
    "arms": dict,
    "funds": dict,
    "prices": dict,
    "standing": lambda rows: tuple([Stands(*row) for row in rows]),
    "suggested": dict,
}
"""Inputs that most decisions do not have, and how each is read back."""


def decision_from_fields(fields: list[Any]) -> DecisionRecord:
    """Rebuild a record from `decision_to_fields`."""
    g = fields[5]
    return DecisionRecord(
        engine=fields[0],
        playbook=fields[1],
        model=fields[2],
        model_version=fields[3],
        prior=fields[4],
        given=DecisionInput(
            at_ms=g[0],
            seed=g[1],
            channel=g[2],
            placements=tuple(g[3]),
            max_actions=g[4],
            context=g[5],
            caps=tuple((count, retry) for count, retry in g[6]),
            refused=g[7],
            consents=g[8],
            proposals=tuple(
                Proposal(p[0], tuple(p[1]), None if p[2] is None else tuple(p[2])) for p in g[9]
            ),
            **(_from_added(g[10]) if len(g) > _PLAIN else {}),
        ),
        scores={index: tuple(score) for index, *score in fields[6]},
        outcome=_ranked_as_tuples(fields[7]),
    )


def _ranked_as_tuples(outcome: list[Any]) -> list[Any]:
    """Undo what a codec makes of tuples."""
    return [list(map(tuple, part)) if i == _RANKED else part for i, part in enumerate(outcome)]


@dataclass(frozen=True, slots=True)
class Replay:
    """The verdict of a replay; `difference` says where the first one is."""

    identical: bool
    difference: str = ""


_RANKED = 3
_PARTS = ("tier", "segments", "removed", "ranked", "chosen", "draws")


def replay(record: DecisionRecord, playbook: Playbook) -> Replay:
    """Recompute a decision from its record alone and compare every part.

    `playbook` must be the version that the record names. A record of another engine version is
    reported as such and not compared.
    """
    if record.engine != ENGINE_VERSION:
        return Replay(False, f"engine {record.engine!r} decided, this is {ENGINE_VERSION!r}")
    if record.playbook != playbook.version:
        return Replay(False, f"playbook {record.playbook!r} decided, given {playbook.version!r}")
    prepared = prepare(record.given, playbook)
    needed = {candidate.action for candidate in prepared.candidates}
    missing = sorted(needed - record.scores.keys())
    if missing:
        return Replay(False, f"scores: no score for {playbook.actions[missing[0]].key!r}")
    scores = {i: Score(*record.scores[i]) for i in record.scores}
    again = outcome_of(prepared, choose(prepared, record.given, scores, playbook))
    for name, then, now in zip(_PARTS, record.outcome, again, strict=True):
        if then != now:
            return Replay(False, _first_difference(name, then, now))
    return Replay(True)


def _first_difference(path: str, then: Any, now: Any) -> str:
    if isinstance(then, list | tuple) and isinstance(now, list | tuple):
        if len(then) != len(now):
            return f"{path}: recorded {len(then)} entries, replayed {len(now)}"
        for i, (a, b) in enumerate(zip(then, now, strict=True)):
            if a != b:
                return _first_difference(f"{path}[{i}]", a, b)
    return f"{path}: recorded {then!r}, replayed {now!r}"
