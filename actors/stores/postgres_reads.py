"""Reads of the PostgreSQL store that a group of turns, a timeline or a learner asks for."""

import json
from collections.abc import Sequence
from typing import Any

from actors.domain.budgets import span_of
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports import (
    DueTimer,
    FirstAnswer,
    Found,
    Lookup,
    StoredCustomer,
    StoredGroup,
    TimelineRow,
)
from actors.stores.postgres_commit import digest_of
from actors.stores.postgres_pool import Database
from actors.stores.rules import ANSWERS_LOOKED_AT
from actors.stores.texts import from_text, to_text

_LOOKUP = """WITH owners AS MATERIALIZED (
    SELECT digest, customer FROM identity WHERE digest = ANY($1)
), numbers AS (SELECT coalesce(array_agg(customer), '{}') || $2::bigint[] AS wanted FROM owners)
SELECT o.*, c.*, m.*, j.*, t.*, i.*, g.*, h.*, b.* FROM
    (SELECT array_agg(digest), array_agg(customer) FROM owners) AS o,
    (SELECT array_agg(number), array_agg(p), array_agg(seq), array_agg(state)
     FROM customer WHERE number = ANY((SELECT wanted FROM numbers)::bigint[])) AS c,
    (SELECT array_agg(hash), array_agg(fingerprint), array_agg(customer), array_agg(seq)
     FROM dedupe WHERE hash = ANY($3)) AS m,
    (SELECT array_agg(customer), array_agg(seq), array_agg(payload) FROM (
        SELECT journal.customer, journal.seq, payload
        FROM unnest($4::bigint[], $5::bigint[]) AS w(customer, seq)
        JOIN journal ON journal.customer = w.customer AND journal.seq = w.seq) AS turns) AS j,
    (SELECT array_agg(hash), array_agg(erased_at) FROM tombstone WHERE hash = ANY($6)) AS t,
    (SELECT array_agg(customer), array_agg(kind), array_agg(value) FROM identity
     WHERE customer = ANY($7)) AS i,
    (SELECT array_agg(kind), array_agg(id), array_agg(seq), array_agg(state) FROM customer_group
     WHERE (kind, id) IN (SELECT k COLLATE "C", i COLLATE "C" FROM unnest($8::text[], $9::text[]) AS w(k, i))) AS g,
    (SELECT array_agg(customer), array_agg(kind), array_agg(id) FROM group_member
     WHERE customer = ANY($10)) AS h,
    (SELECT array_agg((SELECT coalesce(sum(spent), 0)::bigint FROM budget_lease AS l
        WHERE l.name = w.name COLLATE "C" AND l.bucket BETWEEN w.since AND w.until) ORDER BY w.i)
     FROM unnest($11::text[], $12::bigint[], $13::bigint[]) WITH ORDINALITY
        AS w(name, since, until, i)) AS b"""
_TURN = "place, customer, seq, at, kind, payload"
_TIMELINE = """SELECT {turn} FROM journal WHERE customer = $1 AND seq < $2
    AND (cardinality($3::integer[]) = 0 OR kind = ANY($3)) ORDER BY seq DESC LIMIT $4""".replace(
    "{turn}", _TURN
)
_MERGES = """SELECT {turn} FROM journal WHERE customer = $1 AND seq < $2 AND kind IN (5, 6)
    AND kind = ANY($3::integer[]) ORDER BY seq DESC LIMIT $4""".replace("{turn}", _TURN)
_HISTORY = """SELECT {turn} FROM journal WHERE customer = ANY($1::bigint[])
    AND (at, place) < ($2, $3) AND (cardinality($4::integer[]) = 0 OR kind = ANY($4))
    ORDER BY at DESC, place DESC LIMIT $5""".replace("{turn}", _TURN)
_AFTER = "SELECT {turn} FROM journal WHERE place > $1 ORDER BY place LIMIT $2".replace(
    "{turn}", _TURN
)
_DUE = """WITH looked AS MATERIALIZED (
    SELECT due, customer, key, p FROM timer WHERE due <= $2 ORDER BY due, customer, key LIMIT $4
) SELECT looked.customer, looked.p, looked.key, looked.due, (SELECT count(*) FROM looked) AS n
    FROM (SELECT 1) AS always LEFT JOIN (looked JOIN partition ON partition.p = looked.p
        AND partition.owner = $1 COLLATE "C") ON true
    ORDER BY looked.due, looked.customer, looked.key LIMIT greatest($3, 1)"""
_DUE_BY_PARTITION = """SELECT t.customer, t.p, t.key, t.due FROM partition CROSS JOIN LATERAL (
        SELECT customer, p, key, due FROM timer WHERE timer.p = partition.p AND due <= $2
        ORDER BY due, customer, key LIMIT $3) AS t
    WHERE partition.owner = $1 COLLATE "C" ORDER BY t.due, t.customer, t.key LIMIT $3"""
