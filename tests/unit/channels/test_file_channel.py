import asyncio
import json
import os
import subprocess
import sys

from actors.channels.file import FileChannel
from actors.ports import DeliveryStatus
from tests.unit.channels.outbox_fakes import key

APPEND = """
import asyncio, sys
from pathlib import Path
from actors.channels.file import FileChannel

async def main(path, name, count):
    channel = FileChannel(Path(path))
    body = b'{"content":"' + name.encode() * 2000 + b'"}'
    for start in range(0, count, 10):
        await asyncio.gather(
            *(channel.deliver(f"{name}{i}", body, 1) for i in range(start, start + 10))
        )
    await channel.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def body_of(effect_key):
    return json.dumps({"effectKey": effect_key, "channel": "store", "content": {"ü": 1}}).encode()


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def deliver_all(path, *keys, attempt=1):
    async def scenario():
        channel = FileChannel(path)
        try:
            return await asyncio.gather(
                *(channel.deliver(one, body_of(one), attempt) for one in keys)
            )
        finally:
            await channel.close()

    return asyncio.run(scenario())


def test_an_effect_becomes_one_line_with_its_key_and_attempt(tmp_path):
    path = tmp_path / "outbox" / "store.jsonl"

    (delivery,) = deliver_all(path, key(1), attempt=3)

    assert delivery.status is DeliveryStatus.DELIVERED
    assert lines_of(path) == [
        {"effectKey": key(1), "attempt": 3, "channel": "store", "content": {"ü": 1}}
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_effects_that_wait_together_share_one_fsync(tmp_path, monkeypatch):
    path = tmp_path / "store.jsonl"
    deliver_all(path, key(1))
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd) or real(fd))

    deliver_all(path, *(key(seq) for seq in range(2, 102)))

    assert len(synced) <= 3  # the folder of the file just opened, and at most two groups
    assert [line["effectKey"] for line in lines_of(path)] == [key(seq) for seq in range(1, 102)]


def test_several_processes_append_to_one_file_without_tearing_a_line(tmp_path):
    path = tmp_path / "store.jsonl"
    command = [sys.executable, "-c", APPEND, str(path)]

    writers = [subprocess.Popen([*command, name, "200"]) for name in "abc"]
    codes = [writer.wait(timeout=60) for writer in writers]

    assert codes == [0, 0, 0]
    written = [line["effectKey"] for line in lines_of(path)]
    assert sorted(written) == sorted(f"{name}{i}" for name in "abc" for i in range(200))
    for name in "abc":  # and each writer's own order is kept
        own = [one for one in written if one.startswith(name)]
        assert own == [f"{name}{i}" for i in range(200)]


def test_a_line_torn_by_a_crash_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "store.jsonl"
    path.write_bytes(b'{"effectKey":"torn"')

    deliver_all(path, key(1))

    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"effectKey":"torn"'
    assert json.loads(whole)["effectKey"] == key(1)


def test_a_full_disk_leaves_no_half_line_and_asks_for_a_retry(tmp_path, monkeypatch):
    path = tmp_path / "store.jsonl"
    deliver_all(path, key(1))
    before = path.read_bytes()
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:10]))

    (delivery,) = deliver_all(path, key(2))

    assert delivery.status is DeliveryStatus.RETRY
    assert "No space left" in delivery.detail
    assert path.read_bytes() == before


def test_a_file_that_was_rotated_away_is_made_anew(tmp_path):
    path = tmp_path / "store.jsonl"

    async def scenario():
        channel = FileChannel(path)
        await channel.deliver(key(1), body_of(key(1)), 1)
        path.rename(tmp_path / "store.jsonl.1")
        await channel.deliver(key(2), body_of(key(2)), 1)
        await channel.close()

    asyncio.run(scenario())

    assert [line["effectKey"] for line in lines_of(path)] == [key(2)]


def test_a_path_that_cannot_be_written_is_a_retry_not_an_error(tmp_path):
    (tmp_path / "outbox").write_text("a file where the folder should be", encoding="utf-8")

    (delivery,) = deliver_all(tmp_path / "outbox" / "store.jsonl", key(1))

    assert delivery.status is DeliveryStatus.RETRY


def test_closing_finishes_what_waits(tmp_path):
    path = tmp_path / "store.jsonl"

    async def scenario():
        channel = FileChannel(path)
        waiting = asyncio.create_task(channel.deliver(key(1), body_of(key(1)), 1))
        await asyncio.sleep(0)
        await channel.close()
        return await waiting

    assert asyncio.run(scenario()).status is DeliveryStatus.DELIVERED
    assert len(lines_of(path)) == 1
