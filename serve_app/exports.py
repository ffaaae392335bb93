"""Everything that is held of a customer, as one JSON document, piece by piece."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any, Protocol

from pydantic_core import to_json

from actors.channels.body import effect_fields, key_of
from actors.decisioning.journal import TurnRecord
from actors.domain.economics import Economics
from actors.domain.errors import CodecError
from actors.domain.events import Event
from actors.domain.ids import customer_text
from actors.domain.instants import format_instant
from actors.domain.journeys import Journeys
from actors.domain.merges import MergeRecord
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.ports import Lookup, OutboxItem, OutboxState, Store, TimelineRow
from actors.stores.rules import OUTBOX_STATES
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from serve_app.consents import consents_json
from serve_app.histories import Belonging, all_of, belonging_of
from serve_app.render import customer_json, decision_json, identities_json, instant, turn_json
from serve_app.render.journeys import memory_json

FORMAT = "righttime-export/1"


class Playbooks(Protocol):
    """Where the playbooks are with which decisions were taken."""

    async def playbook(self, version: str | None = None) -> Playbook | None:
        """Return a stored playbook, or None when it is not stored."""
        ...

    async def economics(self) -> Economics:
        """Return what the active playbook says of costs."""
        ...


class Exporter:
    """Writes exports. What a document holds is in order: turns newest first, the rest by key."""

    def __init__(self, store: Store, playbooks: Playbooks, currency: str) -> None:
        self._store = store
        self._playbooks = playbooks
        self._currency = currency

    async def chunks(self, state: CustomerState, now_ms: int) -> AsyncIterator[bytes]:
        """Yield the document of a customer who exists, bounded in memory by a page of turns."""
        belonging = await belonging_of(self._store, state.number)
        numbers = (state.number,) if belonging is None else belonging.numbers
        found = await self._store.lookup(Lookup(owned_by=(state.number,)))
        effects = await self._store.outbox_of(numbers)
        head: dict[str, Any] = {
            "format": FORMAT,
            "exportedAt": format_instant(now_ms),
            "customerId": customer_text(state.number),
            "seq": state.seq,
            "customers": [customer_text(number) for number in numbers],
            "profile": customer_json(
                state, self._currency, now_ms, await self._playbooks.economics()
            ),
            "consents": consents_json(state),
            "identities": identities_json(found.identities.get(state.number, ())),
            "timers": [
                {**asdict(timer), "dueAt": format_instant(timer.due_at_ms)}
                for timer in sorted(state.timers, key=lambda t: (t.due_at_ms, t.key))
            ],
            "effects": [_effect(item) for item in effects],
            "state": {
                **asdict(replace(state, journeys=Journeys())),
                "journeys": {
                    "instances": [asdict(each) for each in state.journeys.instances],
                    **memory_json(state.journeys),
                },
            },
        }
        yield _json(head)[:-1] + b',"timeline":['
        comma = b""
        async for row in all_of(self._store, state.number, belonging):
            yield comma + _json(await self._turn(row, belonging))
            comma = b","
        yield b"]}"

    async def _turn(self, row: TimelineRow, belonging: Belonging | None) -> dict[str, Any]:
        try:
            shown = turn_json(row, self._currency)
            turn = unpack_turn(row.payload) if row.payload else None
        except CodecError as error:
            at = format_instant(row.at_ms)
            return {"seq": row.seq, "at": at, "notes": [f"damaged: {error.reason}"]}
        if turn is None:
            return shown
        if turn.event is not None:
            shown["event"] |= _times(turn.event)
        if turn.response is not None:
            shown["outcome"]["at"] = instant(turn.response.at_ms or 0)
        if turn.merge is not None:
            undone = belonging is not None and (row.number, row.seq) in belonging.undone
            economics = await self._playbooks.economics()
            shown["merge"] |= self._merge(turn.merge, economics, undone=undone)
        if turn.decision is not None:
            shown["decision"] = await self._decision(row, turn)
        if turn.lessons:
            shown["lessons"] = [asdict(lesson) for lesson in turn.lessons]
        return shown

    def _merge(self, merge: MergeRecord, economics: Economics, *, undone: bool) -> dict[str, Any]:
        """Return what a merge record keeps; of somebody who is another again nothing."""
        kept: dict[str, Any] = {}
        if merge.survivor_state:
            before = unpack_state(merge.survivor_state)
            kept["survivorBefore"] = customer_json(before, self._currency, merge.at_ms, economics)
        if merge.loser_state and not undone:
            before = unpack_state(merge.loser_state)
            kept["loserBefore"] = customer_json(before, self._currency, merge.at_ms, economics)
            kept["moved"] = identities_json(merge.moved)
        return kept

    async def _decision(self, row: TimelineRow, turn: TurnRecord) -> dict[str, Any]:
        record = turn.decision
        if record is None:
            return {}
        playbook = await self._playbooks.playbook(record.playbook)
        if playbook is None:
            return asdict(record)
        return decision_json(row.number, row.seq, turn, playbook)


def _times(event: Event) -> dict[str, Any]:
    return {
        "timestamp": instant(event.at_ms or 0),
        "sentAt": instant(event.sent_at_ms or 0),
        "originalTimestamp": instant(event.original_at_ms or 0),
        "maxActions": event.max_actions,
    }


def _effect(item: OutboxItem) -> dict[str, Any]:
    """Return an outbox row: what was to be said, where, and what became of it."""
    try:
        fields = effect_fields(item)
    except CodecError:
        fields = {
            "effectKey": key_of(item),
            "customerId": customer_text(item.number),
            "channel": item.channel,
        }
    sent = item.state == OutboxState.SENT and item.next_at_ms
    return {
        **fields,
        "state": OUTBOX_STATES[item.state],
        "attempts": item.attempts,
        "sentAt": format_instant(item.next_at_ms) if sent else None,
        "lastError": item.last_error or None,
    }


def _json(value: object) -> bytes:
    return to_json(value, bytes_mode="base64", inf_nan_mode="null")
