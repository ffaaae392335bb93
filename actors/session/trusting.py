"""When a group may begin without asking the store.

Of customers who are held here the commit checks all that the store would be asked for: that no message was
taken before, that nobody else has written a customer, that what is spent fits its budget. What turns out
otherwise is not written, and runs again after asking. So a message that comes again costs a turn and a commit
more, and a process that has seen one asks for a while.
"""

from collections.abc import Sequence

from actors.domain.events import Event, Response
from actors.session.changes import Chain
from actors.session.jobs import Job, TimerJob

ASKS_AFTER = 64
"""How many groups ask, after one that had a message that was taken before or was refused."""


class Trust:
    """Says of each group whether it may begin unasked."""

    def __init__(self) -> None:
        self._asks = 0

    def permits(self, jobs: Sequence[Job]) -> bool:
        """Return whether the commit checks all that these jobs rest on, and mostly has nothing to refuse."""
        if self._asks:
            self._asks -= 1
            return False
        for job in jobs:
            if job.dry_run or not isinstance(job.item, Event | Response | TimerJob):
                return False
        return True

    def lose(self) -> None:
        """Let the next groups ask."""
        self._asks = ASKS_AFTER


def ask_about(jobs: Sequence[Job], chains: Sequence[Chain]) -> None:
    """Let jobs run again that were answered before their turns: they may have been taken before."""
    for chain in chains:
        chain.jobs = [job for job in chain.jobs if job.answer is None]
    for job in jobs:
        if job.answer is not None:
            job.answer = None
            job.again = True
