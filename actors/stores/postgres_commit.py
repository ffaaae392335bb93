"""One group of changes as one statement, which the server runs from BEGIN to COMMIT by itself.

It is sent in the belief that everything may be written, and writes all of it or nothing. Only when the
server finds that something is otherwise are the facts read, judged by the rules of all stores, and what
survives is sent again. So the usual commit is one round trip, and no lock ever waits for a client.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import asyncpg

from actors.domain.budgets import span_of
from actors.domain.errors import StoreUnavailableError
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports import Change, OutboxState, Reserved, Verdict
from actors.stores.budget_rules import Run, note, outdated, spans_of
from actors.stores.postgres_pool import AGAIN, Connection
from actors.stores.rules import Facts, day_of, judge, scenario_counts_of
from actors.stores.texts import from_text, to_text

_TRIES = 8
_TYPES = (
    *("bigint[]", "integer[]", "bigint[]", "bigint[]", "bytea[]"),
    *("integer[]", "bigint[]"),
    *("bigint[]", "bigint[]", "bigint[]", "smallint[]", "bytea[]"),
    *("bytea[]", "bytea[]", "bigint[]", "bigint[]"),
    *("bytea[]", "text[]", "text[]", "bigint[]"),
    *("bytea[]", "bigint[]"),
    *("bigint[]", "text[]"),
    *("bigint[]", "text[]", "integer[]", "bigint[]"),
    *("bigint[]", "bigint[]", "integer[]", "integer[]", "smallint[]"),
    *("text[]", "bigint[]", "bigint[]", "text[]", "bytea[]"),
    *("jsonb", "bigint", "text", "boolean"),
)
_COMMIT = f"SELECT commit_1({', '.join(f'${i}::{t}' for i, t in enumerate(_TYPES, 1))})"
_FACTS = """SELECT
    (SELECT json_agg(json_build_array(p, epoch)) FROM partition WHERE p = ANY($1)),
    (SELECT json_agg(json_build_array(number, p, seq)) FROM customer WHERE number = ANY($2)),
    (SELECT array_agg(hash) FROM dedupe WHERE hash = ANY($3)),
    (SELECT json_agg(json_build_array(encode(digest, 'hex'), customer)) FROM identity
     WHERE digest = ANY($4)),
    (SELECT json_agg(json_build_array(kind, id, seq)) FROM customer_group
     WHERE (kind, id) IN (SELECT k COLLATE "C", i COLLATE "C" FROM unnest($5::text[], $6::text[]) AS w(k, i))),
    (SELECT json_agg((SELECT coalesce(sum(spent), 0) FROM budget_lease AS l
        WHERE l.name = w.name COLLATE "C" AND l.bucket BETWEEN w.since AND w.until) ORDER BY w.i)
     FROM unnest($7::text[], $8::bigint[], $9::bigint[]) WITH ORDINALITY AS w(name, since, until, i))"""

Owners = Mapping[Identity, Iterable[int]]
"""From whom an identity may be taken."""


def digest_of(identity: Identity) -> bytes:
    """Return what an identity is found by: 20 bytes of kind and value, as they are stored."""
    text = f"{to_text(identity.kind)}\0{to_text(identity.value)}"
    return blake2b(text.encode(), digest_size=20).digest()


async def commit(
    connection: Connection, changes: Sequence[Change], now_ms: int, me: str
) -> list[Verdict]:
    """Write what may be written of some changes; return the verdict on each, in order.

    It is tried again only when the server has said that it has undone everything.
    """
    verdicts = [Verdict.COMMITTED] * len(changes)
    survivors = list(changes)
    owners = _claimed_once(changes)
    look, exact = owners is None, False
    for _ in range(_TRIES):
        if look:
            facts = await read_facts(connection, changes)
            verdicts = judge(changes, facts)
            pairs = zip(changes, verdicts, strict=True)
            survivors = [change for change, verdict in pairs if verdict is Verdict.COMMITTED]
            owners = {identity: (number,) for identity, number in facts.owners.items()}
        if not survivors:
            return verdicts
        try:
            await connection.execute(_COMMIT, *pack(survivors, owners or {}), now_ms, me, exact)
        except asyncpg.PostgresError as error:
            if error.sqlstate not in AGAIN:
                raise
            exact = True
            look = look or error.sqlstate != "RT002"
        else:
            return verdicts
    raise StoreUnavailableError("PostgreSQL: too many others write the same")


def _claimed_once(changes: Sequence[Change]) -> dict[Identity, tuple[int, ...]] | None:
    """Return from whom identities may be taken; None when two changes claim the same one."""
    owners: dict[Identity, tuple[int, ...]] = {}
    for change in changes:
        for identity in dict.fromkeys(change.identities):
            if identity in owners:
                return None
            owners[identity] = change.identities_from
    return owners


async def read_facts(connection: Connection, changes: Sequence[Change]) -> Facts:
    """Read, at one instant, all that decides on some changes."""
    identities = {digest_of(one).hex(): one for change in changes for one in change.identities}
    keys = [write.key for change in changes for write in change.groups]
    spans = spans_of(spend for change in changes for spend in change.spends)
    row = await connection.fetchrow(
        _FACTS,
        list({change.partition for change in changes}),
        [change.number for change in changes],
        [message.hash for change in changes for message in change.messages],
        [bytes.fromhex(digits) for digits in identities],
        [to_text(key.kind) for key in keys],
        [to_text(key.group_id) for key in keys],
        [to_text(name) for name, _, _ in spans],
        [since for _, since, _ in spans],
        [until for _, _, until in spans],
    )
    epochs, rows, hashes, owners, groups, spent = (
        json.loads(each) if isinstance(each, str) else each or [] for each in row
    )
    return Facts(
        dict(epochs),
        {number: (p, seq) for number, p, seq in rows},
        set(hashes),
        {identities[digits]: number for digits, number in owners},
        {GroupKey(from_text(kind), from_text(key)): seq for kind, key, seq in groups},
        dict(zip(spans, spent, strict=True)),
    )


def pack(changes: Sequence[Change], owners: Owners) -> list[Any]:
    """Return the arguments of `commit_1`, one array a column, in orders that every process keeps."""
    customers = sorted((c.number, c.partition, c.seq_before, c.seq_after, c.state) for c in changes)
    epochs = sorted({(c.partition, c.epoch) for c in changes if c.epoch is not None})
    journal = [(c.number, r.seq, r.at_ms, r.kind, r.payload) for c in changes for r in c.journal]
    messages = sorted((m.hash, m.fingerprint, c.number, m.seq) for c in changes for m in c.messages)
    timers = {
        (c.number, to_text(t.key)): (c.partition, t.due_at_ms)
        for c in changes
        for t in c.timers_set
    }
    gone = {(c.number, to_text(key)) for c in changes for key in c.timers_deleted}
    outbox = [
        (
            *(c.number, r.seq, r.n, c.partition),
            OutboxState.HELD if r.held else OutboxState.PENDING,
            *(
                to_text(r.channel),
                r.send_at_ms,
                r.expires_at_ms,
                reserved_json(r.spends),
                r.payload,
            ),
        )
        for c in changes
        for r in c.outbox
    ]
    claims = {one: c.number for c in changes for one in c.identities}
    identities = sorted(
        (digest_of(one), to_text(one.kind), to_text(one.value), n) for one, n in claims.items()
    )
    allowed = [(digest_of(one), n) for one in claims for n in owners.get(one, ())]
    return [
        *_columns(customers, 5),
        *_columns(epochs, 2),
        *_columns(journal, 5),
        *_columns(messages, 4),
        *_columns(identities, 4),
        *_columns(allowed, 2),
        *_columns(sorted(gone.union(timers)), 2),
        *_columns([(*key, *rest) for key, rest in sorted(timers.items())], 4),
        *_columns(outbox, 10),
        _more(changes),
    ]


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[i] for row in rows] for i in range(width)]


def reserved_json(spends: Iterable[Reserved]) -> str | None:
    """Return what stands in an effect's row of what it has taken; None for nothing."""
    taken = [(to_text(name), bucket, amount) for name, bucket, amount in spends]
    return json.dumps(taken) if taken else None


