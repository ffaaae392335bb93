"""The records of groups that one attempt needs: read once, changed by turns, written with them.

Members live on different cells, so a record is read anew in every attempt and its seq is checked when
it is written: who loses that race has their turns run again from what is stored. Members in one attempt
share the record, turn by turn; if they change it, they are written together or not at all.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache

from actors.domain.errors import CodecError
from actors.domain.events import Event
from actors.domain.groups import (
    NO_GROUPS,
    GroupKey,
    Groups,
    GroupState,
    current,
    forget_sayings,
    pass_on_sayings,
)
from actors.playbook.fields import OF_GROUPS
from actors.playbook.group_model import GROUP
from actors.playbook.model import Playbook
from actors.ports import Change, GroupWrite, Lookup, MemberRow, Store
from actors.session.changes import Chain
from actors.wire.groups import pack_group, unpack_group
from actors.wire.messages import Answer, Code

log = logging.getLogger(__name__)


@lru_cache(maxsize=16)
def kinds_needed(playbook: Playbook) -> frozenset[str]:
    """Return the kinds of groups whose records every turn of a member may ask."""
    asked = {cap.per for cap in playbook.caps if cap.per}
    for path in OF_GROUPS & playbook.used_paths:
        whole = path in playbook.used_whole
        asked.update(playbook.groups.kinds if whole else playbook.used_keys.get(path, ()))
    return frozenset(asked)


class SharedGroups:
    """The records at hand in one attempt, by whom they are used, and what has become of them."""

    def __init__(self) -> None:
        self.states: dict[GroupKey, GroupState] = {}
        self._seqs: dict[GroupKey, int] = {}
        self._users: dict[GroupKey, set[int]] = {}
        self._touched: set[GroupKey] = set()
        self._spoilers: set[int] = set()
        self._rows: dict[GroupKey, dict[int, MemberRow | None]] = {}

    def for_turn(self, *, dry_run: bool) -> Groups:
        """Return what a turn may look at and change; what a dry run changes is its own."""
        if not self.states:
            return NO_GROUPS
        if not dry_run:
            return self.states
        return {key: unpack_group(pack_group(group)) for key, group in self.states.items()}

    def touch(self, keys: Iterable[GroupKey]) -> None:
        """Note which records a turn has changed."""
        self._touched.update(keys)

    def spoil(self, chain: Chain) -> None:
        """Note that a customer's turns failed, who may have changed records that others use."""
        self._spoilers.add(chain.number)

    async def read(self, store: Store, wanted: dict[int, set[GroupKey]]) -> set[int]:
        """Read the records that customers need; return whose are damaged. Missing ones are new."""
        for number, keys in wanted.items():
            for key in keys:
                self._users.setdefault(key, set()).add(number)
        needed = tuple(sorted(self._users))
        found = (await store.lookup(Lookup(groups=needed))).groups
        damaged: set[int] = set()
        for key in needed:
            row = found.get(key)
            self._seqs[key] = 0 if row is None else row.seq
            try:
                self.states[key] = GroupState(*key) if row is None else unpack_group(row.state)
            except CodecError:
                log.exception("a record of a group of kind %r is damaged", key.kind)
                damaged |= self._users[key]
        return damaged

    def unite(self, chain: Chain) -> None:
        """Let the survivor of a merge stand for those who were merged into it."""
        held = {each.key for each in current(chain.was_grouped)}
        for number, memberships in chain.united:
            for each in current(memberships):
                group = self.states[each.key]
                if each.key in held:
                    group.members -= 1
                held.add(each.key)
                self._rows.setdefault(each.key, {})[number] = None
                self._touched.add(each.key)

    def part(self, chain: Chain) -> None:
        """Give both sides of an unmerge the memberships that are theirs."""
        before = {each.key for each in current(chain.was_grouped)}
        mine = {each.key: each for each in current(chain.state.groups)}
        for other, memberships in chain.parted:
            hers = {each.key: each for each in current(memberships)}
            for key in sorted(before | mine.keys() | hers.keys()):
                group, rows = self.states[key], self._rows.setdefault(key, {})
                group.members += (key in mine) + (key in hers) - (key in before)
                if key in hers:
                    rows[other] = MemberRow(other, hers[key].since_ms)
                if key not in mine:
                    rows[chain.number] = None
                    pass_on_sayings(group, chain.number, other)
                self._touched.add(key)

    def erase(self, chain: Chain, numbers: Sequence[int], keys: Iterable[GroupKey]) -> None:
        """Take somebody who is erased out of all groups, with everything that they said there."""
        member_of = {each.key for each in current(chain.was_grouped)}
        for key in sorted(keys):
            group = self.states[key]
            if key in member_of:
                group.members -= 1
            if forget_sayings(group, numbers) or key in member_of:
                self._touched.add(key)

    def settle(self, ready: list[tuple[Chain, Change]]) -> list[tuple[Chain, Change]]:
        """Add what groups are written to the changes, and tie those that must be written together.

        Returns:
            The changes to write. Customers who used a record that somebody's failed turns may have
            changed are not among them: they are run again.
        """
        if not self.states:
            return ready
        self._run_again(ready)
        ready = [(chain, change) for chain, change in ready if not chain.broken]
        by_number = {chain.number: change for chain, change in ready}
        tied = {number: number for number in by_number}
        for key in sorted(self._touched):
            users = [chain.number for chain, _ in ready if chain.number in self._users[key]]
            if not users:
                continue
            write = self._write(key, [chain for chain, _ in ready if chain.number in users])
            if write is not None:
                by_number[users[0]].groups.append(write)
            first, together = tied[users[0]], {tied[number] for number in users}
            tied = {number: first if to in together else to for number, to in tied.items()}
        for chain, change in ready:
            if sum(1 for to in tied.values() if to == tied[chain.number]) > 1:
                for each in (change, *chain.companions):
                    each.tied_to = tied[chain.number]
        return ready

    def _run_again(self, ready: list[tuple[Chain, Change]]) -> None:
        chains = {chain.number: chain for chain, _ in ready}
        waiting = sorted(self._spoilers)
        seen = set(waiting)
        while waiting:
            number = waiting.pop()
            for users in [users for users in self._users.values() if number in users]:
                for other in sorted(users - seen):
                    seen.add(other)
                    waiting.append(other)
                    if other in chains:
                        chains[other].run_again()

    def _write(self, key: GroupKey, users: Sequence[Chain]) -> GroupWrite | None:
        group, seq = self.states[key], self._seqs[key]
        rows = dict(self._rows.get(key, {}))
        for chain in users:
            before = next((each for each in chain.was_grouped if each.key == key), None)
            now = next((each for each in chain.state.groups if each.key == key), None)
            if now is not None and now != before:
                rows[chain.number] = MemberRow(chain.number, now.since_ms, now.left_at_ms)
        if group.members <= 0:
            return GroupWrite(key, seq, b"") if seq else None
        return GroupWrite(
            key,
            seq,
            pack_group(group),
            tuple(row for row in rows.values() if row is not None),
            tuple(number for number, row in rows.items() if row is None),
        )


