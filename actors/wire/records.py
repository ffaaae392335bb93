"""A turn as bytes: the journal row from which timeline, replies, audit and learning are read."""

from dataclasses import fields
from typing import Any

import msgpack

from actors.decisioning.journal import Credited, Lesson, TurnRecord
from actors.decisioning.record import decision_from_fields, decision_to_fields
from actors.domain.actions import Effect
from actors.domain.ids import Identity
from actors.domain.merges import MergeRecord
from actors.scenarios.world import Line
from actors.wire.codec import Upcast, checked, fitting, pack, unpack
from actors.wire.messages import (
    command_from_fields,
    command_to_fields,
    event_from_fields,
    event_to_fields,
    response_from_fields,
    response_to_fields,
)

VERSION = 1
_CURRENT = bytes((VERSION,))
UPCASTS: dict[int, Upcast] = {}
_LESSONS = 8
"""Where the lessons stand."""
_PLAIN = 9
"""How many fields a row has whose turn nobody asked for by hand."""
_WITH_LINES = 12
REACHED = 13
"""Where the experiments stand that a turn has reached, in a row that has any."""
_CREDITS = 14
_AGAIN = 15
_LEAST_BY_HAND = 3
"""How many of what only few turns have are always written together."""
_PLAIN_EFFECT = 15
_LESSON = [each.name for each in fields(Lesson)]


def _effect_to_fields(e: Effect) -> list[Any]:
    return [
        e.seq,
        e.n,
        e.action,
        e.channel,
        e.placement,
        e.mode,
        e.purpose,
        e.segment,
        e.at_ms,
        e.expires_at_ms,
        e.rank,
        e.propensity,
        e.priority_minor,
        e.chosen_with,
        e.content,
        *([e.send_at_ms, e.cause] if e.send_at_ms or e.cause else ()),
    ]


def _effect_from_fields(v: list[Any]) -> Effect:
    return Effect(
        seq=v[0],
        n=v[1],
        action=v[2],
        channel=v[3],
        placement=v[4],
        mode=v[5],
        purpose=v[6],
        segment=v[7],
        at_ms=v[8],
        expires_at_ms=v[9],
        rank=v[10],
        propensity=v[11],
        priority_minor=v[12],
        chosen_with=v[13],
        content=v[14],
        send_at_ms=v[15] if len(v) > _PLAIN_EFFECT else 0,
        cause=v[16] if len(v) > _PLAIN_EFFECT else "",
    )


def _merge_to_fields(m: MergeRecord) -> list[Any]:
    return [
        m.at_ms,
        m.survivor,
        m.loser,
        m.loser_seq,
        m.survivor_state,
        m.loser_state,
        [(i.kind, i.value) for i in m.moved],
        m.shared_kind,
        m.source,
    ]


def _merge_from_fields(v: list[Any]) -> MergeRecord:
    return MergeRecord(
        at_ms=v[0],
        survivor=v[1],
        loser=v[2],
        loser_seq=v[3],
        survivor_state=v[4],
        loser_state=v[5],
        moved=tuple(Identity(*i) for i in v[6]),
        shared_kind=v[7],
        source=v[8],
    )


def _by_hand(record: TurnRecord) -> list[Any]:
    """Return what only few turns have, as far as there is any: most rows are shorter without."""
    fields = [
        None if record.command is None else command_to_fields(record.command),
        None if record.merge is None else _merge_to_fields(record.merge),
        record.result,
        [_line_to_fields(line) for line in record.lines],
        record.reached,
        [_credited_to_fields(each) for each in record.credits],
        [_effect_to_fields(each) for each in record.again],
    ]
    count = len(fields)
    while count and not fields[count - 1]:
        count -= 1
    return fields[: max(count, _LEAST_BY_HAND)] if count else []


def _credited_to_fields(c: Credited) -> list[Any]:
    return [c.name, c.id, c.basis, c.action, c.number, c.seq, c.n, c.reward_minor]


def _lesson_to_fields(s: Lesson) -> list[Any]:
    return [
        s.action,
        s.segment,
        s.taken,
        s.refused,
        s.channel,
        s.number,
        s.seq,
        s.n,
        s.reward_minor,
    ]


def _lesson_from_fields(v: list[Any]) -> Lesson:
    return Lesson(**dict(zip(_LESSON, v, strict=False)))


def _line_to_fields(line: Line) -> list[Any]:
    return [line.scenario, line.instance, line.key, line.what, line.step, line.why, line.until_ms]


def pack_turn(record: TurnRecord) -> bytes:
    """Pack a turn for the journal."""
    return pack(
        VERSION,
        [
            record.at_ms,
            record.received_at_ms,
            None if record.event is None else event_to_fields(record.event),
            None if record.response is None else response_to_fields(record.response),
            record.timer,
            record.notes,
            None if record.decision is None else decision_to_fields(record.decision),
            [_effect_to_fields(e) for e in record.effects],
            [_lesson_to_fields(s) for s in record.lessons],
            *_by_hand(record),
        ],
    )


@fitting("journal row")
def unpack_lessons(data: bytes) -> list[Lesson]:
    """Read of a turn only what it teaches, which is far cheaper than `unpack_turn`.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    if data[:1] != _CURRENT:
        lessons = unpack(data, VERSION, UPCASTS, "journal row")[_LESSONS]
    else:
        body = checked(data, "journal row")
        unpacker = msgpack.Unpacker(read_size=len(body) or 1, strict_map_key=False)
        unpacker.feed(body)
        if unpacker.read_array_header() <= _LESSONS:
            raise ValueError("it has no lessons")
        for _ in range(_LESSONS):
            unpacker.skip()
        lessons = unpacker.unpack()
    return [_lesson_from_fields(each) for each in lessons] if lessons else []


@fitting("journal row")
def unpack_turn(data: bytes) -> TurnRecord:
    """Read a turn back, from this or any earlier version.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    v = unpack(data, VERSION, UPCASTS, "journal row")
    command, merge, result = v[9:12] if len(v) > _PLAIN else (None, None, {})
    return TurnRecord(
        at_ms=v[0],
        received_at_ms=v[1],
        event=None if v[2] is None else event_from_fields(v[2]),
        response=None if v[3] is None else response_from_fields(v[3]),
        timer=None if v[4] is None else (v[4][0], v[4][1], v[4][2]),
        notes=v[5],
        decision=None if v[6] is None else decision_from_fields(v[6]),
        effects=[_effect_from_fields(e) for e in v[7]],
        lessons=[_lesson_from_fields(s) for s in v[8]],
        command=None if command is None else command_from_fields(command),
        merge=None if merge is None else _merge_from_fields(merge),
        result=result,
        lines=[Line(*line) for line in v[12]] if len(v) > _WITH_LINES else [],
        reached=v[REACHED] if len(v) > REACHED else {},
        credits=[Credited(*each) for each in v[_CREDITS]] if len(v) > _CREDITS else [],
        again=[_effect_from_fields(e) for e in v[_AGAIN]] if len(v) > _AGAIN else [],
    )
