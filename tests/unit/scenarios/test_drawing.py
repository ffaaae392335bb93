"""Drawings of scenarios: complete, readable by people and machines, and safe to open."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from actors.playbook.loader import compile_bundle, library
from actors.scenarios.drawing import draw, place
from actors.scenarios.graph import Edge, Graph, Node, graph_of
from actors.scenarios.mermaid import mermaid
from actors.scenarios.shapes import Count, shortened, text_width, wrapped

RETAIL = compile_bundle(library("retail"))
NAMES = [each.name for each in RETAIL.scenarios]
SVG = "{http://www.w3.org/2000/svg}"
ODD = "a <b>&\"'\x00\x0b\ud800 ]]> --> {{x}} |y| `z` 漢字 \U0001f600"


def retail(name="service_recovery"):
    return graph_of(RETAIL.scenarios_by_name[name], RETAIL)


def small(text, kind="action"):
    nodes = (Node("", "start", "start", text), Node("s", kind, text, text))
    return Graph(text, text, (text,), nodes, (Edge("", "s", text),))


def long(kinds, branches=3):
    """A graph of 30 steps with forks and a loop."""
    nodes = [Node("", "start", "start", "Product Added when event.properties.price > 5.0")]
    nodes += [
        Node(f"step_{i}", kinds[i % len(kinds)], f"step_{i}", "wait 30 min") for i in range(30)
    ]
    names = [node.id for node in nodes]
    edges = [Edge(*pair) for pair in pairwise(names)]
    edges += [Edge(names[i], names[i + branches], "otherwise") for i in range(3, 25, 4)]
    edges.append(Edge(names[28], names[9], "again, up to 3 ×", back=True))
    return Graph("long", "", (), tuple(nodes), tuple(edges))


TAGS = {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "g"}
TAGS |= {"polygon", "circle"}
ALL = ("time", "people", "action", "event", "condition", "split", "fork", "join", "repeat", "end")


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_of_retail_is_drawn_with_all_its_steps_and_words(name):
    graph = retail(name)

    root = ElementTree.fromstring(draw(graph))

    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert {node.title for node in graph.nodes} - {""} <= set(texts)
    ways = [path for path in root.iter(f"{SVG}path") if path.get("class") == "w"]
    assert len(ways) == len(graph.edges)
    assert all("marker-end" in path.attrib for path in ways)


@pytest.mark.parametrize("graph", [long(ALL), long(("time", "action")), *map(retail, NAMES)])
def test_texts_stay_within_their_elements_and_the_page(graph):
    counts = {node.id: Count(12_345, 1_234_567, 99) for node in graph.nodes if node.title}
    elements, layout = place(graph, counts)

    for element in elements:
        box = element.box
        room = (box.left + box.right - 40) if box.left == box.right else box.right - box.left
        if element.node.kind != "end" or element.title:
            for line in element.lines:
                assert text_width(line, 12) <= room
        lines = bool(element.title) + len(element.lines) + bool(element.count)
        assert 16 * lines <= box.height
    root = ElementTree.fromstring(draw(graph, counts))
    assert float(root.get("width")) >= layout.width + 40
    assert float(root.get("height")) >= layout.height + 60


@pytest.mark.parametrize("kind", ALL)
def test_texts_of_any_kind_are_text_and_nothing_else(kind):
    drawn = draw(small(ODD, kind), {"s": Count(1, 2, 3)})

    root = ElementTree.fromstring(drawn)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= TAGS
    assert "<b>" not in drawn
    assert root.find(f"{SVG}title").text.startswith("Scenario a <b>&\"'")


def test_a_drawing_loads_and_runs_nothing():
    drawn = draw(retail())

    assert not re.search(r"<script|\son\w+=|href|url\((?!#)|@import|<image|<foreignObject", drawn)


def test_a_drawing_is_light_and_dark_and_says_what_it_shows():
    root = ElementTree.fromstring(draw(retail()))

    style = root.find(f"{SVG}style").text
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    assert set(re.findall(r"\.(\w+) rect", light)) == set(re.findall(r"\.(\w+) rect", dark))
    assert root.get("role") == "img"
    described = root.find(f"{SVG}desc").text
    assert "settled (event): wait for Case Closed" in described
    assert "timeout: escalate" in described
    assert root.get("aria-labelledby") == "title description"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("half", [0, 1])
def test_texts_can_be_read_on_every_fill_in_light_and_dark(half):
    style = ElementTree.fromstring(draw(long(ALL))).find(f"{SVG}style").text
    sheet = style.split("@media(prefers-color-scheme:dark)")[half]
    page = re.search(r"\.page\{fill:(#\w+)\}", sheet)[1]
    text = re.search(r"\}text\{fill:(#\w+)\}|^text\{fill:(#\w+)\}", sheet)[1]
    dim = re.search(r"\.s,\.k,\.l text\{fill:(#\w+)\}", sheet)[1]
    fills = re.findall(r"\.\w+ polygon\{fill:(#\w+);stroke:(#\w+)\}", sheet)

    assert len(fills) == 8
    for fill in (page, *(fill for fill, _ in fills)):
        assert contrast(text, fill) >= 7
        assert contrast(dim, fill) >= 4.5
    for fill, line in fills:
        assert contrast(line, fill) >= 4.5
        assert contrast(line, page) >= 3


def test_counts_are_said_where_they_are_known():
    counts = {"": Count(31, 1240, 1209), "settled": Count(1, 2, 3), "well": Count(0, 0, 7)}

    texts = [e.text for e in ElementTree.fromstring(draw(retail(), counts)).iter(f"{SVG}text")]

    assert "31 under way · 1,240 started · 1,209 over" in texts
    assert "1 waiting · 2 passed · 3 left" in texts
    assert "7 ended" in texts
    assert sum("waiting" in (text or "") for text in texts) == 1


def test_a_drawing_is_the_same_again():
    assert draw(long(ALL)) == draw(long(ALL))


def test_a_long_text_ends_in_an_ellipsis_and_a_long_word_is_broken():
    assert shortened("one two three", 40, 12) == "one t…"
    lines = wrapped("profile.traits.something_very_long_indeed_that_never_ends == 1", 120, 12, 3)
    assert len(lines) == 3
    assert all(text_width(line, 12) <= 120 for line in lines)
    assert wrapped("a b", 120, 12, 3) == ("a b",)


def test_mermaid_has_every_element_and_way_and_nothing_that_it_might_take_for_its_own():
    graph = retail()
    text = mermaid(graph, {"settled": Count(1, 2, 3)})

    lines = text.splitlines()
    assert lines[3] == "flowchart TD"
    assert len(lines) == 4 + len(graph.nodes) + len(graph.edges)
    assert "1 waiting · 2 passed · 3 left" in text
    odd = mermaid(small(ODD)).splitlines()
    quoted = [part for line in odd[4:] for part in line.split('"')[1::2]]
    assert all(not re.search(r"[<>&`|{}\[\]](?!br>)", part.replace("<br>", "")) for part in quoted)
    assert all(line.count('"') == 2 for line in odd[4:])
