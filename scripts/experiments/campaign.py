"""Hillstrom's campaign as it would have come in: assignments first, then visits and orders."""

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from actors.domain.events import Event
from actors.domain.ids import PARTITIONS, Identity, IdSpace
from actors.domain.scores import ScoreRow, Scores
from actors.playbook.loader import bundle_bytes, compile_bundle, read_bundle, version_of
from actors.playbook.model import Playbook
from actors.ports import CellRow, Store
from actors.runtime.clocks import VirtualClock
from actors.session import Job, Session
from actors.session.activations import Activations
from actors.stores.opening import KEY_SETTING
from actors.wire.messages import Code, Routed
from scripts.output import Failure

BUNDLE = Path(__file__).parent / "hillstrom"
NAME = "hillstrom"
ARM = "segment"
ASSIGNED = "Campaign Assigned"
OUTCOMES = ("visit", "conversion", "spend")
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
SENT_AT_MS = 1_205_971_200_000
"""2008-03-20, about when it was sent; the data have no dates."""
_GROUP = 500
NUMBERS = ("recency", "history", "mens", "womens", "newbie")
WORDS = ("zip_code", "channel")
_KEY = b"hillstrom campaign"
_OWNER = CellRow("import", "one", 0, 0, "here", 0)

Row = Mapping[str, Any]
Progress = Callable[[int], None]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the CSV, compressed or not; numbers become numbers.

    Raises:
        Failure: It is not that file.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    wanted = {ARM, *OUTCOMES, *NUMBERS}
    if not rows or not wanted <= rows[0].keys():
        raise Failure(f"{path} is not Hillstrom's campaign: expected {', '.join(sorted(wanted))}")
    for row in rows:
        for name in (*NUMBERS, *OUTCOMES):
            row[name] = float(row[name])
    return rows


def playbook_of() -> Playbook:
    """Return the playbook of the campaign."""
    return compile_bundle(read_bundle(BUNDLE))


def events_of(rows: Iterable[Row]) -> Iterator[tuple[int, Event]]:
    """Yield events with when they happened: all assignments, then the visits, then the orders."""
    known = list(enumerate(rows))
    for i, row in known:
        columns = {name: value for name, value in row.items() if name not in OUTCOMES}
        yield SENT_AT_MS, _event(i, "track", ASSIGNED, SENT_AT_MS, columns)
    visited_at_ms = SENT_AT_MS + _DAY_MS
    for i, row in known:
        if row["visit"]:
            yield visited_at_ms, _event(i, "page", "Home", visited_at_ms, {})
    bought_at_ms = visited_at_ms + _HOUR_MS
    for i, row in known:
        if row["conversion"]:
            properties = {"order_id": f"order-{i}", "total": row["spend"]}
            yield bought_at_ms, _event(i, "track", "Order Completed", bought_at_ms, properties)


def _event(i: int, kind: str, name: str, at_ms: int, properties: dict[str, Any]) -> Event:
    return Event(
        message_id=f"{NAME}-{i}-{name}",
        type=kind,
        name=name,
        identities=(Identity("user", f"{NAME}-{i}"),),
        channel="web",
        properties=properties,
        at_ms=at_ms,
    )


class _NoScorer:
    """Nothing is decided here, so that nothing is to be scored."""

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        raise RuntimeError(f"{len(rows)} propensities were asked for, expected none")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many events were taken, and the instant at which everybody's horizon has passed."""

    events: int
    until_ms: int


async def import_rows(
    store: Store, rows: Iterable[Row], playbook: Playbook, progress: Progress
) -> Imported:
    """Take the campaign through the same turns, journal and commits as any other event.

    Raises:
        Failure: The store has been used before, or an event was not accepted.
    """
    if await store.setting(KEY_SETTING) is not None:
        raise Failure("the store is in use: importing needs a new one")
    await store.put_setting(KEY_SETTING, _KEY)
    bundle = read_bundle(BUNDLE)
    clock = VirtualClock(SENT_AT_MS)
    await store.put_playbook(version_of(bundle), bundle_bytes(bundle), clock.machine_ms())
    claims = [(partition, "", 0) for partition in range(PARTITIONS)]
    epochs = await store.claim(claims, _OWNER.owner)
    session = Session(
        store, _NoScorer(), IdSpace(_KEY), clock, Activations(100_000, 1 << 28), epochs.get
    )
    taken = 0
    coming = events_of(rows)
    while group := list(islice(coming, _GROUP)):
        # A group may hold the last of one instant and the first of the next: the clock is at the last.
        clock.advance_to(group[-1][0])
        jobs = [Job.of(Routed(event)) for _, event in group]
        await session.run(jobs, playbook)
        for job in jobs:
            if job.answer is None or job.answer.code is not Code.ACCEPTED:
                raise Failure(f"an event was not accepted: {job.answer}")
        taken += len(jobs)
        progress(taken)
    return Imported(taken, SENT_AT_MS + playbook.experiments.horizon_ms)