_RARE: tuple[Callable[[Change], object], ...] = (
    lambda c: c.erasure,
    lambda c: c.outbox_released or c.outbox_postponed,
    lambda c: c.outbox_cancelled or c.outbox_dropped,
    lambda c: c.segments_left or c.segments_entered,
    lambda c: c.groups or c.scenario_counts or c.spends,
)


def _more(changes: Sequence[Change]) -> str | None:
    """Return as JSON what few changes say; None when none does."""
    if not any(rare(change) for change in changes for rare in _RARE):
        return None
    counts = sorted(scenario_counts_of(changes).items())
    left = {(to_text(name), c.number): at for c in changes for name, at in c.segments_left}
    entered = {(to_text(name), c.number): at for c in changes for name, at in c.segments_entered}
    erasures = [change.erasure for change in changes if change.erasure is not None]
    return json.dumps(
        {
            "erasures": [
                {
                    "numbers": each.numbers,
                    "tombstones": [one.hex() for one in each.tombstones],
                    "at": each.at_ms,
                    "rewritten": [(number, seq, p.hex()) for number, seq, p in each.rewritten],
                }
                for each in erasures
            ],
            "erased": [(number, day_of(e.at_ms)) for e in erasures for number in e.numbers],
            **_moved(changes),
            "gone": [(*key, day_of(at_ms)) for key, at_ms in sorted(left.items())],
            "entered": [(*key, at_ms, day_of(at_ms)) for key, at_ms in sorted(entered.items())],
            "groups": [_group(write) for change in changes for write in change.groups],
            "counts": [(*map(to_text, step), *more) for step, more in counts],
            **_spent(changes),
        }
    )


