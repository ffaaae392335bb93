"""Launches: an operator lets everybody in a segment enter a scenario."""

from math import isfinite
from typing import Annotated

import msgpack
from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.instants import format_instant
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import LAUNCH as LAUNCH_KEY
from actors.playbook.scenario_model import Scenario
from actors.ports import Launch, LaunchState
from serve_app.api.commands import read_json
from serve_app.api.documentation import BODY_PROBLEMS, READ_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.launch_bodies import LAUNCH, LaunchIn, LaunchOut
from serve_app.problems import CONFLICT, NOT_FOUND, ProblemError, invalid

PER_SECOND = 100.0
_TAG = "Scenarios"

Name = Annotated[str, Path(max_length=128, description="A scenario of the active playbook.")]
LaunchId = Annotated[str, Path(max_length=64, description="A launch.")]


class Launches:
    """Orders launches, and tells how far they have come."""

    def __init__(self, edge: Edge, records: Records) -> None:
        self._edge = edge
        self._records = records
        self._store = edge.services.store

    async def order(self, name: str, told: LaunchIn) -> LaunchOut:
        """Begin a launch; of an id that is known, return that one if it is the same order.

        Raises:
            ProblemError: 404, 409 or 422.
        """
        playbook, scenario = await self._scenario(name)
        keys = {follow.heard.key for follow in scenario.start.pattern.parts}
        if f"{LAUNCH_KEY}{name}" not in keys:
            raise invalid("name", "is a scenario that starts by itself: its start is not 'launch'")
        data = told.get("data") or {}
        if any(isinstance(value, float) and not isfinite(value) for value in data.values()):
            raise invalid("data", "must hold finite numbers")
        launch = Launch(
            told.get("id") or self._edge.new_id(),
            name,
            self._segment(told.get("segment"), scenario, playbook),
            told.get("perSecond") or PER_SECOND,
            LaunchState.RUNNING,
            self._edge.services.gateway.business_ms(),
            msgpack.packb(data),
        )
        if not await self._store.add_launch(launch):
            known = await self._find(launch.id)
            same = (known.scenario, known.segment, known.per_second, known.data)
            if same != (launch.scenario, launch.segment, launch.per_second, launch.data):
                raise ProblemError(CONFLICT, "Another launch has this id.")
            launch = known
        return await self._shown(launch)

    async def of(self, name: str) -> list[LaunchOut]:
        """Return the launches of a scenario.

        Raises:
            ProblemError: 404.
        """
        await self._scenario(name)
        return [
            await self._shown(one) for one in await self._store.launches() if one.scenario == name
        ]

    async def one(self, launch_id: str) -> LaunchOut:
        """Return one launch.

        Raises:
            ProblemError: 404.
        """
        return await self._shown(await self._find(launch_id))

    async def move(self, launch_id: str, before: str, state: str) -> LaunchOut:
        """Stop or resume a launch; one that is in that state already stays so.

        Raises:
            ProblemError: 404, or 409 for one that is done.
        """
        await self._find(launch_id)
        await self._store.set_launch(launch_id, before, state)
        launch = await self._find(launch_id)
        if launch.state != state:
            raise ProblemError(CONFLICT, f"The launch is {launch.state}.")
        return await self._shown(launch)

    async def _scenario(self, name: str) -> tuple[Playbook, Scenario]:
        playbook = await self._records.playbook()
        scenario = None if playbook is None else playbook.scenarios_by_name.get(name)
        if playbook is None or scenario is None:
            raise ProblemError(NOT_FOUND, "The active playbook has no such scenario.")
        return playbook, scenario

    def _segment(self, told: str | None, scenario: Scenario, playbook: Playbook) -> str:
        if told is None:
            if len(scenario.start.segments) != 1:
                raise invalid("segment", "is needed: the scenario's start does not name just one")
            return scenario.start.segments[0]
        if told not in {segment.name for segment in playbook.segments}:
            raise invalid("segment", "is no segment of the active playbook")
        return told

    async def _find(self, launch_id: str) -> Launch:
        for launch in await self._store.launches():
            if launch.id == launch_id:
                return launch
        raise ProblemError(NOT_FOUND, "There is no such launch.")

    async def _shown(self, launch: Launch) -> LaunchOut:
        parts = await self._store.launch_parts(launch.id)
        return {
            "id": launch.id,
            "scenario": launch.scenario,
            "segment": launch.segment,
            "perSecond": launch.per_second,
            "state": launch.state,  # type: ignore[typeddict-item]
            "createdAt": format_instant(launch.created_at_ms),
            "members": (await self._store.member_counts()).get(launch.segment, 0),
            "seen": sum(part.seen for part in parts),
            "entered": sum(part.entered for part in parts),
        }


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the routes of launches."""
    launches = Launches(edge, records)

    async def order(name: Name, request: Request) -> Response:
        told = await read_json(request, LAUNCH, edge.settings.max_event_bytes)
        return json_response(await launches.order(name, told), 202)

    async def list_launches(name: Name) -> Response:
        return json_response({"launches": await launches.of(name)})

    async def get_launch(launch: LaunchId) -> Response:
        return json_response(await launches.one(launch))

    async def stop(launch: LaunchId) -> Response:
        moved = await launches.move(launch, LaunchState.RUNNING, LaunchState.STOPPED)
        return json_response(moved)

    async def resume(launch: LaunchId) -> Response:
        moved = await launches.move(launch, LaunchState.STOPPED, LaunchState.RUNNING)
        return json_response(moved)

    shown = {200: ("The launch", schema("LaunchOut"))}
    add_route(
        app,
        "POST",
        "/v1/scenarios/{name}/launches",
        order,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Let everybody in a segment enter a scenario",
            "Paced (`perSecond`, 100 unless told), and each customer once, however often the launch is "
            "stopped, resumed or interrupted. The reply comes at once; the launch goes on behind it.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("LaunchIn")),
            replies={202: ("The launch has begun", schema("LaunchOut"))},
            problems=(*BODY_PROBLEMS, NOT_FOUND, CONFLICT),
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/scenarios/{name}/launches",
        list_launches,
        dependencies=[edge.requires(READ)],
        **operation(
            "The launches of a scenario",
            "The newest first.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The launches", schema("LaunchesOut"))},
            problems=READ_PROBLEMS,
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/launches/{launch}",
        get_launch,
        dependencies=[edge.requires(READ)],
        **operation(
            "How far a launch has come",
            "`seen` counts the customers come to, `entered` those who entered.",
            tag=_TAG,
            security=needs(READ),
            replies=shown,
            problems=READ_PROBLEMS,
        ),
    )
    for verb, moves, what in (
        ("stop", stop, "Stop a launch"),
        ("resume", resume, "Let a launch go on where it was stopped"),
    ):
        add_route(
            app,
            "POST",
            f"/v1/launches/{{launch}}/{verb}",
            moves,
            dependencies=[edge.requires(ADMIN)],
            **operation(
                what,
                "Heard everywhere within about a second; who has entered stays in.",
                tag=_TAG,
                security=needs(ADMIN),
                replies=shown,
                problems=(*READ_PROBLEMS, CONFLICT),
            ),
        )
