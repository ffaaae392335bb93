"""What the benchmark computes from what it saw."""

import asyncio
import json
import os
import threading
from itertools import islice

import pytest

from scripts.bench.asyncio_load import AsyncioLoad
from scripts.bench.load import Load, Target, choose, parse_result
from scripts.bench.payloads import body, events
from scripts.bench.processes import MARK, usage
from scripts.bench.report import (
    BEGIN,
    END,
    Results,
    Rounds,
    Stretch,
    markdown,
    replace_block,
)
from scripts.output import Failure


def stretch(rate, cpu_ms=1000.0, batch=1, failed=0, p50=1.0):
    return Stretch(Load(int(rate * 2), 2.0, failed, p50, p50 * 2, p50 * 3), cpu_ms, batch)


def results(**changed):
    given = {
        "machine": {"CPU": "abacus"},
        "generator": "wrk 4",
        "connections": 64,
        "seconds": 2.0,
        "baseline": Rounds([stretch(2000), stretch(1000), stretch(3000)]),
        "single": Rounds([stretch(1200), stretch(700), stretch(1200)]),
        "baseline_alone": Rounds([stretch(300)]),
        "single_alone": Rounds([stretch(150)]),
        "batch": Rounds([stretch(40, batch=200)]),
        "single_after": Rounds([stretch(1190)]),
        "ceiling": 90_000.0,
        "core_us": 90.0,
    }
    return Results(**{**given, **changed})


def target(found, name):
    return next(t for t in found.targets() if t["name"] == name)


def test_the_share_of_the_baseline_is_the_median_of_the_rounds_own_shares():
    assert results().share_of_baseline() == pytest.approx(0.6)


def test_a_batch_counts_events_not_requests():
    row = results().batch.row()

    assert row["eventsPerSecond"] == 8000.0
    assert row["cpuMsPerEvent"] == pytest.approx(1000 / (80 * 200), abs=1e-3)


def test_cpu_time_is_per_event_of_the_stretch():
    assert stretch(500, cpu_ms=1500).cpu_ms_per_event == 1.5


@pytest.mark.parametrize(
    ("changed", "name", "met"),
    [
        ({}, "share of the baseline's rate", True),
        ({"single": Rounds([stretch(900)] * 3)}, "share of the baseline's rate", False),
        ({"single": Rounds([stretch(500, 1501)] * 3)}, "CPU-ms per event", False),
        ({"batch": Rounds([stretch(20, batch=200)])}, "batch ÷ single rate", False),
        ({"batch": Rounds([stretch(24, batch=200)])}, "batch ÷ single rate", True),
        (
            {"single_after": Rounds([stretch(1000)])},
            "single rate after the batches ÷ before",
            False,
        ),
        ({"core_us": 151.0}, "core alone, µs per turn", False),
        ({"ceiling": 5000.0}, "generator's ceiling ÷ fastest rate", False),
    ],
)
def test_targets_are_met_or_missed_by_the_figures(changed, name, met):
    assert target(results(**changed), name)["met"] is met


def test_what_was_not_measured_is_no_target():
    names = [t["name"] for t in results(core_us=None, ceiling=None).targets()]

    assert len(names) == 4


def test_a_run_with_failed_requests_has_not_met_its_targets():
    found = results(batch=Rounds([stretch(40, batch=200, failed=1)]))

    assert results().as_json()["met"] is True
    assert found.failures() == 1
    assert found.as_json()["met"] is False


def test_the_json_result_is_plain():
    assert json.loads(json.dumps(results().as_json()))["shareOfBaseline"] == 0.6


def test_the_tables_replace_what_is_between_the_markers_and_nothing_else():
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    once = replace_block(text, markdown(results()))
    twice = replace_block(once, markdown(results()))

    assert once == twice
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    assert "| share of the baseline's rate | 0.6 | ≥ 0.5 | met |" in once


def test_a_document_without_markers_is_refused():
    with pytest.raises(ValueError, match="substring"):
        replace_block("nothing here", "x")


def test_the_last_line_of_our_wrk_script_is_read():
    line = '{"requests":10,"seconds":2.0,"failed":1,"p50Ms":1.5,"p90Ms":-nan,"p99Ms":nan}'

    load = parse_result(f"Running 2s test\nRESULT {line}\n", "")

    assert load == Load(10, 2.0, 1, 1.5, 0, 0)
    assert load.rate == 5.0


def test_a_wrk_that_did_not_finish_says_why():
    with pytest.raises(Failure) as failed:
        parse_result("", "unable to connect to 127.0.0.1:9 Connection refused\n")

    assert "Connection refused" in failed.value.sentence


def test_wrk_is_used_where_it_is_installed_and_asked_for():
    assert isinstance(choose("r", 10, "auto", lambda _name: None), AsyncioLoad)
    assert isinstance(choose("r", 10, "python"), AsyncioLoad)
    with pytest.raises(Failure):
        choose("r", 10, "wrk", lambda _name: None)


