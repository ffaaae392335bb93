"""What a budget cannot pay: the next candidate is tried at once, and a question on trial takes nothing."""

import asyncio

import pytest

from actors import turn as core
from actors.decisioning.inputs import BUDGET
from actors.decisioning.record import STAGE_CODES, replay
from actors.domain.budgets import FOR_EVER_MS, Window
from actors.ports import Lookup
from actors.session import Job
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from tests.builders import (
    ACTIONS,
    BANNER,
    DAY,
    NOW,
    SECOND_BANNER,
    THANKS,
    World,
    make_playbook,
    make_state,
    order,
    question,
    removals,
    scored,
    take,
    user,
)
from tests.sqlite_files import new_sqlite

STAGE = STAGE_CODES.index(BUDGET)
CALL = "message/care_personally/call"
MESSAGES = {
    CALL: ACTIONS[THANKS] | {"value": 20, "treatments": {"app": {"outbound": True, "cost": 1}}},
    THANKS: ACTIONS[THANKS] | {"treatments": {"email": {"outbound": True, "cost": 0.01}}},
}
THANK = {"thank": {"on": "Order Completed", "propose": [CALL, THANKS]}}
BANNERS = {
    BANNER: ACTIONS[BANNER],
    SECOND_BANNER: ACTIONS[SECOND_BANNER] | {"value": 0.5},
}


@pytest.fixture(params=["memory", "sqlite"])
def truth(request, tmp_path):
    store = new_sqlite(tmp_path / "store.db") if request.param == "sqlite" else MemoryStore()
    yield store
    asyncio.run(store.close())


def spent(truth, name):
    everything = Window(name, 0, 0, FOR_EVER_MS, 0)
    return asyncio.run(truth.lookup(Lookup(budgets=(everything,)))).spent[name]


def test_of_the_messages_proposed_the_next_best_is_sent_in_the_same_turn(truth):
    budgets = {"calls": {"limit": 1, "unit": "count", "per": {"actions": [CALL]}}}
    book = make_playbook(actions=MESSAGES, triggers=THANK, policies={}, budgets=budgets)
    world = World(truth, truth, playbook=book)

    shown = []
    for i in range(10):
        world.reply(order(10.0, user(f"u{i}"), id=f"o{i}"))
        record = world.turns(world.customer(f"u{i}").number)[-1][2]
        shown.append([each.action for each in record.effects])

    # now and then the cheap one is tried first: 5 %
    assert shown.count([CALL]) == 1
    assert shown.count([THANKS]) == 9
    assert spent(truth, "calls") == 1000
    assert sorted(row.channel for row in world.outbox("app") + world.outbox("email")) == [
        "app",
        *["email"] * 9,
    ]


def test_the_second_place_gets_the_next_candidate_when_the_first_has_taken_the_rest():
    dear = {key: ACTIONS[BANNER] | {"value": 9} for key in ("offer/one/dear", "offer/two/dear")}
    budgets = {"dear": {"limit": 1, "unit": "count", "per": {"actions": sorted(dear)}}}
    book = make_playbook(actions=dear | BANNERS, triggers={}, policies={}, budgets=budgets)
    refused = 0

    for i in range(20):
        state = make_state(f"u{i}")
        asked = question(user(f"u{i}"), placements=("hero", "basket"))
        turn = given(state, asked, book, {"dear": 1.0})
        shown = [each.action for each in turn.record.effects]
        assert len(shown) == 2
        assert len(dear.keys() & set(shown)) <= 1
        assert replay(turn.record.decision, book).identical
        refused += any(
            stage == STAGE and rule == "dear" for *_, stage, rule in removals(turn, book)
        )

    assert refused >= 15  # what is dear loses a place now and then: to those that are tried


def given(state, asked, book, funds):
    """Take a turn that has these funds at hand."""
    turn = core.begin(state, asked, book, NOW, at_hand=core.AtHand(funds=dict(funds)))
    core.decide(turn, scored(turn.rows, 0.5), book)
    return turn


