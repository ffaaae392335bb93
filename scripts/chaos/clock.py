"""The clock as the system's processes see it: libfaketime, where the machine has it."""

import ctypes.util
import os
from pathlib import Path

VARIABLE = "RIGHTTIME_FAKETIME"
"""The path of `libfaketime.so.1`, where it is none of the usual ones."""

_USUAL = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
)


class SystemClock:
    """Steps the wall clock of every process that was started with `environment`, and of nobody else.

    The monotonic clock goes on as it is, as it does when a machine's wall clock is set.
    """

    def __init__(self, folder: Path) -> None:
        library = _library()
        self.usable = library is not None
        self.why = "" if self.usable else f"no libfaketime on this machine ({VARIABLE} names it)"
        self._file = folder / "clock"
        self.environment: dict[str, str] = {}
        if library is not None:
            self.step(0)
            self.environment = {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_RESET": "1",
                "FAKETIME_CACHE_DURATION": "1",
            }

    def step(self, offset_s: int) -> None:
        """Let the wall clock differ from the machine's by so many seconds; seen within a second."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n", "ascii")
        fresh.replace(self._file)


def _library() -> str | None:
    named = os.environ.get(VARIABLE)
    for path in (named,) if named else _USUAL:
        if Path(path).is_file():
            return str(path)
    return ctypes.util.find_library("faketime")
