"""Random histories of offers, holds, attempts, retries, crashes, zones, clock changes and merges.

Whatever happens, no window of any cap holds more than its limit at any instant at which something is
sent. What is counted here is what was sent, when it was sent, by a checker that shares no code with caps.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import OpenEffect
from actors.domain.profile import ConsentState, Contact
from actors.domain.state import CustomerState
from actors.merging import merge
from actors.playbook.identity_model import IdentityRules
from actors.policies.contact_pressure import cap_covers, excess_of, reserve, room_for
from actors.policies.quiet import plan_send
from actors.policies.sending import may_go
from actors.policies.verdicts import Verdict
from actors.turn.policing import move_contact, unreserve
from actors.turn.under_way import Turn
from tests.builders import DAY, HOUR, MINUTE, REMINDER, SECOND, THANKS, make_playbook
from tests.merging_states import PARTS

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "")
"""Lord Howe's clocks change by half an hour; the last is a customer whose zone nobody knows."""
NEAR = ("Asia/Kolkata", "America/Los_Angeles")
"""Where someone unknown may be, besides the zone of the playbook, UTC."""
STARTS = [
    int(datetime(*date, tzinfo=UTC).timestamp()) * 1000
    for date in (
        (2026, 3, 7, 20),  # New York's clocks go forward on the 8th
        (2026, 10, 24, 20),  # Berlin's are put back on the 25th
        (2026, 4, 4, 10),  # Lord Howe's are put back on the 5th
        (2026, 2, 27, 12),  # a month ends
        (2026, 12, 30, 22),
    )
]
CHANNELS = ("email", "app")
KINDS = {REMINDER: "marketing", THANKS: "service"}
CAPS = {
    "hour": {"limit": 1, "window": "PT1H"},
    "two_hours": {"limit": 2, "window": "PT2H", "channels": ["email"]},
    "day": {"limit": 2, "window": "P1D", "purposes": ["marketing"]},
    "three_days": {"limit": 3, "window": "P3D"},
    "local_day": {"limit": 1, "window": "day", "channels": ["app"]},
    "local_days": {"limit": 2, "window": "day"},
    "local_week": {"limit": 3, "window": "week"},
    "local_month": {"limit": 4, "window": "month", "purposes": ["marketing"]},
}
SETS = (
    ("hour",),
    ("two_hours", "day"),
    ("three_days", "hour"),
    ("local_day", "local_days"),
    ("local_week", "two_hours"),
    ("local_month", "day"),
    ("local_days", "day", "hour"),
    ("local_day", "local_week", "three_days"),
)
QUIET = (
    (),
    ({"from": "22:00", "to": "08:00"},),
    ({"from": "12:00", "to": "12:30", "channels": ["app"]},),
)


def make_book(caps, quiet):
    return make_playbook(
        policies={
            "caps": {name: CAPS[name] for name in caps},
            "quiet": list(quiet),
            "zones": list(NEAR),
            "consent": {"purposesNotNeedingConsent": ["marketing", "service"]},
        }
    )


BOOKS = [make_book(caps, quiet) for caps in SETS for quiet in QUIET]


@dataclass
class Message:
    """One message as the outbox has it."""

    effect: OpenEffect
    origin: int
    send_at_ms: int
    attempted: bool = False
    over: bool = False


@dataclass
class Customer:
    """A customer's state, her outbox, and what really was sent to her."""

    state: CustomerState
    queue: list[Message] = field(default_factory=list)
    sent: list[tuple[int, str, str, object]] = field(default_factory=list)


class Checker:
    """Counts what was sent, in plain words: no code of the caps is used but what a cap covers."""

    def __init__(self, book):
        self.book = book

    def check(self, customer, now_ms, action, channel):
        zone = customer.state.profile.timezone
        for cap in self.book.caps:
            if cap_covers(cap, channel, action, KINDS[action]):
                for held in self.windows(cap, customer, now_ms, zone):
                    assert len(held) <= cap.limit, (cap.name, held)

    def windows(self, cap, customer, now_ms, zone):
        """What is in the window that ends at this instant, in each zone where the customer may be."""
        said = [
            (at_ms, what)
            for at_ms, action, channel, what in customer.sent
            if cap_covers(cap, channel, action, KINDS[action]) and at_ms <= now_ms
        ]
        if not cap.unit:
            return [{what for at_ms, what in said if at_ms > now_ms - cap.window_ms}]
        zones = [zone] if zone else ["UTC", *NEAR]
        return [
            {what for at_ms, what in said if label(cap, at_ms, z) == label(cap, now_ms, z)}
            for z in zones
        ]


def label(cap, at_ms, zone):
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    if cap.unit == "day":
        return local.date()
    return local.isocalendar()[:2] if cap.unit == "week" else (local.year, local.month)


