"""The tables of the SQLite store, and the numbered steps by which a file reaches them.

Everything with blobs is a rowid table with an integer key: `WITHOUT ROWID` was 5 to 20 times slower
there. Small rows that are only found by their key are `WITHOUT ROWID`: one tree instead of two.
See docs/decisions/store.md for the reason of every index.
"""

import sqlite3

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import PARTITIONS

APPLICATION_ID = 0x5274546D
"""`RtTm` in the file's header, so that another program's database is never touched."""

_TABLES = """
CREATE TABLE migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE partition (
    p INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL
);
CREATE TABLE cell (
    name TEXT PRIMARY KEY,
    incarnation TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started INTEGER NOT NULL,
    host TEXT NOT NULL,
    beat INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    n INTEGER NOT NULL CHECK (n >= 0)
) WITHOUT ROWID;
CREATE TABLE customer (
    number INTEGER PRIMARY KEY,
    p INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE identity (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE journal (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,
    customer INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX journal_customer ON journal (customer, seq);
CREATE INDEX journal_learnable ON journal (offset) WHERE kind IN (3, 4);
CREATE TABLE dedupe (
    hash BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    customer INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    stored_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX dedupe_age ON dedupe (stored_at);
CREATE TABLE timer (
    customer INTEGER NOT NULL,
    key TEXT NOT NULL,
    p INTEGER NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (customer, key)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due, customer, key, p);
CREATE INDEX timer_due_in_partition ON timer (p, due, customer, key);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    p INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    channel TEXT NOT NULL,
    committed_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    send_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    error TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX outbox_effect ON outbox (customer, seq, n);
CREATE INDEX outbox_due ON outbox (channel, next_at, id, p) WHERE state < 2;
CREATE INDEX outbox_due_in_partition ON outbox (p, channel, next_at, id) WHERE state < 2;
CREATE INDEX outbox_stream ON outbox (channel, committed_at, customer, seq, n) WHERE state < 4;
CREATE TABLE playbook (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    stored_at INTEGER NOT NULL,
    active INTEGER NOT NULL,
    bundle BLOB NOT NULL
);
CREATE TABLE budget (
    name TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    limit_minor INTEGER NOT NULL,
    spent_minor INTEGER NOT NULL DEFAULT 0 CHECK (spent_minor <= limit_minor),
    PRIMARY KEY (name, window_start)
) WITHOUT ROWID;
CREATE TABLE budget_lease (
    name TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    owner TEXT NOT NULL,
    granted_minor INTEGER NOT NULL,
    spent_minor INTEGER NOT NULL DEFAULT 0 CHECK (spent_minor <= granted_minor),
    PRIMARY KEY (name, window_start, owner)
) WITHOUT ROWID;
CREATE TABLE setting (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL
);
CREATE TABLE api_key (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    record BLOB NOT NULL
);
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL UNIQUE,
    offset INTEGER NOT NULL,
    data BLOB NOT NULL
);
"""

COUNTERS = (
    "map_version",
    "customers",
    "turns",
    "timers",
    "outbox_pending",
    "outbox_sending",
    "outbox_sent",
    "outbox_parked",
    "outbox_cancelled",
    "outbox_expired",
)
"""Kept by the transactions that change them, because counting a table of millions takes seconds."""


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in _TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.executemany("INSERT INTO counter VALUES (?, 0)", [(name,) for name in COUNTERS])
    connection.executemany(
        "INSERT INTO partition VALUES (?, '', 0)", [(p,) for p in range(PARTITIONS)]
    )


def _find_identities_by_customer(connection: sqlite3.Connection) -> None:
    """Let merges and erasures find all identities of a customer, and remember those erased."""
    connection.execute("CREATE INDEX identity_customer ON identity (customer)")
    connection.execute(
        "CREATE TABLE tombstone (hash BLOB PRIMARY KEY, erased_at INTEGER NOT NULL) WITHOUT ROWID"
    )


def _find_merges(connection: sqlite3.Connection) -> None:
    """Let a read of a customer know at once who else is part of it."""
    connection.execute(
        "CREATE INDEX journal_merges ON journal (customer, seq) WHERE kind IN (5, 6)"
    )


def _index_segments(connection: sqlite3.Connection) -> None:
    """Let a segment be listed and counted without a look at any customer."""
    connection.execute(
        "CREATE TABLE membership (segment TEXT NOT NULL, customer INTEGER NOT NULL,"
        " since INTEGER NOT NULL, PRIMARY KEY (segment, customer)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX membership_customer ON membership (customer)")
    connection.execute(
        "CREATE TABLE segment_flow (segment TEXT NOT NULL, day INTEGER NOT NULL,"
        " entered INTEGER NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (segment, day)) WITHOUT ROWID"
    )


def _find_what_is_old(connection: sqlite3.Connection) -> None:
    """Let what is forgotten by age be found without a walk; tell receipts from other commands."""
    connection.execute(
        "CREATE INDEX journal_age ON journal (kind, at)"
        " WHERE payload != x'' AND kind NOT IN (5, 6, 8)"
    )
    connection.execute("CREATE INDEX outbox_age ON outbox (state, send_at) WHERE state > 1")
    connection.execute("CREATE INDEX segment_flow_day ON segment_flow (day)")
    connection.execute(  # the row of somebody erased holds the marker of `actors.wire.markers`
        "UPDATE journal SET kind = 8 WHERE kind = 7 AND (customer, seq) IN ("
        " SELECT number, seq FROM customer"
        " WHERE substr(state, 1, 1) = x'00' AND substr(state, 6, 3) = x'92A165')"
    )


