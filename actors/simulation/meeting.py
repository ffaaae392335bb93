"""Where customers and the company meet: what somebody does, what the company answers, and what follows."""

from math import log
from typing import Any

from actors.domain.actions import CALL, FEED, Effect
from actors.domain.events import REVIEW, Command, Response
from actors.domain.ids import effect_text
from actors.policies.sending import may_go
from actors.policies.verdicts import Verdict
from actors.ports import OutboxRow
from actors.session import Job
from actors.simulation.behaviour import MESSAGE, ORDER, VISIT, Basket, Occasion, Offer
from actors.simulation.customer import Customer
from actors.simulation.draws import Chance
from actors.simulation.ledger import PLACE
from actors.simulation.messages import Going, shown_in
from actors.simulation.noting import Notes
from actors.simulation.part import Item, Part
from actors.simulation.people import DAY_MS
from actors.simulation.recording import occasion_of
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
from actors.wire.checks import unpack_for_check

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_TO_ORDER_MS = 10 * _MINUTE_MS
_TO_ANSWER_MS = _MINUTE_MS
_MEAN_DELAY_MS = 4 * _HOUR_MS
_MOST_DELAY_MS = 2 * DAY_MS
_REVENUE, _ORDERS, _MESSAGES = PLACE["revenue_minor"], PLACE["orders"], PLACE["messages"]
_COMPLAINTS, _UNSUBSCRIBED = PLACE["complaints"], PLACE["unsubscribed"]
_YES = ("accept", "click", "convert")
_NO_CHANCES: list[float] | None = None


