"""Whatever is done to them in whatever order, the file and the memory answer the same."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.domain.groups import GroupKey
from actors.ports import (
    Claim,
    Erasure,
    GroupWrite,
    JournalRow,
    Lookup,
    MemberRow,
    OutboxResult,
    OutboxRow,
    Permit,
    paused_by,
)
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from tests.contracts.store_support import (
    FOREIGN_P,
    ME,
    OTHER,
    P,
    cell,
    change,
    message,
    permitted,
    timer,
    user,
)

PARTITIONS = (P, FOREIGN_P)
OWNERS = (ME, OTHER)
CHANNELS = ("email", "web")
NUMBERS = range(1, 6)
MESSAGES = tuple("abcdef")
SEGMENTS = ("gold", "new")
GROUPS = (GroupKey("home", "a"), GroupKey("home", "\ud800"))
NAMES = ("ann", "bob", "\ud800")

few = st.integers(0, 5)
keys = st.sampled_from("xyz")
effect_keys = st.tuples(st.sampled_from(NUMBERS), st.integers(1, 6), st.integers(0, 2))
planned = st.fixed_dictionaries(
    {
        "number": st.sampled_from(NUMBERS),
        "partition_off": st.sampled_from([False] * 9 + [True]),
        "epoch_off": st.sampled_from([0] * 8 + [1, -1]),
        "seq_off": st.sampled_from([0] * 6 + [1, -1]),
        "turns": st.integers(1, 3),
        "kind": st.integers(1, 4),
        "messages": st.lists(st.sampled_from(MESSAGES), max_size=2),
        "identities": st.lists(st.sampled_from(NAMES), max_size=2),
        "timers_set": st.lists(st.tuples(keys, few), max_size=3),
        "timers_deleted": st.lists(keys, max_size=2),
        "outbox": st.lists(st.sampled_from(CHANNELS), max_size=3),
        "cancelled": st.lists(effect_keys, max_size=2),
        "dropped": st.lists(effect_keys, max_size=1),
        "released": st.lists(effect_keys, max_size=2),
        "postponed": st.lists(effect_keys, max_size=1),
        "no_epoch": st.sampled_from([False] * 5 + [True]),
        "tied": st.sampled_from([False] * 4 + [True]),
        "identities_from": st.lists(st.sampled_from(NUMBERS), max_size=2),
        "entered": st.lists(st.sampled_from(SEGMENTS), max_size=2, unique=True),
        "left": st.lists(st.sampled_from(SEGMENTS), max_size=2, unique=True),
        "counted": st.lists(st.tuples(keys, st.tuples(*[st.integers(-1, 2)] * 3)), max_size=3),
        "group": st.none()
        | st.fixed_dictionaries(
            {
                "key": st.sampled_from(GROUPS),
                "seq_off": st.sampled_from([0] * 6 + [1, -1]),
                "removes": st.sampled_from([False] * 3 + [True]),
                "members": st.lists(st.tuples(st.sampled_from(NUMBERS), few, few), max_size=3),
                "gone": st.lists(st.sampled_from(NUMBERS), max_size=2),
            }
        ),
        "erased": st.sampled_from([()] * 9 + [(1, 2)]),
    }
)


class Stores(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stores = (MemoryStore(), SqliteStore.open(Path(self.folder.name) / "store.db"))
        self.now = 1_000
        self.items = []

    def same(self, ask):
        """Do one thing to both and return the answer on which they agree."""
        in_memory, in_file = (self.runner.run(ask(store)) for store in self.stores)
        assert in_memory == in_file
        return in_memory

    @initialize()
    def own(self):
        self.same(lambda store: store.claim([(p, "", 0) for p in PARTITIONS], ME))

    def build(self, plan, rows, epochs):
        number = plan["number"]
        p = PARTITIONS[(number + plan["partition_off"]) % 2]
        before = max(0, (rows[number].seq if number in rows else 0) + plan["seq_off"])
        after = before + plan["turns"]
        return change(
            number,
            before,
            after,
            p=p,
            epoch=None if plan["no_epoch"] else epochs[p] + plan["epoch_off"],
            journal=[
                JournalRow(seq, self.now, plan["kind"], b"%d" % seq)
                for seq in range(before + 1, after + 1)
            ],
            messages=[message(name, after) for name in plan["messages"]],
            identities=[user(name) for name in plan["identities"]],
            timers_set=[timer(key, self.now + due) for key, due in plan["timers_set"]],
            timers_deleted=plan["timers_deleted"],
            outbox=[
                OutboxRow(after, n, channel, self.now, self.now + 9, b"%d" % n, held=n == 2)
                for n, channel in enumerate(plan["outbox"])
            ],
            outbox_cancelled=plan["cancelled"],
            outbox_dropped=[(*effect, 5, "late") for effect in plan["dropped"]],
            outbox_released=[(*effect, self.now) for effect in plan["released"]],
            outbox_postponed=[(*effect, self.now + 4) for effect in plan["postponed"]],
            identities_from=tuple(plan["identities_from"]),
            segments_entered=[(name, self.now * 40_000_000) for name in plan["entered"]],
            segments_left=[(name, self.now * 40_000_000) for name in plan["left"]],
            scenario_counts=[("cart", "v", step, *more) for step, more in plan["counted"]],
            groups=self.group_writes(plan["group"]),
            erasure=Erasure(plan["erased"], (b"t" * 16,), self.now) if plan["erased"] else None,
        )

    def group_writes(self, plan):
        if plan is None or plan["key"] in self.written:
            return []
        self.written.add(plan["key"])
        found = self.same(lambda store: store.lookup(Lookup(groups=(plan["key"],)))).groups
        before = max(0, (found[plan["key"]].seq if found else 0) + plan["seq_off"])
        state = b"" if plan["removes"] else b"%d" % self.now
        members = tuple(MemberRow(*row) for row in dict.fromkeys(plan["members"]))
        members = tuple({row.number: row for row in members}.values())
        return [GroupWrite(plan["key"], before, state, members, tuple(plan["gone"]))]

    @rule(plans=st.lists(planned, max_size=5, unique_by=lambda plan: plan["number"]), more=few)
    def commit(self, plans, more):
        self.now += more
        self.written = set()
        rows = self.same(lambda store: store.lookup(Lookup(numbers=tuple(NUMBERS)))).customers
        epochs = {row.partition: row.epoch for row in self.same(lambda store: store.partitions())}
        changes = [self.build(plan, rows, epochs) for plan in plans]
        for plan, one in zip(plans, changes, strict=True):
            one.tied_to = changes[0].number if plan["tied"] else 0
        self.same(lambda store: store.commit(changes, self.now))

    @rule(
        p=st.sampled_from(PARTITIONS),
        right=st.sampled_from([True, True, False]),
        owner=st.sampled_from(OWNERS),
    )
    def claim(self, p, right, owner):
        row = self.same(lambda store: store.partitions())[p]
        self.same(lambda store: store.claim([(p, row.owner, row.epoch - (not right))], owner))

    @rule(owner=st.sampled_from(OWNERS), later=st.sampled_from([0, 3, 60_000]), limit=few)
    def find_due(self, owner, later, limit):
        self.now += later
        self.same(lambda store: store.due_timers(owner, self.now + 2, limit))
        skip = CHANNELS[: limit % 2]
        self.items += self.same(lambda store: store.outbox_due(owner, self.now, limit, skip))
        del self.items[:-8]

    @precondition(lambda self: self.items)
    @rule(data=st.data(), epoch_off=st.sampled_from([0, 0, 0, 1]))
    def claim_effects(self, data, epoch_off):
        chosen = data.draw(st.lists(st.sampled_from(self.items), max_size=4))
        epochs = {row.partition: row.epoch for row in self.same(lambda store: store.partitions())}
        epochs = {p: epochs[p] + epoch_off for p in PARTITIONS}
        self.same(lambda store: store.outbox_claim(chosen, epochs, self.now, self.check))

    def check(self, item, state, pauses):
        """Permit, by what a customer's state is and what is paused; now and then fail."""
        if pauses:
            return Permit(Claim.LATER, self.now + 2, paused_by(pauses[0]))
        if state is None or item.n == 1:
            return Permit(Claim.REVIEW, self.now + 1, "odd")
        if item.attempts == 2:
            raise KeyError("why")
        return permitted(item, state, pauses)

    @rule(name=st.sampled_from(["all", "channel:\ud800"]), thrown=st.booleans())
    def pause(self, name, thrown):
        self.same(lambda s: (s.pause if thrown else s.resume)(name, self.now))
        self.same(lambda store: store.pauses())

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def settle_effects(self, data):
        results = [
            OutboxResult(item.number, item.seq, item.n, state, self.now + 3, "why")
            for item in data.draw(st.lists(st.sampled_from(self.items), max_size=4))
            for state in [data.draw(st.sampled_from([0, 2, 3, 4, 5]))]
        ]
        self.same(lambda store: store.outbox_settle(results))

    @rule(age=few)
    def forget_messages(self, age):
        self.same(lambda store: store.forget_messages(self.now - age))

    @rule(kind=st.integers(1, 8), age=few, share=st.integers(0, 4), limit=few)
    def forget_turns(self, kind, age, share, limit):
        below = self.same(lambda store: store.oldest_answer()) or 1 << 60
        below = below if share else 1 << 60
        self.same(lambda store: store.forget_turns(kind, self.now - age, below, limit))

    @rule(state=st.integers(0, 6), age=few, limit=few)
    def forget_effects(self, state, age, limit):
        self.same(lambda store: store.forget_effects(state, self.now - age, limit))

    @rule(key=keys, due=few, after=few, limit=few)
    def watch(self, key, due, after, limit):
        self.same(lambda store: store.watch(key, self.now + due, after, limit))

    @rule(age=few, limit=few)
    def forget_flows(self, age, limit):
        before_ms = (self.now - age) * 40_000_000
        self.same(lambda store: store.forget_flows(before_ms, limit))

    @rule(incarnation=st.sampled_from(["one", "two"]), what=st.integers(0, 2))
    def live_and_die(self, incarnation, what):
        row = cell(incarnation=incarnation, beat=self.now)
        self.same(lambda store: (store.register_cell, store.beat, store.remove_cell)[what](row))

    @rule(number=st.sampled_from(NUMBERS), before=st.none() | few, limit=few)
    def read_history(self, number, before, limit):
        self.same(lambda store: store.timeline(number, before, (), limit))
        self.same(lambda store: store.timeline(number, before, (2, 4), limit))
        self.same(lambda store: store.turns_after(number, limit))

    @rule(channel=st.sampled_from(CHANNELS), limit=few)
    def read_stream(self, channel, limit):
        start = (0, 0, 0, 0)
        items = self.same(lambda store: store.outbox_stream(channel, start, limit))
        if items:
            last = items[-1]
            after = (last.committed_at_ms, last.number, last.seq, last.n)
            self.same(lambda store: store.outbox_stream(channel, after, limit))

    @rule(segment=st.sampled_from(SEGMENTS), after=few, limit=few)
    def read_segments(self, segment, after, limit):
        members = self.same(lambda store: store.members(segment, -1, 100))
        assert self.same(lambda store: store.member_counts()).get(segment, 0) == len(members)
        self.same(lambda store: store.members(segment, after, limit))
        self.same(lambda store: store.scenario_counts("cart" if limit else None))
        self.same(lambda store: store.flows(segment, self.now * 40_000_000))
        self.same(lambda store: store.overdue("x", self.now + 2, after, limit))

    @rule(key=st.sampled_from(GROUPS), after=few, limit=few)
    def read_groups(self, key, after, limit):
        self.same(lambda store: store.group_members(key, after, limit))
        self.same(lambda store: store.lookup(Lookup(groups=GROUPS, grouped=tuple(NUMBERS))))

    def teardown(self):
        want = Lookup(
            tuple(user(name) for name in NAMES),
            tuple(NUMBERS),
            tuple(message(name, 0).hash for name in MESSAGES),
            tuple((number, seq) for number in NUMBERS for seq in range(1, 9)),
            (b"t" * 16,),
            tuple(NUMBERS),
        )
        self.same(lambda store: store.lookup(want))
        self.same(lambda store: store.counts())
        self.same(lambda store: store.outbox_counts())
        self.same(lambda store: store.partitions())
        self.same(lambda store: store.cells())
        self.same(lambda store: store.map_version())
        self.same(lambda store: store.next_timer_ms())
        self.same(lambda store: store.close())
        self.runner.close()
        self.folder.cleanup()


Stores.TestCase.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, derandomize=True
)
test_file_and_memory_agree = Stores.TestCase
