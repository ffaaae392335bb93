"""What is written down of a block's turns: rows of tables, sums by day, tier and arm, and by customer."""

from typing import Any

import numpy as np

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import INLINE
from actors.domain.events import Response
from actors.domain.ids import parse_effect
from actors.domain.scores import ScoreRow
from actors.domain.state import CustomerState
from actors.playbook.model import Action
from actors.simulation.customer import Customer
from actors.simulation.learning import Taught, told_rows
from actors.simulation.ledger import DECISIONS, EVENTS, OUTCOMES, PLACE
from actors.simulation.ledger import TOTALS_COLUMNS as TOTALS
from actors.simulation.part import Part
from actors.simulation.people import DAY_MS, Floats, Whole
from actors.simulation.recording import Recorder, arms_text, occasion_of, rows_of_customers
from actors.turn import Turn

_TOLD_MS = 60 * DAY_MS
"""How long the row of an effect is kept that nothing has been learned of."""
_EVENTS, _DECISIONS, _PLACED = PLACE["events"], PLACE["decisions"], PLACE["placed"]
_EXPECTED, _BEST, _COST = PLACE["expected_minor"], PLACE["best_minor"], PLACE["cost_minor"]
_TAKEN, _VALUE = PLACE["taken"], PLACE["value_minor"]


