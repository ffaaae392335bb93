"""What travels between front door and cell: msgpack lists, no pickled objects, no field names.

A request is a list of items, a reply the list of their answers in the same order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgpack

from actors.domain.events import Command, Event, Response
from actors.domain.ids import Identity

VERSION = 1
_WITHOUT_DETAIL = 5
_EVENT = 0
_RESPONSE = 1
_COMMAND = 2

Item = Event | Response | Command


class Code(IntEnum):
    """What became of one item; see `Answer`."""

    ACCEPTED = 0
    DUPLICATE = 1
    CONFLICT = 2
    UNKNOWN_EFFECT = 3
    NOT_MINE = 4
    BUSY = 5
    RETRY = 6
    GONE = 7
    INVALID = 8
    FAILED = 9
    REFUSED = 10
    SET_ASIDE = 11
    POISON = 12


RETRYABLE = frozenset({Code.NOT_MINE, Code.RETRY, Code.BUSY})
"""Nothing was taken for good: the same item may be sent again, perhaps elsewhere."""


@dataclass(slots=True, init=False)
class Answer:
    """The answer to one item.

    `body` is the JSON text of the reply for ACCEPTED and DUPLICATE, else empty. `detail` is a
    sentence for people, free of personal data. `number` is the number of the customer to whom the
    item belongs when the code is NOT_MINE, and `partition` the one in which she is, -1 for her home;
    `retry_after_s` belongs to BUSY and RETRY.
    """

    code: Code
    body: bytes = b""
    detail: str = ""
    number: int = 0
    retry_after_s: float = 0.0
    partition: int = -1

    def __init__(
        self,
        code: Code,
        body: bytes = b"",
        detail: str = "",
        number: int = 0,
        retry_after_s: float = 0.0,
        partition: int = -1,
    ) -> None:
        self.code = code
        self.body = body
        self.detail = detail
        self.number = number
        self.retry_after_s = retry_after_s
        self.partition = partition


@dataclass(slots=True, init=False)
class Routed:
    """An item with the customer number to which it is addressed, or 0: by its first identity.

    `dry_run` items are decided but neither reserved nor recorded.
    """

    item: Item
    number: int = 0
    dry_run: bool = False

    def __init__(
        self,
        item: Item,
        number: int = 0,
        dry_run: bool = False,
    ) -> None:
        self.item = item
        self.number = number
        self.dry_run = dry_run


def event_to_fields(event: Event) -> list[Any]:
    """Flatten an event, in the order of its fields; the journal keeps events in this form too."""
    return [
        event.message_id,
        event.type,
        event.name,
        [part for identity in event.identities for part in (identity.kind, identity.value)],
        event.channel,
        event.properties,
        event.traits,
        event.context,
        event.placements,
        event.max_actions,
        event.at_ms,
        event.sent_at_ms,
        event.original_at_ms,
    ]


def event_from_fields(fields: list[Any]) -> Event:
    """Rebuild an event from `event_to_fields`."""
    names = fields[3]
    return Event(
        message_id=fields[0],
        type=fields[1],
        name=fields[2],
        identities=tuple(Identity(names[i], names[i + 1]) for i in range(0, len(names), 2)),
        channel=fields[4],
        properties=fields[5],
        traits=fields[6],
        context=fields[7],
        placements=tuple(fields[8]),
        max_actions=fields[9],
        at_ms=fields[10],
        sent_at_ms=fields[11],
        original_at_ms=fields[12],
    )


def response_to_fields(response: Response) -> list[Any]:
    """Flatten a response, in the order of its fields."""
    return [
        response.message_id,
        response.effect_key,
        response.outcome,
        response.value_minor,
        response.at_ms,
        *([response.detail] if response.detail else ()),
    ]


def response_from_fields(fields: list[Any]) -> Response:
    """Rebuild a response from `response_to_fields`."""
    return Response(
        message_id=fields[0],
        effect_key=fields[1],
        outcome=fields[2],
        value_minor=fields[3],
        at_ms=fields[4],
        detail=fields[5] if len(fields) > _WITHOUT_DETAIL else "",
    )


def command_to_fields(command: Command) -> list[Any]:
    """Flatten a command, in the order of its fields."""
    return [command.message_id, command.kind, command.arguments, command.at_ms]


def command_from_fields(fields: list[Any]) -> Command:
    """Rebuild a command from `command_to_fields`."""
    return Command(message_id=fields[0], kind=fields[1], arguments=fields[2], at_ms=fields[3])


_BUILDERS: tuple[Callable[[list[Any]], Item], ...] = (
    event_from_fields,
    response_from_fields,
    command_from_fields,
)
"""By the first field of a packed item."""


def pack_item(routed: Routed) -> bytes:
    """Pack one item; front doors do it once, at validation.

    Raises:
        OverflowError: A number does not fit 64 bits.
        ValueError: Something nests too deeply.
    """
    item = routed.item
    if isinstance(item, Event):
        fields = [_EVENT, routed.number, routed.dry_run, *event_to_fields(item)]
    elif isinstance(item, Response):
        fields = [_RESPONSE, routed.number, routed.dry_run, *response_to_fields(item)]
    else:
        fields = [_COMMAND, routed.number, routed.dry_run, *command_to_fields(item)]
    packed: bytes = msgpack.packb(fields)
    return packed


def pack_request(items: list[bytes]) -> bytes:
    """Join packed items into one request, without touching them again."""
    packer = msgpack.Packer()
    head: bytes = packer.pack(VERSION) + packer.pack_array_header(len(items))
    return head + b"".join(items)


def unpack_request(data: bytes) -> list[Routed]:
    """Read a request from a front door of this or an earlier version."""
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=0)
    unpacker.feed(data)
    version = unpacker.unpack()
    if version != VERSION:
        raise ValueError(f"unknown request version {version!r}, expected {VERSION}")
    routed = []
    for _ in range(unpacker.read_array_header()):
        fields = unpacker.unpack()
        routed.append(Routed(_BUILDERS[fields[0]](fields[3:]), fields[1], fields[2]))
    return routed


def pack_answers(answers: list[Answer]) -> bytes:
    """Pack answers in order."""
    packed: bytes = msgpack.packb(
        [
            (
                a.body
                if a.code <= Code.DUPLICATE and not a.detail
                else [a.body, a.detail, a.number, a.retry_after_s, a.partition],
                a.code.value,
            )
            for a in answers
        ]
    )
    return packed


def unpack_answers(data: bytes) -> list[Answer]:
    """Read answers back."""
    answers = []
    for head, code in msgpack.unpackb(data):
        if isinstance(head, bytes):
            answers.append(Answer(Code(code), head))
        else:
            answers.append(Answer(Code(code), *head))  # an earlier version says no partition
    return answers
