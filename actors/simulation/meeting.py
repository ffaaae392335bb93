"""Where customers and the company meet: what somebody does, what the company answers, and what follows."""

from math import log
from typing import Any

import numpy as np

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import CALL, FEED, INLINE, Effect
from actors.domain.events import REVIEW, Command, Event, Response
from actors.domain.ids import effect_text, parse_effect
from actors.domain.scores import ScoreRow
from actors.domain.state import CustomerState
from actors.playbook.model import Action
from actors.policies.sending import may_go
from actors.policies.verdicts import Verdict
from actors.ports import OutboxRow
from actors.session import Job
from actors.simulation.behaviour import MESSAGE, ORDER, VISIT, Basket, Occasion, Offer
from actors.simulation.customer import Customer
from actors.simulation.draws import Chance
from actors.simulation.learning import Taught, told_rows
from actors.simulation.ledger import DECISIONS, EVENTS, OUTCOMES
from actors.simulation.ledger import TOTALS_COLUMNS as TOTALS
from actors.simulation.messages import Going, shown_in
from actors.simulation.part import Item, Part
from actors.simulation.people import DAY_MS, Whole
from actors.simulation.recording import arms_text, decided_in, occasion_of, rows_of_customers
from actors.simulation.touchpoints import (
    CASE_CLOSED,
    COMPLAINT_OPENED,
    ORDER_COMPLETED,
    PRODUCT_VIEWED,
    basket_fields,
    event_of,
    introduce,
    order,
    view,
)
from actors.turn import Turn
from actors.wire.checks import unpack_for_check

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_TO_ORDER_MS = 10 * _MINUTE_MS
_TO_ANSWER_MS = _MINUTE_MS
_MEAN_DELAY_MS = 4 * _HOUR_MS
_MOST_DELAY_MS = 2 * DAY_MS
_TOLD_MS = 60 * DAY_MS
"""How long the row of an effect is kept that nothing has been learned of."""
_YES = ("accept", "click", "convert")
_NO_CHANCES: list[float] | None = None


