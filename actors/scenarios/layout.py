"""Places the elements of a graph on a page: in layers, so that ways lead down.

After Sugiyama, Tagawa and Toda (1981): layers by the longest path, an order in each that has few
crossings, then positions. Between any two layers of elements is a row for what stands on the ways: each
word on a way is a cell of its own there, and a way passes every row through a cell that is kept free
for it. So nothing lies on anything else. Equal graphs have equal drawings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from actors.scenarios.layout_rows import Cell, Link, number, pull, straighten, uncross

_WAY = 5.0
_LANE = 18.0
_STRAIGHT, _MAIN, _PLAIN = 8.0, 3.0, 1.0
"""How much a way wants to be upright: between rows it only passes, the first from an element, others."""

_NEAR, _FAR, _SLOPE = 20.0, 30.0, 0.1
"""Height between rows: if all ways are upright there, if not, and more for each unit to the side."""


@dataclass(frozen=True, slots=True)
class Box:
    """An element's size, from its centre.

    `reach` is how far above and below its centre ways begin and end; with `wide` they do so all along it.
    """

    left: float
    right: float
    height: float
    reach: float
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """A way between two elements, by their places in the list; `label` is the width of its word."""

    source: int
    target: int
    label: float = 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where a way runs: through `stops`, (x, top, bottom), with curves from one to the next.

    With `up` it leads back: from the left side of its source, the last stop, up to that of its target.
    `label_at` is the centre of its word.
    """

    stops: tuple[tuple[float, float, float], ...]
    label_at: tuple[float, float] | None
    up: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of elements and routes of ways, in the order given; nothing is left of 0 or above 0."""

    centres: tuple[tuple[float, float], ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def lay_out(boxes: Sequence[Box], ways: Sequence[Way], label_height: float) -> Layout:
    """Place elements and ways; ways are followed from the first element on.

    Raises:
        ValueError: A way leads from an element to itself.
    """
    if any(way.source == way.target for way in ways):
        raise ValueError("a way leads from an element to itself")
    return _Layouter(boxes, ways, label_height).run()


class _Layouter:
    """Lays one graph out; use once."""

    def __init__(self, boxes: Sequence[Box], ways: Sequence[Way], label_height: float) -> None:
        self._boxes = boxes
        self._ways = ways
        self._label_height = label_height
        self._up = _leading_back(len(boxes), ways)
        layers = _layers(len(boxes), ways, self._up)
        lanes = [0] * len(boxes)
        for i in self._up:
            lanes[ways[i].source] += 1
            lanes[ways[i].target] += 1
        self._cells = [
            Cell(2 * layer, box.left + _LANE * n, box.right, box.height)
            for box, layer, n in zip(boxes, layers, lanes, strict=True)
        ]
        self._rows: list[list[Cell]] = [[] for _ in range(2 * max(layers, default=0) + 1)]
        self._links: list[list[Link]] = []
        self._labels: list[Cell | None] = []

    def run(self) -> Layout:
        """Return the layout."""
        first: set[int] = set()
        for i, way in enumerate(self._ways):
            upright = _PLAIN if way.source in first or i in self._up else _MAIN
            first.add(way.source)
            self._connect(way, upright, up=i in self._up)
        self._give_lanes()
        self._fill_rows()
        uncross(self._rows)
        self._spread()
        pull(self._rows)
        straighten(self._rows, self._links)
        return self._drawn()

    def _connect(self, way: Way, upright: float, *, up: bool) -> None:
        """Let a way pass each row between its ends through a cell, one of which has its word."""
        top, bottom = (way.target, way.source) if up else (way.source, way.target)
        begin, end = self._cells[top], self._cells[bottom]
        middle = [Cell(row, _WAY, _WAY) for row in range(begin.row + 1, end.row)]
        label = None
        if way.label:
            label = middle[-1 if up else 0]
            label.left = label.right = way.label / 2
            label.height = self._label_height
        chain = [begin, *middle, end]
        links = []
        for upper, lower in pairwise(chain):
            inner = upper is not begin and lower is not end
            link = Link(upper, lower, _STRAIGHT if inner else upright)
            upper.below.append(link)
            lower.above.append(link)
            links.append(link)
        self._links.append(links)
        self._labels.append(label)

    def _give_lanes(self) -> None:
        """Let ways back begin and end in lanes of their own, left of their elements."""
        taken = [0] * len(self._boxes)

        def lane(element: int) -> float:
            taken[element] += 1
            return -self._boxes[element].left - _LANE * (taken[element] - 0.25)

        for i in sorted(self._up):
            way, links = self._ways[i], self._links[i]
            links[0].out, links[0].fixed_out = lane(way.target), True
            links[-1].into, links[-1].fixed_into = lane(way.source), True

    def _fill_rows(self) -> None:
        """Put the cells into their rows in the order in which one meets them from the start."""
        seen: set[int] = set()
        stack = list(reversed(self._cells))
        while stack:
            cell = stack.pop()
            if id(cell) in seen:
                continue
            seen.add(id(cell))
            self._rows[cell.row].append(cell)
            stack += [link.lower for link in reversed(cell.below)]
        for row in self._rows:
            number(row)

    def _spread(self) -> None:
        """Let ways begin side by side, in the order of where they lead, and end so at wide elements."""
        for cell, box in zip(self._cells, self._boxes, strict=True):
            out = [link for link in cell.below if not link.fixed_out]
            out.sort(key=lambda link: link.lower.place)
            for link, x in zip(out, _side_by_side(len(out), box), strict=True):
                link.out = x
            into = [link for link in cell.above if not link.fixed_into]
            into.sort(key=lambda link: link.upper.place)
            if box.wide:
                for link, x in zip(into, _side_by_side(len(into), box), strict=True):
                    link.into = x

    def _drawn(self) -> Layout:
        every = [cell for row in self._rows for cell in row]
        shift = -min((cell.x - cell.left for cell in every), default=0.0)
        for cell in every:
            cell.x += shift
        tops, bottoms = _heights(self._rows)
        middles = [(top + bottom) / 2 for top, bottom in zip(tops, bottoms, strict=True)]
        routes = []
        for i, (links, label) in enumerate(zip(self._links, self._labels, strict=True)):
            first, last, up = links[0], links[-1], i in self._up
            way = self._ways[i]
            reach = 0.0 if up else self._boxes[way.source].reach
            ahead = 0.0 if up else self._boxes[way.target].reach
            begin, end = first.upper.row, last.lower.row
            stops = (
                (first.upper.x + first.out, middles[begin] + reach, bottoms[begin]),
                *((c.x, tops[c.row], bottoms[c.row]) for c in (link.upper for link in links[1:])),
                (last.lower.x + last.into, tops[end], middles[end] - ahead),
            )
            label_at = None if label is None else (label.x, middles[label.row])
            routes.append(Route(stops, label_at, up))
        return Layout(
            tuple((cell.x, middles[cell.row]) for cell in self._cells),
            tuple(routes),
            max((cell.x + cell.right for cell in every), default=0.0),
            max(bottoms, default=0.0),
        )


def _side_by_side(count: int, box: Box) -> list[float]:
    """Return where so many ways begin at an element, from its centre."""
    room = 2 * (min(box.left, box.right) - 10)
    if count < 2 or room < 40:
        return [0.0] * count
    step = room / (count - 1) if box.wide else min(room / (count - 1), 24.0)
    return [step * (i - (count - 1) / 2) for i in range(count)]


def _leading_back(count: int, ways: Sequence[Way]) -> frozenset[int]:
    """Return the ways that lead back to an element on the way to them: without them, no circle."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    for i, way in enumerate(ways):
        leaving[way.source].append(i)
    back, state = set(), [0] * count
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(leaving[root]))]
        while path:
            element, rest = path[-1]
            i = next(rest, -1)
            if i < 0:
                state[element] = 2
                path.pop()
            elif state[target := ways[i].target] == 1:
                back.add(i)
            elif state[target] == 0:
                state[target] = 1
                path.append((target, iter(leaving[target])))
    return frozenset(back)


def _layers(count: int, ways: Sequence[Way], back: frozenset[int]) -> list[int]:
    """Return for each element how many ways the longest path to it has."""
    down = [way for i, way in enumerate(ways) if i not in back]
    waiting, layers = [0] * count, [0] * count
    for way in down:
        waiting[way.target] += 1
    ready = [element for element in range(count) if not waiting[element]]
    while ready:
        element = ready.pop()
        for way in down:
            if way.source == element:
                layers[way.target] = max(layers[way.target], layers[element] + 1)
                waiting[way.target] -= 1
                if not waiting[way.target]:
                    ready.append(way.target)
    return layers


def _heights(rows: Sequence[Sequence[Cell]]) -> tuple[list[float], list[float]]:
    """Return where each row begins and ends."""
    tops, bottoms, y = [], [], 0.0
    for row in rows:
        tops.append(y)
        y += max((cell.height for cell in row), default=0.0)
        bottoms.append(y)
        aside = [
            abs(link.lower.x + link.into - link.upper.x - link.out)
            for cell in row
            for link in cell.below
        ]
        most = max(aside, default=0.0)
        y += _NEAR if most < 2 else _FAR + min(_FAR, _SLOPE * most)
    return tops, bottoms
