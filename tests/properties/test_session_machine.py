"""Whatever happens, each message counts once: a session against a model that is obviously right."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.domain.events import Event
from actors.domain.ids import effect_text, home_partition
from actors.ports import JournalKind
from actors.session import Job, TimerJob
from actors.stores.memory import MemoryStore
from tests.builders import (
    CELL,
    DAY,
    HOUR,
    MINUTE,
    OTHER_CELL,
    World,
    added,
    consent,
    make_event,
    number_of,
    order,
    question,
    response,
    user,
)
from tests.doubles.faults import FailNext

NAMES = ("u0", "u1", "u2")
NUMBERS = {name: number_of(user(name)) for name in NAMES}


@dataclass
class Model:
    """What each customer must look like: the messages taken, and what they bought."""

    taken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    spent: Counter = field(default_factory=Counter)

    def knows(self, message_id):
        return any(message_id in ids for ids in self.taken.values())

    def take(self, name, item):
        self.taken[name].append(item.message_id)
        if isinstance(item, Event) and item.name == "Order Completed":
            self.spent[name] += round(item.properties["total"] * 100)


names = st.sampled_from(NAMES)
kinds = st.sampled_from(["order", "order", "cart", "consent", "question", "page"])
outcomes = st.sampled_from(["click", "accept", "dismiss", "impression", "convert", "unsubscribe"])
faults = st.sampled_from([None, None, None, "before", "after"])


class Sessions(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        truth = MemoryStore()
        self.world = World(FailNext(truth), truth)
        self.model = Model()
        self.sent = []
        self.lost = set()

    def _make(self, name, kind):
        now, id_ = self.world.clock.now_ms, f"m{len(self.sent)}"
        if kind == "order":
            item = order(len(self.sent) % 7 + 0.25, name, id=id_, at=now)
        elif kind == "cart":
            item = added(f"c{len(self.sent) % 3}", name, id=id_, at=now - 5 * MINUTE)
        elif kind == "consent":
            item = consent(name, id=id_, at=now)
        elif kind == "question":
            item = question(name, id=id_, at=now, placements=("hero", "basket"))
        else:
            item = make_event("Page Seen", name, id=id_, at=now)
        self.sent.append((name, item))
        return name, item

    def _send(self, items, fault):
        """Send a group and check each answer against what the model expects."""
        world, model = self.world, self.model
        if fault is not None:
            world.store.fail("commit", fault)
        commits = world.store.calls.count("commit")
        codes = world.codes(*[item for _, item in items])
        hit = fault is not None and world.store.calls.count("commit") > commits
        world.store._faults.clear()
        before = {item.message_id for _, item in items if model.knows(item.message_id)}
        refused = self._refused(items, before) if fault == "after" and hit else set()
        for (name, item), code in zip(items, codes, strict=True):
            known = model.knows(item.message_id)
            if item.message_id in before:
                # A group that began unasked knows of it only from its commit, and where that
                # fails or is another's the sender tries again.
                undone = {"RETRY"} if hit else {"NOT_MINE"} if name in self.lost else set()
                assert code in {"DUPLICATE", *undone}, (item, code)
            elif hit:
                assert code == "RETRY"
                written = fault == "after" and name not in self.lost | refused
                if written and not known:
                    model.take(name, item)
            elif name in self.lost:
                assert code == "NOT_MINE"
            else:
                assert code == ("DUPLICATE" if known else "ACCEPTED")
                if not known:
                    model.take(name, item)

    def _refused(self, items, before):
        """Return who sent something again, and for that had nothing of the group written."""
        return {
            name
            for name, item in items
            if item.message_id in before and self._heard(name) == Counter(self.model.taken[name])
        }

    def _heard(self, name):
        records = [record for _, _, record in self.world.turns(NUMBERS[name])]
        return Counter((r.event or r.response).message_id for r in records if r.timer is None)

    @rule(made=st.lists(st.tuples(names, kinds), min_size=1, max_size=5), fault=faults)
    def new_messages_arrive(self, made, fault):
        self._send([self._make(name, kind) for name, kind in made], fault)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fault=faults, new=st.lists(st.tuples(names, kinds), max_size=2))
    def clients_send_again(self, data, fault, new):
        again = data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=4))
        fresh = [self._make(name, kind) for name, kind in new]
        self._send(data.draw(st.permutations(again + fresh)), fault)

    @rule(name=names, data=st.data(), outcome=outcomes, fault=faults)
    def a_channel_reports_an_outcome(self, name, data, outcome, fault):
        state = self.world.state(NUMBERS[name])
        recent = (
            [e for e in state.effects if e.at_ms > self.world.clock.now_ms - 7 * DAY]
            if state
            else []
        )
        if not recent:
            return
        effect = data.draw(st.sampled_from(recent))
        key = effect_text(state.number, effect.seq, effect.n)
        item = response(key, outcome, id=f"m{len(self.sent)}")
        self.sent.append((name, item))
        self._send([(name, item)], fault)

    @rule(by=st.sampled_from([MINUTE, 30 * MINUTE, HOUR, DAY, 3 * DAY]), fault=faults)
    def time_passes_and_timers_fire(self, by, fault):
        world = self.world
        world.clock.advance(by)
        due = asyncio.run(world.truth.due_timers(CELL.owner, world.clock.now_ms, 100))
        if fault is not None:
            world.store.fail("commit", fault)
        world.jobs(*[Job(TimerJob(t.number, t.key, world.clock.now_ms)) for t in due])
        world.store._faults.clear()

    @rule(by=st.sampled_from([HOUR, DAY]))
    def time_passes(self, by):
        self.world.clock.advance(by)

    @rule()
    def the_process_starts_anew(self):
        self.world.restart()

    @rule(name=names)
    def a_customer_is_passivated(self, name):
        self.world.session.activations.drop(NUMBERS[name])

    @rule(name=names)
    def another_cell_takes_a_partition(self, name):
        partition = home_partition(NUMBERS[name])
        claim = (partition, CELL.owner, self.world.epochs[partition])
        if asyncio.run(self.world.truth.claim([claim], OTHER_CELL.owner)):
            self.lost.add(name)

    @precondition(lambda self: self.lost)
    @rule()
    def partitions_come_back(self):
        rows = {row.partition: row for row in asyncio.run(self.world.truth.partitions())}
        for name in sorted(self.lost):
            row = rows[home_partition(NUMBERS[name])]
            claim = (row.partition, row.owner, row.epoch)
            self.world.epochs.update(asyncio.run(self.world.truth.claim([claim], CELL.owner)))
        self.lost.clear()

    @invariant()
    def every_message_counts_once(self):
        for name, number in NUMBERS.items():
            state = self.world.state(number)
            taken = self.model.taken[name]
            assert (state is None) == (not taken)
            if state is None:
                continue
            assert state.profile.purchases.spend_minor == self.model.spent[name]
            assert self._heard(name) == Counter(taken)

    @invariant()
    def effects_are_sent_and_learnt_from_once(self):
        for number in NUMBERS.values():
            turns = self.world.turns(number)
            effects = [effect for _, _, record in turns for effect in record.effects]
            keys = [(e.seq, e.n) for e in effects]
            assert len(set(keys)) == len(keys)
            made, learnt = Counter(e.action for e in effects), Counter()
            for _, kind, record in turns:
                teaches = kind in {JournalKind.OUTCOME, JournalKind.WAKE} or record.credits
                assert not record.lessons or teaches
                for lesson in record.lessons:
                    learnt[lesson.action] += lesson.taken + lesson.refused
            assert all(0 <= learnt[action] <= made[action] for action in learnt)

    @invariant()
    def what_is_stored_fits_together(self):
        if not self.lost:
            self.world.assert_sound(*NUMBERS.values())


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=settings().max_examples * 3 // 4, stateful_step_count=25, deadline=None
)
