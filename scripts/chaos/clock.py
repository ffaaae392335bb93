"""The clock as the system's processes see it: libfaketime, where the machine has it."""

import ctypes.util
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "RIGHTTIME_FAKETIME"
"""The path of `libfaketime.so.1`, where it is none of the usual ones."""

_USUAL = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
)
_IN_WHEEL = "vendor/libfaketime/src/libfaketime.so.1"
_PROBED_BY_S = 3_600
_PROBE = "import time; time.sleep(0.01); print(time.time())"
_PROBE_WITHIN_S = 20.0


class SystemClock:
    """Steps the wall clock of every process that was started with `environment`, and of nobody else.

    The monotonic clock goes on as it is, as it does when a machine's wall clock is set.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._furthest_s = 0
        self.environment: dict[str, str] = {}
        found = list(_libraries())
        for library in found:
            environment = {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_RESET": "1",
                "FAKETIME_CACHE_DURATION": "1",
            }
            if self._works(environment):
                self.environment = environment
                break
        self.usable = bool(self.environment)
        none = f"no libfaketime on this machine ({VARIABLE} names it)"
        broken = f"Python cannot sleep under {', '.join(found)} (`pip install libfaketime` has one)"
        self.why = "" if self.usable else broken if found else none

    def _works(self, environment: dict[str, str]) -> bool:
        """Return whether a Python under this library sleeps, and sees the other time.

        Under the one of Debian 12 (0.9.10) `time.sleep` fails.
        """
        self.step(_PROBED_BY_S)
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROBE],
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=_PROBE_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.step(0)
        return done.returncode == 0 and float(done.stdout) > time.time() + _PROBED_BY_S / 2

    def step(self, offset_s: int) -> None:
        """Let the wall clock differ from the machine's by so many seconds; seen within a second."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset_s:+d}\n", "ascii")
        fresh.replace(self._file)

    def jump(self, offset_s: int) -> None:
        """Step, and remember how far ahead the clock has ever been."""
        self._furthest_s = max(self._furthest_s, offset_s)
        self.step(offset_s)

    def catch_up(self) -> int:
        """Put the clock where it was furthest ahead, and return how many seconds that is.

        What was set while it was ahead is due only then: a reminder two seconds later in two hours.
        """
        if self._furthest_s:
            self.step(self._furthest_s)
        return self._furthest_s


def _libraries() -> Iterator[str]:
    named = os.environ.get(VARIABLE)
    wheel = importlib.util.find_spec("libfaketime")
    places = [named] if named else list(_USUAL)
    if not named and wheel is not None and wheel.origin is not None:
        places.insert(0, str(Path(wheel.origin).parent / _IN_WHEEL))
    yield from (path for path in places if Path(path).is_file())
    elsewhere = None if named else ctypes.util.find_library("faketime")
    if elsewhere is not None:
        yield elsewhere
