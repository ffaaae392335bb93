"""Instants as text: RFC 3339 outside, integers of milliseconds inside."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS = -62_135_596_800_000
"""The first millisecond of the year 1."""
LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def format_instant(at_ms: int) -> str:
    """Return RFC 3339 in UTC with milliseconds; instants beyond year 1 … 9999 are clamped."""
    at_ms = min(max(at_ms, EARLIEST_MS), LATEST_MS)
    text = (EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")
    return text[:23] + "Z"
