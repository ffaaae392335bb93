"""Two customers who are one, and one who turns out to be two: pure, in memory, on whole states.

A merge is independent of order: whoever survives, and whichever of several merges comes first, what
is known afterwards is the same. What a bound cuts off is the exception; `merging` says where.
"""

from actors.merging.merging import Parts, merge
from actors.merging.unmerging import (
    LaterTurn,
    Names,
    Reading,
    Shares,
    Unmerged,
    UnmergeReport,
    unmerge,
)

__all__ = [
    "LaterTurn",
    "Names",
    "Parts",
    "Reading",
    "Shares",
    "UnmergeReport",
    "Unmerged",
    "merge",
    "unmerge",
]
