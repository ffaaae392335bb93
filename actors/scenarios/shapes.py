"""The elements of a drawn scenario: how large they are, and their shapes, as SVG.

Widths of texts are estimates on the safe side: whoever looks at the drawing has fonts of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from re import sub

from actors.scenarios.graph import START, Node
from actors.scenarios.layout import Box

TITLE_PX, TEXT_PX, LABEL_PX = 13.0, 12.0, 11.0
_LINE = 16.0
_MOST = 230.0
_LINES = 3
_ICON = 24.0
_PAD = 12.0
_DIAMOND = 23.0
_BAR = 4.0
_NARROW, _BROAD = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMWO@%—→")
_WIDE_FROM = 0x2E80
_INVALID = r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"

NAMES = {
    START: "start",
    "time": "time",
    "people": "people",
    "action": "action",
    "event": "event",
    "condition": "condition",
    "split": "random split",
    "fork": "fork and join",
    "join": "fork and join",
    "repeat": "repeat",
    "end": "end",
}
"""What the legend says of each kind."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many are at a step, have gone on from it, and were lost there."""

    waiting: int
    passed: int
    left: int


@dataclass(frozen=True, slots=True)
class Element:
    """An element ready to be placed: its lines of text, and its size."""

    node: Node
    title: str
    lines: tuple[str, ...]
    count: str
    box: Box


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is, rather too wide."""
    total = 0.0
    for letter in text:
        if letter in _NARROW:
            total += 0.42
        elif letter in _BROAD:
            total += 0.98
        elif ord(letter) >= _WIDE_FROM:
            total += 1.1
        else:
            total += 0.7 if letter.isupper() else 0.62
    return total * size * (1.09 if bold else 1.0)


def shortened(text: str, most: float, size: float, *, bold: bool = False) -> str:
    """Return a text that is at most so wide, with an ellipsis for what is missing."""
    text = " ".join(text.split())
    if text_width(text, size, bold=bold) <= most:
        return text
    while text and text_width(text + "…", size, bold=bold) > most:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, most: float, size: float, lines: int) -> tuple[str, ...]:
    """Return a text in at most so many lines, the last of which may end in an ellipsis."""
    found: list[str] = []
    pieces: list[tuple[str, bool]] = []
    for word in text.split():
        long = text_width(word, size) > most
        parts = sub(r"(?<=[./,_])(?=\w)", "\0", word).split("\0") if long else [word]
        pieces += [(part, i == 0) for i, part in enumerate(parts)]
    for piece, begins in pieces:
        joined = f"{found[-1]} {piece}" if found and begins else (found or [""])[-1] + piece
        if found and text_width(joined, size) <= most:
            found[-1] = joined
        else:
            found.append(piece)
    if len(found) > lines:
        found[lines - 1 :] = [" ".join(found[lines - 1 :])]
    return tuple(shortened(line, most, size) for line in found if line)


def count_text(node: Node, counts: Mapping[str, Count]) -> str:
    """Return what is counted of an element, in a line; empty when nothing is."""
    count = counts.get(node.id)
    if count is None:
        return ""
    if node.kind == START:
        return f"{count.waiting:,} under way · {count.passed:,} started · {count.left:,} over"
    if node.kind == "end":
        return f"{count.left:,} ended"
    if node.kind in {"time", "event", "action"}:
        return f"{count.waiting:,} waiting · {count.passed:,} passed · {count.left:,} left"
    return f"{count.passed:,} passed"


def element_of(node: Node, counts: Mapping[str, Count], ways: int) -> Element:
    """Return an element with its size; `ways` is how many ways begin or end at it at most."""
    title = shortened(node.title, _MOST, TITLE_PX, bold=True)
    unnamed = node.kind == "end" and not node.title
    lines = () if unnamed else wrapped(node.text, _MOST, TEXT_PX, _LINES)
    count = count_text(node, counts)
    width = max(
        text_width(title, TITLE_PX, bold=True),
        text_width(count, TEXT_PX, bold=True),
        *(text_width(line, TEXT_PX) for line in lines or ("",)),
    )
    height = _LINE * (bool(title) + len(lines) + bool(count))
    return Element(node, title, lines, count, _box(node.kind, width, height, ways))


def _box(kind: str, width: float, height: float, ways: int) -> Box:
    beside = width + 8 if width else 0.0
    if kind in {"condition", "split"}:
        return Box(_DIAMOND, _DIAMOND + beside, max(2 * _DIAMOND, height), _DIAMOND)
    if kind in {"fork", "join"}:
        half = max(60.0, 36.0 * ways)
        return Box(half, half + beside, max(2 * _BAR, height), _BAR, wide=True)
    if kind == "end":
        reach = 10.0 if width else 7.0
        return Box(reach, reach + beside, max(2 * reach, height), reach)
    half = max(60.0, (width + _ICON) / 2 + _PAD)
    whole = height + 18.0
    return Box(half, half, whole, whole / 2)


def drawn(element: Element, x: float, y: float) -> str:
    """Return an element at its centre, as SVG."""
    node, box = element.node, element.box
    told = f"{node.title}: {node.text}" if node.text else node.title
    parts = [
        f'<g class="{node.kind}">',
        f"<title>{safe(told)}</title>",
        shape(node.kind, x, y, box),
    ]
    inside = box.left == box.right and node.kind != "end"
    left = x - box.left + _PAD + _ICON - 4 if inside else x + box.left + 8
    texts = [("t", element.title)] if element.title else []
    texts += [("s", line) for line in element.lines]
    texts += [("c", element.count)] if element.count else []
    top = y - _LINE * len(texts) / 2 + 12
    for i, (style, text) in enumerate(texts):
        parts.append(
            f'<text class="{style}" x="{left:.1f}" y="{top + _LINE * i:.1f}">{safe(text)}</text>'
        )
    return "".join([*parts, "</g>"])


def shape(kind: str, x: float, y: float, box: Box) -> str:
    """Return the shape of a kind of element, with its sign."""
    half = box.height / 2
    left, right, top, bottom = x - box.left, x + box.left, y - half, y + half
    if kind in {"condition", "split"}:
        d = _DIAMOND
        sign = "?" if kind == "condition" else "%"
        points = _points((x, y - d), (x + d, y), (x, y + d), (x - d, y))
        return f'{points}<text class="i" x="{x:.1f}" y="{y + 5:.1f}">{sign}</text>'
    if kind in {"fork", "join"}:
        return _rect(left, y - _BAR, 2 * box.left, 2 * _BAR, 3)
    if kind == "end":
        r = box.reach
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r - 1:.1f}"/>'
            f'<circle class="f" cx="{x:.1f}" cy="{y:.1f}" r="{r / 2:.1f}"/>'
        )
    if kind == "event":
        outline = _points(
            (left, top), (right, top), (right - 9, y), (right, bottom), (left, bottom)
        )
    elif kind == "repeat":
        outline = _points(
            *((left, y), (left + 11, top), (right - 11, top)),
            *((right, y), (right - 11, bottom), (left + 11, bottom)),
        )
    else:
        round_by = {"time": min(half, 24.0), START: min(half, 24.0), "people": 2.0}.get(kind, 7.0)
        outline = _rect(left, top, right - left, bottom - top, round_by)
    return outline + sign_of(kind, left + _PAD + 6, y)


def sign_of(kind: str, x: float, y: float) -> str:
    """Return the small sign inside a shape, 14 wide and high, at its centre."""
    signs = {
        START: "M-4-6L6 0L-4 6Z",
        "time": "M-5-7H5M-5 7H5M-4-7V-5C-4-2 4 2 4 5V7M4-7V-5C4-2-4 2-4 5V7",
        "people": "M-6 7C-6-1 6-1 6 7ZM0-7A3 3 0 1 1 0-1A3 3 0 1 1 0-7Z",
        "action": "M1-7L-5 1H0L-1 7L5-1H0Z",
        "event": "M-5-1A5 5 0 0 1 5-1V3L7 5H-7L-5 3ZM-2 7H2",
        "repeat": "M5-3A6 6 0 1 0 6 2M6-7V-2H1",
    }
    return f'<path class="g" transform="translate({x:.1f} {y:.1f})" d="{signs[kind]}"/>'


def safe(text: str) -> str:
    """Return a text as it may stand in XML."""
    return escape(sub(_INVALID, "\ufffd", text))


def _points(*corners: tuple[float, float]) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon points="{text}"/>'


def _rect(x: float, y: float, width: float, height: float, round_by: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' rx="{round_by:.1f}"/>'
    )