async def gather(store: Store, chains: Sequence[Chain], playbook: Playbook) -> SharedGroups:
    """Return the records of groups that may be needed; most attempts need none, and read nothing."""
    shared = SharedGroups()
    wanted: dict[int, set[GroupKey]] = {}
    for chain in chains:
        keys = set() if chain.broken else _needed(chain, playbook)
        if chain.erasure is not None:
            found = await store.lookup(Lookup(grouped=chain.erasure.numbers))
            keys.update(key for of in found.memberships.values() for key in of)
        if keys:
            wanted[chain.number] = keys
    if not wanted:
        return shared
    damaged = await shared.read(store, wanted)
    for chain in chains:
        if chain.number in damaged:
            chain.broken = True
            for job in chain.jobs:
                job.answer = job.answer or Answer(Code.FAILED, detail="a group's record is damaged")
        elif not chain.broken:
            _rearrange(shared, chain, wanted.get(chain.number, ()))
    return shared


def _rearrange(shared: SharedGroups, chain: Chain, keys: Iterable[GroupKey]) -> None:
    """Do to the groups what a chain's first job does to who is who."""
    if chain.united:
        shared.unite(chain)
    elif chain.parted:
        shared.part(chain)
    elif chain.erasure is not None:
        shared.erase(chain, chain.erasure.numbers, keys)


def _needed(chain: Chain, playbook: Playbook) -> set[GroupKey]:
    """Return the records that a customer's turns may look at or change."""
    memberships = chain.state.groups
    keys: set[GroupKey] = set()
    if memberships:
        kinds = kinds_needed(playbook)
        keys.update(each.key for each in current(memberships) if each.kind in kinds)
    for job in chain.jobs:
        item = job.item
        if isinstance(item, Event) and item.type == GROUP:
            named = playbook.groups.key_of(item.properties, item.traits, item.context)
            if named is not None:
                keys.add(named)
                keys.update(each.key for each in current(memberships, named.kind))
    if chain.united or chain.parted or chain.erasure is not None:
        keys.update(each.key for each in current([*chain.was_grouped, *memberships]))
        for _, theirs in (*chain.united, *chain.parted):
            keys.update(each.key for each in current(theirs))
    return keys