class Notes:
    """Sums by customer are columns; what is open is small.

    Of the last group, `answered` has by number what events were answered with, until somebody has seen it, and
    `states` the committed states of those who had turns; they are lent, and change with the next group.
    """

    def __init__(self, block: Part) -> None:
        self._block = block
        self._customers = block.people
        self._first, count = block.first, len(block.people)
        self._book = block.world.playbook
        self._recorder = Recorder(self._book)
        self._scale = 10**self._book.minor_digits
        self._tiers = [""] * count
        self._arms = [""] * count
        self._told: dict[tuple[int, int, int], tuple[int, ScoreRow]] = {}
        self._keep({name: np.zeros(count) for name in TOTALS})
        self.answered: dict[int, TurnRecord] = {}
        self.states: dict[int, CustomerState] = {}
        self._sums_of: dict[int, list[float]] = {}
        self._day_over_ms = 0

    def sums(self, row: int) -> list[float]:
        """Return the sums of today to which a customer's tier and arms belong, by `ledger.PLACE`."""
        now_ms = self._block.clock.now_ms
        if now_ms >= self._day_over_ms:
            self._day_over_ms = (now_ms // DAY_MS + 1) * DAY_MS
            self._sums_of.clear()
        found = self._sums_of.get(row)
        if found is None:
            day = now_ms // DAY_MS
            found = self._block.sums.of(day, self._tiers[row], self._arms[row])
            self._sums_of[row] = found
        return found

    def _keep(self, totals: dict[str, Floats]) -> None:
        """Take columns; single places of them are reached sooner through a view than through numpy."""
        self.totals = totals
        self._views: dict[str, Any] = {name: totals[name].data for name in TOTALS}

    def add(self, name: str, row: int, amount: float) -> None:
        """Add to a total of a customer."""
        self._views[name][row] += amount

    def begin(self) -> None:
        """Forget whom the last group was about."""
        self.answered.clear()
        self.states.clear()

    def noted(self, number: int, turn: Turn) -> None:
        """Write down a turn that is committed."""
        block, record, state = self._block, turn.record, turn.state
        row = block.row_of[number]
        index, now_ms = self._first + row, record.received_at_ms
        self._standing(row, state, record)
        self.states[number] = state
        event = record.event
        if event is not None:
            self.answered[number] = record
            minor = round(float(event.properties.get("total", 0.0)) * self._scale)
            block.tables.rows[EVENTS].append(
                (index, state.seq, now_ms, event.type, event.name, event.channel, minor)
            )
            self.sums(row)[_EVENTS] += 1
        if record.decision is not None:
            self._decided(row, turn)
            for n, told in told_rows(record, self._book).items():
                self._told[number, state.seq, n] = (now_ms, told)
        for effect in record.effects:
            if effect.mode == INLINE:
                self.cost(row, self.action(effect.action), effect.channel)
        if record.response is not None:
            self._outcome(row, turn, record.response)
        if record.credits or record.lessons:
            self._learned(number, index, record, state.seq)

    def _learned(self, number: int, index: int, record: TurnRecord, seq: int) -> None:
        """Write down what was credited, and hand on what is to be learned from the turn."""
        for credit in record.credits:
            said = (index, credit.seq, credit.n, record.received_at_ms, credit.action, "")
            row = (*said, f"credit {credit.basis}", 0, credit.reward_minor)
            self._block.tables.rows[OUTCOMES].append(row)
        for lesson in record.lessons:
            kept = self._told.get((lesson.number or number, lesson.seq, lesson.n))
            self._block.taught.append(
                Taught(index, lesson.seq, lesson.n, lesson, None if kept is None else kept[1])
            )

    def _decided(self, row: int, turn: Turn) -> None:
        self._block.decisions += 1
        record = turn.record
        customer = Customer(self._customers, row, self._block.world.behaviour)
        decided = self._recorder.decided(
            record, turn.state, customer, occasion_of(record), self._arms[row]
        )
        rows = self._block.tables.rows[DECISIONS]
        expected = best = 0.0
        placed = 0
        for each in decided:
            rows.append(each.row)
            expected += each.expected
            best += each.best
            placed += each.row[2] >= 0
        self.add("decisions", row, 1.0)
        sums = self.sums(row)
        sums[_DECISIONS] += 1
        sums[_PLACED] += placed
        sums[_EXPECTED] += expected
        sums[_BEST] += best

    def _outcome(self, row: int, turn: Turn, response: Response) -> None:
        _, seq, n = parse_effect(response.effect_key)
        effect = turn.answered
        name, channel = ("", "") if effect is None else (effect.action, effect.channel)
        action = self._book.action(name)
        taken = action is not None and response.outcome in action.success
        reward = round(action.value_minor) if taken and action is not None else 0
        said = (self._first + row, seq, n, turn.record.received_at_ms, name, channel)
        self._block.tables.rows[OUTCOMES].append((*said, response.outcome, int(taken), reward))
        if taken:
            self.add("taken", row, 1.0)
            self.add("value_minor", row, reward)
            sums = self.sums(row)
            sums[_TAKEN] += 1
            sums[_VALUE] += reward

    def _standing(self, row: int, state: CustomerState, record: TurnRecord) -> None:
        """Take note of the tier and the arms that somebody is in from this turn on."""
        tier, arms = self._tiers[row], self._arms[row]
        if record.decision is not None:
            tier = record.decision.outcome[0]
        elif not tier:
            tier = self._book.default_tier
        if state.arms:
            arms = arms_text(state)
        if tier != self._tiers[row] or arms != self._arms[row]:
            self._tiers[row], self._arms[row] = tier, arms
            self._sums_of.pop(row, None)

    def cost(self, row: int, action: Action, channel: str) -> None:
        """Add what it costs to say something once on a channel."""
        treatment = action.treatments.get(channel)
        if treatment is not None and treatment.cost_minor:
            self.add("cost_minor", row, treatment.cost_minor)
            self.sums(row)[_COST] += treatment.cost_minor

    def action(self, key: str) -> Action:
        """Return an action of the playbook."""
        return self._book.actions[self._book.action_index[key]]

    def moved(self, day: int, left: Whole, returned: Whole) -> None:
        """Write down who stops coming with a day, and who begins again on it."""
        for name, rows in (("left", left), ("returned", returned)):
            for row in rows.tolist():
                where = (self._tiers[row] or self._book.default_tier, self._arms[row])
                self._block.sums.add(day, *where, {name: 1.0})

    def close_day(self, day: int) -> None:
        """Write down how customers are at the end of a day, and forget what nothing will be learned of."""
        people, now_ms = self._customers, self._block.clock.now_ms
        half_ms = self._block.world.population.model.fatigue_half_life_days * DAY_MS
        tired = people.fatigue * 0.5 ** (np.maximum(0, now_ms - people.fatigue_ms) / half_ms)
        found: dict[tuple[str, str], list[int]] = {}
        for row, where in enumerate(zip(self._tiers, self._arms, strict=True)):
            found.setdefault(where, []).append(row)
        for (tier, arms), rows in sorted(found.items()):
            self._block.sums.add(
                day,
                tier or self._book.default_tier,
                arms,
                {
                    "active": float(people.active[rows].sum()),
                    "fatigue": float(tired[rows].sum()),
                    "customers": float(len(rows)),
                },
            )
        old_ms = now_ms - _TOLD_MS
        self._told = {place: kept for place, kept in self._told.items() if kept[0] >= old_ms}

    def customer_rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of the table of customers, in order."""
        default = self._book.default_tier
        tiers = [tier or default for tier in self._tiers]
        return rows_of_customers(self._customers, tiers, self._arms, self.totals)

    def to_fields(self) -> list[Any]:
        """Flatten for a checkpoint."""
        told = [[*place, at_ms, list(row)] for place, (at_ms, row) in sorted(self._told.items())]
        totals = {name: column.tobytes() for name, column in self.totals.items()}
        return [self._tiers, self._arms, told, totals]

    def take_fields(self, fields: list[Any]) -> None:
        """Go on from `to_fields`."""
        self._tiers, self._arms, told, totals = fields
        self._told = {
            (number, seq, n): (at_ms, ScoreRow._make([*row[:4], tuple(row[4])]))
            for number, seq, n, at_ms, row in told
        }
        self._keep({name: np.frombuffer(totals[name]).copy() for name in TOTALS})
        self._sums_of.clear()
