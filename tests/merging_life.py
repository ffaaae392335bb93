"""A customer and a visitor who become one, live on, and part again."""

from actors.domain.fold import set_consent
from actors.domain.state import CustomerState
from actors.merging import LaterTurn, Names, Reading, merge, unmerge
from actors.playbook.identity_model import DEFAULT_RULES
from actors.turn import respond
from actors.wire.state import pack_state, unpack_state
from tests.builders import HOUR, NOW, SHOP, anon, make_state, number_of, response, take, user, wake
from tests.merging_states import REAL_PARTS

READING = Reading(playbook=SHOP, parts=REAL_PARTS, unpack=unpack_state)
HERS = anon("browser")
LOSER = number_of(HERS)
SURVIVOR = number_of(user("ann"))


class Life:
    """Ann and a browser that become one, live on, and part again."""

    def __init__(self, *, prepare=lambda ann, browser: None):
        ann = make_state("ann")
        browser = CustomerState(LOSER, LOSER >> 50, identities=[HERS])
        prepare(ann, browser)
        self.before = pack_state(ann), pack_state(browser)
        self.one = unpack_state(self.before[0])
        merge(self.one, unpack_state(self.before[1]), DEFAULT_RULES, REAL_PARTS)
        self.one.seq += 1
        self.later = []

    def event(self, event, now=NOW):
        turn = take(self.one, event, now)
        self.note(turn.record)
        return turn

    def note(self, record, recalled=None):
        self.later.append(LaterTurn(self.one.seq, record, recalled))

    def answer(self, key, outcome, effect, at=NOW):
        self.note(respond(self.one, response(key, outcome), effect, at, SHOP).record)

    def wake(self, kind, now):
        timer = next(t for t in self.one.timers if t.kind == kind)
        turn = wake(self.one, timer, now)
        self.note(turn.record)
        return turn

    def part(self, *, merged_at=0, denied=None, **known):
        before = map(unpack_state, self.before)
        given = {"names": Names(**known), "merged_at": merged_at, "denied": denied}
        return unmerge(*before, self.later, READING, **given)


def agreed(*states):
    for state in states:
        set_consent(state.profile, "email", True, NOW - HOUR, "web")