class Model:
    """A dispatcher, an outbox and two customers who may become one."""

    def __init__(self, book, start_ms, zones):
        self.book, self.now_ms, self.checker = book, start_ms, Checker(book)
        self.people = [Customer(self.person(i + 1, zone)) for i, zone in enumerate(zones)]
        self.seq = 0
        self.refused = self.held = self.retried = 0

    def person(self, number, zone):
        state = CustomerState(number, 0)
        state.profile.timezone = zone
        return state

    def who(self, i):
        return self.people[i % len(self.people)]

    def turn(self, customer):
        return Turn(customer.state, TurnRecord(at_ms=self.now_ms, received_at_ms=self.now_ms))

    def room(self, customer, action, channel, at_ms):
        rooms = room_for(customer.state.profile, self.book, at_ms)
        return all(
            count < cap.limit
            for cap, (count, _) in zip(self.book.caps, rooms, strict=True)
            if cap_covers(cap, channel, action, KINDS[action])
        )

    def show(self, i, action, channel):
        """Something inline: decided, shown and counted at once."""
        customer = self.who(i)
        if not self.room(customer, action, channel, self.now_ms):
            self.refused += 1
            return
        contact = Contact(self.now_ms, channel, action, KINDS[action])
        reserve(customer.state.profile, self.book, contact, self.now_ms)
        self.seq += 1
        customer.sent.append((self.now_ms, action, channel, ("shown", self.seq)))
        self.checker.check(customer, self.now_ms, action, channel)

    def offer(self, i, action, channel):
        """A message is decided on: its place is reserved for when it is planned to go."""
        customer = self.who(i)
        planned = plan_send(customer.state.profile, self.book, channel, KINDS[action], self.now_ms)
        if not planned.at_ms or not self.room(customer, action, channel, planned.at_ms):
            self.refused += 1
            return
        self.seq += 1
        contact = Contact(planned.at_ms, channel, action, KINDS[action], self.seq, 0)
        reserve(customer.state.profile, self.book, contact, self.now_ms, is_message=True)
        expires_ms = self.now_ms + 5 * DAY
        effect = OpenEffect(
            self.seq, 0, action, channel, "", self.now_ms, expires_ms, purpose=KINDS[action]
        )
        customer.queue.append(Message(effect, 0, planned.at_ms))

    def dispatch(self, i, outcome, lag_ms):
        """The dispatcher looks at everything that is due; an attempt ends well, badly, or is never heard of."""
        self.now_ms += lag_ms
        customer = self.who(i)
        for message in [m for m in customer.queue if not m.over and m.send_at_ms <= self.now_ms]:
            said = self.ask(customer, message, groups=None)
            if said.verdict is not Verdict.ALLOW:
                self.review(customer, message)
                continue
            effect = message.effect
            what = (message.origin or customer.state.number, effect.seq)
            if outcome != "crash before":
                customer.sent.append((self.now_ms, effect.action, effect.channel, what))
                self.checker.check(customer, self.now_ms, effect.action, effect.channel)
            self.retried += message.attempted
            message.attempted = True  # after a crash nobody knows whether it began
            message.over = outcome == "sent"

    def ask(self, customer, message, groups):
        return may_go(
            customer.state,
            message.effect,
            self.book,
            self.now_ms,
            origin=message.origin,
            groups=groups,
        )

    def review(self, customer, message):
        """As `actors.turn.holding` does it: go now, wait longer, or never go."""
        said = self.ask(customer, message, groups=())
        turn = self.turn(customer)
        key = (message.origin, message.effect.seq, message.effect.n)
        if said.verdict is Verdict.ALLOW:
            move_contact(turn, key, self.now_ms, self.book)
            message.send_at_ms = self.now_ms
        elif said.verdict is Verdict.HOLD:
            self.held += 1
            move_contact(turn, key, said.until_ms, self.book, attempted=message.attempted)
            message.send_at_ms = said.until_ms
        else:
            message.over = True
            if not message.attempted:
                unreserve(turn, key)

    def travel(self, i, zone):
        self.who(i).state.profile.timezone = zone

    def merge(self, i):
        """Two become one; what they have planned beyond a cap is cancelled, the last planned first."""
        if len(self.people) < 2:
            return
        survivor, loser = self.people[i % 2], self.people[1 - i % 2]
        number, other = survivor.state.number, loser.state.number
        merge(survivor.state, loser.state, IdentityRules(), PARTS)
        for message in loser.queue:
            message.origin = message.origin or other
        survivor.queue += loser.queue
        survivor.sent += loser.sent
        self.people = [survivor]
        for contact in excess_of(survivor.state.profile, self.book, self.now_ms):
            survivor.state.profile.contacts.remove(contact)
            for message in survivor.queue:
                if (message.origin, message.effect.seq) == (contact.origin, contact.seq):
                    message.over = True
        assert number == survivor.state.number
        assert excess_of(survivor.state.profile, self.book, self.now_ms) == []

    def wait(self, ms):
        self.now_ms += ms


who = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("offer"), who, st.sampled_from(sorted(KINDS)), st.sampled_from(CHANNELS)),
    st.tuples(st.just("offer"), who, st.sampled_from(sorted(KINDS)), st.sampled_from(CHANNELS)),
    st.tuples(st.just("show"), who, st.sampled_from(sorted(KINDS)), st.sampled_from(CHANNELS)),
    st.tuples(
        st.just("dispatch"),
        who,
        st.sampled_from(["sent", "sent", "unknown", "crash before"]),
        st.sampled_from([0, SECOND, 30 * SECOND, MINUTE, 2 * MINUTE]),
    ),
    st.tuples(
        st.just("wait"),
        st.sampled_from(
            [
                SECOND,
                59 * SECOND,
                MINUTE,
                HOUR - 30 * SECOND,
                HOUR,
                2 * HOUR,
                9 * HOUR,
                DAY,
                2 * DAY,
            ]
        )
        | st.integers(1, 4 * DAY),
    ),
    st.tuples(st.just("travel"), who, st.sampled_from(ZONES)),
    st.tuples(st.just("merge"), who),
)


def run(book, start_ms, zones, plan):
    model = Model(book, start_ms, zones)
    for name, *given_ in plan:
        getattr(model, name)(*given_)
    for _ in range(8):  # everything gets its chance in the end
        for i in range(len(model.people)):
            model.dispatch(i, "sent", 31 * SECOND)
        model.wait(9 * HOUR)
    return model


BUSY = [("offer", i % 2, REMINDER, CHANNELS[i % 2]) for i in range(6)]


@settings(max_examples=settings().max_examples * 3, deadline=None)
@given(
    st.sampled_from(BOOKS),
    st.sampled_from(STARTS),
    st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    st.lists(steps, max_size=40),
)
@example(BOOKS[0], STARTS[0], ("", ""), [*BUSY, ("merge", 0), ("wait", 9 * HOUR), *BUSY])
@example(BOOKS[1], STARTS[1], (ZONES[1], ZONES[0]), [*BUSY, ("wait", DAY), ("merge", 1), *BUSY])
def test_no_window_of_any_cap_holds_more_than_its_limit_when_something_is_sent(
    book, start_ms, zones, plan
):
    model = run(book, start_ms, zones, plan)

    event(f"refused {min(model.refused, 3)}, held {min(model.held, 3)}")


@settings(max_examples=settings().max_examples, deadline=None)
@given(
    st.sampled_from(BOOKS),
    st.sampled_from(STARTS),
    st.sampled_from(ZONES),
    st.lists(st.sampled_from([HOUR // 2, HOUR, 7 * HOUR, DAY]) | st.integers(1, DAY), max_size=20),
    st.integers(0, 3 * DAY),
)
def test_the_first_instant_that_fits_fits_and_none_before_it_does(book, start_ms, zone, gaps, ask):
    """Looked for by trying: minute by minute, and just before."""
    model = Model(book, start_ms, (zone,))
    customer = model.people[0]
    for i, gap in enumerate(gaps):
        (model.show if i % 3 else model.offer)(0, REMINDER, CHANNELS[i % 2])
        model.wait(gap)
    at_ms = model.now_ms - min(ask, sum(gaps) // 2)
    profile = deepcopy(customer.state.profile)

    for i, (cap, (count, retry_at_ms)) in enumerate(
        zip(book.caps, room_for(profile, book, at_ms), strict=True)
    ):
        if count < cap.limit:
            assert retry_at_ms == 0
            continue

        def fits(when_ms, i=i, cap=cap):
            return room_for(profile, book, when_ms)[i][0] < cap.limit

        assert retry_at_ms > at_ms
        assert fits(retry_at_ms)
        assert not fits(retry_at_ms - 1)
        tries = range(at_ms, retry_at_ms, max(1, (retry_at_ms - at_ms) // 50))
        assert not any(map(fits, tries))


def test_a_checker_that_knows_no_caps_finds_what_is_too_much():
    book = BOOKS[0]
    customer = Customer(CustomerState(1, 0))
    checker = Checker(book)
    customer.sent = [(STARTS[0], REMINDER, "email", 1), (STARTS[0] + HOUR, REMINDER, "email", 2)]
    checker.check(customer, STARTS[0] + HOUR, REMINDER, "email")

    customer.sent.append((STARTS[0] + HOUR + 1, REMINDER, "app", 3))
    try:
        checker.check(customer, STARTS[0] + HOUR + 1, REMINDER, "app")
    except AssertionError:
        return
    raise AssertionError("the checker found nothing")


def test_consent_is_asked_again_before_every_attempt():
    book = replace(BOOKS[0], purposes_without_consent=frozenset())
    model = Model(book, STARTS[3], ("UTC",))
    customer = model.people[0]
    customer.state.profile.consents["email|marketing"] = ConsentState("granted", 0, "")
    model.offer(0, REMINDER, "email")
    customer.state.profile.consents["email|marketing"] = ConsentState("denied", 1, "")

    model.dispatch(0, "sent", 0)

    assert customer.sent == []
    assert customer.queue[0].over
    assert customer.state.profile.contacts == []
