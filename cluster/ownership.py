"""What the supervisor proposes: who claims what, who hands over what. Pure; the store decides."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from actors.ports import CellRow, PartitionRow
from cluster.placement import placement


@dataclass(slots=True)
class Proposal:
    """Claims by owner, of partitions that nobody living has; moves by (from, to) owner."""

    claims: dict[str, list[PartitionRow]] = field(default_factory=dict)
    moves: dict[tuple[str, str], list[int]] = field(default_factory=dict)


def propose(
    partitions: Sequence[PartitionRow], living: Sequence[CellRow], standby: Collection[str]
) -> Proposal:
    """Return what should change, given the partitions and the cells known to live.

    Cells named in `standby` own partitions only while no other cell lives. A partition of a dead
    or unknown owner is claimed; one of a living owner moves only when placement says another.
    """
    proposal = Proposal()
    serving = [cell for cell in living if cell.name not in standby] or list(living)
    if not serving:
        return proposal
    by_name = {cell.name: cell for cell in serving}
    owners = {cell.owner for cell in living}
    for row, name in zip(partitions, placement(tuple(sorted(by_name))), strict=True):
        to = by_name[name].owner
        if row.owner == to:
            continue
        if row.owner in owners:
            proposal.moves.setdefault((row.owner, to), []).append(row.partition)
        else:
            proposal.claims.setdefault(to, []).append(row)
    return proposal


@dataclass(slots=True)
class Silence:
    """Judges cells by whether their beat changes, by the watcher's own monotonic clock only."""

    limit_s: float
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def silent(self, cells: Sequence[CellRow], now_s: float) -> set[str]:
        """Return the owners whose beat this watcher has seen unchanged for `limit_s`."""
        known = {cell.owner for cell in cells}
        self._seen = {owner: seen for owner, seen in self._seen.items() if owner in known}
        quiet = set()
        for cell in cells:
            beat, since_s = self._seen.get(cell.owner, (-1, now_s))
            if beat != cell.beat:
                self._seen[cell.owner] = (cell.beat, now_s)
            elif now_s - since_s >= self.limit_s:
                quiet.add(cell.owner)
        return quiet
