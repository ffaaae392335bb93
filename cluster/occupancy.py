"""One system a data directory: who came first has it until the process ends, however it ends."""

import fcntl
import os
from pathlib import Path

from actors.domain.errors import RighttimeError

_FILE = "up.lock"


class OccupiedError(RighttimeError):
    """Another system runs on this data directory."""

    def __init__(self, directory: str, holder: str) -> None:
        super().__init__(directory, holder)
        self.directory = directory
        self.holder = holder

    def __str__(self) -> str:
        who = f" (process {self.holder})" if self.holder else ""
        return f"another system{who} runs on {self.directory}: stop it, or name another with --data"


class Occupancy:
    """Holds a directory until `end`, or until this process is gone: the kernel lets go by itself.

    The processes of Ray do not inherit it, so what they leave behind occupies nothing.
    """

    def __init__(self, directory: Path) -> None:
        """Take the directory, which exists.

        Raises:
            OccupiedError: Somebody else has it.
        """
        path = directory / _FILE
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            self.end()
            raise OccupiedError(str(directory), holder) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def end(self) -> None:
        """Let go; once is enough."""
        os.close(self._descriptor)
