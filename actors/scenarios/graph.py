"""A scenario as a graph: what is drawn, and what the API lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from actors.playbook.model import Playbook
from actors.playbook.scenario_model import (
    END,
    Branch,
    Call,
    Date,
    End,
    Filter,
    Fork,
    Join,
    Listen,
    Propose,
    Repeat,
    Scenario,
    Split,
    Step,
    Wait,
    WaitUntil,
)
from actors.scenarios.wording import (
    pattern_text,
    rule_text,
    rules_texts,
    start_text,
    step_text,
)

StepKind = Literal[
    "time", "people", "action", "event", "condition", "split", "fork", "join", "repeat", "end"
]
"""Kinds of steps, each of which has a shape of its own."""

START: Literal["start"] = "start"
Kind = StepKind | Literal["start"]

_OF_STEPS: tuple[tuple[type[Step], StepKind], ...] = (
    (Wait, "time"),
    (WaitUntil, "time"),
    (Filter, "people"),
    (Listen, "event"),
    (Branch, "condition"),
    (Split, "split"),
    (Fork, "fork"),
    (Join, "join"),
    (Repeat, "repeat"),
    (End, "end"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """An element. `id` is a step's name, empty for the start, `end` and a number for ends without a step.

    `text` says what it does, as long as that may be.
    """

    id: str
    kind: Kind
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one element to another. `back` is one that a repeat goes back."""

    source: str
    target: str
    label: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Elements in the order of the file, the start first; ways in the order in which they are tried.

    `rules` is what holds for the whole of the scenario, a sentence each.
    """

    name: str
    description: str
    rules: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(scenario: Scenario, playbook: Playbook) -> Graph:
    """Return a scenario's graph; each way to the end without a step of its own gets an element.

    The playbook is the one that this version of the scenario belongs to.
    """
    nodes = [Node("", START, START, start_text(scenario))]
    nodes += [
        Node(name, kind_of(step), name, step_text(step, playbook))
        for name, step in scenario.steps.items()
    ]
    edges = [Edge("", scenario.first)]
    ends = 0
    for step in scenario.steps.values():
        for edge in _joined(list(_ways(step))):
            target = edge.target
            if target == END:
                ends += 1
                # A blank is in no step's name.
                target = f"{END} {ends}"
                nodes.append(Node(target, "end", "", END))
            edges.append(Edge(edge.source, target, edge.label, edge.back))
    rules = tuple(rules_texts(scenario))
    return Graph(scenario.name, scenario.description, rules, tuple(nodes), tuple(edges))


def kind_of(step: Step) -> StepKind:
    """Return what kind of element a step is."""
    return next((kind for of, kind in _OF_STEPS if isinstance(step, of)), "action")


def _ways(step: Step) -> Iterator[Edge]:
    name = step.name
    if isinstance(step, Branch):
        for rule, target in step.cases:
            yield Edge(name, target, rule_text(rule))
        yield Edge(name, step.otherwise, "otherwise")
    elif isinstance(step, Split):
        whole = sum(arm.weight for arm in step.arms) or 1.0
        for arm in step.arms:
            yield Edge(name, arm.next, f"{arm.name} {100 * arm.weight / whole:.3g} %")
    elif isinstance(step, Fork):
        yield from (Edge(name, target) for target in step.branches)
    elif isinstance(step, Listen):
        for case in step.cases:
            yield Edge(name, case.next, pattern_text(case.pattern))
        if step.timeout_ms:
            yield Edge(name, step.otherwise, "timeout")
    elif not isinstance(step, End):
        yield from _plain_ways(step)


def _plain_ways(step: Step) -> Iterator[Edge]:
    name = step.name
    if isinstance(step, Repeat):
        yield Edge(name, step.back, f"again, up to {step.times} ×", back=True)
        yield Edge(name, step.next, "then")
    elif isinstance(step, Filter):
        yield Edge(name, step.next, "yes")
        yield Edge(name, step.otherwise, "no")
    elif isinstance(step, Propose):
        yield Edge(name, step.next, "sent")
        yield Edge(name, step.not_sent, "not sent")
    elif isinstance(step, Call):
        yield Edge(name, step.next, "answer")
        yield Edge(name, step.otherwise, "no answer")
    else:
        yield Edge(name, step.next)
        if isinstance(step, WaitUntil) and isinstance(step.moment, Date):
            yield Edge(name, step.otherwise, "no date")
        elif isinstance(step, Join):
            yield Edge(name, step.otherwise, "too few in time" if step.timeout_ms else "too few")


def _joined(ways: list[Edge]) -> Iterator[Edge]:
    """Let ways to the same element be one; it needs no word if there is no other."""
    by_target: dict[tuple[str, bool], list[str]] = {}
    for way in ways:
        by_target.setdefault((way.target, way.back), []).append(way.label)
    for (target, back), labels in by_target.items():
        label = " or ".join(label for label in labels if label)
        plain = len(by_target) == 1 and not back and len(ways) > 1
        yield Edge(ways[0].source, target, "" if plain else label, back)
