"""Writes a scenario as Mermaid, for documents that draw it themselves."""

from collections.abc import Mapping
from re import sub

from actors.scenarios.graph import START, Graph, Node
from actors.scenarios.shapes import Count, count_text, shortened

_MOST = 300.0
_SHAPES = {
    START: '(["{}"])',
    "time": '("{}")',
    "people": '[["{}"]]',
    "action": '["{}"]',
    "event": '>"{}"]',
    "condition": '{{"{}"}}',
    "split": '{{"{}"}}',
    "fork": '[/"{}"\\]',
    "join": '[\\"{}"/]',
    "repeat": '{{{{"{}"}}}}',
    "end": '((("{}")))',
}


def mermaid(graph: Graph, counts: Mapping[str, Count] | None = None) -> str:
    """Return the text of a flowchart; `counts` as for `draw`."""
    ids = {node.id: f"s{i}" for i, node in enumerate(graph.nodes)}
    lines = ["---", f'title: "{_safe(graph.name)}"', "---", "flowchart TD"]
    lines += [f"  {ids[node.id]}{_shape(node, counts or {})}" for node in graph.nodes]
    for edge in graph.edges:
        label = f'|"{_safe(shortened(edge.label, _MOST, 12))}"|' if edge.label else ""
        arrow = "-.->" if edge.back else "-->"
        lines.append(f"  {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _shape(node: Node, counts: Mapping[str, Count]) -> str:
    texts = (node.title, shortened(node.text, _MOST, 12), count_text(node, counts))
    return _SHAPES[node.kind].format("<br>".join(_safe(text) for text in texts if text))


def _safe(text: str) -> str:
    """Return a text as Mermaid shows it: whatever might mean something to it as the code of a character."""
    flat = " ".join(text.split())
    return sub(r"[^\w ,.:/!?()+*=@%·×−–…-]", lambda found: f"#{ord(found[0])};", flat)
