"""What the benchmarks of recovery and memory compute, without a system."""

import asyncio
import json
import time
from contextlib import nullcontext
from itertools import islice, pairwise

import pytest

from actors.domain.ids import Identity, IdSpace
from actors.domain.state import CustomerState
from actors.stores.opening import KEY_SETTING
from actors.stores.sqlite import SqliteStore
from actors.wire.state import pack_state
from scripts.bench.memory import Cells, Memory, cells_now, process_memory, read_back, run
from scripts.bench.memory_load import BATCH, history, history_length, one_each, send, user
from scripts.bench.recovery import Bench, Kill, Recovery, settled
from scripts.demo.client import Client, RawReply
from scripts.output import Failure
from tests.contracts.store_support import change, commit, owned, turn

IDS = IdSpace(b"k" * 32)


class Scripted:
    """A transport that answers what it is told to, and then 200 with an empty object."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []

    async def attempt(self, _method, _path, body):
        self.bodies.append(json.loads(body) if body else None)
        answer = self.answers.pop(0) if self.answers else RawReply(200, None, b"{}")
        if isinstance(answer, Exception):
            raise answer
        return answer


def refusal(status):
    return RawReply(status, None, b"{}")


def kill(gap_s=1.0):
    return Kill(cell="cell-0", first_s=gap_s / 2, gap_s=gap_s, attempts=2, back_s=5.0)


@pytest.mark.parametrize(
    ("gaps", "wrong", "met"),
    [([1.0, 2.0, 9.0], [], True), ([3.1], [], False), ([1.0], ["lost"], False), ([], [], False)],
)
def test_recovery_is_good_when_the_median_is_short_and_nothing_was_lost(gaps, wrong, met):
    found = Recovery(machine={}, cells=2, kills=[kill(gap) for gap in gaps], wrong=wrong)

    assert found.as_json()["met"] is met
    assert json.loads(json.dumps(found.as_json())) == found.as_json()


def test_an_order_is_sent_under_one_message_id_until_it_is_acknowledged():
    transport = Scripted(ConnectionError("reset"), refusal(503), refusal(429), TimeoutError())
    bench = Bench(transport, None, IDS, {})

    _, attempts = asyncio.run(bench.send("ann", time.perf_counter()))

    assert attempts == 5
    assert len({body["messageId"] for body in transport.bodies}) == 1
    assert bench.acknowledged == {"ann": 1}


def test_an_order_that_is_refused_for_good_is_a_failure():
    bench = Bench(Scripted(refusal(422)), None, IDS, {})

    with pytest.raises(Failure, match="422"):
        asyncio.run(bench.send("ann", time.perf_counter()))
    assert not bench.acknowledged


@pytest.mark.parametrize(
    ("shares", "served", "back"),
    [
        ({"a": 2048, "b": 2048}, {"a": 2048, "b": 2048}, True),
        ({"a": 2048, "b": 2048}, {"a": 4096, "b": 0}, False),
        ({"a": 2048, "b": 2048}, {"a": 2048}, False),
        ({"a": 1366, "b": 1365, "c": 1365}, {"a": 1365, "b": 1366, "c": 1365}, True),
        ({"a": 4096, "standby": 0}, {"a": 0, "standby": 4096}, False),
        ({"a": 4096, "standby": 0}, {"a": 4096, "standby": 0}, True),
    ],
)
def test_a_killed_cell_is_back_when_those_serve_who_did_before(shares, served, back):
    assert settled(served, shares) is back


def known(name, orders=0):
    """Return a customer and her state as bytes."""
    identity = Identity("user", name)
    number = IDS.customer_number(identity)
    state = CustomerState(
        number=number, partition=IDS.partition_of(identity), identities=[identity]
    )
    state.profile.purchases.orders = orders
    state.profile.purchases.spend_minor = 100 * orders
    return identity, state


def stored(path, *customers):
    """Make a store with such customers, each with a turn an order, and one at least."""
    store = SqliteStore.open(path)

    async def fill():
        await store.put_setting_if_absent(KEY_SETTING, b"k" * 32)

    asyncio.run(fill())
    for identity, state in customers:
        seq = max(1, state.profile.purchases.orders)
        owned(store, state.partition)
        state.seq = seq
        row = change(
            state.number,
            after=seq,
            p=state.partition,
            state=pack_state(state),
            identities=[identity],
            journal=[turn(n) for n in range(1, seq + 1)],
        )
        commit(store, row)
    return store


def checked(store, **acknowledged):
    bench = Bench(Scripted(), store, IDS, {})
    bench.acknowledged.update(acknowledged)
    return asyncio.run(bench.check())


def test_what_was_acknowledged_must_be_there_exactly_once(tmp_path):
    store = stored(tmp_path / "righttime.db", known("ann", 3), known("bob", 2))

    assert checked(store, ann=3, bob=2) == []
    assert [line.split(":")[0] for line in checked(store, ann=3, bob=1)] == ["bob"]
    assert [line.split(":")[0] for line in checked(store, ann=4, cy=1)] == ["ann", "cy"]
    asyncio.run(store.close())


def cells(active, packed, pss):
    return Cells(active=active, packed=packed, pss=pss, rss=pss, by_cell={})


def memory(**changed):
    given = {
        "machine": {},
        "known": 1000,
        "loaded_events": 100,
        "loading_s": 2.0,
        "before": cells(100, 50_000, 1_000_000),
        "after": cells(300, 450_000, 3_000_000),
        "file_bytes": 1,
        "reads_ms": [1.0, 2.0, 90.0],
        "passive_ms": [5.0],
        "active_ms": [4.0],
    }
    return Memory(**{**given, **changed})


def test_memory_is_per_customer_that_became_active():
    result = memory().as_json()

    assert result["bytesPerActive"] == 10_000
    assert result["packedBytesPerActive"] == 2_000
    assert result["loadingEventsPerSecond"] == 50
    assert result["met"] is True


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"after": cells(200, 0, 3_000_000)}, ["memory per active customer"]),
        ({"reads_ms": [4.0, 3.1, 1.0]}, ["reading back a passive customer"]),
    ],
)
def test_memory_and_reading_back_have_a_limit_each(changed, missed):
    assert memory(**changed).missed() == missed


def test_a_process_is_measured_by_what_the_kernel_says(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps_rollup").write_text(
        "55a-7ff ---p 00000000 00:00 0    [rollup]\nRss:   300 kB\nPss:   200 kB\nPss_Anon:  9 kB\n"
    )

    assert process_memory(7, tmp_path) == (200 * 1024, 300 * 1024)
    with pytest.raises(Failure, match="smaps_rollup"):
        process_memory(8, tmp_path)


def test_a_status_in_which_a_cell_is_silent_is_no_measurement(tmp_path):
    status = RawReply(200, None, b'{"cells": [], "cellsSilent": 1}')

    with pytest.raises(Failure, match="not complete"):
        asyncio.run(cells_now(Client(Scripted(status)), tmp_path))


def test_passive_customers_are_read_back_from_the_file(tmp_path):
    path = tmp_path / "righttime.db"
    asyncio.run(stored(path, known(user(1)), known(user(2))).close())

    assert len(asyncio.run(read_back(path, [1, 2]))) == 2
    with pytest.raises(Failure, match="not in the store"):
        asyncio.run(read_back(path, [3]))


def test_the_history_has_as_many_events_as_announced_in_the_order_of_customers():
    made = list(history("run", 60))

    assert len(made) == history_length(60) == 60 + 3 * 20
    assert len({event["messageId"] for event in made}) == len(made)
    numbers = [int(event["userId"].split("-")[1]) for event in made]
    assert all(later - earlier in {0, 1} for earlier, later in pairwise(numbers))
    assert [event["userId"] for event in one_each("x", [3, 9])] == [user(3), user(9)]


def replying(*results):
    return RawReply(200, None, json.dumps({"results": results}).encode())


def test_an_event_of_a_batch_that_was_told_to_come_again_is_sent_once_more():
    made = list(one_each("x", [1, 2]))
    first, second = (event["messageId"] for event in made)
    busy = {"messageId": second, "status": "rejected", "error": {"status": 503}}
    transport = Scripted(
        replying({"messageId": first, "status": "accepted"}, busy),
        replying({"messageId": second, "status": "accepted"}),
    )
    told = []

    asyncio.run(send(transport, iter(made), 2, lambda done, total: told.append((done, total))))

    assert [len(body["batch"]) for body in transport.bodies] == [2, 1]
    assert told == [(2, 2)]


def test_a_batch_is_within_the_limit_of_the_contract():
    batch = [{"type": "track", **event} for event in islice(history("x", BATCH), BATCH)]

    assert len(json.dumps({"batch": batch})) < 500 * 1024


def test_more_active_customers_than_there_are_is_a_failure(tmp_path):
    with pytest.raises(Failure, match="at most 100"):
        run(1000, 101, tmp_path, print, lambda _name: nullcontext(print))
