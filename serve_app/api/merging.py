"""Merging and unmerging customers by hand."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.errors import InvalidIdError
from actors.domain.events import MERGE as MERGE_COMMAND
from actors.domain.events import UNMERGE as UNMERGE_COMMAND
from actors.domain.events import Command
from actors.domain.ids import parse_customer
from actors.identity import survivor_of
from actors.ports import Lookup
from actors.wire.records import unpack_turn
from serve_app.api.commands import Commands, read_json
from serve_app.api.documentation import BODY_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, Edge, add_route, json_response
from serve_app.api.records import CustomerId, Records
from serve_app.privacy_bodies import MERGE, UNMERGE, MergeIn, MergeReply, UnmergeIn, UnmergeReply
from serve_app.problems import CONFLICT, GONE, NOT_FOUND, REFUSED, invalid

_TAG = "A customer"
_PROBLEMS = (*BODY_PROBLEMS, NOT_FOUND, GONE, CONFLICT, REFUSED)


class Merging:
    """Finds who is meant and whose turn it is."""

    def __init__(self, edge: Edge, records: Records) -> None:
        self._edge = edge
        self._records = records
        self._commands = Commands(edge)

    async def merge(self, customer: str, told: MergeIn) -> MergeReply:
        """Make two customers one; of those who are one already nothing changes.

        Raises:
            ProblemError: 404, 409, 410 or 422.
        """
        one, other = (
            await self._records.customer(customer),
            await self._records.customer(told["with_"]),
        )
        message_id = told.get("messageId") or self._edge.new_id()
        survivor, loser = survivor_of(one, other)
        number = loser.number
        if one.number == other.number:
            number = await self._first_told(message_id, one.number)
        command = Command(message_id=message_id, kind=MERGE_COMMAND, arguments={"other": number})
        reply = await self._commands.send(command, survivor.number)
        return {
            "status": reply["status"],
            "messageId": reply["messageId"],
            "customerId": reply["customerId"],
            "seq": reply["seq"],
            "merged": reply["merged"],
        }

    async def _first_told(self, message_id: str, number: int) -> int:
        """Return whom a merge named when it was sent first: on a retry both ids lead to one."""
        store = self._edge.services.store
        hashed = self._edge.services.ids.message_hash(message_id)
        first = (await store.lookup(Lookup(messages=(hashed,)))).messages.get(hashed)
        if first is None:
            return number
        place = (first.number, first.seq)
        payload = (await store.lookup(Lookup(turns=(place,)))).turns.get(place)
        command = unpack_turn(payload).command if payload else None
        if command is None or command.kind != MERGE_COMMAND:
            return number
        named: int = command.arguments["other"]
        return named

    async def unmerge(self, customer: str, told: UnmergeIn) -> UnmergeReply:
        """Take a merge back.

        Raises:
            ProblemError: 404, 409, 410 or 422.
        """
        try:
            other = parse_customer(told["other"])
        except InvalidIdError:
            raise invalid("other", "is not one of our ids") from None
        await self._records.customer(told["other"])
        number = (await self._records.customer(customer)).number
        command = Command(
            message_id=told.get("messageId") or self._edge.new_id(),
            kind=UNMERGE_COMMAND,
            arguments={"other": other},
        )
        reply = await self._commands.send(command, number)
        return {
            "status": reply["status"],
            "messageId": reply["messageId"],
            "customerId": reply["customerId"],
            "seq": reply["seq"],
            "unmerged": reply["unmerged"],
            "mergeSeq": reply["mergeSeq"],
            "toLoser": reply["toLoser"],
            "toSurvivor": reply["toSurvivor"],
            "both": reply["both"],
            "skipped": reply["skipped"],
            "elsewhere": reply.get("elsewhere", []),
        }


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add merge and unmerge."""
    merging, limit = Merging(edge, records), edge.settings.max_event_bytes

    async def merge_customers(request: Request, id: CustomerId) -> Response:  # noqa: A002
        return json_response(await merging.merge(id, await read_json(request, MERGE, limit)))

    async def unmerge_customers(request: Request, id: CustomerId) -> Response:  # noqa: A002
        return json_response(await merging.unmerge(id, await read_json(request, UNMERGE, limit)))

    add_route(
        app,
        "POST",
        "/v1/customers/{id}/merge",
        merge_customers,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Make two customers one",
            "Who has a `userId` remains, else the smaller id. 409 says why two may not be merged; of "
            "two who are one already nothing changes.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("MergeIn")),
            replies={200: ("Who remains", schema("MergeReply"))},
            problems=_PROBLEMS,
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/customers/{id}/unmerge",
        unmerge_customers,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Take a merge back",
            "Both are restored, and what came since goes to whom it belongs: the reply says which "
            "turns. Withdrawals of consent stay on both.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("UnmergeIn")),
            replies={200: ("What went where", schema("UnmergeReply"))},
            problems=_PROBLEMS,
        ),
    )
