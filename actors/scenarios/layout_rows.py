"""Orders the cells of a layout's rows, and moves them to where their neighbours pull them.

The order goes by the barycentres of neighbours, with swaps of neighbours where that spares a crossing.
Positions minimise, for one row at a time and given its order, the squared distances to where the rows beside
it pull, with the least distances kept: exactly, by pooling cells that would overlap (isotonic regression).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

GAP = 22.0
"""Least distance between cells of a row, in the units of the drawing."""

_ROUNDS, _LEAST_ROUNDS = 16, 4
_IDLE = 6
_A_CROSSING = 4
_PULLS, _LEAST_PULLS = 40, 10
_ENOUGH = 12_000
"""Sweeps are fewer where rows have many cells: that many visits of a cell do."""

_SETTLED = 0.5
_STRAIGHTENED = 6


@dataclass(slots=True, eq=False)
class Cell:
    """Something that takes up room in a row. `left` and `right` are from its centre `x`."""

    row: int
    left: float
    right: float
    height: float = 0.0
    x: float = 0.0
    place: int = 0
    above: list["Link"] = field(default_factory=list)
    below: list["Link"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Link:
    """From a cell to one in the next row: where it leaves the upper and meets the lower, from their centres.

    The heavier, the more it wants to be upright. What is fixed is not for others to move.
    """

    upper: Cell
    lower: Cell
    weight: float
    out: float = 0.0
    into: float = 0.0
    fixed_out: bool = False
    fixed_into: bool = False


Rows = Sequence[list[Cell]]


def number(row: Sequence[Cell]) -> None:
    """Tell the cells of a row their places."""
    for place, cell in enumerate(row):
        cell.place = place


def uncross(rows: Rows) -> None:
    """Order the cells of each row so that few links cross, and first ways lead to the left of others.

    Tried twice, once from the mirror image of what came of the first; the best order that was met is kept.
    """
    best, cost = _swept(rows)
    _give(rows, [order[::-1] for order in best])
    mirrored, mirrored_cost = _swept(rows)
    _give(rows, mirrored if mirrored_cost < cost else best)


def _give(rows: Rows, orders: Sequence[Sequence[Cell]]) -> None:
    for row, order in zip(rows, orders, strict=True):
        row[:] = order
        number(row)


def _swept(rows: Rows) -> tuple[list[list[Cell]], int]:
    """Return the best order that sweeps down and up lead to, and what it costs."""
    best, orders, idle = _cost(rows), [list(row) for row in rows], 0
    for turn in range(_turns(rows, _LEAST_ROUNDS, _ROUNDS)):
        if not best or idle == _IDLE:
            break
        down = turn % 2 == 0
        for row in rows if down else reversed(rows):
            # Turning around what ties leads out of orders that no single swap betters.
            if turn % 4 > 1:
                row.reverse()
            row.sort(key=_from_above if down else _from_below)
            number(row)
        for row in rows:
            _swap(row)
        now = _cost(rows)
        idle = 0 if now < best else idle + 1
        if now < best:
            best, orders = now, [list(row) for row in rows]
    return orders, best


def _turns(rows: Rows, least: int, most: int) -> int:
    return max(least, min(most, _ENOUGH // (1 + sum(map(len, rows)))))


def _cost(rows: Rows) -> int:
    """Return how bad an order is: a crossing is as bad as some first ways that lead to the right."""
    wrong = 0
    for row in rows:
        for cell in row:
            if len(cell.below) > 1:
                wrong += cell.below[0].lower.place > cell.below[-1].lower.place
    return _A_CROSSING * _crossings(rows) + wrong


def _from_above(cell: Cell) -> float:
    """Return the middle of where a cell's links come from, in places."""
    return sum(map(_begin, cell.above)) / len(cell.above) if cell.above else float(cell.place)


def _from_below(cell: Cell) -> float:
    return sum(map(_end, cell.below)) / len(cell.below) if cell.below else float(cell.place)


def _part(cell: Cell, offset: float) -> float:
    """Return how far to the side of a cell a link meets it, as a part of a place."""
    return offset / (2 * (cell.left + cell.right) or 1.0)


def _swap(row: list[Cell]) -> None:
    """Swap neighbours while that spares crossings; at first also where it costs none, to come by others."""
    slack, better = 1, True
    while better:
        better = bool(slack)
        for i in range(len(row) - 1):
            one, other = row[i], row[i + 1]
            if _crossed(other, one) < _crossed(one, other) + slack:
                row[i], row[i + 1] = other, one
                one.place, other.place = other.place, one.place
                better = True
        slack = 0


def _crossed(one: Cell, other: Cell) -> int:
    """Return how often links of two cells cross when the one is left of the other."""
    return sum(_begin(a) > _begin(b) for a in one.above for b in other.above) + sum(
        _end(a) > _end(b) for a in one.below for b in other.below
    )


def _begin(link: Link) -> float:
    return link.upper.place + _part(link.upper, link.out)


def _end(link: Link) -> float:
    return link.lower.place + _part(link.lower, link.into)


def _crossings(rows: Rows) -> int:
    total = 0
    for row in rows:
        links = sorted((_begin(link), _end(link)) for cell in row for link in cell.below)
        total += sum(
            links[i][0] < links[j][0] and links[i][1] > links[j][1]
            for i in range(len(links))
            for j in range(i + 1, len(links))
        )
    return total


