"""Cells and actors of customers in one process: real hosts, directory, coalescer and promoter, no Ray."""

import asyncio
import json
from contextlib import asynccontextmanager

from actors.ports import CellRow, Lookup, PartitionRow
from actors.runtime.host import Host, HostSettings
from actors.runtime.wishing import Wishes
from actors.wire.messages import Routed, pack_item
from actors.wire.records import unpack_turn
from cluster.dedication import actor_name, customer_of
from cluster.ownership import propose
from cluster.promoter import Promoter
from serve_app.coalescer import Coalescer, CoalescerSettings
from serve_app.directory import Directory
from serve_app.gateway import PackedItem
from tests.builders import CELL, IDS, NOW, OTHER_CELL, SHOP
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.scorers import FixedScorer

NODE = "node-1"


class GoneError(Exception):
    """What the transport raises when a process has died."""


class Process:
    """One process of a cell, as far as promotions go."""

    def __init__(self, world, row, customer=0):
        self.row, self.customer = row, customer
        self.store = FailNext(world.truth)
        settings = HostSettings(timer_poll_s=3600, map_poll_s=3600)
        self.host = Host(
            self.store, FixedScorer(), IDS, world.clock, world.playbook, settings, lambda: None
        )
        self._wishes, self._clock, self._world = Wishes(world.rule), world.clock, world
        self._begun, self._made_ms = False, world.clock.machine_ms()

    async def begin(self):
        if not self._begun:
            self._begun = True
            await self._world.truth.register_cell(self.row)
            await self.host.start(self.row)
        return self.row

    async def info(self):
        active = self.host.activations.get(self.customer)
        now_ms = self._clock.machine_ms()
        return {
            "owner": self.host.owner,
            "node": NODE,
            "wanted": active is None or self._wishes.wanted(active, self.host.playbook, now_ms),
            "idleMs": now_ms - (self._made_ms if active is None else active.used_at_ms),
        }

    async def wishes(self):
        now_ms = self._clock.machine_ms()
        return self._wishes.of(self.host.activations, self.host.playbook, now_ms, now_ms)

    async def claim(self, rows):
        return await self.host.claim([PartitionRow(*row) for row in rows])

    async def open_partition(self):
        row = await self.host.open_partition()
        return row.partition, row.epoch

    async def hand_over(self, partitions, to_owner):
        return await self.host.hand_over(partitions, to_owner)

    async def reload_ownership(self):
        await self.host.reload_ownership()

    async def rehome(self, number, to):
        return await self.host.rehome(number, to)


class Apart:
    """Two cells, a promoter, and any number of front doors over one store."""

    def __init__(self, truth, rule="true", per_node=8, playbook=SHOP):
        self.truth, self.rule, self.playbook = truth, rule, playbook
        self.clock = ManualClock(NOW)
        self.processes, self._doors, self._made = {}, [], 0
        self.lost = []
        self.per_node = per_node
        self.restart_promoter()

    def restart_promoter(self):
        self.promoter = Promoter(self, self.cells, self.per_node, (GoneError,))

    def cells(self):
        return {name: each.row.owner for name, each in self.processes.items() if not each.customer}

    async def start(self):
        for row in (CELL, OTHER_CELL):
            self.processes[row.name] = Process(self, row)
            await self.processes[row.name].begin()
        await self.supervise()

    async def supervise(self):
        """What the supervisor does in a round: who had something and is gone is taken over from."""
        living = [each.row for each in self.processes.values() if not each.customer]
        apart = {each.row.owner for each in self.processes.values() if each.customer}
        proposal = propose(await self.truth.partitions(), living, (), apart=apart)
        hosts = {each.row.owner: each.host for each in self.processes.values()}
        for owner, rows in proposal.claims.items():
            await hosts[owner].claim(rows)
        for (giver, taker), partitions in proposal.moves.items():
            await hosts[giver].hand_over(partitions, taker)
            await hosts[taker].reload_ownership()

    async def round(self, after_s=0.0):
        await self.promoter.round(self.truth, asyncio.get_running_loop().time() + after_s)

    # What the promoter calls.

    def make_apart(self, number, node):
        assert node == NODE
        name = actor_name(number)
        if name not in self.processes:
            self._made += 1
            row = CellRow(name, f"made{self._made}", 1, 1, "elsewhere", 0)
            self.processes[name] = Process(self, row, number)

    async def call(self, name, method, *arguments):
        if name not in self.processes:
            raise GoneError(name)
        answer = await getattr(self.processes[name], method)(*arguments)
        if (name, method) in self.lost:
            self.lost.remove((name, method))
            raise GoneError(f"the answer of {name} was lost")
        return answer

    async def end(self, name):
        process = self.processes.pop(name, None)
        if process is not None:
            await process.host.stop()
            await self.truth.remove_cell(process.row)
        return process is not None

    def nodes(self):
        return [NODE]

    # What tests do.

    async def kill(self, number):
        """Let an actor die: nobody is told, its row stays."""
        await self.processes.pop(actor_name(number)).host.stop()

    def seats(self):
        return sorted(n for name in self.processes if (n := customer_of(name)) is not None)

    async def door(self):
        """A front door with a memory of its own."""
        directory = Directory(self.truth, "here", lambda _owner: None)
        await directory.refresh()

        async def call(row, request):
            process = self.processes.get(row.name)
            if process is None or process.row.owner != row.owner:
                raise GoneError(row.name)
            return await process.host.apply(request)

        settings = CoalescerSettings(pause_s=0.001)
        return Coalescer(directory, IDS, call, settings)

    async def partition(self, number):
        row = (await self.truth.lookup(Lookup(numbers=(number,)))).customers.get(number)
        return None if row is None else row.partition

    async def turns(self, number):
        rows = await self.truth.timeline(number, None, (), 100_000)
        return [(row.seq, unpack_turn(row.payload)) for row in reversed(rows)]

    async def fire(self, to_ms):
        return sum([await each.host.fire_until(to_ms) for each in list(self.processes.values())])

    async def stop(self):
        for process in list(self.processes.values()):
            await process.host.stop()
        await self.truth.close()


@asynccontextmanager
async def apart_world(truth, **options):
    world = Apart(truth, **options)
    await world.start()
    try:
        yield world
    finally:
        await world.stop()


def packed(item, number=0):
    """An item as the HTTP edge makes it; what has no identity goes by number."""
    routed = item if isinstance(item, Routed) else Routed(item, number)
    route = None if routed.number else routed.item.identities[0]
    return PackedItem(route, routed.number, pack_item(routed))


async def said(door, *items, number=0):
    """Send items together; their codes by name."""
    return [a.code.name for a in await door.send([packed(item, number) for item in items])]


async def reply(door, item, number=0):
    (answer,) = await door.send([packed(item, number)])
    assert answer.code.name in {"ACCEPTED", "DUPLICATE"}, answer
    return json.loads(answer.body)
