"""Who wins a claim, of a partition or of an attempt: the same for every store. Pure."""

from collections.abc import Mapping, Sequence

from actors.ports import OutboxState

_CLAIMABLE = (OutboxState.PENDING, OutboxState.SENDING)


def claims_won(
    stored: Mapping[int, tuple[str, int]], claims: Sequence[tuple[int, str, int]]
) -> dict[int, int]:
    """Return the new epoch of each partition that is still as its claim expects it, by partition.

    `stored` is (owner, epoch) by partition; a claim is (partition, expected owner, expected epoch).
    An epoch grows by one with every change of hands and never falls, so an owner who has lost a
    partition and has not noticed is told apart for ever, even from the same owner later.
    """
    won: dict[int, int] = {}
    for partition, owner, epoch in claims:
        if partition not in won and stored.get(partition) == (owner, epoch):
            won[partition] = epoch + 1
    return won


def may_attempt(
    stored: tuple[int, int], seen: tuple[int, int], held_epoch: int | None, epoch: int | None
) -> bool:
    """Return whether an effect's row can be claimed for an attempt, as far as ownership goes.

    `stored` and `seen` are (state, attempts), now and when the claimer read it; `held_epoch` is under
    which the claimer holds the row's partition, `epoch` the one that is stored.
    """
    return (
        stored == seen
        and stored[0] in _CLAIMABLE
        and held_epoch is not None
        and held_epoch == epoch
    )