_OLDEST_ANSWER = """SELECT min(journal.place) FROM (
        SELECT customer, seq FROM dedupe WHERE stored_at >= 0 ORDER BY stored_at, hash LIMIT $1
    ) AS oldest JOIN journal ON journal.customer = oldest.customer AND journal.seq = oldest.seq"""
_LAST = (1 << 63) - 1


class PostgresReads(Database):
    """The methods of `Store` that only read what commits write."""

    async def lookup(self, want: Lookup) -> Found:
        """See `Store.lookup`. One statement, and so one instant and one round trip."""
        identities = {digest_of(one): one for one in want.identities}
        spans = [span_of(window) for window in want.budgets]
        row = await self._pool.run(
            lambda c: c.fetchrow(
                _LOOKUP,
                list(identities),
                list(want.numbers),
                list(want.messages),
                [number for number, _ in want.turns],
                [seq for _, seq in want.turns],
                list(want.tombstones),
                list(want.owned_by),
                [to_text(key.kind) for key in want.groups],
                [to_text(key.group_id) for key in want.groups],
                list(want.grouped),
                [to_text(name) for name, _, _ in spans],
                [since for _, since, _ in spans],
                [until for _, _, until in spans],
            )
        )
        columns = iter([each or () for each in row.values()])

        def rows(width: int) -> list[tuple[Any, ...]]:
            return list(zip(*(next(columns) for _ in range(width)), strict=True))

        keys = {(to_text(key.kind), to_text(key.group_id)): key for key in want.groups}
        return Found(
            owners={identities[digest]: number for digest, number in rows(2)},
            customers={number: StoredCustomer(number, *rest) for number, *rest in rows(4)},
            messages={hashed: FirstAnswer(*rest) for hashed, *rest in rows(4)},
            turns={(number, seq): payload for number, seq, payload in rows(3)},
            tombstones=dict(rows(2)),
            identities=_sorted_by_customer(Identity, rows(3)),
            groups={
                keys[kind, group]: StoredGroup(keys[kind, group], seq, state)
                for kind, group, seq, state in rows(4)
            },
            memberships=_sorted_by_customer(GroupKey, rows(3)),
            spent={
                window.budget: spent for window, (spent,) in zip(want.budgets, rows(1), strict=True)
            },
        )

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """See `Store.due_timers`. When what is due first is others', partition by partition."""
        look_at = 1000 + 4 * limit
        rows = await self._rows(_DUE, owner, until_ms, limit, look_at)
        looked = rows[0]["n"]
        mine = [row for row in rows if row["customer"] is not None][:limit]
        if len(mine) < limit and looked == look_at:
            mine = await self._rows(_DUE_BY_PARTITION, owner, until_ms, limit)
        return [
            DueTimer(row["customer"], row["p"], from_text(row["key"]), row["due"]) for row in mine
        ]

    async def next_timer_ms(self) -> int | None:
        """See `Store.next_timer_ms`."""
        due_ms: int | None = await self._value("SELECT min(due) FROM timer")
        return due_ms

    async def timeline(
        self, number: int, before_seq: int | None, kinds: Sequence[int], limit: int
    ) -> list[TimelineRow]:
        """See `Store.timeline`."""
        merges_only = kinds and set(kinds) <= {5, 6}
        below = _LAST if before_seq is None else before_seq
        rows = await self._rows(
            _MERGES if merges_only else _TIMELINE, number, below, list(kinds), limit
        )
        return [TimelineRow(*row) for row in rows]

    async def history(
        self,
        numbers: Sequence[int],
        before: tuple[int, int] | None,
        kinds: Sequence[int],
        limit: int,
    ) -> list[TimelineRow]:
        """See `Store.history`."""
        at_ms, place = before or (_LAST, _LAST)
        rows = await self._rows(_HISTORY, list(numbers), at_ms, place, list(kinds), limit)
        return [TimelineRow(*row) for row in rows]

    async def turns_after(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """See `Store.turns_after`."""
        return [TimelineRow(*row) for row in await self._rows(_AFTER, after_offset, limit)]

    async def oldest_answer(self) -> int | None:
        """See `Store.oldest_answer`."""
        offset: int | None = await self._value(_OLDEST_ANSWER, ANSWERS_LOOKED_AT)
        return offset

    async def counts(self) -> dict[str, int]:
        """See `Store.counts`."""
        stored = json.loads(await self._value("SELECT json_object_agg(name, n) FROM counter"))
        return {
            "customers": stored["customers"],
            "turns": stored["turns"],
            "timers": stored["timers"],
            "outbox": sum(n for name, n in stored.items() if name.startswith("outbox_")),
        }


def _sorted_by_customer(make: Any, rows: list[tuple[Any, ...]]) -> dict[int, tuple[Any, ...]]:
    found: dict[int, list[Any]] = {}
    for number, *texts in rows:
        found.setdefault(number, []).append(make(*map(from_text, texts)))
    return {number: tuple(sorted(each)) for number, each in found.items()}
