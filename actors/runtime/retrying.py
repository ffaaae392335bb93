"""When a failed attempt is repeated."""

from hashlib import blake2b

from actors.channels.body import key_of
from actors.ports import Delivery, OutboxItem

RETRY_SCHEDULE_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits before each attempt, counted from the end of the one before; then a row is parked."""


def wait_ms(item: OutboxItem, attempt: int, delivery: Delivery, jitter: float) -> int:
    """Return the wait after a failed attempt: the schedule's, or what the receiver asked.

    It grows by up to the share `jitter`, drawn from the effect and the attempt.
    """
    scheduled_ms = RETRY_SCHEDULE_S[attempt] * 1_000
    digest = blake2b(f"{key_of(item)}/{attempt}".encode(), digest_size=8).digest()
    draw = int.from_bytes(digest, "big") / 2**64
    asked_s = min(delivery.retry_after_s or 0.0, RETRY_SCHEDULE_S[-1])
    return max(int(scheduled_ms * (1 + jitter * draw)), int(asked_s * 1_000))
