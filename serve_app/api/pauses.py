"""The kill switch: stop a channel, an action, a scenario or everything, and let it go on."""

from contextlib import suppress

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.errors import PlaybookError
from actors.domain.instants import format_instant
from actors.playbook.hints import nearest
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Call
from serve_app.api.commands import read_json
from serve_app.api.documentation import BODY_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.pause_bodies import PAUSE, PauseIn, PausesOut
from serve_app.problems import UNAVAILABLE, invalid

_TAG = "Running it"


def switch_of(wish: PauseIn) -> str:
    """Return the name of the switch that a body is about.

    Raises:
        ProblemError: 422, it names none or several.
    """
    if len(wish) != 1:
        raise invalid("", "give exactly one of channel, action, scenario and all")
    if "all" in wish:
        return "all"
    ((kind, name),) = wish.items()
    return f"{kind}:{name}"


def shown(pauses: dict[str, int]) -> PausesOut:
    """Return what is paused as the contract shows it."""
    found: PausesOut = {"paused": []}
    for switch, since_ms in pauses.items():
        kind, _, name = switch.partition(":")
        found["paused"].append(
            {"kind": kind, "name": name, "since": format_instant(since_ms)}  # type: ignore[typeddict-item]
        )
    return found


def check_known(switch: str, playbook: Playbook | None) -> None:
    """Refuse a name that the active playbook does not have: a slip must not look like a stop.

    Raises:
        ProblemError: 422, with the name that was most likely meant.
    """
    kind, _, name = switch.partition(":")
    if playbook is None or not name:
        return
    if kind == "action":
        known = set(playbook.action_index)
    elif kind == "scenario":
        known = {*playbook.scenarios_by_name, *(each.name for each in playbook.triggers)}
    else:
        steps = (step for each in playbook.scenarios for step in each.steps.values())
        called = {step.channel for step in steps if isinstance(step, Call)}
        told = playbook.feeds
        feeds = {each.channel for each in (*told.entered, *told.left, *told.outcome)}
        known = {*playbook.placements, *called, *feeds}
    if name not in known:
        hint = nearest(name, known)
        end = f"; did you mean {hint!r}?" if hint else ""
        raise invalid(kind, f"the active playbook has no {kind} of this name{end}")


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the routes of the kill switch."""
    store, machine_ms = edge.services.store, edge.services.machine_ms
    limit = edge.settings.max_event_bytes

    async def answer() -> Response:
        headers = {"Cache-Control": "no-store"}
        return json_response(shown(await store.pauses()), 200, headers)

    async def get_pauses() -> Response:
        return await answer()

    async def pause_sending(request: Request) -> Response:
        switch = switch_of(await read_json(request, PAUSE, limit))
        with suppress(PlaybookError):  # one that cannot be read must not keep a switch from working
            check_known(switch, await records.playbook())
        await store.pause(switch, machine_ms())
        return await answer()

    async def resume_sending(request: Request) -> Response:
        await store.resume(switch_of(await read_json(request, PAUSE, limit)), machine_ms())
        return await answer()

    replies = {200: ("All that is paused now", schema("PausesOut"))}
    add_route(
        app,
        "GET",
        "/v1/pause",
        get_pauses,
        dependencies=[edge.requires(READ)],
        **operation(
            "What is paused",
            "And since when.",
            tag=_TAG,
            security=needs(READ),
            replies=replies,
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/pause",
        pause_sending,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Stop sending, at once",
            "A channel, an action (`issue/group/name`), a scenario, or all. No attempt begins after the "
            "reply; attempts under way end. Within a second nothing of it is decided on or shown either. "
            "What waits stays and goes on after `resume`, unless it has expired. To stop what is stopped "
            "changes nothing. A name that the active playbook does not have is refused with 422.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("PauseIn")),
            replies=replies,
            problems=BODY_PROBLEMS,
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/resume",
        resume_sending,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Let it go on",
            "Takes back what `pause` with the same body did; what another switch stops stays stopped.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("PauseIn")),
            replies=replies,
            problems=BODY_PROBLEMS,
        ),
    )
