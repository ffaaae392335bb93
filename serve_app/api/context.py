"""The governed read of a customer for a channel, a person or a language model."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from actors.briefing import brief
from actors.briefing.purposes import purposes_of
from actors.ports import Store
from serve_app.api.documentation import IF_NONE_MATCH, READ_PROBLEMS, needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, tagged
from serve_app.api.records import CustomerId, Records
from serve_app.auth import Key
from serve_app.briefings import context_json
from serve_app.groups import records_for
from serve_app.problems import FORBIDDEN, GONE, UNAVAILABLE, ProblemError, invalid
from serve_app.schemas import ChannelName

_PURPOSE = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"


class Briefings:
    """Makes briefings by the active playbook."""

    def __init__(self, records: Records, store: Store, business_ms: Callable[[], int]) -> None:
        self._records = records
        self._store = store
        self._business_ms = business_ms

    async def of(self, customer: str, purpose: str, channel: str) -> tuple[str, dict[str, Any]]:
        """Return a tag of the customer's state and groups, and what the contract shows of the customer for a purpose.

        Raises:
            ProblemError: 404, 410 or 422 as for other reads, 422 for a purpose that the playbook
                does not know, 503 while no playbook says what may be shown.
        """
        state = await self._records.customer(customer)
        playbook = await self._records.active()
        if playbook is None:
            raise ProblemError(UNAVAILABLE, "No playbook says what may be shown.")
        if purpose not in purposes_of(playbook):
            raise invalid("purpose", "is none of the active playbook's purposes")
        groups, version = await records_for(self._store, state, playbook)
        briefing = brief(state, playbook, purpose, channel, self._business_ms(), groups)
        tag = f"{state.seq}.{version}" if groups else str(state.seq)
        return tag, context_json(briefing)


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the context of a customer."""
    services = edge.services
    briefings = Briefings(records, services.store, services.gateway.business_ms)

    async def get_context(
        request: Request,
        id: CustomerId,  # noqa: A002
        key: Annotated[Key, edge.requires(READ, bound=True)],
        purpose: Annotated[
            str,
            Query(
                pattern=_PURPOSE,
                description="`service`, `marketing`, or a purpose of the active playbook.",
                examples=["service"],
            ),
        ],
        channel: Annotated[
            ChannelName,
            Query(description="Where the answer will be used.", examples=["call_center"]),
        ],
    ) -> Response:
        if key.channels and channel not in key.channels:
            raise ProblemError(FORBIDDEN, "The key is bound to other channels.")
        tag, value = await briefings.of(id, purpose, channel)
        return tagged(request, value, tag)

    add_route(
        app,
        "GET",
        "/v1/customers/{id}/context",
        get_context,
        **operation(
            "What a purpose may know of a customer, in short",
            "Who this is, where the conversation stands on every channel, what is open, what was "
            "offered and answered, what to say next and what not to, as JSON and as a `narrative`. "
            "Only what consent allows for the purpose on the channel. As of the last commit; the ETag "
            "is `seq`, and for members of groups that share a cap says more.",
            tag="A customer",
            security=needs(READ),
            takes={"parameters": [IF_NONE_MATCH]},
            replies={200: ("The context", schema("ContextOut")), 304: ("Unchanged", None)},
            problems=(*READ_PROBLEMS, GONE),
        ),
    )