def test_a_question_on_trial_shows_what_would_be_and_leaves_ledger_and_share_alone(truth):
    budgets = {
        "all": {"limit": 2, "unit": "count", "period": "day"},
        "each": {"perCustomer": {"shareOfValue": 0.1, "atLeast": 5}},
    }
    priced = {"web": {"placements": ["hero", "basket"], "cost": 0.01}}
    actions = {key: each | {"treatments": priced} for key, each in BANNERS.items()}
    book = make_playbook(actions=actions, triggers={}, policies={}, budgets=budgets)
    world = World(truth, truth, playbook=book)

    def trial(who, **more):
        asked = question(user(who), id="trial", **more)
        (job,) = world.jobs(Job.of(Routed(asked, dry_run=True)))
        return job.answer

    before = world.counts()
    answers = [trial("ann", placements=("hero", "basket")) for _ in range(4)]

    assert {each.code.name for each in answers} == {"ACCEPTED"}
    assert all(b"offer/" in each.body for each in answers)
    assert spent(truth, "all") == 0
    assert world.counts() == before
    assert world.customer("ann") is None
    world.reply(question(user("ann"), id="real"))
    seq, invested = world.customer("ann").seq, world.customer("ann").invested
    assert trial("ann", placements=("basket",)).code.name == "ACCEPTED"
    assert (world.customer("ann").seq, world.customer("ann").invested) == (seq, invested)
    assert [amount for _, amount in invested["each"]] == [1000]
    assert spent(truth, "all") == 1000


def test_trials_in_one_group_with_a_real_question_take_nothing_from_it(truth):
    budgets = {"all": {"limit": 1, "unit": "count"}}
    book = make_playbook(actions=BANNERS, triggers={}, policies={}, budgets=budgets)
    world = World(truth, truth, playbook=book)
    trials = [Job.of(Routed(question(user(f"u{i}"), id=f"t{i}"), dry_run=True)) for i in range(5)]

    jobs = world.jobs(*trials[:3], question(user("ann"), id="real"), *trials[3:])

    assert b"offer/" in jobs[3].answer.body
    assert spent(truth, "all") == 1000


def test_on_trial_an_empty_budget_gives_way_to_the_next_as_it_would_in_earnest(truth):
    budgets = {"dear": {"limit": 1, "unit": "count", "per": {"actions": [BANNER]}, "period": "day"}}
    book = make_playbook(actions=BANNERS, triggers={}, policies={}, budgets=budgets)
    world = World(truth, truth, playbook=book)
    for i in range(6):
        world.reply(question(user(f"u{i}"), id=f"q{i}"))
    assert spent(truth, "dear") == 1000

    asked = question(user("ann"), id="trial")
    (job,) = world.jobs(Job.of(Routed(asked, dry_run=True)))

    assert SECOND_BANNER.encode() in job.answer.body
    world.clock.advance(DAY)
    again = {
        bytes(world.jobs(Job.of(Routed(question(user(n), id="t"), dry_run=True)))[0].answer.body)
        for n in ("a", "b", "new", "carl")
    }
    assert any(BANNER.encode() in each for each in again)


def test_the_core_takes_the_budget_from_the_candidate_that_was_chosen_only():
    budgets = {"calls": {"limit": 1, "unit": "count", "per": {"actions": [CALL]}}}
    book = make_playbook(actions=MESSAGES, triggers=THANK, policies={}, budgets=budgets)

    turn = given(make_state(), order(), book, {"calls": 0.0})

    assert [each.action for each in turn.record.effects] == [THANKS]
    assert (CALL, "app", STAGE, "calls") in removals(turn, book)
    assert turn.spent == []
    assert take(make_state(), order(), playbook=book).spent[0].window.budget == "calls"


def test_what_an_offer_costs_is_reserved_with_what_sending_costs_and_changes_no_priority(truth):
    budgets = {
        "money": {"limit": 3.1},
        "offers": {"limit": 9, "unit": "count"},
    }
    web = {"web": {"placements": ["hero"], "cost": 0.01}}
    plain = {BANNER: ACTIONS[BANNER] | {"treatments": web}}
    generous = {BANNER: plain[BANNER] | {"offerCost": 1.5}}
    shops = [
        make_playbook(actions=actions, triggers={}, policies={}, budgets=budgets)
        for actions in (plain, generous)
    ]
    funds = {"money": 310.0, "offers": 9.0}
    before, after = (given(make_state(), question(), book, funds) for book in shops)

    assert [s.amount for s in before.spent] == [1000, 1000]
    assert [s.amount for s in after.spent] == [151_000, 1000]
    priority = after.record.effects[0].priority_minor
    assert priority == before.record.effects[0].priority_minor > 0.0

    world = World(truth, truth, playbook=shops[1])
    for i in range(4):
        world.reply(question(user(f"u{i}"), id=f"q{i}"))
    assert (spent(truth, "money"), spent(truth, "offers")) == (302_000, 2000)


def test_an_offer_that_costs_something_and_is_sent_for_nothing_still_needs_money():
    book = make_playbook(
        actions={BANNER: ACTIONS[BANNER] | {"offerCost": 2}},
        triggers={},
        policies={},
        budgets={"money": {"limit": 100}},
    )

    turn = given(make_state(), question(), book, {"money": 199.0})

    assert turn.record.effects == []
    assert (BANNER, "web", STAGE, "money") in removals(turn, book)
