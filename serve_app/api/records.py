"""Reading customers, turns and playbooks from the store, for the read routes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Path

from actors.attributes import read_all
from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import standing_of
from actors.decisioning.record import DecisionRecord
from actors.domain.economics import STANDARD, Economics
from actors.domain.errors import InvalidIdError
from actors.domain.ids import Identity, customer_text, parse_customer, parse_decision
from actors.domain.state import CustomerState
from actors.lifetime.evaluate import Lifetime, lifetime_of
from actors.lifetime.model import SETTING, LifetimeModel, from_bytes
from actors.playbook.durations import format_duration
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.ports import Lookup, Store
from actors.session.lineage import was_erased
from actors.wire.markers import Erased, read_marker
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from serve_app.api.documentation import CUSTOMER_PATTERN
from serve_app.envelope import email_identity
from serve_app.problems import FORGOTTEN, GONE, NOT_FOUND, ProblemError, invalid
from serve_app.schemas import MAX_ID

CustomerId = Annotated[
    str,
    Path(
        max_length=MAX_ID + 8,
        description="Our id (`c_…`), or `user:…`, `anon:…`, `email:…`.",
        examples=["user:hh-2375"],
        # For readers only: what cannot be one of our ids is 404, not 422.
        json_schema_extra={"pattern": f"^({CUSTOMER_PATTERN}|(user|anon|email):.+)$"},
    ),
]

_KINDS = ("user", "anon", "email")
_COMPILED = 8
_ACTIVE_MS = 1000
_MODEL_MS = 60_000


def parse_customer_id(text: str) -> int | Identity:
    """Return a customer number, or the identity that names one.

    Raises:
        ProblemError: 404 for what can be nobody's id, 422 for an unknown form.
    """
    kind, colon, value = text.partition(":")
    if not colon:
        try:
            return parse_customer(text)
        except InvalidIdError:
            raise ProblemError(NOT_FOUND, "There is no such customer.") from None
    if kind not in _KINDS or not value:
        raise invalid("id", "must be our id, or user:…, anon:…, email:…")
    if kind == "email":
        email = email_identity(value)
        if email is None:
            raise ProblemError(NOT_FOUND, "There is no such customer.")
        return email
    return Identity(kind, value)


class Records:
    """Reads through the store; keeps the few playbooks used last in their compiled form."""

    def __init__(self, store: Store, machine_ms: Callable[[], int]) -> None:
        self._store = store
        self._machine_ms = machine_ms
        self._compiled: OrderedDict[str, Playbook] = OrderedDict()
        self._active: tuple[int, Playbook] | None = None
        self._lifetime: tuple[int, LifetimeModel | None] | None = None

    async def customer(self, text: str) -> CustomerState:
        """Return a customer's state by any form of id; one who was merged is the one who remains.

        Raises:
            ProblemError: 404, 410 or 422.
        """
        who = parse_customer_id(text)
        if isinstance(who, Identity):
            found = await self._store.lookup(Lookup(identities=(who,)))
            number = found.owners.get(who)
        else:
            found = await self._store.lookup(Lookup(numbers=(who,)))
            number = who
        row = None if number is None else found.customers.get(number)
        while row is not None and (marker := read_marker(row.state)) is not None:
            if isinstance(marker, Erased):
                raise ProblemError(GONE, "This customer was erased.")
            found = await self._store.lookup(Lookup(numbers=(marker.target,)))
            row = found.customers.get(marker.target)
        if row is None:
            raise ProblemError(NOT_FOUND, "There is no such customer.")
        return unpack_state(row.state)

    async def decision(
        self, customer: str, decision_id: str
    ) -> tuple[int, int, TurnRecord, Playbook]:
        """Return number, seq and turn of a decision, and the playbook it was taken with.

        Raises:
            ProblemError: 404, 410 or 422.
        """
        missing = ProblemError(NOT_FOUND, "This customer has no such decision.")
        try:
            number, seq = parse_decision(decision_id)
        except InvalidIdError:
            raise missing from None
        here = (await self.customer(customer)).number
        # One who was merged since took the decision under the number of then.
        if here != number and (await self.customer(customer_text(number))).number != here:
            raise missing
        found = await self._store.lookup(Lookup(turns=((number, seq),)))
        payload = found.turns.get((number, seq))
        if payload == b"" and not await was_erased(self._store, number, seq):
            raise ProblemError(FORGOTTEN, "The record of this turn has reached its age.")
        turn = unpack_turn(payload) if payload else None
        if turn is None or turn.decision is None:
            raise missing
        playbook = await self.playbook(turn.decision.playbook)
        if playbook is None:
            raise ProblemError(NOT_FOUND, "The playbook of this decision is no longer stored.")
        return number, seq, turn, playbook

    @staticmethod
    def decision_in(turn: TurnRecord) -> DecisionRecord:
        """Return the decision of a turn that `decision` gave."""
        if turn.decision is None:
            raise ProblemError(NOT_FOUND, "This turn took no decision.")
        return turn.decision

    async def playbook(self, version: str | None = None) -> Playbook | None:
        """Return a stored playbook, compiled; the active one when no version is given."""
        if version is not None and version in self._compiled:
            self._compiled.move_to_end(version)
            return self._compiled[version]
        stored = await self._store.playbook(version)
        if stored is None:
            return None
        name, data = stored
        compiled = self._compiled.get(name)
        if compiled is None:
            # Reading YAML takes a while, and events wait for this loop.
            compiled = await asyncio.to_thread(compile_bundle, bundle_from_bytes(data))
            self._compiled[name] = compiled
            if len(self._compiled) > _COMPILED:
                self._compiled.popitem(last=False)
        return compiled

    async def active(self) -> Playbook | None:
        """Return the active playbook, looked up at most once a second."""
        active, now_ms = self._active, self._machine_ms()
        if active is not None and 0 <= now_ms - active[0] < _ACTIVE_MS:
            return active[1]
        playbook = await self.playbook()
        self._active = None if playbook is None else (now_ms, playbook)
        return playbook

    async def economics(self) -> Economics:
        """Return what the active playbook says of costs."""
        playbook = await self.active()
        return STANDARD if playbook is None else playbook.economics

    async def standing(self, state: CustomerState, now_ms: int) -> dict[str, Any]:
        """Return the tier and the segments of a customer under the active playbook, as of now.

        Empty when no playbook is active.
        """
        playbook = await self.active()
        if playbook is None:
            return {}
        standing = standing_of(state, playbook, now_ms)
        level = playbook.level(standing.tier)
        reply_ms = level.reply_within_ms
        return {
            "tier": standing.tier,
            "serviceLevel": level.service_level,
            "routing": level.routing,
            "replyWithin": format_duration(reply_ms) if reply_ms else None,
            "segments": list(standing.segments),
            "attributes": read_all(state.attributes, playbook, now_ms),
        }

    async def lifetime(self, state: CustomerState, now_ms: int) -> Lifetime | None:
        """Return what a customer is expected to bring; None without a fitted model or any order."""
        known = self._lifetime
        if known is None or not 0 <= self._machine_ms() - known[0] < _MODEL_MS:
            data = await self._store.setting(SETTING)
            known = self._lifetime = (self._machine_ms(), from_bytes(data) if data else None)
        model = known[1]
        return None if model is None else lifetime_of(model, state.profile.purchases, now_ms)
