"""Scenarios: a list, the steps of each with who is where, and a drawing."""

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import FastAPI, Path
from starlette.responses import Response

from actors.playbook.model import Playbook
from actors.playbook.scenario_model import END, Scenario
from actors.ports import ScenarioCount, Store
from actors.scenarios.counting import INSTANCES
from actors.scenarios.drawing import draw
from actors.scenarios.graph import Graph, graph_of, kind_of
from actors.scenarios.shapes import Count
from actors.scenarios.wording import step_text
from serve_app.api.documentation import READ_PROBLEMS, needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.problems import NOT_FOUND, ProblemError
from serve_app.scenario_replies import ScenarioOut, ScenariosOut, ScenarioVersion

_TAG = "Scenarios"
_PRIVATE = {"Cache-Control": "private, no-store"}
_SVG = {
    **_PRIVATE,
    # A drawing has nothing to load or run, wherever it is opened.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_NOBODY = Count(0, 0, 0)

Name = Annotated[
    str,
    Path(
        max_length=128,
        description="A scenario of the active playbook.",
        examples=["abandoned_cart"],
    ),
]


class Scenarios:
    """Reads definitions and counts; makes drawings one at a time, because that takes a while."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records
        self._drawing = asyncio.Lock()
        self._last: tuple[Graph, dict[str, Count], str] | None = None

    async def all(self) -> ScenariosOut:
        """Return the active playbook's scenarios."""
        playbook = await self._records.playbook()
        under_way: dict[str, int] = {}
        for count in await self._store.scenario_counts():
            if count.step == INSTANCES:
                under_way[count.scenario] = under_way.get(count.scenario, 0) + count.waiting
        return {
            "scenarios": [
                {
                    "name": one.name,
                    "description": one.description,
                    "digest": one.digest,
                    "underWay": under_way.get(one.name, 0),
                }
                for one in (() if playbook is None else playbook.scenarios)
            ]
        }

    async def one(self, name: str) -> ScenarioOut:
        """Return a scenario.

        Raises:
            ProblemError: 404.
        """
        scenario, playbook = await self._find(name)
        rows = await self._store.scenario_counts(name)
        counts, versions = counts_of(scenario, rows), versions_of(scenario, rows)
        return {
            "name": name,
            "description": scenario.description,
            "digest": scenario.digest,
            "underWay": sum(version["waiting"] for version in versions),
            "steps": [
                {
                    "name": step.name,
                    "kind": kind_of(step),
                    "text": step_text(step, playbook),
                    "waiting": count.waiting,
                    "passed": count.passed,
                    "left": count.left,
                }
                for step in scenario.steps.values()
                for count in [counts.get(step.name, _NOBODY)]
            ],
            "ended": counts.get(END, _NOBODY).left,
            "versions": versions,
        }

    async def drawing(self, name: str) -> str:
        """Return a drawing of the version in force, with its counts.

        Raises:
            ProblemError: 404.
        """
        scenario, playbook = await self._find(name)
        known = counts_of(scenario, await self._store.scenario_counts(name))
        graph = graph_of(scenario, playbook)
        counts = {node.id: known.get(node.id, _NOBODY) for node in graph.nodes if node.title}
        async with self._drawing:
            if self._last is None or self._last[:2] != (graph, counts):
                self._last = graph, counts, await asyncio.to_thread(draw, graph, counts)
            return self._last[2]

    async def _find(self, name: str) -> tuple[Scenario, Playbook]:
        playbook = await self._records.playbook()
        scenario = None if playbook is None else playbook.scenarios_by_name.get(name)
        if playbook is None or scenario is None:
            raise ProblemError(NOT_FOUND, "The active playbook has no such scenario.")
        return scenario, playbook


def counts_of(scenario: Scenario, rows: Iterable[ScenarioCount]) -> dict[str, Count]:
    """Return the counts of a version, by step; of the start as an empty one."""
    return {
        row.step: Count(row.waiting, row.passed, row.left)
        for row in rows
        if row.digest == scenario.digest
    }


def versions_of(scenario: Scenario, rows: Iterable[ScenarioCount]) -> list[ScenarioVersion]:
    """Return the versions, that in force first."""
    found: dict[str, ScenarioVersion] = {
        scenario.digest: {"digest": scenario.digest, "waiting": 0, "started": 0, "over": 0}
    }
    for row in rows:
        if row.step == INSTANCES:
            found[row.digest] = {
                "digest": row.digest,
                "waiting": row.waiting,
                "started": row.passed,
                "over": row.left,
            }
    return list(found.values())


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the routes of scenarios."""
    scenarios = Scenarios(edge.services.store, records)

    async def list_scenarios() -> Response:
        return json_response(await scenarios.all(), 200, _PRIVATE)

    async def get_scenario(name: Name) -> Response:
        return json_response(await scenarios.one(name), 200, _PRIVATE)

    async def get_drawing(name: Name) -> Response:
        return Response(await scenarios.drawing(name), 200, _SVG, "image/svg+xml")

    routes: list[tuple[str, Any, dict[str, Any]]] = [
        (
            "/v1/scenarios",
            list_scenarios,
            operation(
                "All scenarios, and how many are in them",
                "Those of the active playbook, in its order.",
                tag=_TAG,
                security=needs(READ),
                replies={200: ("The scenarios", schema("ScenariosOut"))},
                problems=READ_PROBLEMS[2:],
            ),
        ),
        (
            "/v1/scenarios/{name}",
            get_scenario,
            operation(
                "A scenario, with who is where",
                "The steps of the version in force, each with how many wait at it, have gone on from it, and "
                "were lost there: written in the transaction of each turn, so as current as the store.",
                tag=_TAG,
                security=needs(READ),
                replies={200: ("The scenario", schema("ScenarioOut"))},
                problems=READ_PROBLEMS,
            ),
        ),
        (
            "/v1/scenarios/{name}/graph.svg",
            get_drawing,
            _as_svg(
                operation(
                    "A drawing of a scenario",
                    "Elements by shape, ways with their words, and the counts. Light or dark as the viewer "
                    "prefers; without scripts, fonts or links.",
                    tag=_TAG,
                    security=needs(READ),
                    replies={200: ("The drawing", None)},
                    problems=READ_PROBLEMS,
                )
            ),
        ),
    ]
    for path, endpoint, documented in routes:
        add_route(app, "GET", path, endpoint, dependencies=[edge.requires(READ)], **documented)


def _as_svg(documented: dict[str, Any]) -> dict[str, Any]:
    documented["responses"][200]["content"] = {
        "image/svg+xml": {"schema": {"type": "string"}, "example": "<svg …>…</svg>"}
    }
    return documented
