"""Groups of customers, in memory."""

from collections.abc import Sequence

from actors.domain.groups import GroupKey
from actors.ports import Change, Erasure, Member, MemberRow, StoredGroup


class MemoryGroups:
    """The methods of `Store` that are about groups."""

    def __init__(self) -> None:
        self._groups: dict[GroupKey, StoredGroup] = {}
        self._group_rows: dict[GroupKey, dict[int, MemberRow]] = {}
        self._group_seq = 0

    def _found_groups(self, keys: Sequence[GroupKey]) -> dict[GroupKey, StoredGroup]:
        return {key: self._groups[key] for key in keys if key in self._groups}

    def _groups_of(self, numbers: Sequence[int]) -> dict[int, tuple[GroupKey, ...]]:
        found: dict[int, list[GroupKey]] = {}
        for key, rows in sorted(self._group_rows.items()):
            for number in rows.keys() & set(numbers):
                found.setdefault(number, []).append(key)
        return {number: tuple(keys) for number, keys in found.items()}

    def _group_seqs(self, changes: Sequence[Change]) -> dict[GroupKey, int]:
        written = [write.key for change in changes for write in change.groups]
        return {key: self._groups[key].seq for key in written if key in self._groups}

    def _write_groups(self, changes: Sequence[Change]) -> None:
        writes = [write for change in changes for write in change.groups]
        for write in sorted(writes, key=lambda each: bool(each.state)):  # removals first
            known = self._groups.pop(write.key, None)
            if not write.state:
                self._group_seq = max(self._group_seq, known.seq if known else 0)
                self._group_rows.pop(write.key, None)
                continue
            seq = known.seq + 1 if known else self._group_seq + 1
            self._groups[write.key] = StoredGroup(write.key, seq, bytes(write.state))
            rows = self._group_rows.setdefault(write.key, {})
            for number in write.gone:
                rows.pop(number, None)
            rows.update((row.number, row) for row in write.members)

    def _erase_groups(self, erasure: Erasure) -> None:
        for rows in self._group_rows.values():
            for number in erasure.numbers:
                rows.pop(number, None)

    async def group_members(self, key: GroupKey, after_number: int, limit: int) -> list[Member]:
        """See `Store.group_members`."""
        rows = sorted(self._group_rows.get(key, {}).values(), key=lambda row: row.number)
        found = [r for r in rows if r.number > after_number and not r.left_at_ms]
        return [Member(row.number, row.since_ms) for row in found[:limit]]
