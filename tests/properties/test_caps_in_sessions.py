"""Caps through sessions, the store and the check before attempts: two cells, crashes, a merge, a household.

What is counted is when attempts were claimed and when something was shown, by whoever was addressed then.
"""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from actors.domain.groups import GroupKey
from actors.playbook.loader import compile_bundle
from actors.ports import Claim, OutboxResult, OutboxState
from actors.runtime.checking import checking
from actors.runtime.reviewing import review_command
from actors.session import Job, Session
from actors.session.activations import Activations
from actors.session.jobs import TimerJob
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from tests.builders import (
    CELL,
    HOUR,
    IDS,
    MINUTE,
    SECOND,
    anon,
    make_event,
    number_of,
    question,
    user,
)
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.scorers import FixedScorer
from tests.group_books import joins

PROMO, TILE = "offer/promo/letter", "offer/tile/promo"
HOME = GroupKey("household", "h-1")
ANN, GUEST, BOB = user("ann"), anon("a"), user("bob")
PEOPLE = (ANN, GUEST, BOB)
NUMBERS = {number_of(who): who for who in PEOPLE}
START = int(datetime(2026, 3, 7, 20, tzinfo=UTC).timestamp()) * 1000
"""The day before New York's clocks go forward, at 15:00 there."""
CAPS = {
    "own": {"limit": 1, "window": "PT3H", "groups": ["promo"]},
    "own_day": {"limit": 2, "window": "day"},
    "home": {"limit": 2, "window": "PT5H", "per": "household", "groups": ["promo"]},
}


def make_book(quiet):
    common = {"purpose": "service", "startingPropensity": 0.3}
    actions = {
        PROMO: {
            "value": 10,
            "expiresAfter": "P2D",
            "treatments": {"email": {"outbound": True}},
            **common,
        },
        TILE: {"value": 1, "treatments": {"web": {"placements": ["hero"]}}, **common},
    }
    book = {
        "name": "homes",
        "version": "1",
        "timezone": "America/New_York",
        "currency": {"code": "USD", "minorDigits": 2},
        "channels": {"web": {"placements": ["hero"]}, "email": {"outbound": True}},
    }
    triggers = {"promote": {"on": "Promotion Wanted", "propose": [PROMO]}}
    return compile_bundle(
        {
            "playbook.yaml": json.dumps(book),
            "actions.yaml": json.dumps({"actions": actions}),
            "triggers.yaml": json.dumps({"triggers": triggers}),
            "policies.yaml": json.dumps({"caps": CAPS, "quiet": quiet}),
            "groups.yaml": json.dumps({"kinds": {"household": {}}, "default": "household"}),
        }
    )


BOOKS = [make_book([]), make_book([{"from": "22:00", "to": "08:00"}])]


