"""A turn while it is under way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from actors.decisioning.inputs import Chosen, DecisionInput, Prepared
from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect, OpenEffect
from actors.domain.budgets import Spend
from actors.domain.groups import NO_GROUPS, GroupKey, Groups
from actors.domain.ids import Identity
from actors.domain.scores import ScoreRow
from actors.domain.state import CustomerState, Timer
from actors.lifetime.model import LifetimeModel
from actors.patterns import Deviation
from actors.scenarios.world import Offer
from actors.turn.surroundings import Surroundings


@dataclass(slots=True, init=False)
class Turn:
    """One turn under way, and when it is done what it wrote besides the state.

    `rows` are the propensities asked for; empty when nothing is to be decided. `outbox` are the
    effects to deliver, `cancelled` the (number, seq, n) of effects to withdraw. `entered` and
    `left` name segments. `groups` are the records of groups at hand, `touched` those that it changed. `offers` are what instances of scenarios propose, by the name of the proposal, in the
    `world` in which they do; `answered` is the effect that an outcome is about, `credited` those that this turn's event is credited to, `closed` those whose window closed in silence; `committed` the candidates chosen and the effects they have become. `paused`, `funds` and `prices` are as in `DecisionInput`; `funds` is shared by the turns of
    an attempt, which take from it; `spent` is what this turn takes, `lifetime` what values are predicted by. `released` are (number, seq, n, instant) of effects that may go from then on, `postponed` of those held until then,
    `dropped` (number, seq, n, whether too late, why) of those never to go, `given_back` (number, seq, n) of
    effects that ended before any attempt. `waiting` tells of effects at which no attempt has begun whether
    they are held, or cancelled; `unsent` are those whose window closes and that have not arrived.
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
    credited: list[OpenEffect] = field(default_factory=list)
    closed: list[OpenEffect] = field(default_factory=list)
    committed: list[tuple[Chosen, Effect]] = field(default_factory=list)
    paused: tuple[str, ...] = ()
    funds: dict[str, float] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    spent: list[Spend] = field(default_factory=list)
    lifetime: LifetimeModel | None = None
    released: list[tuple[int, int, int, int]] = field(default_factory=list)
    postponed: list[tuple[int, int, int, int]] = field(default_factory=list)
    dropped: list[tuple[int, int, int, bool, str]] = field(default_factory=list)
    waiting: Mapping[tuple[int, int, int], bool] = field(default_factory=dict)
    unsent: Collection[tuple[int, int, int]] = ()
    given_back: list[tuple[int, int, int]] = field(default_factory=list)

    def __init__(
        self, state: CustomerState, record: TurnRecord, paused: tuple[str, ...] = ()
    ) -> None:
        """Begin with nothing but a customer and a record; written out, because the fields are many."""
        self.state = state
        self.record = record
        self.rows = []
        self.given = None
        self.prepared = None
        self.claimed = []
        self.timers_set = []
        self.timers_deleted = []
        self.outbox = []
        self.cancelled = []
        self.entered = []
        self.left = []
        self.deviations = []
        self.groups = NO_GROUPS
        self.touched = set()
        self.offers = {}
        self.world = None
        self.answered = None
        self.credited = []
        self.closed = []
        self.committed = []
        self.paused = paused
        self.funds = {}
        self.prices = {}
        self.spent = []
        self.lifetime = None
        self.released = []
        self.postponed = []
        self.dropped = []
        self.waiting = {}
        self.unsent = ()
        self.given_back = []


@dataclass(slots=True, init=False)
class AtHand:
    """What the shell gives a turn besides the customer: switches thrown, money left, prices.

    The fields are those of `Turn`. `funds` is not copied: turns that run one after another share it.
    """

    funds: dict[str, float] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    paused: tuple[str, ...] = ()
    lifetime: LifetimeModel | None = None
    waiting: Mapping[tuple[int, int, int], bool] = field(default_factory=dict)
    unsent: Collection[tuple[int, int, int]] = ()

    def __init__(
        self,
        funds: dict[str, float] | None = None,
        prices: dict[str, float] | None = None,
        paused: tuple[str, ...] = (),
        lifetime: LifetimeModel | None = None,
        waiting: Mapping[tuple[int, int, int], bool] | None = None,
        unsent: Collection[tuple[int, int, int]] = (),
    ) -> None:
        self.funds = {} if funds is None else funds
        self.prices = {} if prices is None else prices
        self.paused = paused
        self.lifetime = lifetime
        self.waiting = {} if waiting is None else waiting
        self.unsent = unsent

    def give(self, turn: Turn) -> None:
        """Let a turn have it; before anything is decided."""
        turn.funds, turn.prices = self.funds, self.prices
        turn.paused, turn.lifetime = self.paused, self.lifetime
        turn.waiting, turn.unsent = self.waiting, self.unsent


NOTHING = AtHand()
"""What a turn has when nobody gives it anything: no switch, no budget."""
