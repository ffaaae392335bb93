"""What a run is made of: whom a finding is charged to, whom a signal may reach, what is written down."""

import _ctypes
import asyncio
import fcntl
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from scripts.chaos.clock import VARIABLE, SystemClock
from scripts.chaos.faults import HEAVY, LINKS, deck, kill_for_good, on_nodes, on_sqlite
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
from scripts.chaos.nemesis import Nemesis, Tried
from scripts.chaos.processes import (
    MARK,
    TITLES,
    Process,
    children_of,
    end_all,
    lock_holder,
    ours,
    trees_of,
)
from scripts.chaos.report import BETWEEN, habits, rows_of, told, write_into
from scripts.chaos.running import Plan


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


def test_a_system_that_does_not_serve_again_ends_the_faults_and_is_a_finding():
    class Hopeless(Nemesis):
        async def one(self, name, fault):
            self.tried.append(Tried(fault=name, began_ms=0, in_flight=0, back=name != "worse"))
            return self.tried[-1]

    arena = SimpleNamespace(draw=SimpleNamespace(uniform=lambda *_: 0.0))
    nemesis = Hopeless(arena, Service(lambda: 0), lambda: 0, print)

    asyncio.run(nemesis.run(iter(["bad", "worse", "next"]), dict.fromkeys(("bad", "worse")), 1))

    assert [each.fault for each in nemesis.tried] == ["bad", "worse"]
    assert [(each.kind, each.text.endswith("of worse")) for each in nemesis.findings()] == [
        ("service", True)
    ]


def test_the_death_of_what_nobody_starts_again_lasts_until_the_operator_has_started_all_of_it():
    async def story(process):
        operator = SimpleNamespace(restarts=[])
        arena = SimpleNamespace(mark="mine", draw=random.Random(1), operator=operator)
        killing = asyncio.create_task(kill_for_good(arena, "raylet"))
        await asyncio.to_thread(process.wait, 10)
        assert not killing.done()

        operator.restarts.append("the system had ended")
        assert "the system ended after" in await asyncio.wait_for(killing, 10)

    command = [sys.executable, "-c", "import time; time.sleep(60)", TITLES["raylet"]]
    process = subprocess.Popen(command, env={**os.environ, MARK: "mine"})
    try:
        asyncio.run(story(process))
    finally:
        process.kill()
        process.wait()


def test_the_longest_wait_counts_what_is_still_open():
    service = Service(lambda: 1_000)
    service.waits.extend([(0, 90), (100, 180), (110, 150)])
    assert service.longest_wait_ms(since_ms=100) == 80

    service.open[1] = 900
    assert service.longest_wait_ms(since_ms=100) == 100


def test_what_clients_do_wrong_is_counted_by_message():
    def sent(message, how, attempts=1):
        return replace(write(message, 0, 1), how=how, attempts=attempts)

    writes = [sent("a", "twice"), sent("a", "twice"), sent("b", "pair"), sent("c", "pair")]
    writes += [sent("d", "dropped", 2), sent("e", "dropped"), sent("f", "plain", 3)]

    counts = habits(writes)

    assert counts == {"replyDropped": 1, "sentTwice": 1, "inPairs": 2, "sentAgain": 0}
    assert " 2 at once with another one " in told(counts)


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


def test_a_tree_of_processes_is_found_from_its_root():
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & echo up; wait"], stdout=-1) as root:
        root.stdout.readline()
        found = trees_of([root.pid, 0])
        try:
            assert found[0].pid == root.pid
            assert len(found) == 3
            assert {each.pid for each in found[1:]} == {c.pid for c in children_of(root.pid)}
        finally:
            for each in found:
                each.signal(signal.SIGKILL)


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

    assert {"node killed", "node paused"} <= faults.keys()
    assert not faults.keys() & LINKS.keys()
    assert on_nodes(on_sqlite(), persistent=True, links=True).keys() == faults.keys() | LINKS.keys()
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


def test_a_library_under_which_the_clock_does_not_step_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, _ctypes.__file__)
    clock = SystemClock(tmp_path)

    assert not clock.usable
    assert _ctypes.__file__ in clock.why
    assert clock.environment == {}


def test_a_plan_knows_the_command_that_does_it_again_and_tells_nobody_a_password():
    links = Plan(minutes=0.5, seed=3, store="postgresql", nodes=3, links=True, only=("links slow",))
    named = Plan(minutes=30, seed=7, store="postgresql://me:secret@db/x", cells=4)

    assert Plan(minutes=30, seed=7, store="sqlite").command() == (
        "righttime chaos --minutes 30 --seed 7"
    )
    assert links.command() == (
        "righttime chaos --minutes 0.5 --seed 3 --store postgresql --nodes 3 --links"
        ' --only "links slow"'
    )
    assert named.command() == "righttime chaos --minutes 30 --seed 7 --store URL --cells 4"


def test_in_the_end_the_clock_is_as_far_ahead_as_it_ever_was(tmp_path):
    clock = SystemClock(tmp_path)
    assert clock.catch_up() == 0

    for step_s in (300, -3_600, 0):
        clock.jump(step_s)

    assert clock.catch_up() == 300
    assert (tmp_path / "clock").read_text() == "+300\n"
