"""The channel of kind `stream`: its effects are fetched, never pushed."""

from actors.ports import Delivery, DeliveryStatus


class StreamChannel:
    """Settles every effect at once, because the stream reads outbox rows whatever their state.

    `sent` on such a row therefore means "offered to whoever listens"; what happened to it comes
    back as an outcome.
    """

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Return DELIVERED without doing anything."""
        return Delivery(DeliveryStatus.DELIVERED)

    async def close(self) -> None:
        """Hold nothing, release nothing."""
