"""The outbox of the PostgreSQL store: what is due, claims before attempts, results, the stream."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from actors.domain.errors import StoreUnavailableError
from actors.ports import Check, Claim, OutboxItem, OutboxResult, paused_by
from actors.stores.claim_rules import may_attempt
from actors.stores.postgres_pool import AGAIN, Connection, Database
from actors.stores.rules import OUTBOX_STATES, SENDING_TIMEOUT_MS, permit, states_of
from actors.stores.texts import from_text, to_text

_ITEM = """o.customer, o.seq, o.n, o.p, o.channel, o.state, o.attempts, o.committed_at, o.next_at,
    o.expires_at, o.payload, o.error, o.send_at"""
_OPEN = """WITH RECURSIVE open (channel) AS (
    SELECT min(channel) FROM outbox WHERE state < 2
    UNION ALL
    SELECT (SELECT min(channel) FROM outbox WHERE state < 2 AND outbox.channel > open.channel)
    FROM open WHERE channel IS NOT NULL)"""
_DUE = """{open}, looked AS MATERIALIZED (
    SELECT o.* FROM open CROSS JOIN LATERAL (
        SELECT channel, id, next_at, p FROM outbox
        WHERE state < 2 AND outbox.channel = open.channel AND next_at <= $2
        ORDER BY next_at, id LIMIT $4) AS o
    WHERE open.channel IS NOT NULL AND open.channel <> ALL($5::text[])
), mine AS (
    SELECT looked.id, looked.next_at FROM looked JOIN partition ON partition.p = looked.p
    WHERE partition.owner = $1 COLLATE "C" ORDER BY looked.next_at, looked.id LIMIT $3
) SELECT {item}, (SELECT max(n) FROM (SELECT count(*) AS n FROM looked GROUP BY channel) AS x) AS looked
    FROM (SELECT 1) AS always LEFT JOIN (mine JOIN outbox AS o ON o.id = mine.id) ON true
    ORDER BY mine.next_at, mine.id""".replace("{open}", _OPEN).replace("{item}", _ITEM)
_DUE_BY_PARTITION = """{open}, mine AS (
    SELECT x.id, x.next_at FROM open CROSS JOIN partition CROSS JOIN LATERAL (
        SELECT id, next_at FROM outbox WHERE state < 2 AND outbox.p = partition.p
            AND outbox.channel = open.channel AND next_at <= $2 ORDER BY next_at, id LIMIT $3) AS x
    WHERE open.channel IS NOT NULL AND open.channel <> ALL($4::text[])
        AND partition.owner = $1 COLLATE "C" ORDER BY x.next_at, x.id LIMIT $3
) SELECT {item} FROM mine JOIN outbox AS o ON o.id = mine.id ORDER BY mine.next_at, mine.id""".replace(
    "{open}", _OPEN
).replace("{item}", _ITEM)
_STREAM = """SELECT {item} FROM outbox AS o WHERE state < 4 AND attempts > 0 AND channel = $1
    AND (committed_at, customer, seq, n) > ($2, $3, $4, $5)
    ORDER BY committed_at, customer, seq, n LIMIT $6""".replace("{item}", _ITEM)
_OF = """SELECT {item} FROM outbox AS o WHERE customer = ANY($1::bigint[])
    AND (cardinality($2::integer[]) = 0 OR state = ANY($2)) ORDER BY customer, seq, n""".replace(
    "{item}", _ITEM
)
_STATES = """SELECT o.id, o.customer, o.seq, o.n, o.p, o.state, o.attempts, partition.epoch
    FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS w(customer, seq, n)
    JOIN outbox AS o ON o.customer = w.customer AND o.seq = w.seq AND o.n = w.n
    JOIN partition ON partition.p = o.p"""
_CUSTOMERS = "SELECT number, seq, state FROM customer WHERE number = ANY($1)"
_CLAIM = f"SELECT claim_effects_1({', '.join(f'${i}' for i in range(1, 16))})"
_SETTLE = "SELECT settle_1($1, $2, $3, $4, $5, $6)"
_RESUME = """WITH gone AS (DELETE FROM pause WHERE name = $1 RETURNING 1), freed AS (
    UPDATE outbox SET next_at = $2 WHERE state = 0 AND error <> '' AND error = $3
        AND EXISTS (SELECT 1 FROM gone))
    SELECT count(*) FROM gone"""
_TRIES = 8

Effect = tuple[int, int, int]


def _item(row: Any) -> OutboxItem:
    return OutboxItem(
        number=row["customer"],
        seq=row["seq"],
        n=row["n"],
        partition=row["p"],
        channel=from_text(row["channel"]),
        state=row["state"],
        attempts=row["attempts"],
        committed_at_ms=row["committed_at"],
        next_at_ms=row["next_at"],
        expires_at_ms=row["expires_at"],
        payload=row["payload"],
        last_error=from_text(row["error"]),
        send_at_ms=row["send_at"],
    )


class PostgresOutbox(Database):
    """The methods of `Store` on the outbox and on switches."""

    async def outbox_due(
        self, owner: str, now_machine_ms: int, limit: int, skip: Sequence[str] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_due`."""
        look_at = 1000 + 4 * limit
        skipped = [to_text(channel) for channel in skip]
        rows = await self._rows(_DUE, owner, now_machine_ms, limit, look_at, skipped)
        mine = [row for row in rows if row["customer"] is not None]
        if len(mine) < limit and rows[0]["looked"] == look_at:
            mine = await self._rows(_DUE_BY_PARTITION, owner, now_machine_ms, limit, skipped)
        return [_item(row) for row in mine]

    async def outbox_claim(
        self,
        items: Sequence[OutboxItem],
        epochs: dict[int, int],
        now_machine_ms: int,
        check: Check,
    ) -> list[Claim]:
        """See `Store.outbox_claim`.

        What is judged by is read first; the statement that claims holds only if all of it is still
        so: rows, epochs, customers' seqs and switches. Otherwise it is read and judged again.
        """

        async def work(connection: Connection) -> list[Claim]:
            for _ in range(_TRIES):
                claim = _Claiming(items, epochs, now_machine_ms)
                await claim.read(connection)
                answers = claim.judge(check)
                if not claim.won and not claim.held:
                    return answers
                try:
                    await connection.execute(_CLAIM, *claim.values())
                except asyncpg.PostgresError as error:
                    if error.sqlstate not in AGAIN:
                        raise
                else:
                    return answers
            raise StoreUnavailableError("PostgreSQL: too many others write the same")

        return await self._pool.run(work)

    async def outbox_settle(self, results: Sequence[OutboxResult]) -> None:
        """See `Store.outbox_settle`."""
        await self._value(
            _SETTLE,
            [one.number for one in results],
            [one.seq for one in results],
            [one.n for one in results],
            [one.state for one in results],
            [one.next_at_ms for one in results],
            [to_text(one.error) for one in results],
        )

    async def outbox_stream(
        self, channel: str, after: tuple[int, int, int, int], limit: int
    ) -> list[OutboxItem]:
        """See `Store.outbox_stream`."""
        return [_item(row) for row in await self._rows(_STREAM, to_text(channel), *after, limit)]

    async def outbox_of(
        self, numbers: Sequence[int], states: Sequence[int] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_of`."""
        return [_item(row) for row in await self._rows(_OF, list(numbers), list(states))]

    async def outbox_counts(self) -> dict[str, int]:
        """See `Store.outbox_counts`."""
        counts = {row["name"]: row["n"] for row in await self._rows("SELECT name, n FROM counter")}
        return {name: counts[f"outbox_{name}"] for name in OUTBOX_STATES.values()}

    async def pause(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.pause`."""
        statement = "INSERT INTO pause VALUES ($1, $2) ON CONFLICT DO NOTHING"
        return await self._touched(statement, to_text(name), now_machine_ms) == 1

    async def resume(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.resume`."""
        reason = to_text(paused_by(name))
        return bool(await self._value(_RESUME, to_text(name), now_machine_ms, reason))

    async def pauses(self) -> dict[str, int]:
        """See `Store.pauses`."""
        rows = await self._rows("SELECT name, since FROM pause")
        return dict(sorted((from_text(name), since_ms) for name, since_ms in rows))


async def _customers(
    connection: Connection, numbers: Sequence[int]
) -> tuple[dict[int, bytes], dict[int, int]]:
    """Return the states of who has become of some customers, and the seqs of all who were looked at."""
    stored: dict[int, tuple[int, bytes] | None] = {}
    missing = set(numbers)

    def read(wanted: Sequence[int]) -> dict[int, bytes]:
        missing.update(number for number in wanted if number not in stored)
        return {n: row[1] for n in wanted if (row := stored.get(n)) is not None}

    while True:  # survivors of those who were merged come with the next round
        rows = {n: (seq, state) for n, seq, state in await connection.fetch(_CUSTOMERS, [*missing])}
        stored |= {number: rows.get(number) for number in missing}
        missing.clear()
        states = states_of(numbers, read)
        if not missing:
            return states, {n: row[0] for n, row in stored.items() if row is not None}


class _Claiming:
    """One look at what some items are now, and what follows from it."""

    def __init__(self, items: Sequence[OutboxItem], epochs: dict[int, int], now_ms: int) -> None:
        self.items, self.epochs, self.now_ms = items, epochs, now_ms
        self.won: list[Any] = []
        self.held: list[tuple[Any, int, str]] = []
        self._seqs: dict[int, int] = {}
        self._states: dict[int, bytes] = {}

    async def read(self, connection: Connection) -> None:
        rows = await connection.fetch(
            _STATES,
            [item.number for item in self.items],
            [item.seq for item in self.items],
            [item.n for item in self.items],
        )
        self._rows = {(row["customer"], row["seq"], row["n"]): row for row in rows}
        numbers = list(dict.fromkeys(item.number for item in self.items))
        self._states, self._seqs = await _customers(connection, numbers)
        self._switches = [
            row["name"] for row in await connection.fetch("SELECT name FROM pause ORDER BY name")
        ]

    def judge(self, check: Check) -> list[Claim]:
        switches = tuple(sorted(map(from_text, self._switches)))
        answers = []
        for item in self.items:
            row = self._rows.get((item.number, item.seq, item.n))
            if row is None or not may_attempt(
                (row["state"], row["attempts"]),
                (item.state, item.attempts),
                self.epochs.get(row["p"]),
                row["epoch"],
            ):
                answers.append(Claim.LOST)
                continue
            said = permit(check, item, self._states.get(item.number), switches, self.now_ms)
            answers.append(said.verdict)
            if said.verdict is Claim.LOST:
                continue
            del self._rows[item.number, item.seq, item.n]  # named twice: claimed once
            if said.verdict is Claim.MINE:
                self.won.append(row)
            else:
                self.held.append((row, said.next_at_ms, to_text(said.why)))
        return answers

    def values(self) -> list[Any]:
        """Return the arguments of `claim_effects_1`."""
        won = sorted(self.won, key=lambda row: row["id"])
        held = sorted(self.held, key=lambda each: each[0]["id"])
        rows = [*won, *(row for row, _, _ in held)]
        epochs = sorted({(row["p"], row["epoch"]) for row in rows})
        seqs = sorted(self._seqs.items())
        return [
            [p for p, _ in epochs],
            [epoch for _, epoch in epochs],
            [number for number, _ in seqs],
            [seq for _, seq in seqs],
            self._switches,
            *([row[name] for row in won] for name in ("id", "state", "attempts")),
            self.now_ms + SENDING_TIMEOUT_MS,
            *([row[name] for row, _, _ in held] for name in ("id", "state", "attempts")),
            [next_at_ms for _, next_at_ms, _ in held],
            [why for _, _, why in held],
            self.now_ms,
        ]
