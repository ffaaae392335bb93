"""Draws a scenario as SVG: elements by shape, ways with their words, and how many are where.

One file without scripts, fonts or links, light or dark as the viewer wishes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from actors.scenarios.graph import Graph
from actors.scenarios.layout import Box, Layout, Route, Way, lay_out
from actors.scenarios.shapes import (
    LABEL_PX,
    NAMES,
    Count,
    Element,
    drawn,
    element_of,
    safe,
    shape,
    shortened,
    text_width,
    wrapped,
)

_MARGIN = 24.0
_LABEL_MOST = 180.0
_LABEL_HEIGHT = 15.0
_LEAST_WIDTH = 520.0
_CORNER = 8.0

_KINDS = {  # fill and line, light and dark
    "start": ("#e6f4ea", "#1d7333", "#12301b", "#5cc274"),
    "time": ("#fdf3d3", "#8c5f00", "#332908", "#ddb03c"),
    "people": ("#eee8fc", "#6b42c8", "#281d44", "#b094f5"),
    "action": ("#e4effd", "#1a62bb", "#10253e", "#6eacf7"),
    "event": ("#fde7ee", "#b82055", "#3b1523", "#f47ea5"),
    "condition": ("#dff4f2", "#0a6c64", "#0b2e2b", "#4dc7bb"),
    "split": ("#eef3d4", "#5b690a", "#282d0b", "#b6c94c"),
    "repeat": ("#fdeadb", "#a3490b", "#3a2110", "#f29b5c"),
}
_LIGHT = ("#ffffff", "#1b1f24", "#59626d", "#7d8691", "#4a525b")
_DARK = ("#0d1117", "#e8edf3", "#a0aab5", "#78828d", "#b4bcc6")


def draw(graph: Graph, counts: Mapping[str, Count] | None = None) -> str:
    """Return the drawing; `counts` by step, with the start as an empty one, or None for none."""
    elements, layout = place(graph, counts or {})
    head = _head(graph, layout.width)
    top = _MARGIN + 24 + 18 * len(head) + 14
    inner = max(layout.width, _LEAST_WIDTH)
    legend, legend_height = _legend(graph, inner)
    bottom = top + layout.height + 28
    width, height = inner + 2 * _MARGIN, bottom + legend_height + _MARGIN
    aside = _MARGIN + (inner - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        f' aria-labelledby="title description" lang="en">',
        f'<title id="title">Scenario {safe(graph.name)}</title>',
        f'<desc id="description">{safe(description(graph))}</desc>',
        f"<style>{_style()}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path class="a" d="M0 0.6L7.6 4L0 7.4Z"/></marker></defs>',
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="h" x="{_MARGIN}" y="{_MARGIN + 16}">{safe(graph.name)}</text>',
        *(
            f'<text class="s" x="{_MARGIN}" y="{_MARGIN + 40 + 18 * i:.0f}">{safe(line)}</text>'
            for i, line in enumerate(head)
        ),
        f'<g transform="translate({aside:.1f} {top:.1f})">',
        *_ways(graph, elements, layout),
        *(drawn(element, *at) for element, at in zip(elements, layout.centres, strict=True)),
        "</g>",
        f'<g transform="translate({_MARGIN} {bottom:.1f})">{legend}</g>',
        "</svg>\n",
    ]
    return "\n".join(parts)


def place(graph: Graph, counts: Mapping[str, Count]) -> tuple[list[Element], Layout]:
    """Return the elements with their sizes, and where all is."""
    ways = Counter(edge.source for edge in graph.edges)
    into = Counter(edge.target for edge in graph.edges)
    elements = [element_of(node, counts, max(ways[node.id], into[node.id])) for node in graph.nodes]
    places = {node.id: i for i, node in enumerate(graph.nodes)}
    layout = lay_out(
        [element.box for element in elements],
        [
            Way(places[edge.source], places[edge.target], _label_width(edge.label))
            for edge in graph.edges
        ],
        _LABEL_HEIGHT,
    )
    return elements, layout


def description(graph: Graph) -> str:
    """Return what is drawn, as text: for those who cannot see it."""
    names = {node.id: node.title or node.text for node in graph.nodes}
    sentences = [graph.description.rstrip("."), *graph.rules]
    for node in graph.nodes:
        ways = [
            f"{edge.label + ': ' if edge.label else ''}{names[edge.target]}"
            for edge in graph.edges
            if edge.source == node.id
        ]
        if node.title:
            then = f"; then {', '.join(ways)}" if ways else ""
            sentences.append(f"{node.title} ({NAMES[node.kind]}): {node.text}{then}")
    return ". ".join(sentence for sentence in sentences if sentence) + "."


def _head(graph: Graph, width: float) -> list[str]:
    most = max(width, _LEAST_WIDTH)
    lines = list(wrapped(graph.description, most, 12, 3)) if graph.description else []
    if graph.rules:
        lines += wrapped(" · ".join(graph.rules), most, 12, 5)
    return lines


def _label_width(label: str) -> float:
    return text_width(shortened(label, _LABEL_MOST, LABEL_PX), LABEL_PX) + 6 if label else 0.0


def _ways(graph: Graph, elements: Sequence[Element], layout: Layout) -> list[str]:
    places = {node.id: i for i, node in enumerate(graph.nodes)}
    lines, labels = [], []
    for edge, route in zip(graph.edges, layout.routes, strict=True):
        source, target = places[edge.source], places[edge.target]
        ends = [layout.centres[i][0] - elements[i].box.left for i in (target, source)]
        path = _path_up(route, *ends) if route.up else _path_down(route)
        lines.append(f'<path class="w" d="{path}" marker-end="url(#arrow)"/>')
        if route.label_at is not None:
            x, y = route.label_at
            width = _label_width(edge.label)
            text = shortened(edge.label, _LABEL_MOST, LABEL_PX)
            labels.append(
                f'<g class="l"><title>{safe(edge.label)}</title><rect class="page"'
                f' x="{x - width / 2:.1f}" y="{y - 8:.1f}" width="{width:.1f}" height="16"/>'
                f'<text x="{x:.1f}" y="{y + 4:.1f}">{safe(text)}</text></g>'
            )
    return lines + labels


def _path_down(route: Route) -> str:
    x, top, bottom = route.stops[0]
    path = f"M{x:.1f} {top:.1f}V{bottom:.1f}"
    for to, top, end in route.stops[1:]:
        path += _bend(x, bottom, to, top)
        # A last stretch of no length would point the arrow anywhere.
        path += f"V{end:.1f}" if end - top > 0.1 else ""
        x, bottom = to, end
    return path


def _path_up(route: Route, target_left: float, source_left: float) -> str:
    x, top, y = route.stops[-1]
    path = f"M{source_left:.1f} {y:.1f}H{x + _CORNER:.1f}"
    path += f"Q{x:.1f} {y:.1f} {x:.1f} {y - _CORNER:.1f}V{top:.1f}"
    for to, end, bottom in reversed(route.stops[:-1]):
        path += _bend(x, top, to, bottom)
        x, top = to, end
        if (to, end, bottom) != route.stops[0]:
            path += f"V{top:.1f}"
    path += f"V{top + _CORNER:.1f}Q{x:.1f} {top:.1f} {x + _CORNER:.1f} {top:.1f}"
    return path + f"H{target_left:.1f}"


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    if abs(x - to_x) < 4:  # a bend so small would look like a mistake
        return f"L{to_x:.1f} {to_y:.1f}"
    middle = (y + to_y) / 2
    return f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"


def _legend(graph: Graph, width: float) -> tuple[str, float]:
    """Return a key to the shapes that occur, and how high it is."""
    kinds = dict.fromkeys("fork" if node.kind == "join" else node.kind for node in graph.nodes)
    parts, x, y = [], 0.0, 8.0
    for kind in (kind for kind in NAMES if kind in kinds):
        wide = 44.0 if kind in _KINDS and kind not in {"condition", "split"} else 26.0
        room = wide + 8 + text_width(NAMES[kind], LABEL_PX) + 20
        if x + room > width:
            x, y = 0.0, y + 30
        parts.append(f'<g class="{kind}">{_small(kind, x + wide / 2, y, wide)}')
        parts.append(
            f'<text class="k" x="{x + wide + 8:.1f}" y="{y + 4:.1f}">{NAMES[kind]}</text></g>'
        )
        x += room
    return "".join(parts), y + 16


def _small(kind: str, x: float, y: float, wide: float) -> str:
    scale = 0.6 if kind in {"condition", "split"} else 1.0
    half = wide / 2
    box = Box(half, half, 22.0, 8.0)
    if kind == "fork":
        return shape(kind, x, y, box)
    at = f'transform="translate({x:.1f} {y:.1f}) scale({scale})"'
    return f"<g {at}>{shape(kind, 0, 0, box)}</g>"


def _style() -> str:
    """Return the style sheet, with its second half for dark viewers."""
    font = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
    always = (
        f"text{{font:12px {font}}}.h{{font-size:18px;font-weight:600}}"
        ".t{font-size:13px;font-weight:600}.c{font-weight:600}"
        ".l text{font-size:11px;text-anchor:middle}.i{font-size:15px;font-weight:700;text-anchor:middle}"
        ".k{font-size:11px}.w{fill:none;stroke-width:1.4}.g{fill:none;stroke-width:1.4;"
        "stroke-linejoin:round;stroke-linecap:round}rect,polygon,circle{stroke-width:1.5}"
        "rect.page{stroke:none}.end>circle,.end g circle{fill:none}"
    )
    return (
        always + _colours(_LIGHT, 0) + f"@media(prefers-color-scheme:dark){{{_colours(_DARK, 2)}}}"
    )


def _colours(base: tuple[str, ...], first: int) -> str:
    page, text, dim, way, bar = base
    rules = [
        f".page{{fill:{page}}}text{{fill:{text}}}.s,.k,.l text{{fill:{dim}}}",
        f".w{{stroke:{way}}}.a{{fill:{way}}}",
        f".fork rect,.join rect{{fill:{bar};stroke:{bar}}}",
        f".end circle{{stroke:{bar}}}.end circle.f{{fill:{bar};stroke:none}}",
    ]
    for kind, colours in _KINDS.items():
        fill, line = colours[first : first + 2]
        rules.append(
            f".{kind} rect,.{kind} polygon{{fill:{fill};stroke:{line}}}"
            f".{kind} .g{{stroke:{line}}}.{kind} .i,.{kind} .c{{fill:{line}}}"
        )
    return "".join(rules)
