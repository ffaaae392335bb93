"""Several processes on one file, and what remains of one that is killed or stopped."""

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.ports import Lookup
from actors.stores.sqlite import SqliteStore
from tests.contracts.store_support import COMMITTED, change, commit, customer, owned, run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "store.db"
    store = owned(SqliteStore.open(path))
    run(store.close())
    return path


@pytest.fixture
def start():
    children = []

    def start(*arguments):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.sqlite_child", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_processes_that_write_at_once_lose_nothing_and_take_turns(path, start):
    turns = 60
    children = [start(path, "turns", who, turns) for who in (101, 102)]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 2

    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.stdout.readline() for child in children] == ["done\n"] * 2

    store = SqliteStore.open(path)
    shared = run(store.timeline(1, None, (), 1_000))
    own = [[row.seq for row in run(store.timeline(n, None, (), 1_000))] for n in (101, 102)]
    run(store.close())
    assert [row.seq for row in shared] == list(range(2 * turns, 0, -1))
    assert sorted(row.payload for row in shared) == [b"101"] * turns + [b"102"] * turns
    assert own == [list(range(turns, 0, -1))] * 2
    handovers = sum(a.payload != b.payload for a, b in pairwise(shared))
    assert handovers > 1


@pytest.mark.fault
def test_a_killed_writer_leaves_all_that_it_acknowledged_and_nothing_in_part(path, start):
    acknowledged = 0
    for _ in range(3):
        child = start(path, "for-ever")
        for _ in range(20):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        acknowledged = int(rest.splitlines()[-1]) if rest else acknowledged

        store = SqliteStore.open(path)
        seq = customer(store, 1).seq
        turns = [row.seq for row in run(store.timeline(1, None, (), 100_000))]
        hashes = tuple(b"%7d:%8d" % (1, n) for n in range(1, seq + 2))
        messages = run(store.lookup(Lookup(messages=hashes))).messages
        damage = run(store.check())
        run(store.close())
        assert seq in (acknowledged, acknowledged + 1)  # the answer to the last may be lost
        assert turns == list(range(seq, 0, -1))
        assert [answer.seq for answer in messages.values()] == list(range(1, seq + 1))
        assert damage == []


@pytest.mark.fault
def test_a_writer_stopped_under_the_lock_delays_others_no_longer_than_their_patience(path, start):
    child = start(path, "hold")
    assert child.stdout.readline() == "held\n"
    child.send_signal(signal.SIGSTOP)
    store = SqliteStore.open(path, patience_s=0.2)

    with pytest.raises(StoreUnavailableError, match=r"no answer within 0\.2 s"):
        commit(store, change(1))
    assert customer(store, 1) is None  # reading goes on

    child.kill()
    child.communicate()
    patient = SqliteStore.open(path)
    assert commit(patient, change(2)) == [COMMITTED]
    assert commit(store, change(3)) == [COMMITTED]
    assert customer(store, 1) is None  # nobody waited for it any more: it was dropped
    run(store.close())
    run(patient.close())
