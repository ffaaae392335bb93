"""The store of the model against the real ones: the same calls, the same outcomes."""

import asyncio
import random

import pytest

from actors.ports import GRANTED, Claim, Lookup, OutboxResult, OutboxState, Verdict
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from tests.model_checking.cell_steps import claim_effect, written
from tests.model_checking.moving import rehomed
from tests.model_checking.protocol import (
    FROM_BUDGET,
    Protocol,
    Write,
    change_of,
    judged,
    state_of,
    text,
    won,
)
from tests.model_checking.world import (
    NOT_HELD,
    PENDING,
    SENDING,
    SENT,
    Row,
    Sizes,
    changed_hands,
    first,
    owner_of,
    put,
    with_cell,
)

PARTITIONS, CUSTOMERS, BUDGET, STEPS = 2, 3, 2, 60
SIZES = Sizes(
    "both", partitions=PARTITIONS, messages=(0, 1, 2), sends=True, budget=BUDGET, strays=True
)
SOUND = Protocol()
STATES = {PENDING: OutboxState.PENDING, SENDING: OutboxState.SENDING, SENT: OutboxState.SENT}


class Both:
    """The model's store and a real one, told the same."""

    def __init__(self, store):
        self.store = store
        self.world = first(SIZES, ("cell-0", "cell-1"))
        # The real one begins without customers: so does the model, whose rows have seq 0 then.
        rows = tuple(Row(i % PARTITIONS, 0) for i in range(CUSTOMERS))
        parts = ((0, 0),) * PARTITIONS
        self.world = self.world._replace(stored=self.world.stored._replace(rows=rows, parts=parts))
        self.runner = asyncio.Runner()

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def claim(self, claims, owner):
        parts, got = won(SOUND, self.world.stored.parts, claims, owner)
        self.world = changed_hands(self.world, parts)
        real = self.run(self.store.claim([(p, text(o), e) for p, o, e in claims], text(owner)))
        assert real == dict(got)

    def commit(self, place, writes, message):
        found = judged_here(self.world.stored, writes)
        self.world = written(self.world, place, writes, found, message)
        changes = [change_of(write, BUDGET, 1_000) for write in writes]
        assert tuple(self.run(self.store.commit(changes, 1_000))) == found

    def rehome(self, customer, of, to):
        after = rehomed(SOUND, self.world.stored, customer, of, to)
        if after is not None:
            self.world = self.world._replace(stored=after)
        assert self.run(self.store.rehome(customer + 1, of, to)) == (after is not None)
        return after is not None

    def claim_effect(self, place, e, epoch, seen):
        """Claim an effect as a cell would that read it in the state `seen`, holding an epoch."""
        partition = self.world.stored.effects[e].partition
        cell = with_cell(self.world, place, send=("due", e, *seen))
        held = put(cell.cells[place].held, partition, epoch)
        (_, after), *_ = claim_effect(SOUND, with_cell(cell, place, held=held), place)
        mine = after.stored != self.world.stored
        item = self.item(e)
        assert (item is not None) == (self.world.stored.effects[e].state >= 0)
        if item is not None:
            asked = item.__class__(
                **{**fields(item), "state": STATES[seen[0]], "attempts": seen[1]}
            )
            epochs = {} if epoch == NOT_HELD else {partition: epoch}
            claims = self.run(self.store.outbox_claim([asked], epochs, 1_000, lambda *_: GRANTED))
            assert claims == [Claim.MINE if mine else Claim.LOST]
        self.world = after._replace(cells=self.world.cells)

    def settle(self, e, state):
        item = self.item(e)
        if item is None:
            return
        effect = self.world.stored.effects[e]
        if effect.state == SENDING:
            effects = put(self.world.stored.effects, e, effect._replace(state=state))
            self.world = self.world._replace(stored=self.world.stored._replace(effects=effects))
        result = OutboxResult(item.number, item.seq, item.n, STATES[state], 1_000)
        self.run(self.store.outbox_settle([result]))

    def item(self, e):
        items = self.run(self.store.outbox_of(tuple(range(1, CUSTOMERS + 1))))
        return next((each for each in items if each.payload == b"e%d" % e), None)

    def check(self):
        """What is stored must be the same on both sides."""
        rows = self.run(self.store.partitions())[:PARTITIONS]
        assert [(row.owner, row.epoch) for row in rows] == [
            (text(owner), epoch) for owner, epoch in self.world.stored.parts
        ]
        wanted = Lookup(
            numbers=tuple(range(1, CUSTOMERS + 1)),
            messages=tuple(bytes([m]) * 16 for m in range(3)),
        )
        found = self.run(self.store.lookup(wanted))
        for i, row in enumerate(self.world.stored.rows):
            real = found.customers.get(i + 1)
            assert (real is None) == (row.seq == 0)
            if real is not None:
                assert (real.partition, real.seq, real.state) == (
                    row.partition, row.seq, state_of(row)
                )  # fmt: skip
        taken = {m for m in range(3) if self.world.stored.taken >> m & 1}
        assert {message[0] for message in found.messages} == taken
        for e, effect in enumerate(self.world.stored.effects):
            item = self.item(e)
            assert (item is None) == (effect.state < 0)
            if item is not None:
                seen = (item.state, item.attempts, item.partition)
                assert seen == (STATES[effect.state], effect.attempts, effect.partition)
        for owner in {owner for owner, _ in self.world.stored.parts if owner}:
            due = {
                timer.number - 1 for timer in self.run(self.store.due_timers(text(owner), 10**9, 9))
            }
            rows = self.world.stored.rows
            there = {i for i, row in enumerate(rows) if row.timer and self.owns(owner, row)}
            assert due == there

    def owns(self, owner, row):
        return row.seq > 0 and self.world.stored.parts[row.partition][0] == owner


