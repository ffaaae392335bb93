"""One story, told to a file and to a database: every row is the same, to the byte."""

import random

import pytest

from actors.stores.postgres import PostgresStore
from actors.stores.tables import TABLES, checksum
from scripts.stores.checking import check
from scripts.stores.reading import reading
from tests.builders import NOW, added, anon, consent, make_event, order, question, user
from tests.contracts.store_support import run
from tests.doubles.two_cells import TwoCells
from tests.postgres_databases import new_database
from tests.sqlite_files import new_sqlite

pytestmark = pytest.mark.postgres

PEOPLE = [user(f"u{i}") for i in range(12)]
VISITORS = [anon(f"v{i}") for i in range(12)]
KINDS = (
    lambda who, **f: make_event("Page Seen", who, **f),
    consent,
    lambda who, **f: added("c1", who, **f),
    lambda who, **f: order(25.0, who, **f),
    question,
)


def story():
    """Events of a few days, some sent twice, some that make two customers one."""
    draws = random.Random(5)
    events = []
    for i in range(120):
        who = draws.choice(PEOPLE + VISITORS)
        events.append(draws.choice(KINDS)(who, id=f"m{i}"))
        if draws.random() < 0.1:
            events.append(events[-1])
        if draws.random() < 0.08:
            n = draws.randrange(12)
            pair = (PEOPLE[n], VISITORS[n])
            events.append(make_event("", *pair, id=f"i{i}", type="identify"))
    return events


def tell(store):
    cells = TwoCells(store, [*PEOPLE, *VISITORS])
    try:
        answers = []
        for i, event in enumerate(story()):
            cells.clock.now_ms = NOW + i * 60_000
            answer, _, _ = cells.send(event)
            answers.append(answer)
        return answers
    finally:
        cells.close()


async def looked_at(url):
    async with reading(url) as tables:
        sums = {table.name: await checksum(tables, table) for table in TABLES}
        report = await check(tables)
    return {name: (each.rows, each.text) for name, each in sums.items()}, report.wrong


def test_a_story_leaves_the_same_rows_in_both(tmp_path):
    path, url = tmp_path / "store.db", new_database()

    assert tell(new_sqlite(path)) == tell(PostgresStore.open(url))

    (in_file, wrong_here), (in_database, wrong_there) = (
        run(looked_at(each)) for each in (f"sqlite://{path}", url)
    )
    assert in_database == in_file
    assert wrong_here == wrong_there == []
    assert in_file["journal"][0] > 100
    assert in_file["timer"][0] > 0
    assert in_file["outbox"][0] > 0
