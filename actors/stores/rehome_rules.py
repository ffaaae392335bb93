"""Who may move a customer to another partition, and where: the same for every store. Pure."""

from collections.abc import Mapping

from actors.domain.ids import PARTITIONS

Held = tuple[int, int]
"""A partition, and the epoch under which somebody believes it to be held."""


def may_rehome(row: int | None, epochs: Mapping[int, int], of: Held, to: Held) -> bool:
    """Return whether a customer may leave the partition `of` for the partition `to`.

    `row` is the partition in her row, None when she has none; `epochs` what is stored of both. Both
    epochs must hold: the giver's, because whoever has lost the partition decides nothing about its
    customers; the taker's, because it is about to be told that she is there. Her seq needs no check, for
    she is moved as she is: a turn that began before and commits after finds her elsewhere.
    """
    return (
        of[0] != to[0]
        and row == of[0]
        and epochs.get(of[0]) == of[1]
        and epochs.get(to[0]) == to[1]
    )


def next_partition(highest: int) -> int:
    """Return the number of a partition that is opened: those of single customers follow all others."""
    return max(highest + 1, PARTITIONS)
