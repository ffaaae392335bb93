"""Which of the two ways of asking posterior vectors this core takes: loops as machine code, columns as Python."""

from types import FunctionType
from typing import Any

from actors.decisioning import polls

try:
    from actors.decisioning import native_polls
except ImportError:  # what it reads bytes with comes with the compiler
    _native: Any = polls
else:
    _native = native_polls

POLLS: Any = polls if isinstance(_native.wishes_of, FunctionType) else _native
"""A module: `polls`, or `native_polls` where that has been compiled."""
