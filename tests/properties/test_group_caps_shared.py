"""Members' turns in any order, on two cells, in batches and in races: never more than the cap allows."""

import asyncio
from collections import defaultdict

from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.domain.groups import GroupKey, current
from actors.policies.verdicts import LATE_MS
from actors.ports import Lookup
from actors.session import Job, Session
from actors.session.activations import Activations
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from tests.builders import CELL, DAY, IDS, NOW, make_event, number_of, user
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.scorers import FixedScorer
from tests.group_books import group_book, joins, leaves, stored_group, wants

PEOPLE = ("ann", "bob", "carl", "a")
HOMES = tuple(GroupKey("household", name) for name in ("h-1", "h-2"))
WINDOW = 3 * DAY
NUMBER_OF = {number_of(user(who)): who for who in PEOPLE}


def book(limit, window):
    cap = {"limit": limit, "window": window, "per": "household", "groups": ["promo"]}
    return group_book(caps={"home": cap})


BOOKS = {(n, window): book(n, window) for n in (1, 2, 3) for window in ("P3D", "day")}


class Cells:
    """Two sessions over one store, both of which own everybody: the commits alone keep them apart."""

    def __init__(self, limit, window="P3D"):
        self.book, self.truth, self.clock = BOOKS[limit, window], MemoryStore(), ManualClock(NOW)
        self.stores = [FailNext(self.truth), FailNext(self.truth)]
        self.runner = asyncio.Runner()
        partitions = sorted({IDS.partition_of(user(who)) for who in PEOPLE})
        epochs = self.run(self.truth.claim([(p, "", 0) for p in partitions], CELL.owner))
        self.sessions = [
            Session(store, FixedScorer(), IDS, self.clock, Activations(99, 10**7), epochs.get)
            for store in self.stores
        ]
        self.said = 0

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def item(self, who, what, home):
        self.said += 1
        fields = {"id": f"m{self.said}", "at": self.clock.business_ms()}
        if what == "want":
            return wants(who, **fields)
        if what == "join":
            return joins(HOMES[home], who, size=self.said, **fields)
        if what == "leave":
            return leaves(HOMES[home], who, **fields)
        return make_event("Page Seen", who, **fields)

    async def take(self, cell, items):
        jobs = [Job.of(Routed(item)) for item in items]
        await self.sessions[cell].run(jobs, self.book)
        assert all(job.answer.code.name in {"ACCEPTED", "RETRY"} for job in jobs)

    def step(self, cell, group, race):
        """Run a batch on one cell; another runs on the other one just before its commit."""
        if race:
            raced = [self.item(*one) for one in race]
            self.stores[cell].before("commit", lambda: self.take(1 - cell, raced))
        self.run(self.take(cell, [self.item(*one) for one in group]))
        self.stores[cell].forget_hooks()
        self.clock.now_ms += 1000

    def contacts(self):
        """When each household was addressed, by the journal in the order of commits."""
        rows = [
            row
            for number in NUMBER_OF
            for row in self.run(self.truth.timeline(number, None, (), 10_000))
        ]
        home_of, made = {}, defaultdict(list)
        for row in sorted(rows, key=lambda row: row.offset):
            turn = unpack_turn(row.payload)
            if turn.event is not None and turn.event.type == "group":
                home = turn.event.properties["groupId"]
                if "group_joined: household" in turn.notes:
                    home_of[row.number] = home
                elif "group_left: household" in turn.notes:
                    home_of.pop(row.number)
            for effect in turn.effects:
                home = home_of.get(row.number)
                if home is not None:
                    made[home].append(effect.at_ms)
        return made

    def assert_sound(self):
        numbers = tuple(NUMBER_OF)
        rows = self.run(self.truth.lookup(Lookup(numbers=numbers))).customers
        belong = defaultdict(set)
        for row in rows.values():
            for each in current(unpack_state(row.state).groups):
                belong[each.key].add(row.number)
        for home in HOMES:
            listed = self.run(self.truth.group_members(home, -1, 99))
            record = stored_group(self.truth, home)
            assert {each.number for each in listed} == belong[home]
            assert (record.members if record else 0) == len(belong[home])

    def close(self):
        self.runner.close()


acts = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(["want", "want", "want", "join", "leave", "see"]),
    st.sampled_from([0, 0, 0, 1]),
)
steps = st.tuples(
    st.integers(0, 1),
    st.lists(acts, min_size=1, max_size=4),
    st.lists(acts, max_size=2),
    st.sampled_from([0, 0, 1, 2, 3]),
)


histories = (
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["P3D", "day"]),
    st.lists(steps, max_size=14),
)


@settings(max_examples=15, deadline=None)
@given(*histories)
@example(1, "P3D", [(0, [(who, "join", 0) for who in PEOPLE], [], 0)] * 2)
def test_a_household_never_gets_more_than_its_cap_allows_in_any_window(limit, window, plan):
    cells = Cells(limit, window)
    try:
        cells.step(0, [(who, "join", 0) for who in PEOPLE[:2]], [])
        for cell, group, race, days in plan:
            cells.step(cell, group, race)
            # Where days are counted, there are two steps to each.
            cells.clock.now_ms += days * (DAY if window == "P3D" else DAY // 2)
            cells.assert_sound()

        for made in cells.contacts().values():
            for at_ms in made:
                first_ms = at_ms - WINDOW + 1 if window == "P3D" else at_ms - at_ms % DAY
                inside = [other for other in made if first_ms <= other <= at_ms]
                assert len(inside) <= limit
    finally:
        cells.close()


one_by_one = (st.sampled_from([1, 2, 3]), st.lists(st.tuples(acts, st.integers(0, 2)), max_size=30))


@settings(max_examples=settings().max_examples, deadline=None)
@given(*one_by_one)
def test_one_after_the_other_everybody_gets_just_what_the_cap_has_room_for(limit, plan):
    cells = Cells(limit)
    try:
        own, shared, home_of, expected = defaultdict(list), defaultdict(list), {}, 0
        for i, ((who, what, home), days) in enumerate(plan):
            now_ms = cells.clock.business_ms()
            cells.step(i % 2, [(who, what, home)], [])
            old = home_of.get(who)
            if what == "join" and old != home:
                home_of[who] = home
                shared[home] += own[who]
            elif what == "leave" and old == home:
                del home_of[who]
            if what in {"join", "leave"} and old is not None and old not in home_of.values():
                shared[old] = []  # nobody is left there, so that it is gone
            if what == "want":
                counted = own[who], shared[home_of[who]] if who in home_of else []
                if all(
                    sum(at + LATE_MS > now_ms - WINDOW for at in made) < limit for made in counted
                ):
                    expected += 1
                    own[who].append(now_ms)
                    if who in home_of:
                        shared[home_of[who]].append(now_ms)
            cells.clock.now_ms += days * DAY
        sent = cells.run(cells.truth.outbox_of(tuple(cells.truth._customers)))
        assert len(sent) == expected
    finally:
        cells.close()
