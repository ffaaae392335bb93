"""What a dispatcher tells of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DispatcherStats:
    """Counts since the start, and the present: `unsettled` ended but are not stored yet.

    `dropped` attempts never touched a socket, because their claim was too old or their partition
    had gone; `refused_claims` are rows another owner has, `held_back` those that a check did not permit,
    `reviewed` those of them that their customers were asked about. `channels` is each one's condition:
    `open`, `slowed`, `paused` or `gone`.
    """

    sent: int
    retried: int
    throttled: int
    parked: int
    expired: int
    dropped: int
    refused_claims: int
    held_back: int
    reviewed: int
    store_errors: int
    in_flight: int
    unsettled: int
    channels: dict[str, str]
