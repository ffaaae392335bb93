"""A customer with a past, written to a store as a cell writes it."""

import asyncio
from dataclasses import dataclass, field

from actors.domain.events import Event, Response
from actors.domain.ids import Identity, IdSpace, home_partition
from actors.domain.scores import Scores
from actors.domain.state import CustomerState
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.ports import Change, JournalKind, JournalRow
from actors.stores.memory import MemoryStore
from actors.turn import Turn, begin, decide, respond
from actors.wire.records import pack_turn
from actors.wire.state import pack_state

ANNA = Identity("user", "anna")
START_MS = 1_769_860_800_000
BUNDLE = {
    "playbook.yaml": """\
name: corner-shop
version: "2.1"
currency: {code: EUR, minorDigits: 2}
timezone: Europe/Berlin
channels:
  web: {placements: [hero], defaultPlacements: [hero]}
tiers:
  - {segment: buyer, serviceLevel: priority}
defaultTier: {name: guest, serviceLevel: standard}
""",
    "segments.yaml": """\
segments:
  buyer: {when: profile.orders >= 1}
""",
    "actions.yaml": """\
actions:
  growth/fruit/apples:
    value: 2
    purpose: onsite
    startingPropensity: 0.3
    weights:
      - {when: tier == 'buyer', factor: 1.5}
    treatments:
      web: {cost: 0.01, placements: [hero], content: {title: Apples}}
  growth/fruit/pears:
    value: 1
    purpose: onsite
    startingPropensity: 0.2
    treatments:
      web: {placements: [hero], content: {title: Pears}}
  loyalty/club/gold:
    value: 9
    purpose: onsite
    eligible: profile.orders >= 10
    startingPropensity: 0.5
    treatments:
      web: {placements: [hero], content: {title: Gold}}
""",
    "triggers.yaml": "triggers: {}\n",
    "policies.yaml": """\
caps: {}
suppression: {afterRefusal: P30D}
consent: {purposesNotNeedingConsent: [onsite]}
""",
}
PLAYBOOK = compile_bundle(BUNDLE)
VERSION = version_of(BUNDLE)
PRIOR = Scores("none", "0", True, ())


@dataclass
class Past:
    """What was written: the state after it, its turns by seq, and the placement asked."""

    state: CustomerState
    turns: dict[int, Turn] = field(default_factory=dict)
    channel: str = "web"
    placement: str = ""


def a_past(ids: IdSpace) -> Past:
    """Identify, buy, ask for a placement, accept what was offered there."""
    number = ids.customer_number(ANNA)
    past = Past(CustomerState(number=number, partition=home_partition(number)))
    past.placement = PLAYBOOK.placements[past.channel][0]
    email = Identity("email", "anna@example.com")
    granted = {"consent": {"categoryPreferences": {"web": True, "email": True}}}
    events = [
        Event(
            message_id="m-1",
            type="identify",
            identities=(ANNA, email),
            channel="web",
            traits={"first_name": "Anna"},
            context=granted,
        ),
        Event(
            message_id="m-2",
            type="track",
            name="Order Completed",
            identities=(ANNA,),
            channel="store",
            properties={"total": 42.1, "departments": {"GROCERY": {"total": 42.1, "items": 7}}},
        ),
        Event(
            message_id="q-1",
            type="decide",
            identities=(ANNA,),
            channel=past.channel,
            placements=(past.placement,),
            max_actions=1,
        ),
    ]
    for i, event in enumerate(events):
        turn = begin(past.state, event, PLAYBOOK, START_MS + i * 1000)
        decide(turn, PRIOR, PLAYBOOK)
        past.turns[past.state.seq] = turn
    offered = past.state.effects[-1]
    taken = Response(
        message_id="r-1", effect_key="", outcome="accept", value_minor=1250, at_ms=START_MS + 4000
    )
    turn = respond(past.state, taken, offered, START_MS + 5000, PLAYBOOK)
    past.turns[past.state.seq] = turn
    return past


def kind_of(turn: Turn) -> int:
    if turn.record.event is None:
        return JournalKind.OUTCOME
    return JournalKind.DECIDE if turn.record.event.type == "decide" else JournalKind.EVENT


def write(store: MemoryStore, past: Past) -> None:
    """Commit all of it in one change, under an epoch of our own, with the playbook."""
    state = past.state

    async def commit() -> None:
        await store.claim([(state.partition, "", 0)], "cell-0/test")
        await store.put_playbook(VERSION, bundle_bytes(BUNDLE), 1)
        await store.commit(
            [
                Change(
                    state.number,
                    state.partition,
                    1,
                    0,
                    state.seq,
                    pack_state(state),
                    journal=[
                        JournalRow(seq, turn.record.at_ms, kind_of(turn), pack_turn(turn.record))
                        for seq, turn in past.turns.items()
                    ],
                    identities=list(state.identities),
                )
            ],
            1,
        )

    asyncio.run(commit())