def judged_here(stored, writes):
    """The model's verdicts; customers that do not exist yet are no rows."""
    return judged(SOUND, stored, writes, BUDGET)


def fields(item):
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def some_writes(both, chance, message):
    """A turn of one customer, or of two that stand or fall together, sometimes with what is out of date."""
    rows = both.world.stored.rows
    customer = chance.randrange(CUSTOMERS)
    numbers = [customer]
    if chance.random() < 0.3:
        numbers.append((customer + 1) % CUSTOMERS)
    writes = []
    for i, one in enumerate(numbers):
        row = rows[one]
        seq = max(row.seq - (chance.random() < 0.15), 0)
        before = row._replace(seq=seq)
        epoch = both.world.stored.parts[row.partition][1] - (chance.random() < 0.15)
        after = row._replace(seq=seq + 1, timer=chance.randrange(2))
        spends = FROM_BUDGET if chance.random() < 0.3 else 0
        writes.append(
            Write((one, before, after, None if i else epoch, -1 if i else message, spends,
                   numbers[0] if i else -1))
        )  # fmt: skip
    return tuple(writes)


def some_move(both, chance):
    """A customer's move to another partition, sometimes with what is out of date."""
    customer = chance.randrange(CUSTOMERS)
    parts = both.world.stored.parts
    here = both.world.stored.rows[customer].partition
    here = 1 - here if chance.random() < 0.15 else here
    there = here if chance.random() < 0.1 else 1 - here
    return customer, *((p, parts[p][1] - (chance.random() < 0.15)) for p in (here, there))


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    if request.param == "postgres":
        from tests.postgres_databases import emptied_postgres  # a driver that others do without

        yield emptied_postgres()
        return
    if request.param == "memory":
        made = MemoryStore()
    else:
        made = SqliteStore(tmp_path / "s.db", 30.0, read_only=False)
    yield made
    asyncio.run(made.close())


def test_the_model_of_the_store_does_what_a_store_does(store):
    chance = random.Random(0)
    both = Both(store)
    seen, moved = set(), []
    for _ in range(STEPS):
        place = chance.randrange(2)
        owner = owner_of(place, 1 + chance.randrange(2))
        effect = chance.randrange(3)
        what = chance.choice(["claim", "commit", "commit", "send", "settle", "rehome", "rehome"])
        if what == "claim":
            parts = both.world.stored.parts
            claims = tuple(
                (p, o, max(e - (chance.random() < 0.2), 0)) for p, (o, e) in enumerate(parts)
            )
            both.claim(claims[: 1 + chance.randrange(2)], owner)
        elif what == "commit":
            writes = some_writes(both, chance, effect)
            seen |= set(judged_here(both.world.stored, writes))
            both.commit(place, writes, effect)
        elif what == "send":
            now = both.world.stored.effects[effect]
            state = now.state if now.state in STATES and chance.random() < 0.8 else PENDING
            partition = now.partition
            epoch = both.world.stored.parts[partition][1] - (chance.random() < 0.2)
            both.claim_effect(place, effect, epoch, (state, now.attempts))
        elif what == "rehome":
            moved.append(both.rehome(*some_move(both, chance)))
        else:
            both.settle(effect, chance.choice([PENDING, SENT]))
        both.check()
    assert {Verdict.COMMITTED, Verdict.FENCED, Verdict.RACE_LOST} <= seen
    assert {True, False} == set(moved)
    both.runner.close()