class System:
    """Two sessions over one store, and a dispatcher whose attempts may end in any way."""

    def __init__(self, book):
        self.book, self.truth, self.clock = book, MemoryStore(), ManualClock(START)
        self.runner = asyncio.Runner()
        self.store = FailNext(self.truth)
        partitions = sorted({IDS.partition_of(who) for who in PEOPLE})
        self.epochs = self.run(self.truth.claim([(p, "", 0) for p in partitions], CELL.owner))
        self.cells = [self.session(), self.session()]
        self.check = checking(lambda: self.book, self.clock)
        self.said, self.merged = 0, False
        self.log = defaultdict(list)  # by who was addressed: (when, what, action)
        self.attempts = self.reviews = 0
        for who in PEOPLE:
            self.take(0, joins(HOME, who, id=self.id(), at=START))

    def session(self):
        ids, clock, scorer = IDS, self.clock, FixedScorer()
        return Session(self.store, scorer, ids, clock, Activations(99, 10**7), self.epochs.get)

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def id(self):
        self.said += 1
        return f"m{self.said}"

    def take(self, cell, *items):
        jobs = [item if isinstance(item, Job) else Job.of(Routed(item)) for item in items]
        self.run(self.cells[cell].run(jobs, self.book))
        return jobs

    def want(self, cell, who):
        fields = {"id": self.id(), "at": self.clock.now_ms}
        self.take(cell, make_event("Promotion Wanted", PEOPLE[who], **fields))

    def look(self, cell, who):
        asked = question(PEOPLE[who], id=self.id(), at=self.clock.now_ms)
        (job,) = self.take(cell, asked)
        if job.answer.code.name != "ACCEPTED":
            return
        for effect in json.loads(job.answer.body).get("actions", ()):
            key = effect["effectKey"]
            if all(key != what for rows in self.log.values() for _, what, _ in rows):
                self.log[self.addressed(PEOPLE[who])].append((self.clock.now_ms, key, TILE))
                self.verify(PEOPLE[who], TILE)

    def addressed(self, who):
        return ANN if self.merged and who == GUEST else who

    def merge(self, cell, _):
        fields = {"id": self.id(), "at": self.clock.now_ms, "type": "identify"}
        self.take(cell, make_event("", ANN, GUEST, **fields))
        state = self.run(self.truth.lookup(_lookup(GUEST)))
        if not self.merged and state.owners.get(GUEST) == number_of(ANN):
            self.merged = True
            self.log[ANN] += self.log.pop(GUEST, [])

    def crash(self, cell, how):
        """The next commit fails, before or after it was made; the cell begins anew."""
        self.store.fail("commit", "after" if how else "before")
        self.want(cell, how)
        self.cells[cell] = self.session()

    def wait(self, cell, ms):
        """Time passes, and every timer that is due fires, on some cell."""
        self.clock.now_ms += ms
        for row in self.run(self.truth.due_timers(CELL.owner, self.clock.now_ms, 1000)):
            job = Job(TimerJob(row.number, row.key, self.clock.now_ms), row.number)
            self.take(cell, job)

    def dispatch(self, cell, outcome):
        """Claim what is due; an attempt succeeds, fails with nobody knowing, or its cell dies with it."""
        now_ms = self.clock.now_ms
        for _ in range(3):
            due = self.run(self.truth.outbox_due(CELL.owner, now_ms, 100, []))
            under = {item.partition: self.epochs[item.partition] for item in due}
            for item in due:
                (claim,) = self.run(self.truth.outbox_claim([item], under, now_ms, self.check))
                if claim is Claim.MINE:
                    self.attempt(item, outcome)
                elif claim is Claim.REVIEW:
                    self.reviews += 1
                    self.take(cell, Job(review_command(item, self.said), item.number))
                    self.said += 1

    def attempt(self, item, outcome):
        self.attempts += 1
        who = self.addressed(NUMBERS[item.number])
        self.log[who].append((self.clock.now_ms, (item.number, item.seq), PROMO))
        self.verify(who, PROMO)
        if outcome == 2:
            return  # it stays claimed until its time is over
        state = OutboxState.PENDING if outcome else OutboxState.SENT
        result = OutboxResult(
            item.number, item.seq, item.n, state, self.clock.now_ms + MINUTE, "unknown"
        )
        self.run(self.truth.outbox_settle([result]))

    def verify(self, who, action):
        """Count in plain words what is in the windows that end now."""
        now_ms = self.clock.now_ms
        mine = self.log[self.addressed(who)]
        if action == PROMO:
            assert len(self.since(mine, now_ms - 3 * HOUR, PROMO)) <= 1
            everybody = [row for rows in self.log.values() for row in rows]
            assert len(self.since(everybody, now_ms - 5 * HOUR, PROMO)) <= 2
        day = local_day(now_ms)
        assert len({what for at_ms, what, _ in mine if local_day(at_ms) == day}) <= 2

    def since(self, rows, after_ms, action):
        return {what for at_ms, what, kind in rows if at_ms > after_ms and kind == action}


def _lookup(who):
    from actors.ports import Lookup

    return Lookup(identities=(who,))


def local_day(at_ms):
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo("America/New_York")).date()


cell, person = st.integers(0, 1), st.integers(0, 2)
waits = [SECOND, 40 * SECOND, 2 * MINUTE, HOUR, 3 * HOUR, 3 * HOUR + MINUTE, 5 * HOUR, 9 * HOUR]
steps = st.one_of(
    st.tuples(st.just("want"), cell, person),
    st.tuples(st.just("want"), cell, person),
    st.tuples(st.just("look"), cell, person),
    st.tuples(st.just("dispatch"), cell, st.sampled_from([0, 0, 1, 2])),
    st.tuples(st.just("dispatch"), cell, st.sampled_from([0, 0, 1, 2])),
    st.tuples(st.just("wait"), cell, st.sampled_from(waits)),
    st.tuples(st.just("wait"), cell, st.sampled_from(waits)),
    st.tuples(st.just("merge"), cell, person),
    st.tuples(st.just("crash"), cell, cell),
)
EVENING = [
    ("wait", 0, 5 * HOUR),
    ("want", 0, 0),
    ("wait", 0, 3 * HOUR),
    ("want", 0, 0),
    ("want", 1, 1),
]


@settings(max_examples=settings().max_examples, deadline=None)
@given(st.sampled_from(BOOKS), st.lists(steps, max_size=30))
@example(BOOKS[1], [*EVENING, ("merge", 0, 0), ("wait", 1, 9 * HOUR), ("dispatch", 0, 1)])
@example(BOOKS[0], [("want", 0, 0), ("dispatch", 0, 1), ("wait", 0, 3 * HOUR), ("want", 0, 0)])
def test_no_cap_is_exceeded_when_two_cells_and_a_dispatcher_do_what_they_can(book, plan):
    system = System(book)
    try:
        for name, where, what in plan:
            getattr(system, name)(where, what)
        for _ in range(4):
            system.wait(0, 5 * HOUR)
            system.dispatch(1, 0)
        event(f"attempts {min(system.attempts, 4)}, reviews {min(system.reviews, 3)}")
    finally:
        system.runner.close()


def test_what_is_wanted_is_sent_once_there_is_room():
    system = System(BOOKS[1])
    try:
        system.want(0, 0)
        system.want(1, 0)
        system.dispatch(0, 0)
        assert system.attempts == 1
        system.wait(0, 3 * HOUR + 2 * MINUTE)
        system.want(1, 0)
        system.dispatch(0, 0)
        assert system.attempts == 2
    finally:
        system.runner.close()