def _moved(changes: Sequence[Change]) -> dict[str, Any]:
    """Return what becomes of waiting effects: the last move counts, and the first end."""
    moves: dict[tuple[int, int, int], tuple[int, int]] = {}
    ends: dict[tuple[int, int, int], tuple[int, str]] = {}
    for change in changes:
        for number, seq, n, at_ms in change.outbox_released:
            moves[number, seq, n] = (OutboxState.PENDING, at_ms)
        for number, seq, n, at_ms in change.outbox_postponed:
            moves[number, seq, n] = (OutboxState.HELD, at_ms)
        for effect in change.outbox_cancelled:
            ends.setdefault(effect, (OutboxState.CANCELLED, ""))
        for number, seq, n, state, why in change.outbox_dropped:
            ends.setdefault((number, seq, n), (state, to_text(why)))
    return {
        "moves": [(*effect, *to) for effect, to in sorted(moves.items())],
        "ends": [(*effect, *to) for effect, to in sorted(ends.items())],
    }


def _group(write: Any) -> dict[str, Any]:
    return {
        "kind": to_text(write.key.kind),
        "id": to_text(write.key.group_id),
        "before": write.seq_before,
        "state": write.state.hex(),
        "members": [(row.number, row.since_ms, row.left_at_ms) for row in write.members],
        "gone": write.gone,
    }


def _spent(changes: Sequence[Change]) -> dict[str, Any]:
    """Return what is taken of each window, and how much others may have taken of it at most.

    `allowed` is as `judge` has it: each change must fit its own limit together with those before it.
    """
    run: Run = Run()
    amounts: dict[tuple[str, int, int, int, int], int] = {}
    allowed: dict[tuple[str, int, int, int, int], int] = {}
    for change in changes:
        note(change.spends, run)
        for window, amount, _ in change.spends:
            key = (window.budget, window.bucket_ms, window.since_ms, window.until_ms, window.limit)
            _, since, until = span_of(window)
            more = sum(
                n for (name, at), n in run.items() if name == key[0] and since <= at <= until
            )
            amounts[key] = amounts.get(key, 0) + amount
            allowed[key] = min(allowed.get(key, window.limit - more), window.limit - more)
    old = outdated(spend for change in changes for spend in change.spends)
    return {
        "spends": [
            {
                **dict(zip(("bucket", "since", "until", "lim"), key[1:], strict=True)),
                "name": to_text(key[0]),
                "amount": amount,
                "allowed": allowed[key],
            }
            for key, amount in sorted(amounts.items())
        ],
        "outdated": [{"name": to_text(name), "before": at} for name, at in sorted(old.items())],
    }
