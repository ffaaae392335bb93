"""The actor of a single customer as Ray makes it, in this process: settings in, figures out."""

import asyncio
import json

import pytest

from actors.domain.ids import PARTITIONS, customer_text, home_partition
from actors.playbook.loader import bundle_bytes, library, version_of
from actors.runtime.clocks import store_virtual_ms
from actors.stores.opening import KEY_SETTING, open_store
from actors.wire.messages import (
    Code,
    Routed,
    pack_item,
    pack_request,
    unpack_answers,
)
from cluster.dedication import actor_name
from tests.builders import NOW, order

pytestmark = pytest.mark.slow


async def prepared(url):
    store = open_store(url)
    await store.put_setting_if_absent(KEY_SETTING, b"k" * 32)
    bundle = library("retail")
    await store.put_playbook(version_of(bundle), bundle_bytes(bundle), NOW)
    await store_virtual_ms(store, NOW)
    return store


async def applied(cell, *events):
    request = pack_request([pack_item(Routed(event)) for event in events])
    return unpack_answers(await cell.apply(request))


def test_a_cell_gives_a_customer_to_her_own_actor_and_takes_her_back(tmp_path):
    from actors.runtime.cell import (
        CellHost,
        CellSettings,
    )  # imports Ray, as collecting tests must not

    url = f"sqlite://{tmp_path / 'cell.db'}"

    def made(name, customer=0):
        settings = CellSettings(
            name=name,
            store_url=url,
            data_dir=str(tmp_path),
            virtual=True,
            model_app="models",
            model_deployment="models",
            dedicated="profile.orders > 0",
            customer=customer,
        )
        return CellHost(settings)

    async def story():
        store = await prepared(url)
        cell = made("cell-0")
        row = await cell.begin()
        await cell.claim([(p.partition, p.owner, p.epoch) for p in await store.partitions()])
        assert (await applied(cell, order(5.0, "ann", id="m1")))[0].code is Code.ACCEPTED

        ((number, idle_ms),) = await cell.wishes()
        assert idle_ms >= 0
        name = actor_name(number)
        await store_virtual_ms(store, NOW + 1000)
        actor = made(name, number)
        assert repr(actor) == f"CellHost({name})"
        await actor.begin()
        to = await actor.open_partition()
        assert to == (PARTITIONS, 1)
        assert (await actor.info())["lastTurn"]["seq"] == 1
        assert await cell.rehome(number, to)

        (answer,) = await applied(cell, order(5.0, "ann", id="m2"))
        assert (answer.code, answer.number, answer.partition) == (Code.NOT_MINE, number, PARTITIONS)
        first, again = await applied(actor, order(5.0, "ann", id="m2"), order(5.0, "ann", id="m1"))
        assert (first.code, again.code) == (Code.ACCEPTED, Code.DUPLICATE)
        info = await actor.info()
        json.dumps(info)
        assert info["customer"] == customer_text(number) == name.removeprefix("customer:")
        assert (info["partitions"], info["wanted"], info["node"]) == (1, True, "")
        assert info["lastTurn"] == {"seq": 2, "at": NOW, "kind": "event"}
        assert info["businessMs"] == NOW + 1000
        assert "customer" not in await cell.info()

        home = home_partition(number)
        epoch = (await store.partitions())[home].epoch
        assert await actor.rehome(number, (home, epoch))
        assert await actor.hand_over([to[0]], row.owner) == 1
        await actor.stop()
        assert (await applied(cell, order(5.0, "ann", id="m3")))[0].code is Code.ACCEPTED
        assert [each.name for each in await store.cells()] == ["cell-0"]
        await cell.stop()
        await store.close()

    asyncio.run(story())