class Meeting:
    """The customers' side of a block. Sums by customer are columns; what is open is small."""

    def __init__(self, block: Part) -> None:
        self._block = block
        count = len(block.people)
        self._book = block.world.playbook
        self._customers = block.people
        self._tiers = ["" for _ in range(count)]
        self._arms = ["" for _ in range(count)]
        self._told: dict[tuple[int, int, int], tuple[int, ScoreRow]] = {}
        self._last: dict[int, Turn] = {}
        self._reviews: dict[str, OutboxRow] = {}
        self.totals = {name: np.zeros(count) for name in TOTALS}

    # What customers begin.

    def begin(self, item: Item) -> Job | None:
        """Return the job for something that happens to a customer now; None when nothing comes of it."""
        _, row, serial, kind, about = item
        begins = {"visit": self._visit, "order": self._order, "answer": self._answer}
        begin = begins.get(kind, self._say if kind == "say" else self._review)
        return begin(row, serial, about)

    def _customer(self, row: int) -> Customer:
        return Customer(self._customers, row, self._block.world.behaviour)

    def _visit(self, row: int, serial: int, about: list[Any]) -> Job | None:
        at_ms, channel, chances, extra = about
        block = self._block
        model = block.world.population.model
        chance = self._chance(row, at_ms, chances)
        if model.buys.get(channel, 0.0) >= 1.0:  # whoever is in a store has come to buy
            basket = self._buy(row, Occasion(at_ms, channel, ORDER), extra, chance)
            if basket is None:
                return None
            return self._order(row, serial, [at_ms, channel, chances, *basket_fields(basket)])
        shopping = block.world.behaviour.shopping
        category = shopping.category(self._customers, row, chance)
        properties = view(category, int(1000 * chance.uniform("items")))
        return self._event(row, serial, PRODUCT_VIEWED, channel, properties)

    def _order(self, row: int, serial: int, about: list[Any]) -> Job:
        _, channel, _, total, categories, items = about
        basket = Basket(total, categories, items)
        index = int(self._customers.index[row])
        properties = order(
            f"p-{index}-{serial}",
            basket,
            f"s-{index % 40}",
            self._book.minor_digits,
            self._book.currency,
        )
        self.totals["revenue_minor"][row] += total
        self.totals["orders"][row] += 1
        self._add(row, revenue_minor=total, orders=1)
        return self._event(row, serial, ORDER_COMPLETED, channel, properties)

    def _say(self, row: int, serial: int, about: list[Any]) -> Job:
        name, properties = about
        channel = self._block.channels.service
        return self._event(row, serial, name, channel, properties, places=False)

    def _event(
        self,
        row: int,
        serial: int,
        name: str,
        channel: str,
        properties: dict[str, Any],
        *,
        places: bool = True,
    ) -> Job:
        channels, people = self._block.channels, self._customers
        index = int(people.index[row])
        asked = channels.places.get(channel, ()) if places else ()
        event = event_of(index, f"p-{index}-{serial}", name, channel, properties, asked)
        if not people.met[row]:
            people.met[row] = True
            introduce(event, channels.outbound, consents=bool(people.consents[row]))
        return Job(event)

    def _answer(self, row: int, serial: int, about: list[Any]) -> Job:
        key, outcome, *_ = about
        index = int(self._customers.index[row])
        return Job(Response(message_id=f"p-{index}-{serial}", effect_key=key, outcome=outcome))

    def _review(self, row: int, serial: int, about: list[Any]) -> Job:
        index = int(self._customers.index[row])
        command = Command(message_id=f"p-{index}-{serial}", kind=REVIEW, arguments=about[0])
        return Job(command, self._block.numbers[row])

    def _chance(self, row: int, at_ms: int, chances: list[float] | None = None) -> Chance:
        seed = self._block.world.population.seed
        return Chance(seed, int(self._customers.index[row]), at_ms, chances)

    # What the company has done, and what customers make of it.

    def met(self, item: Item, job: Job) -> None:
        """Let a customer see what her visit was answered with, and act on it."""
        _, row, _, kind, about = item
        turn = self._last.pop(self._block.numbers[row], None)
        if turn is None or kind not in {"visit", "order"}:
            return
        at_ms, channel, chances = about[:3]
        occasion = occasion_of(turn.record)._replace(at_ms=at_ms, channel=channel)
        effects = shown_in(turn.record)
        if kind == "order":
            chances = _NO_CHANCES  # those of its instant, not those of the visit before it
        chance = self._chance(row, at_ms, chances)
        reaction = self._customer(row).react(occasion, [self._offer(e) for e in effects], chance)
        extra = float(about[3]) if kind == "visit" else 0.0
        if reaction.taken >= 0:
            effect = effects[reaction.taken]
            extra += self._action(effect.action).value_minor
            self._take(row, effect, self._block.numbers[row], at_ms + _TO_ANSWER_MS)
        if occasion.kind == VISIT:
            basket = self._buy(row, occasion, extra, chance)
            if basket is not None:
                later = at_ms + _TO_ORDER_MS
                self._block.push(
                    later, row, "order", [later, channel, None, *basket_fields(basket)]
                )
        else:
            self._after_order(row, at_ms, chance)

    def _buy(self, row: int, occasion: Occasion, extra: float, chance: Chance) -> Basket | None:
        return self._customer(row).buy(occasion, extra, chance)

    def _take(self, row: int, effect: Effect, number: int, at_ms: int) -> None:
        """Let a customer take what was offered: the channel reports it a little later."""
        action = self._action(effect.action)
        yes = next((each for each in _YES if each in action.success), _YES[0])
        key = effect_text(number, effect.seq, effect.n)
        self._block.push(at_ms, row, "answer", [key, yes, effect.action, effect.channel])

    def _after_order(self, row: int, at_ms: int, chance: Chance) -> None:
        feeling = self._block.world.behaviour.feeling
        if chance.uniform("complain") >= feeling.complains(self._customers, row):
            return
        feeling.happened(self._customers, row, "complaint")
        case = {"case_id": f"{int(self._customers.index[row])}-{at_ms}", "topic": "order"}
        rating = 1 + int(5 * chance.uniform("rating"))
        self._block.push(at_ms + DAY_MS, row, "say", [COMPLAINT_OPENED, case])
        closed = {**case, "satisfaction": rating}
        self._block.push(at_ms + 2 * DAY_MS, row, "say", [CASE_CLOSED, closed])
        self._add(row, complaints=1)

    def deliver(self) -> None:
        """Deliver what the last commits let go, each after the check that precedes every attempt."""
        sent, self._block.store.written.sent = self._block.store.written.sent, []
        for number, row in sent:
            going = Going(row)
            if going.action.startswith((CALL, FEED)):
                continue  # other systems are told; nobody sees it
            state = unpack_for_check(self._block.store.state(number))
            said = may_go(state, going, self._book, self._block.clock.now_ms)
            if said.verdict is Verdict.ALLOW:
                self._reach(number, going)
            else:
                self._hold_back(number, row, going)

    def _hold_back(self, number: int, row: OutboxRow, going: Going) -> None:
        self._block.store.wait_again(number, row)
        given = going.to_review(number)
        self._block.push(self._block.clock.now_ms, self._block.row_of[number], "review", [given])

    def _reach(self, number: int, going: Going) -> None:
        """Let a message reach its customer."""
        block, row = self._block, self._block.row_of[number]
        at_ms = block.clock.now_ms
        action = self._action(going.action)
        chance = self._chance(row, at_ms)
        occasion = Occasion(at_ms, going.channel, MESSAGE)
        offer = Offer(action.key, action.group, action.value_minor, going.channel)
        reaction = self._customer(row).react(occasion, [offer], chance)
        self.totals["contacts"][row] += 1
        self._cost(row, action, going.channel)
        self._add(row, messages=1)
        delay = min(_MOST_DELAY_MS, int(-_MEAN_DELAY_MS * log(1.0 - chance.uniform("delay"))))
        later = at_ms + _TO_ANSWER_MS + delay
        key = effect_text(number, going.seq, going.n)
        if reaction.taken >= 0:
            yes = next((each for each in ("click", *_YES) if each in action.success), _YES[0])
            block.push(later, row, "answer", [key, yes, action.key, going.channel])
            back = block.channels.returns(going.channel)
            about = [later + _TO_ANSWER_MS, back, None, action.value_minor]
            block.push(later + _TO_ANSWER_MS, row, "visit", about)
        elif reaction.spam or reaction.unsubscribed:
            outcome = "complaint" if reaction.spam else "unsubscribe"
            block.push(later, row, "answer", [key, outcome, action.key, going.channel])
            self._add(row, unsubscribed=1)

    # What is written down.

    def noted(self, number: int, turn: Turn) -> None:
        """Write down a turn that is committed."""
        block, record, state = self._block, turn.record, turn.state
        row = block.row_of[number]
        index, now_ms = int(self._customers.index[row]), record.received_at_ms
        self._standing(row, state, record)
        if record.event is not None:
            self._last[number] = turn
            self._told_of(index, state.seq, record.event, record)
            self._add(row, events=1)
        if record.decision is not None:
            self._decided(row, turn)
        for n, told in told_rows(record, self._book).items():
            self._told[number, state.seq, n] = (now_ms, told)
        for effect in record.effects:
            if effect.mode == INLINE:
                self._cost(row, self._action(effect.action), effect.channel)
        if record.response is not None:
            self._outcome(row, turn, record.response)
        for credit in record.credits:
            said = (index, credit.seq, credit.n, now_ms, credit.action, "")
            outcome = f"credit {credit.basis}"
            block.tables.add(OUTCOMES, (*said, outcome, 0, credit.reward_minor))
        for lesson in record.lessons:
            place = (lesson.number or number, lesson.seq, lesson.n)
            kept = self._told.get(place)
            block.taught.append(
                Taught(index, lesson.seq, lesson.n, lesson, None if kept is None else kept[1])
            )

    def _told_of(self, index: int, seq: int, event: Event, record: TurnRecord) -> None:
        total = event.properties.get("total", 0.0)
        minor = round(float(total) * 10**self._book.minor_digits)
        said = (event.type, event.name, event.channel, minor)
        self._block.tables.add(EVENTS, (index, seq, record.received_at_ms, *said))

    def _decided(self, row: int, turn: Turn) -> None:
        self._block.decisions += 1
        occasion = occasion_of(turn.record)
        decided = decided_in(turn.record, turn.state, self._customer(row), self._book, occasion)
        expected = best = 0.0
        placed = 0
        for each in decided:
            self._block.tables.add(DECISIONS, each.row)
            expected += each.expected
            best += each.best
            placed += each.row[2] >= 0
        self.totals["decisions"][row] += 1
        self._add(row, decisions=1, placed=placed, expected_minor=expected, best_minor=best)

    def _outcome(self, row: int, turn: Turn, response: Response) -> None:
        _, seq, n = parse_effect(response.effect_key)
        effect = turn.answered
        name, channel = ("", "") if effect is None else (effect.action, effect.channel)
        action = self._book.action(name)
        taken = action is not None and response.outcome in action.success
        reward = round(action.value_minor) if taken and action is not None else 0
        said = (int(self._customers.index[row]), seq, n, turn.record.received_at_ms, name, channel)
        self._block.tables.add(OUTCOMES, (*said, response.outcome, int(taken), reward))
        if taken:
            self.totals["taken"][row] += 1
            self.totals["value_minor"][row] += reward
            self._add(row, taken=1, value_minor=reward)

    def _standing(self, row: int, state: CustomerState, record: TurnRecord) -> None:
        if record.decision is not None:
            self._tiers[row] = record.decision.outcome[0]
        elif not self._tiers[row]:
            self._tiers[row] = self._book.default_tier
        if state.arms:
            self._arms[row] = arms_text(state)

    def _cost(self, row: int, action: Action, channel: str) -> None:
        treatment = action.treatments.get(channel)
        cost = 0.0 if treatment is None else treatment.cost_minor
        self.totals["cost_minor"][row] += cost
        self._add(row, cost_minor=cost)

    def _add(self, row: int, **measures: float) -> None:
        day = self._block.clock.now_ms // DAY_MS
        self._block.sums.add(day, self._tiers[row], self._arms[row], measures)

    def _action(self, key: str) -> Action:
        return self._book.actions[self._book.action_index[key]]

    def _offer(self, effect: Effect) -> Offer:
        action = self._action(effect.action)
        return Offer(action.key, action.group, action.value_minor, effect.channel, effect.placement)

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
        self.totals = {name: np.frombuffer(totals[name]).copy() for name in TOTALS}
