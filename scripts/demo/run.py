"""One run of the demo: replay, read back, compare with the data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from scripts.demo.client import Client, GoneError, HttpTransport
from scripts.demo.households import Story
from scripts.demo.readback import Known, read_back
from scripts.demo.replay import Replay, Tally, percentile


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was told, what was answered and what is known now."""

    story: Story
    tally: Tally
    known: Known

    @property
    def lost(self) -> int:
        """Calls of the story that have no answer of any kind."""
        return len(self.story.calls) - self.tally.answered

    @property
    def expected_sales(self) -> Decimal:
        """The data's sales, exact."""
        return Decimal(self.story.sales_minor) / 100

    def result(self) -> dict[str, Any]:
        """Return the figures, as `--json` prints them. `sales` is read back from the server."""
        tally = self.tally
        return {
            "households": len(self.story.households),
            "days": self.story.days,
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "lost": self.lost,
            "decisions": tally.decisions,
            "inlineActions": tally.inline_actions,
            "effects": tally.effects,
            "outcomes": tally.outcomes,
            "sales": float(self.known.sales),
            "expectedSales": float(self.expected_sales),
            "p50Ms": round(percentile(tally.latencies_s, 0.50) * 1000, 2),
            "p99Ms": round(percentile(tally.latencies_s, 0.99) * 1000, 2),
            "eventsPerSecond": round(tally.answered / tally.took_s, 1) if tally.took_s else 0.0,
        }

    def wrong(self) -> str:
        """Return one sentence on what is not as it must be, or nothing."""
        tally = self.tally
        if tally.gone:
            return (
                f"{tally.gone}; {self.lost:,} of {len(self.story.calls):,} events are still to be "
                "sent: run it again on the same data directory to go on"
            )
        if tally.rejected:
            return f"{tally.rejected:,} events were rejected, first {tally.problems[0]}"
        if self.lost:
            return f"{self.lost:,} events were lost"
        if self.known.missing:
            return f"{len(self.known.missing)} households have no profile"
        if self.known.sales != self.expected_sales:
            return (
                f"the profiles add up to sales of {self.known.sales:,.2f}, "
                f"the data to {self.expected_sales:,.2f}"
            )
        return ""


async def run(
    story: Story,
    url: str,
    key: str,
    *,
    connections: int,
    hours: int,
    alive: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> Outcome:
    """Replay a story against a system and read back what it knows."""
    async with HttpTransport(url, key, connections) as transport:
        client = Client(transport, alive=alive)
        replay = Replay(client, story, hours=hours, connections=connections, progress=progress)
        try:
            now_ms = await server_time_ms(client)
        except GoneError as error:
            replay.tally.gone = error.reason
            return Outcome(story, replay.tally, Known())
        tally = await replay.run(now_ms)
        known = Known()
        if not tally.gone:
            try:
                known = await read_back(client, story.households, tally.samples, connections)
            except GoneError as error:
                tally.gone = error.reason
        return Outcome(story, tally, known)


async def server_time_ms(client: Client) -> int | None:
    """Return the customers' time on the server, or None when its clock cannot be moved.

    Raises:
        GoneError: The server refuses to say, most likely because of the key.
    """
    reply = await client.get("/v1/clock")
    if reply.status != 200:
        raise GoneError(f"the system refuses: {reply.problem()}")
    if not reply.body.get("virtual"):
        return None
    return int(datetime.fromisoformat(str(reply.body["now"])).timestamp() * 1000)
