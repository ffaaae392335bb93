"""Segments, groups and scenarios as the PostgreSQL store counts and lists them."""

from actors.domain.groups import GroupKey
from actors.ports import DueTimer, Member, ScenarioCount, SegmentFlow
from actors.stores.postgres_pool import Database
from actors.stores.rules import day_of
from actors.stores.texts import from_text, to_text

_MEMBERS = """SELECT customer, since FROM membership WHERE segment = $1 AND customer > $2
    ORDER BY customer LIMIT $3"""
_COUNTS = "SELECT segment, sum(entered - gone)::bigint FROM segment_flow GROUP BY segment"
_FLOWS = """SELECT day, entered, gone FROM segment_flow WHERE segment = $1 AND day >= $2
    ORDER BY day"""
_GROUP_MEMBERS = """SELECT customer, since FROM group_member
    WHERE kind = $1 AND id = $2 AND customer > $3 AND left_at = 0 ORDER BY customer LIMIT $4"""
_OVERDUE = """SELECT customer, p, due FROM timer WHERE due <= $1 AND key = $2 AND customer > $3
    ORDER BY customer LIMIT $4"""
_STEPS = """SELECT scenario, digest, step, waiting, passed, gone FROM scenario_step
    WHERE $1::text IS NULL OR scenario = $1 COLLATE "C" ORDER BY scenario, digest, step"""


class PostgresSegments(Database):
    """The methods of `Store` on segments, groups and scenarios."""

    async def members(self, segment: str, after_number: int, limit: int) -> list[Member]:
        """See `Store.members`."""
        rows = await self._rows(_MEMBERS, to_text(segment), after_number, limit)
        return [Member(*row) for row in rows]

    async def member_counts(self) -> dict[str, int]:
        """See `Store.member_counts`."""
        return {from_text(segment): n for segment, n in await self._rows(_COUNTS)}

    async def flows(self, segment: str, since_ms: int) -> list[SegmentFlow]:
        """See `Store.flows`."""
        first = max(0, day_of(since_ms))
        return [SegmentFlow(*row) for row in await self._rows(_FLOWS, to_text(segment), first)]

    async def group_members(self, key: GroupKey, after_number: int, limit: int) -> list[Member]:
        """See `Store.group_members`."""
        kind, group = to_text(key.kind), to_text(key.group_id)
        rows = await self._rows(_GROUP_MEMBERS, kind, group, after_number, limit)
        return [Member(*row) for row in rows]

    async def scenario_counts(self, scenario: str | None = None) -> list[ScenarioCount]:
        """See `Store.scenario_counts`."""
        rows = await self._rows(_STEPS, None if scenario is None else to_text(scenario))
        found = [
            ScenarioCount(from_text(row[0]), from_text(row[1]), from_text(row[2]), *row[3:])
            for row in map(tuple, rows)
        ]
        return sorted(found, key=lambda each: (each.scenario, each.digest, each.step))

    async def overdue(
        self, key: str, until_ms: int, after_number: int, limit: int
    ) -> list[DueTimer]:
        """See `Store.overdue`."""
        rows = await self._rows(_OVERDUE, until_ms, to_text(key), after_number, limit)
        return [DueTimer(number, partition, key, due_ms) for number, partition, due_ms in rows]
