"""Follows the journal: reads what it teaches, finds the rows that were scored, keeps checkpoints."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from actors.decisioning.journal import Lesson
from actors.domain.errors import CodecError, PlaybookError
from actors.domain.scores import ScoreRow, Scores
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.ports import Lookup, Store
from actors.wire.records import unpack_lessons, unpack_turn
from serve_app.models import shelf
from serve_app.models.learner import NOWHERE, Kept, Learner, Source, kept_for

BATCH = 1000
_AT_ONCE = 32
_MAX_PLAYBOOKS = 16
_FILE = "models.yaml"

_Turn = tuple[int, int]


class Follower:
    """One replica's models. `step` and `save` are called one at a time; `score` at any moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.learner = Learner()
        self._saved = 0
        self._declares: dict[str, bool] = {}  # by version of a playbook whether it has models
        self._playbooks: dict[str, Playbook | None] = {}
        self._active = ""
        self._fresh: dict[str, Kept] = {}
        self._pinned: dict[str, Kept] = {}
        self._pins: dict[str, int] = {}

    async def open(self) -> None:
        """Go on from the last checkpoint."""
        self.learner = await shelf.read_learner(self._store)
        self._saved = self.learner.offset

    def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Score rows with what was learned so far, or with the pinned versions."""
        for row in rows:
            fresh = self._fresh.get(row.model)
            if fresh is not None and row.model not in self.learner.kept:
                return self._score_fresh(rows)
        return self.learner.score(rows, self._pinned)

    def _score_fresh(self, rows: Sequence[ScoreRow]) -> Scores:
        """Score with models too that the active playbook declares and that have learned nothing yet."""
        fresh = {k: each for k, each in self._fresh.items() if k not in self.learner.kept}
        known = Learner()
        known.offset, known.kept = self.learner.offset, {**self.learner.kept, **fresh}
        return known.score(rows, self._pinned)

    async def step(self) -> int:
        """Learn from the next rows of the journal; return how many were read.

        A turn that is damaged, or was forgotten by age, teaches nothing.
        """
        rows = await self._store.turns_after(self.learner.offset, BATCH)
        await self._look()  # after the rows: the playbooks of their decisions are older than they
        read = [(row.offset, _lessons(row.payload)) for row in rows]
        taught = [each for each in read if each[1]]  # a few of a hundred
        sources = await self._sources([lesson for _, lessons in taught for lesson in lessons])
        for i, (offset, lessons) in enumerate(taught):
            if i % _AT_ONCE == 0:
                await asyncio.sleep(0)  # whoever asks for scores waits no longer
            found = [sources.get((each.number, each.seq), NOWHERE) for each in lessons]
            for kept in self.learner.learn(offset, lessons, found):
                fields = kept.to_fields(plain=True)
                await shelf.write_version(self._store, offset, kept.version, fields)
        if rows:
            self.learner.learn(rows[-1].offset, (), ())
        return len(rows)

    async def save(self) -> bool:
        """Store a checkpoint when there is something new; return whether this replica stored it."""
        if self.learner.offset <= self._saved:
            return False
        self._saved = self.learner.offset
        return await shelf.write_learner(self._store, self.learner)

    async def _look(self) -> None:
        """See which playbook is active, and which versions are pinned."""
        for version, _, active in await self._store.playbook_versions():
            if version not in self._declares:
                stored = await self._store.playbook(version)
                self._declares[version] = stored is not None and _declares(stored[1])
            if active and version != self._active:
                playbook = await self._playbook(version)
                declared = () if playbook is None else playbook.learning.models
                self._fresh = {each.key: kept_for(each) for each in declared}
                self._active = version
        pins = await shelf.pins(self._store)
        if pins != self._pins:
            found = {name: await shelf.pinned_model(self._store, name) for name in pins}
            self._pinned = {name: kept for name, kept in found.items() if kept is not None}
            self._pins = pins

    async def _playbook(self, version: str) -> Playbook | None:
        """Return a version that declares models; None for any other, which nobody has to compile."""
        if not self._declares.get(version):
            return None
        if version not in self._playbooks:
            if len(self._playbooks) >= _MAX_PLAYBOOKS:
                del self._playbooks[next(iter(self._playbooks))]
            stored = await self._store.playbook(version)
            self._playbooks[version] = (
                None if stored is None else await asyncio.to_thread(_compiled, stored[1])
            )
        return self._playbooks[version]

    async def _sources(self, lessons: Sequence[Lesson]) -> dict[_Turn, Source]:
        """Return where the effects of lessons were decided, as far as some model needs it."""
        if not any(self._declares.values()):
            return {}
        wanted = tuple(dict.fromkeys((each.number, each.seq) for each in lessons if each.seq))
        if not wanted:
            return {}
        found = await self._store.lookup(Lookup(turns=wanted))
        sources: dict[_Turn, Source] = {}
        for turn, payload in found.turns.items():
            with suppress(CodecError):
                record = unpack_turn(payload)
                decided = record.decision
                playbook = None if decided is None else await self._playbook(decided.playbook)
                sources[turn] = Source(record, playbook)
        return sources


def _declares(data: bytes) -> bool:
    try:
        return _FILE in bundle_from_bytes(data)
    except CodecError:
        return False


def _compiled(data: bytes) -> Playbook | None:
    """Compile a version; one that this engine cannot read any more teaches the counts alone."""
    try:
        return compile_bundle(bundle_from_bytes(data))
    except (CodecError, PlaybookError):
        return None


def _lessons(payload: bytes) -> list[Lesson]:
    try:
        return unpack_lessons(payload) if payload else []
    except CodecError:
        return []
