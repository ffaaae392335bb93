"""A turn while it is under way."""

from dataclasses import dataclass, field

from actors.decisioning.inputs import Chosen, DecisionInput, Prepared
from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect, OpenEffect
from actors.domain.groups import NO_GROUPS, GroupKey, Groups
from actors.domain.ids import Identity
from actors.domain.scores import ScoreRow
from actors.domain.state import CustomerState, Timer
from actors.patterns import Deviation
from actors.scenarios.world import Offer
from actors.turn.surroundings import Surroundings


@dataclass(slots=True)
class Turn:
    """One turn under way, and when it is done what it wrote besides the state.

    `rows` are the propensities asked for; empty when nothing is to be decided. `outbox` are the
    effects to deliver, `cancelled` the (number, seq, n) of effects to withdraw. `entered` and
    `left` name segments. `groups` are the records of groups at hand, `touched` those that it changed. `offers` are what instances of scenarios propose, by the name of the proposal, in the
    `world` in which they do; `answered` is the effect that an outcome is about; `committed` the candidates chosen and the effects they have become. `paused`, `funds` and `prices` are as in `DecisionInput`; `spent` is what this turn
    takes of budgets (negative: gives back). `released` are (number, seq, n) of held effects to hand over now, `given_back` of
    effects withdrawn before any attempt.
    """

    state: CustomerState
    record: TurnRecord
    rows: list[ScoreRow] = field(default_factory=list)
    given: DecisionInput | None = None
    prepared: Prepared | None = None
    claimed: list[Identity] = field(default_factory=list)
    timers_set: list[Timer] = field(default_factory=list)
    timers_deleted: list[str] = field(default_factory=list)
    outbox: list[Effect] = field(default_factory=list)
    cancelled: list[tuple[int, int, int]] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    groups: Groups = field(default_factory=lambda: NO_GROUPS)
    touched: set[GroupKey] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    world: Surroundings | None = None
    answered: OpenEffect | None = None
    committed: list[tuple[Chosen, Effect]] = field(default_factory=list)
    paused: tuple[str, ...] = ()
    funds: dict[str, float] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    released: list[tuple[int, int, int]] = field(default_factory=list)
    given_back: list[tuple[int, int, int]] = field(default_factory=list)