def test_events_have_ids_of_their_own_and_ask_for_an_action_each():
    made = list(islice(events("run", 50, 3), 1000))

    assert len({event["messageId"] for event in made}) == 1000
    assert all(event["context"]["placements"] for event in made)
    assert sum(event["event"] == "Order Completed" for event in made) == 100
    assert len({event["userId"] for event in made}) == 50


def test_an_order_adds_up():
    order = next(e for e in events("run", 5, 1) if e["event"] == "Order Completed")["properties"]

    parts = sum(round(d["total"] * 100) for d in order["departments"].values())

    assert parts == round(order["total"] * 100)


def test_a_batch_body_holds_so_many_typed_events():
    made = json.loads(body(events("run", 5, 1), 200))

    assert len(made["batch"]) == 200
    assert {event["type"] for event in made["batch"]} == {"track"}
    assert len(body(events("run", 5, 1), 200)) < 500_000


def test_cpu_time_is_read_from_marked_processes_only(tmp_path):
    def process(pid, mark, name, user, system):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "environ").write_bytes(b"A=1\0" + f"{MARK}={mark}".encode() + b"\0")
        (folder / "cmdline").write_bytes(name.encode() + b"\0")
        fields = " ".join(["S", *["0"] * 10, str(user), str(system), "0"])
        (folder / "stat").write_text(f"{pid} ({name}) {fields}\n")

    process(10, "ours", "ray::Cell (x) y", 100, 50)
    process(11, "theirs", "other", 900, 900)
    (tmp_path / "meminfo").write_text("")

    assert set(usage("ours", tmp_path).by_pid) == {10}
    assert usage("ours", tmp_path).by_pid[10] == pytest.approx(1500.0)


def test_cpu_time_in_between_counts_newcomers_whole():
    from scripts.bench.processes import Usage

    before, after = Usage({1: 100.0, 2: 50.0}), Usage({1: 130.0, 3: 20.0})

    assert after.since(before) == 50.0


def test_cpu_time_is_told_by_what_a_process_is(tmp_path):
    from scripts.bench.processes import REST

    names = {10: "ray::CellHost.apply", 11: "ray::ServeReplica:front-door:front-door", 12: "x"}

    def spend(ticks):
        for pid, name in names.items():
            folder = tmp_path / str(pid)
            folder.mkdir(exist_ok=True)
            (folder / "environ").write_bytes(f"{MARK}=ours\0".encode())
            (folder / "cmdline").write_bytes(f"{name}\0".encode())
            line = f"{pid} (a b) S 1 1 1 0 -1 0 0 0 0 0 {ticks * pid} 0 0 0"
            (folder / "stat").write_text(line)
        return usage("ours", tmp_path)

    before, tick_ms = spend(0), 1000.0 / os.sysconf("SC_CLK_TCK")
    kinds = spend(3).by_kind(before)

    assert list(kinds) == [REST, "front door", "cells"]
    assert kinds["cells"] == pytest.approx(30 * tick_ms)


def test_where_cpu_went_and_how_many_went_together_are_means_over_all_rounds():
    load = Load(100, 1.0, 0, 1.0, 1.0, 1.0)
    rounds = Rounds(
        [
            Stretch(load, 300.0, 1, {"cells": 100.0, "front door": 200.0}, 10, 100),
            Stretch(load, 100.0, 1, {"cells": 100.0}, 15, 100),
        ]
    )

    assert rounds.where() == {"cells": 1.0, "front door": 1.0}
    assert rounds.together() == 8.0
    said = markdown(results(single=rounds, baseline=Rounds([stretch(2000), stretch(1000)])))
    assert "A cell took 8 single events together" in said


class Responder:
    """A tiny HTTP server in a thread, for the generator of our own."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.seen: list[bytes] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await asyncio.gather(*(t for t in asyncio.all_tasks() if t is not asyncio.current_task()))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self.seen.append(await reader.readexactly(length))
                writer.write(self.reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def __enter__(self) -> "Responder":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)


REPLIES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("form", sorted(REPLIES))
def test_our_own_generator_keeps_connections_and_never_repeats_an_id(form):
    with Responder(REPLIES[form]) as server:
        load = AsyncioLoad("r", 10).run(Target(f"http://127.0.0.1:{server.port}/v1", "k"), 3, 0.2)
        seen = [json.loads(each)["messageId"] for each in server.seen]

    assert load.failed == 0
    assert load.requests == len(seen) > 3
    assert len(set(seen)) == len(seen)
    assert 0 < load.p50_ms <= load.p99_ms


def test_refusals_are_counted():
    refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    with Responder(refusal) as server:
        load = AsyncioLoad("r", 10).run(Target(f"http://127.0.0.1:{server.port}/v1", "k"), 1, 0.1)

    assert load.failed == load.requests > 0
