"""How hard to press one endpoint: fewer attempts at once, or none for a while, when it says so."""

from actors.ports import Channel, Delivery, DeliveryStatus

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 300_000
LONGEST_ASKED_MS = 3_600_000
"""A receiver's `Retry-After` is honoured up to an hour; a longer one is asked again then."""


class Lane:
    """One channel's share of attempts under way, and what its endpoint last said of its load.

    After a throttled answer nothing starts for a pause, which doubles while that goes on (or is
    what the receiver asked for). Then one attempt probes, and every delivery doubles the width
    until it is whole again. An endpoint that is gone stays so for the life of this object.
    """

    def __init__(self, channel: Channel, width: int) -> None:
        self.channel = channel
        self.gone = ""
        self.paused_until_ms = 0
        self.in_flight = 0
        self._whole = width
        self._width = width
        self._pause_ms = FIRST_PAUSE_MS
        self._throttled_at_ms = -1

    def room(self, now_ms: int) -> int:
        """Return how many attempts may start now; rows of a gone endpoint may always be parked."""
        if self.gone:
            return self._whole
        if now_ms < self.paused_until_ms:
            return 0
        return max(0, self._width - self.in_flight)

    def heard(self, delivery: Delivery, started_at_ms: int, now_ms: int) -> None:
        """Take in how an attempt that started at `started_at_ms` ended."""
        match delivery.status:
            case DeliveryStatus.GONE:
                self.gone = delivery.detail or "the endpoint is gone"
            case DeliveryStatus.THROTTLED:
                self._throttle(delivery.retry_after_s, started_at_ms, now_ms)
            case DeliveryStatus.DELIVERED:
                self._pause_ms = FIRST_PAUSE_MS
                self._width = min(self._whole, self._width * 2)
            case DeliveryStatus.RETRY | DeliveryStatus.REFUSED:
                pass

    def condition(self, now_ms: int) -> str:
        """Return `open`, `slowed`, `paused` or `gone`."""
        if self.gone:
            return "gone"
        if now_ms < self.paused_until_ms:
            return "paused"
        return "open" if self._width == self._whole else "slowed"

    def _throttle(self, asked_s: float | None, started_at_ms: int, now_ms: int) -> None:
        # Answers to attempts that had started before the pause say nothing new about its length.
        pause_ms = 0
        if started_at_ms > self._throttled_at_ms:
            pause_ms = self._pause_ms
            self._pause_ms = min(LONGEST_PAUSE_MS, pause_ms * 2)
            self._throttled_at_ms = now_ms
        if asked_s is not None:
            pause_ms = max(pause_ms, int(min(asked_s * 1_000, LONGEST_ASKED_MS)))
        self.paused_until_ms = max(self.paused_until_ms, now_ms + pause_ms)
        self._width = 1
