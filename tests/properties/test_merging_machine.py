"""Who is who in two cells over one store, against a model that recomputes everything."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.playbook.identity_model import DEFAULT_RULES
from actors.stores.memory import MemoryStore
from tests.builders import DAY, HOUR, MINUTE
from tests.merging_walk import CATEGORIES, EMAILS, FEW_EMAILS, FIRST, Walk

firsts = st.sampled_from(FIRST)
visitors = st.sampled_from(FIRST[2:])
emails = st.sampled_from(EMAILS)
rarely = st.sampled_from([False, False, False, True])
ages = st.sampled_from([0, 0, MINUTE, HOUR])
acts = st.lists(st.tuples(st.sampled_from(CATEGORIES), st.booleans()), max_size=1).map(tuple)


class Merging(RuleBasedStateMachine):
    """Every rule is one step; `steps` counts those of all runs."""

    steps = 0
    identity_rules = DEFAULT_RULES

    def __init__(self):
        super().__init__()
        self.walk = Walk(self.make_store(), self.identity_rules)

    def make_store(self):
        return MemoryStore()

    def teardown(self):
        self.walk.cells.close()

    @rule(
        first=firsts, also=st.none() | visitors, age=ages, cart=rarely, astray=rarely, device=rarely
    )
    def an_order_arrives(self, first, also, age, cart, astray, device):
        names = [first] if also in (None, first) else [first, also]
        event = self.walk.event("track", names, age=age, cart=cart, device=device)
        self.walk.take(event, astray=astray)

    @rule(data=st.data(), age=ages, consents=acts, astray=rarely)
    def somebody_says_who_they_are(self, data, age, consents, astray):
        self.walk.take(self._linking(data, age, consents), astray=astray)

    @precondition(lambda self: self.walk.born)
    @rule(data=st.data(), granted=st.booleans(), category=st.sampled_from(CATEGORIES))
    def consent_is_given_or_taken(self, data, granted, category):
        self.walk.take(self.walk.consent(category, granted=granted), self._number(data))

    @precondition(lambda self: len(self.walk.born) > 1)
    @rule(data=st.data())
    def two_are_merged_by_hand(self, data):
        self.walk.take(*self._merge(data))

    @precondition(lambda self: len(self.walk.born) > 1)
    @rule(data=st.data(), any_two=rarely)
    def a_merge_is_taken_back(self, data, any_two):
        self.walk.take(*self._unmerge(data, any_two=any_two))

    @precondition(lambda self: len(self.walk.born) > 1)
    @rule(data=st.data(), mine=st.sampled_from("emut"), theirs=st.sampled_from("emut"))
    def another_cell_gets_in_between(self, data, mine, theirs):
        self.walk.take(*self._any(data, mine), race=self._any(data, theirs))

    @precondition(lambda self: self.walk.sent)
    @rule(data=st.data())
    def a_message_is_sent_again(self, data):
        self.walk.again(data.draw(st.sampled_from(self.walk.sent)))

    @rule(cell=st.integers(0, 1))
    def a_cell_starts_anew(self, cell):
        self.walk.cells.cells[cell].start()

    @rule(data=st.data(), told=st.booleans())
    def a_partition_moves(self, data, told):
        cells = self.walk.cells
        cells.move(data.draw(st.sampled_from(cells.partitions)), told=told)

    @rule(by=st.sampled_from([HOUR, DAY]))
    def time_passes_and_timers_fire(self, by):
        self.walk.fire(by)

    @invariant()
    def everything_is_as_the_model_says(self):
        type(self).steps += 1
        self.walk.check()

    def _number(self, data):
        return data.draw(st.sampled_from(sorted(self.walk.born)))

    def _linking(self, data, age=0, consents=()):
        kind, first = data.draw(st.sampled_from(["identify", "alias"])), data.draw(firsts)
        also = data.draw(st.lists(visitors | emails, max_size=3, unique=True))
        names = [first, *(name for name in also if name != first)]
        mails = [name for name in names if name.kind == "email"][:1]
        names = [name for name in names if name.kind != "email"] + mails
        return self.walk.event(kind, names, age=age, consents=consents)

    def _merge(self, data):
        return self.walk.command("merge", other=self._number(data)), self._number(data)

    def _unmerge(self, data, *, any_two=False):
        number, other = self._number(data), self._number(data)
        parts = self.walk.parts()
        if parts and not any_two:
            number, other = data.draw(st.sampled_from(parts))
        return self.walk.command("unmerge", other=other), number

    def _any(self, data, kind):
        if kind == "m":
            return self._merge(data)
        if kind == "u":
            return self._unmerge(data)
        if kind == "e":
            return self._linking(data), 0
        return self.walk.event("track", [data.draw(firsts)]), 0


class WithLimits(Merging):
    """The same where addresses are few, so that some stay unowned."""

    steps = 0
    identity_rules = FEW_EMAILS


TestMerging = Merging.TestCase
TestMerging.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=25, deadline=None
)
TestWithLimits = WithLimits.TestCase
TestWithLimits.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=25, deadline=None
)
