"""How the process of a cell is set up."""

import gc
import sys

_SWITCH_S = 0.0005
"""Turns keep the interpreter busy; the store's threads must not wait 5 ms for each of their steps."""

_GC = (100_000, 50, 50)
"""Turns make no cycles to speak of, and tens of thousands of activations are walked in vain.

The first number is above what a full group holds at once, which is gone when the group is.
"""


def tune_process() -> None:
    """Set the interpreter of this process up for turns."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_GC)
