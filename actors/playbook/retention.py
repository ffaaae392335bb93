"""`retention:` in `policies.yaml`: how old what is kept may become."""

from typing import Annotated

from pydantic import BaseModel, Field

from actors.playbook.retention_model import DEDUPE_MS, Retention
from actors.playbook.source import Document
from actors.playbook.yaml_types import CONFIG, MAX_ENTRIES, DurationMs, Label

_DAY_MS = 86_400_000
LEAST_DEDUPE_MS = 7 * _DAY_MS
"""Clients are promised that a message may be sent again for this long."""
LEAST_OUTBOX_MS = 2 * _DAY_MS
"""A stream goes back a day, and a withdrawal says what went out in the last one."""
LEAST_SEGMENTS_MS = 31 * _DAY_MS
"""A segment shows its last thirty days."""


class _Model(BaseModel):
    model_config = CONFIG


class JournalAgesModel(_Model):
    """Ages of turns by kind. Merges are not among them: to take one back needs its record."""

    event: DurationMs | None = None
    decide: DurationMs | None = None
    outcome: DurationMs | None = None
    wake: DurationMs | None = None
    command: DurationMs | None = None


class OutboxAgesModel(_Model):
    """Ages of effects that have ended, by how they ended."""

    sent: DurationMs | None = None
    parked: DurationMs | None = None
    cancelled: DurationMs | None = None
    expired: DurationMs | None = None


class RetentionModel(_Model):
    """All of it is optional; what has no age is kept."""

    journal: JournalAgesModel = JournalAgesModel()
    outbox: OutboxAgesModel = OutboxAgesModel()
    dedupe: DurationMs = DEDUPE_MS
    traits: Annotated[dict[Label, DurationMs], Field(max_length=MAX_ENTRIES)] = {}
    conversation: DurationMs | None = None
    segments: DurationMs | None = None


def compile_retention(given: RetentionModel) -> Retention:
    """Return what the core uses."""
    return Retention(
        journal_ms=given.journal.model_dump(exclude_none=True),
        outbox_ms=given.outbox.model_dump(exclude_none=True),
        dedupe_ms=given.dedupe,
        traits_ms=dict(given.traits),
        conversation_ms=given.conversation or 0,
        segments_ms=given.segments or 0,
    )


def check_retention(document: Document, given: RetentionModel) -> None:
    """Report ages under which a promise would be broken."""

    def tell(path: tuple[str, ...], text: str) -> None:
        document.report(document.place(("retention", *path)), text)

    if given.dedupe < LEAST_DEDUPE_MS:
        tell(("dedupe",), f"{_days(given.dedupe)} for message ids, expected P7D or more")
    for kind, age_ms in compile_retention(given).journal_ms.items():
        if age_ms < given.dedupe:
            text = (
                f"{_days(age_ms)} for {kind!r}, expected at least the {_days(given.dedupe)} that"
                " message ids are remembered: a repeated message gets its first answer again"
            )
            tell(("journal", kind), text)
    for kind, age_ms in compile_retention(given).outbox_ms.items():
        if age_ms < LEAST_OUTBOX_MS:
            text = f"{_days(age_ms)} for {kind!r} effects, expected P2D or more"
            tell(("outbox", kind), text)
    if given.segments is not None and given.segments < LEAST_SEGMENTS_MS:
        tell(("segments",), f"{_days(given.segments)} of history, expected P31D or more")


def _days(age_ms: int) -> str:
    return f"{age_ms / _DAY_MS:.4g} days"
