"""A turn while it is under way."""

from dataclasses import dataclass, field

from actors.decisioning.inputs import DecisionInput, Prepared
from actors.decisioning.journal import TurnRecord
from actors.domain.actions import Effect
from actors.domain.ids import Identity
from actors.domain.scores import ScoreRow
from actors.domain.state import CustomerState, Timer
from actors.patterns import Deviation


@dataclass(slots=True)
class Turn:
    """One turn under way, and when it is done what it wrote besides the state.

    `rows` are the propensities asked for; empty when nothing is to be decided. `outbox` are the
    effects to deliver, `cancelled` the (number, seq, n) of effects to withdraw. `entered` and
    `left` name segments.
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
