"""Commands from a route to the cell of their customer."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from actors.domain.events import Command
from actors.wire.messages import Code, Routed, pack_item
from serve_app.api.edge import Edge, problem_of_answer
from serve_app.bodies import check_json, read_body, require_json
from serve_app.gateway import PackedItem
from serve_app.problems import from_validation

T = TypeVar("T")


async def read_json(request: Request, shape: TypeAdapter[T], limit: int) -> T:
    """Return a request's body, validated.

    Raises:
        ProblemError: 400, 413, 415 or 422.
    """
    headers = dict(request.scope["headers"])
    require_json(headers)
    data = await read_body(request.receive, headers, limit)
    check_json(data)
    try:
        return shape.validate_json(data)
    except ValidationError as error:
        raise from_validation(error) from None


class Commands:
    """Sends commands to customers by number."""

    def __init__(self, edge: Edge) -> None:
        self._gateway = edge.services.gateway

    async def send(self, command: Command, number: int) -> dict[str, Any]:
        """Return the reply of a command that was carried out, now or before.

        Raises:
            ProblemError: What the customer's cell answered instead.
        """
        item = PackedItem(None, number, pack_item(Routed(command, number)))
        (answer,) = await self._gateway.send([item])
        if answer.code > Code.DUPLICATE:
            raise problem_of_answer(answer)
        reply: dict[str, Any] = from_json(answer.body)
        return reply
