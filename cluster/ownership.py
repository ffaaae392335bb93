"""Who lives, who claims what, who hands over what. Pure: the store decides, clocks are arguments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import inf

from actors.ports import CellRow, PartitionRow
from cluster.placement import EVEN, Weights, placement


@dataclass(slots=True)
class Proposal:
    """Claims by owner, of partitions that nobody living has; moves by (from, to) owner."""

    claims: dict[str, list[PartitionRow]] = field(default_factory=dict)
    moves: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many partitions change hands."""
        return sum(map(len, self.claims.values())) + sum(map(len, self.moves.values()))


def propose(
    partitions: Sequence[PartitionRow],
    living: Sequence[CellRow],
    standby: Collection[str],
    leaving: Collection[str] = (),
    weights: Weights = EVEN,
    apart: Collection[str] = (),
) -> Proposal:
    """Return what should change, given the partitions and the cells known to live.

    Cells named in `standby` own partitions only while no other cell lives; those in `leaving` are to
    give away what they have, and get nothing while any other lives. A partition of a dead or unknown
    owner is claimed; one of a living owner moves only when placement says another. What the owners in
    `apart` have, the actors of single customers, is left alone.
    """
    proposal = Proposal()
    staying = [cell for cell in living if cell.name not in leaving] or list(living)
    serving = [cell for cell in staying if cell.name not in standby] or staying
    if not serving:
        return proposal
    by_name = {cell.name: cell for cell in serving}
    owners = {cell.owner for cell in living}
    names = tuple(sorted(by_name))
    weighed = tuple(each for each in weights if each[0] in by_name)
    for row, name in zip(partitions, placement(names, weighed, len(partitions)), strict=True):
        to = by_name[name].owner
        if row.owner == to or row.owner in apart:
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
    gap_s: float = inf
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    _looked_s: float = inf

    def silent(self, cells: Sequence[CellRow], now_s: float) -> set[str]:
        """Return the owners whose beat this watcher has seen unchanged for `limit_s`.

        Between two looks at most `gap_s` count: a watcher that was stopped itself, or could not read the
        store, has not seen what happened meanwhile, and neither could the cells write their beats.
        """
        more_s = min(max(now_s - self._looked_s, 0.0), self.gap_s)
        self._looked_s = now_s
        before, self._seen = self._seen, {}
        quiet = set()
        for cell in cells:
            beat, still_s = before.get(cell.owner, (-1, 0.0))
            still_s = still_s + more_s if beat == cell.beat else 0.0
            self._seen[cell.owner] = (cell.beat, still_s)
            if still_s >= self.limit_s:
                quiet.add(cell.owner)
        return quiet


@dataclass(frozen=True, slots=True)
class Look:
    """What a watcher makes of the registered cells at one moment."""

    living: tuple[CellRow, ...]
    silent: tuple[CellRow, ...]


@dataclass(slots=True)
class Roster:
    """Who lives, as one watcher knows it.

    A death is for good: an incarnation never comes back. Silence is not: an owner that was cut off or
    stopped has lost its partitions, but beats again one day and is given some then.
    """

    silence: Silence
    died: set[str] = field(default_factory=set)

    def look(self, registered: Sequence[CellRow], now_s: float) -> Look:
        """Judge the registered cells; `now_s` is the watcher's own monotonic clock."""
        self.died &= {cell.owner for cell in registered}
        quiet = self.silence.silent(registered, now_s)
        return Look(
            tuple(c for c in registered if c.owner not in quiet and c.owner not in self.died),
            tuple(c for c in registered if c.owner in quiet and c.owner not in self.died),
        )


BLAME_S = 2.5
"""After one was killed, how long others that are silent have to beat again: beats come once a second."""


def to_blame(
    silent: Sequence[CellRow], stopped: Collection[str], since_kill_s: float
) -> tuple[CellRow, ...]:
    """Return which silent cells of one machine are to be killed now.

    One that is stopped inside a transaction holds up the beats of all: then only those that the kernel
    calls stopped, named in `stopped` by owner, are to blame, and the others have a while to beat again.
    """
    blamed = tuple(cell for cell in silent if cell.owner in stopped)
    if blamed or since_kill_s < BLAME_S:
        return blamed
    return tuple(silent)
