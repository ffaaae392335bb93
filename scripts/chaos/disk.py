"""A small disk of our own for the data directory, so that it can be filled without harm to others."""

import errno
import os
import subprocess
from contextlib import suppress
from pathlib import Path

_BLOCK = b"\0" * (1 << 20)
_BALLOON = "balloon"


class Disk:
    """A tmpfs mounted on a directory; `mounted` is False where the machine does not permit that.

    A tmpfs forgets at a power cut, so this disk tells nothing about fsync: what dies here are processes.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._folder = folder
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.mounted = done.returncode == 0
        self.why = done.stderr.strip()

    def fill(self) -> int:
        """Write until there is no room for one byte more; return how many bytes that took."""
        size = 0
        path = self._folder / _BALLOON
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            block = _BLOCK
            while block:
                try:
                    size += os.write(descriptor, block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    block = block[: len(block) // 2]
        finally:
            os.close(descriptor)
        return size

    def empty(self) -> None:
        """Give the room back."""
        with suppress(FileNotFoundError):
            (self._folder / _BALLOON).unlink()

    def close(self) -> None:
        """Unmount; what was on it is gone."""
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._folder)], capture_output=True, check=False)
            self.mounted = False
