"""What a run is made of: whom a finding is charged to, whom a signal may reach, what is written down."""

import fcntl
import os
import random
import signal
import subprocess
import sys

import pytest

from scripts.chaos.clock import VARIABLE, SystemClock
from scripts.chaos.faults import HEAVY, deck, on_nodes, on_sqlite
from scripts.chaos.findings import Finding
from scripts.chaos.history import (
    NEVER_MS,
    VIEW,
    Delivery,
    Log,
    Read,
    Write,
    history_of,
    read_file_outbox,
    read_log,
)
from scripts.chaos.load import Service
from scripts.chaos.nemesis import Tried
from scripts.chaos.processes import MARK, Process, children_of, end_all, lock_holder, ours
from scripts.chaos.report import BETWEEN, rows_of, write_into


def write(message, began_ms, ended_ms):
    return Write(
        user="u", message=message, name=VIEW, minor=0, began_ms=began_ms, ended_ms=ended_ms
    )


def test_what_is_wrong_is_charged_to_the_fault_during_which_it_was_under_way():
    tried = [
        Tried(fault="kill", began_ms=100, in_flight=3, back_ms=200, gap_ms=40),
        Tried(fault="kill", began_ms=300, in_flight=4, back_ms=400, gap_ms=90),
        Tried(fault="pause", began_ms=500, in_flight=5, back_ms=600, gap_ms=10),
        Tried(fault="pause", began_ms=700, in_flight=5, back_ms=800, gap_ms=999, missed=True),
    ]
    findings = [
        Finding("lost", "", "in the second"),
        Finding("duplicate", "", "without end"),
        Finding("lost", "", "before all"),
        Finding("gap", ""),
    ]
    writes = [
        write("in the second", 250, 310),
        write("without end", 550, NEVER_MS),
        write("before all", 10, 20),
    ]

    rows = {row.fault: row for row in rows_of(tried, findings, writes)}

    assert (rows["kill"].tried, rows["kill"].in_flight, rows["kill"].gap_ms) == (2, 7, 90)
    assert (rows["kill"].lost, rows["kill"].duplicates) == (1, 0)
    assert (rows["pause"].tried, rows["pause"].missed, rows["pause"].gap_ms) == (1, 1, 10)
    assert (rows["pause"].lost, rows["pause"].duplicates) == (0, 1)
    assert (rows[BETWEEN].lost, rows[BETWEEN].wrong) == (1, 1)


def test_the_longest_wait_counts_what_is_still_open():
    service = Service(lambda: 1_000)
    service.waits.extend([(0, 90), (100, 180), (110, 150)])
    assert service.longest_wait_ms(since_ms=100) == 80

    service.open[1] = 900
    assert service.longest_wait_ms(since_ms=100) == 100


def test_a_table_replaces_the_one_before_and_nothing_else():
    document = "a\n<b>\nold\n<e>\nz\n"

    once = write_into(document, "new\n", "<b>", "<e>")

    assert once == "a\n<b>\nnew\n<e>\nz\n"
    assert write_into(once, "new\n", "<b>", "<e>") == once
    with pytest.raises(ValueError, match="<x>"):
        write_into(document, "new\n", "<x>", "<e>")


def test_only_processes_with_the_mark_are_ended():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    marked = subprocess.Popen(command, env={**os.environ, MARK: "one"})
    other = subprocess.Popen(command, env={**os.environ, MARK: "another"})
    try:
        assert [each.pid for each in ours("one")] == [marked.pid]
        assert {each.pid for each in children_of(os.getpid())} >= {marked.pid, other.pid}

        assert end_all("one") >= 1

        assert marked.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        assert list(ours("one")) == []
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_a_pid_that_is_used_again_is_not_signalled():
    me = children_of(os.getppid(), only=os.getpid())[0]
    assert me.alive()

    assert not Process(me.pid, me.started + 1, me.title).signal(signal.SIGKILL)


def test_who_holds_the_writers_lock_is_seen(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as file:
        assert lock_holder(path) == 0
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock_holder(path) == os.getpid()
    assert lock_holder(path) == 0


def test_the_same_seed_does_the_same_and_each_fault_as_often():
    faults = on_sqlite()

    first = deck(faults, random.Random("7/faults"), heavy=True)

    assert first == deck(faults, random.Random("7/faults"), heavy=True)
    assert first != deck(faults, random.Random("8/faults"), heavy=True)
    assert sorted(first) == sorted(faults)
    assert set(deck(faults, random.Random("7/faults"), heavy=False)) == set(faults) - HEAVY


def test_a_cluster_suffers_what_only_a_cluster_can():
    faults = on_nodes(on_sqlite(), persistent=True)

    assert "node killed" in faults
    assert "head's GCS killed and started again (persistent)" in faults
    assert "raylet killed" not in faults


def test_what_was_seen_is_read_back_as_it_was(tmp_path):
    seen = [
        write("m", 1, 2),
        Read(user="u", began_ms=3, ended_ms=4, seq=1, orders=0, spend_minor=0),
        Delivery(key="e_1", channel="hook", action="a", order="m", at_ms=5, taken=False),
    ]
    log = Log(tmp_path / "history.jsonl")
    for each in seen:
        log.note(each)
    log.close()

    assert list(read_log(tmp_path / "history.jsonl")) == seen
    assert len(history_of(iter(seen)).deliveries) == 1


def test_a_torn_line_of_a_file_is_no_delivery(tmp_path):
    path = tmp_path / "print.jsonl"
    path.write_text(
        '{"effectKey":"e_1","action":"a","content":{"order":"m"}}\n{"effectKey":"e_\n'
        '{"effectKey":"e_2","action":"b","content":{}}\n'
    )

    found = read_file_outbox(path, "print")

    assert [(each.key, each.order) for each in found] == [("e_1", "m"), ("e_2", "")]


def test_a_machine_without_the_library_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    clock = SystemClock(tmp_path)

    assert not clock.usable
    assert "libfaketime" in clock.why
    assert clock.environment == {}