def _keep_groups(connection: sqlite3.Connection) -> None:
    """Let customers belong to groups; rows of those who left stay, so that an erasure finds them."""
    connection.execute(
        "CREATE TABLE customer_group (kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,"
        " state BLOB NOT NULL, PRIMARY KEY (kind, id))"
    )
    connection.execute(
        "CREATE TABLE group_member (kind TEXT NOT NULL, id TEXT NOT NULL, customer INTEGER NOT NULL,"
        " since INTEGER NOT NULL, left_at INTEGER NOT NULL, PRIMARY KEY (kind, id, customer))"
        " WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX group_member_customer ON group_member (customer)")
    connection.execute("INSERT INTO counter VALUES ('group_seq', 0)")


def _keep_launches(connection: sqlite3.Connection) -> None:
    """Let operators launch scenarios, and cells say how far they have come."""
    connection.execute(
        "CREATE TABLE launch (id TEXT NOT NULL UNIQUE, scenario TEXT NOT NULL,"
        " segment TEXT NOT NULL, per_second REAL NOT NULL, state TEXT NOT NULL,"
        " created_at INTEGER NOT NULL, data BLOB NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE launch_part (launch TEXT NOT NULL, owner TEXT NOT NULL, after INTEGER NOT NULL,"
        " seen INTEGER NOT NULL, entered INTEGER NOT NULL, done INTEGER NOT NULL,"
        " PRIMARY KEY (launch, owner))"
    )


def _count_scenario_steps(connection: sqlite3.Connection) -> None:
    """Let a scenario be drawn with how many are where, without a look at any customer."""
    connection.execute(
        "CREATE TABLE scenario_step (scenario TEXT NOT NULL, digest TEXT NOT NULL,"
        " step TEXT NOT NULL, waiting INTEGER NOT NULL, passed INTEGER NOT NULL,"
        " gone INTEGER NOT NULL, PRIMARY KEY (scenario, digest, step)) WITHOUT ROWID"
    )


def _hold_and_pause(connection: sqlite3.Connection) -> None:
    """Let effects be held until their time, and operators stop what is sent."""
    connection.execute("INSERT INTO counter VALUES ('outbox_held', 0)")
    connection.execute(
        "CREATE TABLE pause (name TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE INDEX outbox_held_back ON outbox (error) WHERE state = 0 AND error != ''"
    )


def _keep_budgets(connection: sqlite3.Connection) -> None:
    """Let budgets be spent bucket by bucket; their limits come with what is spent, from the playbook."""
    connection.execute("DROP TABLE budget")
    connection.execute("DROP TABLE budget_lease")
    connection.execute(
        "CREATE TABLE budget (name TEXT NOT NULL, bucket INTEGER NOT NULL,"
        " spent INTEGER NOT NULL CHECK (spent >= 0), PRIMARY KEY (name, bucket)) WITHOUT ROWID"
    )
    connection.execute("ALTER TABLE outbox ADD COLUMN spends TEXT NOT NULL DEFAULT ''")


def _forget_learnable(connection: sqlite3.Connection) -> None:
    """Learners read all rows, because an order that is credited teaches in the turn of its event."""
    connection.execute("DROP INDEX journal_learnable")


def _find_customers_apart(connection: sqlite3.Connection) -> None:
    """Let those be found who have partitions of their own; see `actors.stores.sqlite_apart`."""
    connection.execute("CREATE INDEX customer_apart ON customer (p, number) WHERE p >= 4096")


MIGRATIONS = (
    ("tables", _create_tables),
    ("identities by customer", _find_identities_by_customer),
    ("merges by customer", _find_merges),
    ("segments", _index_segments),
    ("groups", _keep_groups),
    ("age", _find_what_is_old),
    ("launches", _keep_launches),
    ("scenario steps", _count_scenario_steps),
    ("held effects and pauses", _hold_and_pause),
    ("budgets", _keep_budgets),
    ("one walk for learners", _forget_learnable),
    ("customers apart", _find_customers_apart),
)
"""(name, step) in order; the number of a step is its place, from 1. Steps are never edited."""


def schema_number(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that a file has had; 0 for an empty file.

    Raises:
        StoreUnavailableError: The file belongs to another program, or to a newer version of this.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application or tables:
            raise StoreUnavailableError("this database was not made by Righttime")
        return 0
    number: int = connection.execute("SELECT max(number) FROM migration").fetchone()[0]
    if number > len(MIGRATIONS):
        raise StoreUnavailableError(
            f"the database has schema {number}, this version knows {len(MIGRATIONS)}: "
            "use the newer version that wrote it"
        )
    return number


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file to the newest schema, all steps or none. The caller holds the writers' lock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(schema_number(connection) + 1, len(MIGRATIONS) + 1):
            name, step = MIGRATIONS[number - 1]
            step(connection)
            connection.execute("INSERT INTO migration VALUES (?, ?)", (number, name))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
