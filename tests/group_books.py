"""A playbook with households and accounts, group calls, and what a store has of groups."""

import asyncio
import json

from actors.domain.groups import GroupKey
from actors.playbook.loader import compile_bundle
from actors.ports import Lookup
from actors.session import Session
from actors.session.activations import Activations
from actors.wire.groups import unpack_group
from tests.builders import NOW, make_event, number_of, user

PROMO = "offer/promo/letter"
NOTE = "care/note/thanks"
HOME = GroupKey("household", "h-1")
OTHER_HOME = GroupKey("household", "h-2")
FIRM = GroupKey("account", "acme")
KEYS = (HOME, OTHER_HOME, FIRM)
ANN, BOB, CARL = (number_of(user(name)) for name in ("ann", "bob", "carl"))
KINDS = {"household": {"maxMembers": 3}, "account": {"maxMembers": 100, "perCustomer": 2}}
CAPS = {"home_weekly": {"limit": 1, "window": "P7D", "per": "household", "groups": ["promo"]}}


def group_book(**parts):
    """Compile `group_bundle`."""
    return compile_bundle(group_bundle(**parts))


def group_bundle(*, caps=None, kinds=None, eligible=None, when=None):
    """Whoever asks for a promotion gets a letter, if caps allow; a note goes to anybody who asks."""
    actions = {
        PROMO: {
            "value": 10,
            "purpose": "service",
            "startingPropensity": 0.3,
            "treatments": {"email": {"outbound": True}},
            **({"eligible": eligible} if eligible else {}),
        },
        NOTE: {
            "value": 1,
            "purpose": "service",
            "startingPropensity": 0.3,
            "treatments": {"email": {"outbound": True}},
        },
    }
    triggers = {
        "promote": {
            "on": "Promotion Wanted",
            "propose": [PROMO],
            **({"when": when} if when else {}),
        },
        "note": {"on": "Note Wanted", "propose": [NOTE]},
    }
    book = {
        "name": "homes",
        "version": "1",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": {"web": {"placements": ["hero"]}, "email": {"outbound": True}},
    }
    rules = {"kinds": KINDS if kinds is None else kinds, "default": "household"}
    return {
        "playbook.yaml": json.dumps(book),
        "actions.yaml": json.dumps({"actions": actions}),
        "triggers.yaml": json.dumps({"triggers": triggers}),
        "policies.yaml": json.dumps({"caps": CAPS if caps is None else caps}),
        "groups.yaml": json.dumps(rules),
    }


HOMES = group_book()


def joins(key=HOME, *who, id="join", at=NOW, **traits):  # noqa: A002
    """A group call; the kind is named when it is not the default."""
    named = {} if key.kind == "household" else {"groupType": key.kind}
    return make_event(
        "",
        *who,
        type="group",
        id=id,
        at=at,
        properties={"groupId": key.group_id},
        traits=named | traits,
    )


def leaves(key=HOME, *who, **fields):
    return joins(key, *who, left=True, **fields)


def wants(*who, id="want", at=NOW, name="Promotion Wanted"):  # noqa: A002
    return make_event(name, *who, id=id, at=at)


def stored_group(store, key=HOME):
    """The record of a group, or None."""
    row = asyncio.run(store.lookup(Lookup(groups=(key,)))).groups.get(key)
    return None if row is None else unpack_group(row.state)


def members(store, key=HOME):
    """Numbers of those whom the index has in a group."""
    return [each.number for each in asyncio.run(store.group_members(key, -1, 1000))]


def sound_groups(store, *keys):
    """A record counts whom the index has, and there is no record of a group without members."""
    for key in keys:
        record, listed = stored_group(store, key), members(store, key)
        assert (0 if record is None else record.members) == len(listed), key


class OtherCell:
    """Another cell's session over the same store."""

    def __init__(self, world):
        self.world = world
        self.session = Session(
            world.truth,
            world.scorer,
            world.ids,
            world.clock,
            Activations(100, 10_000_000),
            world.epochs.get,
        )

    async def run(self, *items):
        await self.session.run([self.world._job(item) for item in items], self.world.playbook)


def a_home(world, *who):
    """Let some people join one household, one after the other."""
    for name in who:
        world.reply(joins(HOME, name, id=f"join {name}"))


def keys_of(state):
    """The groups that a customer is a member of now."""
    return [each.key for each in state.groups if not each.left_at_ms]
