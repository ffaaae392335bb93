"""After an unmerge each side is as if the two had never been one."""

from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from actors import turn as core
from actors.domain.fold import set_consent
from actors.domain.state import CustomerState
from actors.merging import LaterTurn, Reading, merge, unmerge
from actors.playbook.identity_model import DEFAULT_RULES
from actors.wire.state import pack_state, unpack_state
from tests.builders import DAY, HOUR, NOW, TRIGGERS, anon, make_event, make_playbook, user
from tests.merging_states import PARTS, REAL_PARTS, customers
from tests.strategies import commerce

FEW = settings(max_examples=settings().max_examples // 4)
WAITING = make_playbook(triggers={"remind": TRIGGERS["remind"]})
READING = Reading(playbook=WAITING, parts=PARTS, unpack=unpack_state)
MINE, HERS = user("ann"), anon("browser")

_at = st.integers(NOW - 2 * DAY, NOW)
_others = st.one_of(
    st.builds(
        lambda at, cart, qty: ("Product Added", at, "web", {"cart_id": cart, "quantity": qty}),
        _at,
        st.sampled_from(["c1", "c2"]),
        st.integers(1, 3),
    ),
    st.builds(
        lambda at, case: ("Case Opened", at, "call_center", {"case_id": case}),
        _at,
        st.sampled_from(["k1", "k2"]),
    ),
    st.builds(lambda at: ("", at, "app", {}), _at),
)
_told = st.fixed_dictionaries(
    {"side": st.sampled_from([MINE, HERS]), "what": commerce | _others},
    optional={
        "city": st.sampled_from(["Oslo", "Rome", None]),
        "email": st.booleans(),
        "timezone": st.sampled_from(["Europe/Oslo", "Europe/Rome"]),
    },
)


def told(fact, number):
    name, at_ms, channel, properties = fact["what"]
    context = {"timezone": fact["timezone"]} if "timezone" in fact else {}
    if "email" in fact:
        context["consent"] = {"categoryPreferences": {"email": fact["email"]}}
    return make_event(
        name,
        fact["side"],
        id=f"m{number}",
        type="track" if name else "identify",
        at=at_ms,
        channel=channel,
        properties=dict(properties),
        traits={"city": fact["city"]} if "city" in fact and not name else {},
        context=context,
    )


def take_all(state, facts, first=0):
    return [
        core.begin(state, told(fact, i), WAITING, NOW + HOUR + i).record
        for i, fact in enumerate(facts, first)
    ]


def told_of(state):
    """What is known of a side, apart from the numbers of turns."""
    talk = asdict(state.conversation)
    for each in talk["turns"]:
        del each["seq"], each["origin"]
    return asdict(state.profile), talk, state.timers, state.identities


@FEW
@given(customers(1), customers(2))
def test_an_unmerge_at_once_gives_both_back_to_the_byte(one, other):
    before = pack_state(one), pack_state(other)

    undone = unmerge(unpack_state(before[0]), unpack_state(before[1]), [], READING)

    assert (pack_state(undone.survivor), pack_state(undone.loser)) == before


@given(st.lists(_told, max_size=6), st.lists(_told, min_size=1, max_size=8))
def test_each_side_gets_its_own_events_as_if_it_had_been_alone(earlier, later):
    mine, hers = CustomerState(1, 0), CustomerState(2, 0)
    for side, identity in ((mine, MINE), (hers, HERS)):
        side.identities = [identity]
        take_all(side, [fact for fact in earlier if fact["side"] == identity])
    before = pack_state(mine), pack_state(hers)
    both = unpack_state(before[0])
    merge(both, unpack_state(before[1]), DEFAULT_RULES, REAL_PARTS)
    both.seq += 1
    turns = [
        LaterTurn(both.seq + 1 + i, record)
        for i, record in enumerate(take_all(both, later, len(earlier)))
    ]
    for i, fact in enumerate(later, len(earlier)):
        alone, spared = (mine, hers) if fact["side"] == MINE else (hers, mine)
        core.begin(alone, told(fact, i), WAITING, NOW + HOUR + i)
        if fact.get("email") is False:
            set_consent(spared.profile, "email", False, fact["what"][1], fact["what"][2])

    reading = Reading(playbook=WAITING, parts=REAL_PARTS, unpack=unpack_state)
    undone = unmerge(*map(unpack_state, before), turns, reading)

    assert told_of(undone.survivor) == told_of(mine)
    assert told_of(undone.loser) == told_of(hers)
    seqs = [turn.seq for turn in turns]
    hers_seqs = [seq for seq, fact in zip(seqs, later, strict=True) if fact["side"] == HERS]
    assert undone.report.to_loser == hers_seqs
    assert sorted(undone.report.to_survivor + hers_seqs) == seqs
    assert undone.report.both == undone.report.skipped == []
