"""Appends effects to a file, one JSON line each."""

import asyncio
import errno
import fcntl
import json
import os
from pathlib import Path

from actors.ports import Delivery, DeliveryStatus

_MOST_LINES = 1_024


class FileChannel:
    """Writes `{effectKey, attempt, …body}` lines; DELIVERED only after fsync.

    Effects that wait together share one write and one fsync. Any number of processes may append to
    the same file: each write is a single one at the end, under a lock that is never held during
    fsync. A line torn by a crash or a full disk is cut off or closed, so that it never swallows
    the next one. A file that was rotated away is made anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[Delivery]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Append one line and wait until it is on disk; RETRY when the file system refuses."""
        fields = {"effectKey": effect_key, "attempt": attempt} | json.loads(body)
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        done: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await done

    async def close(self) -> None:
        """Finish what waits, then close the file. The next `deliver` would open it again."""
        if self._writer is not None:
            await self._writer
        self._close_file()

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_LINES], self._waiting[_MOST_LINES:]
            try:
                await asyncio.to_thread(self._append, b"".join(line for line, _ in batch))
                delivery = Delivery(DeliveryStatus.DELIVERED)
            except OSError as error:
                self._close_file()
                reason = error.strerror or type(error).__name__
                delivery = Delivery(DeliveryStatus.RETRY, f"cannot write the file: {reason}")
            for _, done in batch:
                if not done.done():  # its attempt may have been cancelled meanwhile
                    done.set_result(delivery)

    def _append(self, lines: bytes) -> None:
        fd = self._open()
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            size = os.fstat(fd).st_size
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            data = b"\n" + lines if torn else lines
            if os.write(fd, data) != len(data):
                os.ftruncate(fd, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)
        os.fsync(fd)

    def _open(self) -> int:
        if self._fd is not None and self._rotated(self._fd):
            self._close_file()
        if self._fd is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Owner only: the lines hold identities and content.
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            _sync_folder(self._path.parent)
        return self._fd

    def _rotated(self, fd: int) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(fd))
        except FileNotFoundError:
            return True

    def _close_file(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its bytes."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