def pull(rows: Rows) -> None:
    """Move the cells to where their links pull them; the order of each row stays."""
    for row in rows:
        for left, right in pairwise(row):
            right.x = left.x + left.right + GAP + right.left
    for both in (False, True):
        for turn in range(_turns(rows, _LEAST_PULLS, _PULLS)):
            moved = 0.0
            down = turn % 2 == 0
            for row in rows if down else reversed(rows):
                pulls = [_pulled(cell, down=down, both=both) for cell in row]
                moved = max(moved, _place(row, pulls))
            if both and moved < _SETTLED:
                break


def _pulled(cell: Cell, *, down: bool, both: bool) -> tuple[float, float]:
    """Return where a cell is pulled, and how much."""
    total = weight = 0.0
    if down or both:
        for link in cell.above:
            total += link.weight * (link.upper.x + link.out - link.into)
            weight += link.weight
    if both or not down:
        for link in cell.below:
            total += link.weight * (link.lower.x + link.into - link.out)
            weight += link.weight
    return (total / weight, weight) if weight else (cell.x, 0.01)


def straighten(rows: Rows, ways: Sequence[Sequence[Link]]) -> None:
    """Let ways pass rows upright where there is room, and move elements under what leads to them alone."""
    runs = _alone(rows)
    for _ in range(_STRAIGHTENED):
        for cells in runs:
            _upright(rows, cells, ())
        for links in ways:
            first, last = links[0], links[-1]
            ends = (first.upper.x + first.out, last.lower.x + last.into)
            _upright(rows, [link.upper for link in links[1:]], ends)
        for row in rows:
            for cell in row:
                _move_under(rows, cell)


def _alone(rows: Rows) -> list[list[Cell]]:
    """Return runs of cells that lead to each other and nowhere else."""
    runs: list[list[Cell]] = []
    begun: dict[int, list[Cell]] = {}
    for row in rows:
        for cell in row:
            above = cell.above[0] if len(cell.above) == 1 else None
            simple = above is not None and len(above.upper.below) == 1
            if above is None or not simple or above.out or above.into:
                run: list[Cell] = []
                runs.append(run)
            else:
                run = begun[id(above.upper)]
            run.append(cell)
            begun[id(cell)] = run
    return [run for run in runs if len(run) > 1]


def _upright(rows: Rows, cells: Sequence[Cell], ends: Sequence[float]) -> None:
    """Give cells one below the other the same x, as long as there is room: one of `ends`, if it fits."""
    run: list[Cell] = []
    low, high = -inf, inf
    for cell in [*cells, None]:
        room = (1.0, 0.0) if cell is None else _room(rows, cell)
        if max(low, room[0]) > min(high, room[1]):
            if run:
                middle = sorted(each.x for each in run)[len(run) // 2]
                fitting = [x for x in ends if low <= x <= high]
                x = min(fitting, key=lambda x: abs(x - middle)) if fitting else middle
                for each in run:
                    each.x = min(max(x, low), high)
            run, low, high = [], -inf, inf
            room = room if cell is None else _room(rows, cell)
        if cell is not None:
            run.append(cell)
            low, high = max(low, room[0]), min(high, room[1])


def _move_under(rows: Rows, cell: Cell) -> None:
    """Move an element under the one way to it, if all that leads on from it then still is upright."""
    if len(cell.above) != 1 or not cell.height:
        return
    link = cell.above[0]
    low, high = _room(rows, cell)
    x = min(max(link.upper.x + link.out - link.into, low), high)
    bent = sum(_bent(each, 0.0) for each in cell.below)
    if not bent or sum(_bent(each, x - cell.x) for each in cell.below) <= bent:
        cell.x = x


def _bent(link: Link, shift: float) -> bool:
    return abs(link.lower.x + link.into - link.upper.x - link.out - shift) > 1.0


def _room(rows: Rows, cell: Cell) -> tuple[float, float]:
    """Return from where to where a cell can move in its row while the others stay."""
    row, place = rows[cell.row], cell.place
    low, high = -inf, inf
    if place:
        before = row[place - 1]
        low = before.x + before.right + GAP + cell.left
    if place + 1 < len(row):
        after = row[place + 1]
        high = after.x - after.left - GAP - cell.right
    return low, max(low, high)


def _place(row: list[Cell], pulls: list[tuple[float, float]]) -> float:
    """Solve one row: least squares with least distances, by pooling neighbours that would overlap.

    Returns:
        How far the cell has moved that has moved most.
    """
    if len(row) == 1:
        before, row[0].x = row[0].x, pulls[0][0]
        return abs(row[0].x - before)
    offsets: list[float] = [0.0]
    blocks: list[list[float]] = []
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + left.right + GAP + right.left)
    for (wanted, weight), offset in zip(pulls, offsets, strict=True):
        block = [wanted - offset, weight, 1]
        while blocks and blocks[-1][0] > block[0]:
            last = blocks.pop()
            whole = last[1] + block[1]
            at = (last[0] * last[1] + block[0] * block[1]) / whole
            block = [at, whole, last[2] + block[2]]
        blocks.append(block)
    places = [at for at, _, n in blocks for _ in range(int(n))]
    moved = 0.0
    for cell, at, offset in zip(row, places, offsets, strict=False):
        moved = max(moved, abs(at + offset - cell.x))
        cell.x = at + offset
    return moved
