"""Decisions from a store's journal, with the outcomes that came back on their effects."""

from typing import Any

from actors.decisioning.journal import TurnRecord
from actors.domain.errors import CodecError, PlaybookError
from actors.evaluation.records import Round, rounds_of
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.ports import Store
from actors.stores.opening import open_store
from actors.wire.records import unpack_turn
from scripts.output import Failure
from scripts.research.logged import Logged
from scripts.research.reading import Heard, rewards, slots

_PORTION = 2_000
Key = tuple[int, int, int]


class Chronicle:
    """What has been read so far: rounds by customer, and what was heard of each effect."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, tuple[str, ...] | None] = {}
        self.rounds: list[tuple[int, Round]] = []
        self.heard: Heard = {}
        self.unreadable = 0

    async def read(self) -> None:
        """Read the whole journal; the system that owns it may be running."""
        offset = 0
        while rows := await self._store.turns_after(offset, _PORTION):
            offset = rows[-1].offset
            for row in rows:
                try:
                    turn = unpack_turn(row.payload) if row.payload else None
                except CodecError:
                    turn = None
                if turn is None:
                    self.unreadable += 1
                else:
                    await self._take(row.number, row.seq, turn)

    async def _take(self, number: int, seq: int, turn: TurnRecord) -> None:
        for lesson in turn.lessons:
            if lesson.seq:
                self._add((lesson.number, lesson.seq, lesson.n), lesson.taken, 0.0)
        for credit in turn.credits:
            self._add((credit.number, credit.seq, credit.n), 0.0, credit.reward_minor)
        if turn.decision is not None:
            keys = await self._of(turn.decision.playbook)
            if keys is None:
                self.unreadable += 1
            else:
                self.rounds += [(number, each) for each in rounds_of(turn, seq, keys)]

    def _add(self, key: Key, taken: float, credit: float) -> None:
        before = self.heard.get(key, (0.0, 0.0))
        self.heard[key] = (before[0] + taken, before[1] + credit)

    async def _of(self, version: str) -> tuple[str, ...] | None:
        """Return the keys of a playbook's actions; None where it is gone or not understood any more."""
        if version not in self._keys:
            stored = await self._store.playbook(version)
            try:
                self._keys[version] = (
                    None
                    if stored is None
                    else tuple(a.key for a in compile_bundle(bundle_from_bytes(stored[1])).actions)
                )
            except (CodecError, PlaybookError):
                self._keys[version] = None
        return self._keys[version]


async def from_store(url: str, reward: str) -> tuple[Logged, int]:
    """Read a store's decisions; return them, and how many turns could not be read.

    Raises:
        Failure: There is no such store, or nothing in it was drawn.
    """
    try:
        store = open_store(url, read_only=True)
    except ValueError as error:
        raise Failure(f"LOG: {error}") from error
    try:
        chronicle = Chronicle(store)
        await chronicle.read()
    finally:
        await store.close()
    if not chronicle.rounds:
        raise Failure("the journal holds no decision that drew anything")
    return of_rounds(chronicle, reward), chronicle.unreadable


def of_rounds(chronicle: Chronicle, reward: str) -> Logged:
    """Return rounds as a log, by customer."""
    columns: dict[str, list[Any]] = {name: [] for name in ("customer", *Round._fields)}
    for number, each in chronicle.rounds:
        columns["customer"].append(number)
        for name, value in zip(Round._fields, each, strict=True):
            columns[name].append(value)
    return slots(columns, rewards(columns, chronicle.heard, reward))