class Meeting:
    """The customers' side of a block."""

    def __init__(self, block: Part, notes: Notes) -> None:
        self._block = block
        self._notes = notes
        self._book = block.world.playbook
        self._customers = block.people
        self._first = block.first
        self._seed = block.world.population.seed
        self._offers: dict[tuple[str, str, str], Offer] = {}

    # What customers begin.

    def begin(self, item: Item) -> Job | None:
        """Return the job for something that happens to a customer now; None when nothing comes of it."""
        _, row, serial, kind, about = item
        if kind == "visit":
            return self._visit(row, serial, about)
        if kind == "order":
            return self._order(row, serial, about)
        if kind == "answer":
            return self._answer(row, serial, about)
        return self._say(row, serial, about) if kind == "say" else self._review(row, serial, about)

    def _customer(self, row: int) -> Customer:
        return Customer(self._customers, row, self._block.world.behaviour)

    def _visit(self, row: int, serial: int, about: list[Any]) -> Job | None:
        at_ms, channel, chances, extra = about
        block = self._block
        model = block.world.population.model
        chance = self._chance(row, at_ms, chances)
        if model.buys.get(channel, 0.0) >= 1.0:  # whoever is in a store has come to buy
            basket = self._customer(row).buy(Occasion(at_ms, channel, ORDER), extra, chance)
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
        index = self._first + row
        properties = order(
            self._block.said(row, serial),
            basket,
            f"s-{index % 40}",
            self._book.minor_digits,
            self._book.currency,
        )
        sums = self._notes.sums(row)
        self._notes.add("revenue_minor", row, total)
        self._notes.add("orders", row, 1.0)
        sums[_REVENUE] += total
        sums[_ORDERS] += 1
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
        index = self._first + row
        asked = channels.places.get(channel, ()) if places else ()
        event = event_of(index, self._block.said(row, serial), name, channel, properties, asked)
        if not people.met[row]:
            people.met[row] = True
            introduce(event, channels.outbound, consents=bool(people.consents[row]))
        return Job(event)

    def _answer(self, row: int, serial: int, about: list[Any]) -> Job:
        key, outcome, *_ = about
        return Job(
            Response(message_id=self._block.said(row, serial), effect_key=key, outcome=outcome)
        )

    def _review(self, row: int, serial: int, about: list[Any]) -> Job:
        command = Command(message_id=self._block.said(row, serial), kind=REVIEW, arguments=about[0])
        return Job(command, self._block.numbers[row])

    def _chance(self, row: int, at_ms: int, chances: list[float] | None = None) -> Chance:
        return Chance(self._seed, self._first + row, at_ms, chances)

    # What the company has done, and what customers make of it.

    def met(self, item: Item) -> None:
        """Let a customer see what her visit was answered with, and act on it."""
        _, row, _, kind, about = item
        record = self._notes.answered.pop(self._block.numbers[row], None)
        if record is None or kind not in {"visit", "order"}:
            return
        at_ms, channel, chances = about[:3]
        occasion = occasion_of(record)._replace(at_ms=at_ms, channel=channel)
        effects = shown_in(record)
        if kind == "order":
            chances = _NO_CHANCES  # those of its instant, not those of the visit before it
        chance = self._chance(row, at_ms, chances)
        reaction = self._customer(row).react(occasion, [self._offer(e) for e in effects], chance)
        extra = float(about[3]) if kind == "visit" else 0.0
        if reaction.taken >= 0:
            effect = effects[reaction.taken]
            extra += self._notes.action(effect.action).value_minor
            self._take(row, effect, self._block.numbers[row], at_ms + _TO_ANSWER_MS)
        if occasion.kind == VISIT:
            basket = self._customer(row).buy(occasion, extra, chance)
            if basket is not None:
                later = at_ms + _TO_ORDER_MS
                self._block.push(
                    later, row, "order", [later, channel, None, *basket_fields(basket)]
                )
        else:
            self._after_order(row, at_ms, chance)

    def _offer(self, effect: Effect) -> Offer:
        key = (effect.action, effect.channel, effect.placement)
        found = self._offers.get(key)
        if found is None:
            action = self._notes.action(effect.action)
            given = (action.key, action.group, action.value_minor)
            found = self._offers[key] = Offer(*given, effect.channel, effect.placement)
        return found

    def _take(self, row: int, effect: Effect, number: int, at_ms: int) -> None:
        """Let a customer take what was offered: the channel reports it a little later."""
        action = self._notes.action(effect.action)
        yes = next((each for each in _YES if each in action.success), _YES[0])
        key = effect_text(number, effect.seq, effect.n)
        self._block.push(at_ms, row, "answer", [key, yes, effect.action, effect.channel])

    def _after_order(self, row: int, at_ms: int, chance: Chance) -> None:
        feeling = self._block.world.behaviour.feeling
        odds: Any = feeling.complains(self._customers, row)  # of any kind of number
        if chance.uniform("complain") >= float(odds):
            return
        feeling.happened(self._customers, row, "complaint")
        case = {"case_id": self._block.said(row, at_ms), "topic": "order"}
        rating = 1 + int(5 * chance.uniform("rating"))
        self._block.push(at_ms + DAY_MS, row, "say", [COMPLAINT_OPENED, case])
        closed = {**case, "satisfaction": rating}
        self._block.push(at_ms + 2 * DAY_MS, row, "say", [CASE_CLOSED, closed])
        self._notes.sums(row)[_COMPLAINTS] += 1

    def deliver(self) -> None:
        """Deliver what the last commits let go, each after the check that precedes every attempt."""
        written = self._block.rows.written
        sent, written.sent = written.sent, []
        for number, row in sent:
            going = Going(row)
            if going.action.startswith((CALL, FEED)):
                continue  # other systems are told; nobody sees it
            state = self._notes.states.get(number)
            if state is None:
                state = unpack_for_check(self._block.rows.state(number))
            said = may_go(state, going, self._book, self._block.clock.now_ms)
            if said.verdict is Verdict.ALLOW:
                self._reach(number, going)
            else:
                self._hold_back(number, row, going)

    def _hold_back(self, number: int, row: OutboxRow, going: Going) -> None:
        self._block.rows.wait_again(number, row)
        given = going.to_review(number)
        self._block.push(self._block.clock.now_ms, self._block.row_of[number], "review", [given])

    def _reach(self, number: int, going: Going) -> None:
        """Let a message reach its customer."""
        block, row = self._block, self._block.row_of[number]
        at_ms = block.clock.now_ms
        action = self._notes.action(going.action)
        chance = self._chance(row, at_ms)
        occasion = Occasion(at_ms, going.channel, MESSAGE)
        offer = Offer(action.key, action.group, action.value_minor, going.channel)
        reaction = self._customer(row).react(occasion, [offer], chance)
        self._notes.add("contacts", row, 1.0)
        self._notes.cost(row, action, going.channel)
        self._notes.sums(row)[_MESSAGES] += 1
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
            self._notes.sums(row)[_UNSUBSCRIBED] += 1
