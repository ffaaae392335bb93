"""What an owner believes to own, and what follows from it. Pure.

A belief, because the store may have given a partition to another meanwhile: what counts is the epoch
that is checked inside every commit and every claim.
"""

from collections.abc import Collection, Iterable, Mapping

from actors.ports import PartitionRow

CUSTOMER = "customer:"
"""Begins the names of actors of single customers, which are no cells that anybody counts."""

CLAIM_SERVES_MS = 2_000
"""An attempt whose claim is older is dropped: its partition may have another owner by now."""


def held_by(owner: str, rows: Iterable[PartitionRow]) -> dict[int, int]:
    """Return the epoch by partition of what an owner has in the store's map."""
    return {row.partition: row.epoch for row in rows if row.owner == owner}


def lost(before: Mapping[int, int], after: Mapping[int, int]) -> set[int]:
    """Return the partitions whose customers must be forgotten: gone, or had by another meanwhile."""
    return {p for p, epoch in before.items() if after.get(p) != epoch}


def to_hand_over(
    owner: str, held: Mapping[int, int], partitions: Collection[int]
) -> list[tuple[int, str, int]]:
    """Return the claims by which an owner gives away those of some partitions that it holds."""
    return [(p, owner, held[p]) for p in partitions if p in held]


def may_send(claimed_at_ms: int, now_ms: int, claimed_epoch: int, held_epoch: int | None) -> bool:
    """Return whether an attempt may still begin under a claim, by the claimer's own clock.

    `claimed_at_ms` is from before the claim was committed, so a claim is never younger than it says.
    """
    return now_ms - claimed_at_ms <= CLAIM_SERVES_MS and held_epoch == claimed_epoch
