"""Messages that a check has held back, on their way to the customers who are to judge them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from actors.channels.body import key_of
from actors.domain.errors import CodecError
from actors.domain.events import REVIEW, Command
from actors.ports import Clock, OutboxItem
from actors.runtime.checking import message_of
from actors.session.jobs import Job

_Key = tuple[int, int, int]

log = logging.getLogger(__name__)

Review = Callable[[Sequence[OutboxItem]], Awaitable[None]]


def review_command(item: OutboxItem, asked_at_ms: int) -> Command:
    """Return the question to the customer; `asked_at_ms` tells one from the next.

    Raises:
        CodecError: The payload cannot be read.
    """
    message = message_of(item)
    return Command(
        message_id=f"review:{key_of(item)}:{asked_at_ms}",
        kind=REVIEW,
        arguments={
            "number": item.number,
            "seq": item.seq,
            "n": item.n,
            "action": message.action,
            "channel": message.channel,
            "purpose": message.purpose,
            "at_ms": message.at_ms,
            "expires_at_ms": message.expires_at_ms,
            "attempted": item.attempts > 0,
        },
    )


def reviewing(submit: Callable[[list[Job]], Awaitable[None]], clock: Clock) -> Review:
    """Return what asks, through the cell's own mailboxes.

    It returns when each has its answer. Who could not be asked now is asked again: the row stays where it
    is, and the next check holds it back again.
    """

    async def review(items: Sequence[OutboxItem]) -> None:
        jobs = []
        for item in items:
            try:
                jobs.append(Job(review_command(item, clock.machine_ms()), item.number))
            except CodecError as error:
                log.error("outbox: %s of %s cannot be judged", key_of(item), error.reason)  # noqa: TRY400
        await submit(jobs)

    return review


class Reviews:
    """The reviews under way of one dispatcher; it claims no row that is being judged."""

    def __init__(self, review: Review | None, moved: Callable[[], None]) -> None:
        """`moved` is told when one has ended."""
        self._review = review
        self._moved = moved
        self._judged: dict[_Key, asyncio.Task[None]] = {}
        self.done = 0

    def busy(self, key: tuple[int, int, int]) -> bool:
        """Return whether the effect (number, seq, n) is being judged."""
        return key in self._judged

    def ask(self, items: Sequence[OutboxItem]) -> None:
        """Have customers judge what was held back, without waiting for them."""
        if self._review is None or not items:
            return
        keys = [(item.number, item.seq, item.n) for item in items]
        task = asyncio.create_task(self._ask(self._review, items, keys))
        self._judged.update(dict.fromkeys(keys, task))

    async def _ask(self, review: Review, items: Sequence[OutboxItem], keys: list[_Key]) -> None:
        try:
            await review(items)
            self.done += len(items)
        except Exception as error:  # noqa: BLE001 - they stay held back, and are asked about again
            log.warning("outbox: a review failed: %s", type(error).__name__)
        finally:
            for key in keys:
                del self._judged[key]
            self._moved()

    def cancel(self) -> None:
        """Stop waiting for answers; turns that are under way run on."""
        for task in set(self._judged.values()):
            task.cancel()
