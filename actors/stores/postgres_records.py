"""Small things that the PostgreSQL store keeps by name; launches; what it forgets by age."""

from actors.ports import Launch, LaunchPart
from actors.stores.postgres_pool import Database
from actors.stores.rules import FORGETTABLE, OUTBOX_STATES, day_of
from actors.stores.texts import to_text

_FORGET_AT_ONCE = 2_000
_SAVE_CHECKPOINT = """INSERT INTO checkpoint VALUES ($1, $2, $3) ON CONFLICT (model)
    DO UPDATE SET place = excluded.place, data = excluded.data
    WHERE checkpoint.place < excluded.place"""
_PUT_PLAYBOOK = """WITH new AS (
    INSERT INTO playbook (version, stored_at, active, bundle) VALUES ($1, $2, true, $3)
    ON CONFLICT (version) DO UPDATE SET active = true)
    UPDATE playbook SET active = false WHERE active AND version <> $1"""
_FORGET_MESSAGES = """DELETE FROM dedupe WHERE hash IN (
    SELECT hash FROM dedupe WHERE stored_at < $1 ORDER BY stored_at, hash LIMIT $2)"""
_FORGET_TURNS = """UPDATE journal SET payload = '' FROM (
        SELECT at, place FROM journal WHERE kind = $1 AND kind NOT IN (5, 6, 8)
            AND payload <> '' AND at < $2 AND place < $3 ORDER BY at, place LIMIT $4) AS old
    WHERE journal.at = old.at AND journal.place = old.place"""
_FORGET_EFFECTS = """WITH gone AS (
    DELETE FROM outbox WHERE id IN (SELECT id FROM outbox
        WHERE state = $1 AND state > 1 AND state < 6 AND send_at < $2 ORDER BY send_at, id LIMIT $3)
    RETURNING 1
) SELECT n, CASE WHEN n > 0 THEN count_1(ARRAY[$4::text], ARRAY[-n]) END
    FROM (SELECT count(*) AS n FROM gone) AS x"""
_ADD_LAUNCH = """INSERT INTO launch (id, scenario, segment, per_second, state, created_at, data)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"""
_LAUNCHES = """SELECT id, scenario, segment, per_second, state, created_at, data
    FROM launch ORDER BY n DESC"""
_PUT_PART = """INSERT INTO launch_part VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (launch, owner)
    DO UPDATE SET after = excluded.after, seen = excluded.seen, entered = excluded.entered,
        done = excluded.done"""


class PostgresRecords(Database):
    """The methods of `Store` on playbooks, settings, keys and checkpoints."""

    async def checkpoint(self, model: str) -> tuple[int, bytes] | None:
        """See `Store.checkpoint`."""
        rows = await self._rows("SELECT place, data FROM checkpoint WHERE model = $1", model)
        return (rows[0][0], rows[0][1]) if rows else None

    async def save_checkpoint(self, model: str, offset: int, data: bytes) -> bool:
        """See `Store.save_checkpoint`."""
        return await self._touched(_SAVE_CHECKPOINT, model, offset, data) == 1

    async def playbook(self, version: str | None = None) -> tuple[str, bytes] | None:
        """See `Store.playbook`."""
        rows = await self._rows(
            "SELECT version, bundle FROM playbook"
            ' WHERE CASE WHEN $1::text IS NULL THEN active ELSE version = $1 COLLATE "C" END',
            version,
        )
        return (rows[0][0], rows[0][1]) if rows else None

    async def playbook_versions(self) -> list[tuple[str, int, bool]]:
        """See `Store.playbook_versions`."""
        rows = await self._rows("SELECT version, stored_at, active FROM playbook ORDER BY id DESC")
        return [(version, stored_at_ms, active) for version, stored_at_ms, active in rows]

    async def put_playbook(self, version: str, bundle: bytes, now_machine_ms: int) -> None:
        """See `Store.put_playbook`."""
        await self._touched(_PUT_PLAYBOOK, version, now_machine_ms, bundle)

    async def setting(self, name: str) -> bytes | None:
        """See `Store.setting`."""
        value: bytes | None = await self._value("SELECT value FROM setting WHERE name = $1", name)
        return value

    async def put_setting(self, name: str, value: bytes) -> None:
        """See `Store.put_setting`."""
        statement = "INSERT INTO setting VALUES ($1, $2) ON CONFLICT (name)"
        await self._touched(f"{statement} DO UPDATE SET value = excluded.value", name, value)

    async def put_setting_if_absent(self, name: str, value: bytes) -> bytes:
        """See `Store.put_setting_if_absent`."""
        await self._touched(
            "INSERT INTO setting VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, value
        )
        return await self.setting(name) or b""

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """See `Store.keys`."""
        rows = await self._rows("SELECT hash, record FROM api_key ORDER BY id")
        return [(key_hash, record) for key_hash, record in rows]

    async def put_key(self, key_hash: bytes, record: bytes) -> None:
        """See `Store.put_key`."""
        await self._touched(
            "INSERT INTO api_key (hash, record) VALUES ($1, $2) ON CONFLICT (hash)"
            " DO UPDATE SET record = excluded.record",
            key_hash,
            record,
        )

    async def revoke_key(self, key_hash: bytes) -> bool:
        """See `Store.revoke_key`."""
        return await self._touched("DELETE FROM api_key WHERE hash = $1", key_hash) == 1


