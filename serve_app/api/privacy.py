"""Consent, export and erasure of a customer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from fastapi import FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from actors.domain.errors import InvalidIdError
from actors.domain.events import CONSENT as CONSENT_COMMAND
from actors.domain.events import ERASE, Command
from actors.domain.ids import customer_text, parse_customer
from actors.domain.instants import format_instant
from actors.ports import Lookup
from actors.session.lineage import merged_into
from serve_app.api.commands import Commands, read_json
from serve_app.api.documentation import (
    BODY_PROBLEMS,
    READ_PROBLEMS,
    body,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import ADMIN, INGEST, READ, Edge, add_route, json_response
from serve_app.api.records import CustomerId, Records
from serve_app.auth import Key
from serve_app.consents import RECENT_MS, Withdrawal, consents_json, effective_json, refusal_of
from serve_app.exports import Exporter
from serve_app.privacy_bodies import (
    CONSENT,
    MAX_CONSENT_KEY,
    ConsentPut,
    ConsentReply,
    ErasureReply,
)
from serve_app.problems import CONFLICT, FORBIDDEN, GONE, NOT_FOUND, REFUSED, ProblemError, invalid
from serve_app.schemas import MAX_MESSAGE_ID

_TAG = "A customer"
_PRIVATE = {"Cache-Control": "private, no-store"}
CHANGES = (*BODY_PROBLEMS, NOT_FOUND, GONE, CONFLICT, REFUSED)
MODELS = "shared statistics are not unlearned; the next refit excludes this customer"


class Consents:
    """Acts of consent, effective before the reply."""

    def __init__(
        self,
        edge: Edge,
        records: Records,
        commands: Commands,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._edge = edge
        self._records = records
        self._commands = commands
        self._sleep = sleep

    async def put(self, customer: str, told: ConsentPut, key: Key) -> ConsentReply:
        """Record an act of consent and see what it did to the effects on their way.

        Raises:
            ProblemError: 403 for a channel that is not the key's, 422, or as commands do.
        """
        channel, purpose = told["channel"], told["purpose"]
        if key.channels and channel not in key.channels:
            raise ProblemError(FORBIDDEN, "The key is bound to other channels.")
        command = self._command(told)
        state = await self._records.customer(customer)
        withdrawal = await self._withdrawal(state.number, channel, purpose)
        before = await withdrawal.cancelled()
        reply = await self._commands.send(command, state.number)
        number = parse_customer(reply["customerId"])
        if number != state.number:  # merged in between
            withdrawal = await self._withdrawal(number, channel, purpose)
        permitted = await self._permitted(reply["customerId"], channel, purpose)
        in_flight = 0
        if not permitted:
            in_flight = await withdrawal.settled()
            if await withdrawal.pending():
                # An attempt that failed meanwhile has put its effect back into the queue.
                command.message_id = self._edge.new_id()
                await self._commands.send(command, number)
        cancelled = await withdrawal.cancelled() - before
        since_ms = self._edge.services.machine_ms() - RECENT_MS
        return {
            "status": reply["status"],
            "messageId": reply["messageId"],
            "customerId": reply["customerId"],
            "seq": reply["seq"],
            "permitted": permitted,
            "cancelled": len(cancelled),
            "inFlight": in_flight,
            "alreadySent": await withdrawal.sent_since(since_ms),
        }

    def _command(self, told: ConsentPut) -> Command:
        if len(told["channel"]) + len(told["purpose"]) > MAX_CONSENT_KEY:
            raise invalid("purpose", f"has more than {MAX_CONSENT_KEY} characters with the channel")
        status, granted = told.get("status"), told.get("granted")
        if status is None and granted is None:
            raise invalid("status", "is needed")
        said = "granted" if granted else "denied"
        if None not in (status, granted) and status != said:
            raise invalid("granted", "contradicts status")
        now_ms = self._edge.services.gateway.business_ms()
        at_ms = cast("int | None", told.get("at"))
        expires_at_ms = cast("int | None", told.get("expiresAt"))
        if at_ms is not None and at_ms > now_ms:
            raise invalid("at", "is in the future")
        arguments: dict[str, Any] = {
            "channel": told["channel"],
            "purpose": told["purpose"],
            "status": status or said,
            "source": told.get("source") or "api",
        }
        if told.get("basis"):
            arguments["basis"] = told["basis"]
        if expires_at_ms is not None:
            arguments["expires_at_ms"] = expires_at_ms
        return Command(
            message_id=told.get("messageId") or self._edge.new_id(),
            kind=CONSENT_COMMAND,
            arguments=arguments,
            at_ms=now_ms if at_ms is None else at_ms,
        )

    async def _withdrawal(self, number: int, channel: str, purpose: str) -> Withdrawal:
        store = self._edge.services.store
        numbers = (number, *await merged_into(store, number))
        return Withdrawal(store, numbers, channel, purpose, self._sleep)

    async def _permitted(self, customer: str, channel: str, purpose: str) -> bool:
        state = await self._records.customer(customer)
        playbook = await self._records.playbook()
        exempt = frozenset[str]() if playbook is None else playbook.purposes_without_consent
        now_ms = self._edge.services.gateway.business_ms()
        return refusal_of(state, channel, purpose, exempt, now_ms) is None


async def erase(
    edge: Edge, records: Records, commands: Commands, customer: str, message_id: str
) -> ErasureReply:
    """Erase a customer and return the receipt; again for the `message_id` that did it.

    Raises:
        ProblemError: 404, 410 or 422, or as commands do.
    """
    store = edge.services.store
    try:
        number = (await records.customer(customer)).number
    except ProblemError as problem:
        if problem.kind is not GONE or not message_id:
            raise
        try:
            number = parse_customer(customer)
        except InvalidIdError:
            raise problem from None
    told = await commands.send(Command(message_id=message_id or edge.new_id(), kind=ERASE), number)
    numbers = tuple(parse_customer(text) for text in told["customers"])
    found = await store.lookup(Lookup(numbers=numbers))
    return {
        "receiptId": f"r_{told['customerId'][2:]}_{told['seq']}",
        "erasedAt": format_instant(told["erasedAtMs"]),
        "customers": told["customers"],
        # The erasure is a turn itself, and stays.
        "turns": sum(row.seq for row in found.customers.values()) - 1,
        "identities": told["identities"],
        "timers": told["timers"],
        "effects": told["effects"],
        "models": MODELS,
    }


def register(
    app: FastAPI,
    edge: Edge,
    records: Records,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Add consent, export and erasure."""
    services = edge.services
    commands = Commands(edge)
    consents = Consents(edge, records, commands, sleep)
    exporter = Exporter(services.store, records, edge.settings.currency)

    async def put_consent(
        request: Request,
        id: CustomerId,  # noqa: A002
        key: Annotated[Key, edge.requires(INGEST, bound=True)],
    ) -> Response:
        told = await read_json(request, CONSENT, edge.settings.max_event_bytes)
        return json_response(await consents.put(id, told, key))

    async def get_consents(id: CustomerId) -> Response:  # noqa: A002
        state = await records.customer(id)
        now_ms = services.gateway.business_ms()
        value = {
            "customerId": customer_text(state.number),
            "seq": state.seq,
            "consents": consents_json(state),
            "effective": effective_json(state, await records.playbook(), now_ms),
        }
        return json_response(value, 200, _PRIVATE)

    async def export_customer(id: CustomerId) -> Response:  # noqa: A002
        state = await records.customer(id)
        chunks = exporter.chunks(state, services.gateway.business_ms())
        name = f'attachment; filename="{customer_text(state.number)}.json"'
        headers = {**_PRIVATE, "Content-Disposition": name}
        return StreamingResponse(chunks, 200, headers, "application/json")

    async def erase_customer(
        id: CustomerId,  # noqa: A002
        message_id: Annotated[
            str,
            Query(
                alias="messageId",
                max_length=MAX_MESSAGE_ID,
                description="The same one, with our id, gets the same receipt again.",
            ),
        ] = "",
    ) -> Response:
        return json_response(await erase(edge, records, commands, id, message_id), 200, _PRIVATE)

    add_route(
        app,
        "PUT",
        "/v1/customers/{id}/consent",
        put_consent,
        **operation(
            "Grant or withdraw consent for a channel and a purpose",
            "Effective before the reply: what was queued is cancelled, and what is being sent is waited "
            "for, five seconds at most. The latest act holds, by `at`. A key that is bound to "
            "channels may speak for those only.",
            tag=_TAG,
            security=needs(INGEST),
            takes=body(schema("ConsentPut")),
            replies={200: ("What it did", schema("ConsentReply"))},
            problems=CHANGES,
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/customers/{id}/consents",
        get_consents,
        dependencies=[edge.requires(READ)],
        **operation(
            "All consents, and what they mean now",
            "`effective` says for every channel and purpose of the active playbook whether something "
            "may be said, and if not, why. Unknown means no.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The consents", schema("ConsentsOut"))},
            problems=(*READ_PROBLEMS, GONE),
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/customers/{id}/export",
        export_customer,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Everything that is held of a customer",
            "One JSON document: profile, conversation, identities, consents, timers, effects and the "
            "whole timeline with its decisions, of this customer and of all who were merged into them.",
            tag=_TAG,
            security=needs(ADMIN),
            replies={200: ("Everything", schema("ExportOut"))},
            problems=(*READ_PROBLEMS, GONE),
        ),
    )
    add_route(
        app,
        "DELETE",
        "/v1/customers/{id}",
        erase_customer,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Erase a customer",
            "State, turns, effects, timers and identities are wiped out, also of all who were merged "
            "into the customer. Their ids answer 410 for ever; events of their identities from before "
            "are refused, and a later one begins a new customer.",
            tag=_TAG,
            security=needs(ADMIN),
            replies={200: ("The receipt", schema("ErasureReply"))},
            problems=(*READ_PROBLEMS, GONE, CONFLICT),
        ),
    )