class PostgresLaunches(Database):
    """The methods of `Store` on launches."""

    async def add_launch(self, launch: Launch) -> bool:
        """See `Store.add_launch`."""
        added = await self._touched(
            _ADD_LAUNCH,
            launch.id,
            launch.scenario,
            launch.segment,
            launch.per_second,
            launch.state,
            launch.created_at_ms,
            launch.data,
        )
        return added == 1

    async def launches(self) -> list[Launch]:
        """See `Store.launches`."""
        return [Launch(*row) for row in await self._rows(_LAUNCHES)]

    async def set_launch(self, launch_id: str, before: str, state: str) -> bool:
        """See `Store.set_launch`."""
        statement = "UPDATE launch SET state = $3 WHERE id = $1 AND state = $2"
        return await self._touched(statement, launch_id, before, state) == 1

    async def put_launch_part(self, part: LaunchPart) -> None:
        """See `Store.put_launch_part`."""
        place = (part.launch, part.owner, part.after_number)
        await self._touched(_PUT_PART, *place, part.seen, part.entered, part.done)

    async def launch_parts(self, launch_id: str) -> list[LaunchPart]:
        """See `Store.launch_parts`."""
        rows = await self._rows(
            "SELECT * FROM launch_part WHERE launch = $1 ORDER BY owner", launch_id
        )
        return [LaunchPart(*row) for row in rows]


class PostgresRetention(Database):
    """The methods of `Store` by which it forgets, and by which customers are looked at again."""

    async def forget_messages(self, before_machine_ms: int) -> int:
        """See `Store.forget_messages`. Deletes in portions, so that no transaction is long."""
        forgotten = 0
        while True:
            portion = await self._touched(_FORGET_MESSAGES, before_machine_ms, _FORGET_AT_ONCE)
            forgotten += portion
            if portion < _FORGET_AT_ONCE:
                return forgotten

    async def forget_turns(self, kind: int, before_ms: int, below_offset: int, limit: int) -> int:
        """See `Store.forget_turns`."""
        if kind not in FORGETTABLE:
            return 0
        return await self._touched(_FORGET_TURNS, kind, before_ms, below_offset, limit)

    async def forget_effects(self, state: int, before_ms: int, limit: int) -> int:
        """See `Store.forget_effects`."""
        name = f"outbox_{OUTBOX_STATES[state]}"
        return int(await self._value(_FORGET_EFFECTS, state, before_ms, limit, name))

    async def forget_flows(self, before_ms: int, limit: int) -> int:
        """See `Store.forget_flows`."""
        return int(await self._value("SELECT forget_flows_1($1, $2)", day_of(before_ms), limit))

    async def watch(self, key: str, due_ms: int, after_number: int, limit: int) -> int | None:
        """See `Store.watch`."""
        last: int | None = await self._value(
            "SELECT watch_1($1, $2, $3, $4)", to_text(key), due_ms, after_number, limit
        )
        return last
