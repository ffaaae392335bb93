"""Budgets over whole turns: what is refused, tried next, paid, given back, and left alone."""

import asyncio

from actors.domain.budgets import FOR_EVER_MS, Spend, Window
from actors.lifetime.model import SETTING, BgNbd, GammaGamma, LifetimeModel, to_bytes
from actors.ports import Change, Lookup, Verdict
from actors.session import Job
from actors.session.spending import FRESH_MS, PRICES, prices_to_bytes
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from tests.builders import (
    BANNER,
    DAY,
    NOW,
    World,
    make_playbook,
    order,
    question,
    user,
)
from tests.doubles.faults import FailNext

DEAR = "offer/web/dear"
ACTIONS = {
    key: {
        "value": value,
        "purpose": "onsite",
        "startingPropensity": 0.5,
        "treatments": {"web": {"placements": ["hero"], "cost": cost}},
    }
    for key, value, cost in ((DEAR, 20, 1.0), (BANNER, 5, 0.002))
}


def world_of(budgets, **more):
    truth = MemoryStore()
    book = make_playbook(**({"actions": ACTIONS, "triggers": {}} | more), budgets=budgets)
    return World(FailNext(truth), truth, playbook=book)


def ask(world, who, **more):
    """Ask for the hero; return (the action shown, the turn's record)."""
    world.reply(question(user(who), id=f"q{who}{world.clock.now_ms}", **more))
    record = world.turns(world.customer(who).number)[-1][2]
    return (record.effects[0].action if record.effects else None), record


def spent(world, name):
    everything = Window(name, 0, 0, FOR_EVER_MS, 0)
    return asyncio.run(world.truth.lookup(Lookup(budgets=(everything,)))).spent[name]


def removed(record, book):
    _, _, rows, *_ = record.decision.outcome
    return {(book.actions[row[0]].key, row[3]) for row in rows if row[0] >= 0}


def test_when_a_budget_is_empty_the_next_candidate_is_chosen_and_the_record_says_why():
    world = world_of({"dear": {"limit": 2, "per": {"actions": [DEAR]}, "period": "day"}})

    shown = [ask(world, who)[0] for who in ("ann", "bob", "carl", "a", "b", "new", "u1")]
    record = ask(world, "u2")[1]

    assert shown.count(DEAR) == 2
    assert set(shown) == {DEAR, BANNER}
    assert (DEAR, "dear") in removed(record, world.playbook)
    assert record.decision.given.funds == {"dear": 0.0}
    assert spent(world, "dear") == 200_000


def test_the_next_day_there_is_money_again():
    world = world_of({"all": {"limit": 1, "unit": "count", "period": "day"}})
    assert ask(world, "ann")[0]
    assert ask(world, "bob")[0] is None

    world.clock.advance(DAY)

    assert ask(world, "carl")[0]


def test_turns_of_one_group_share_what_is_left():
    world = world_of({"all": {"limit": 3, "unit": "count"}})

    jobs = world.jobs(*(question(user(f"u{i}"), id=f"m{i}") for i in range(8)))

    assert {job.answer.code.name for job in jobs} == {"ACCEPTED"}
    assert spent(world, "all") == 3000
    assert world.store.calls.count("commit") == 1


def test_whoever_loses_the_last_of_a_budget_to_another_cell_chooses_again():
    world = world_of({"dear": {"limit": 1, "per": {"actions": [DEAR]}}})

    async def another_cell():
        spend = Spend(Window("dear", 0, 0, FOR_EVER_MS, 100_000), 100_000, 0)
        change = Change(99, 7, 1, 0, 1, b"x", spends=[spend])
        assert await world.truth.commit([change], NOW) == [Verdict.COMMITTED]

    world.store.before("commit", another_cell)
    shown, record = ask(world, "ann")

    assert shown == BANNER
    assert record.decision.given.funds == {"dear": 0.0}
    assert spent(world, "dear") == 100_000


def test_a_dry_run_takes_nothing():
    world = world_of({"all": {"limit": 1, "unit": "count"}})

    for _ in range(3):
        world.jobs(Job.of(Routed(question(user("ann"), id="dry"), dry_run=True)))

    assert spent(world, "all") == 0
    assert ask(world, "ann")[0]


def test_a_price_makes_what_is_worth_less_give_way():
    world = world_of({"dear": {"limit": 50, "per": {"actions": [DEAR]}}})
    asyncio.run(world.truth.put_setting(PRICES, prices_to_bytes({"dear": 20.0}, NOW)))

    shown, record = ask(world, "ann")

    assert shown == BANNER
    assert record.decision.given.prices == {"dear": 20.0}


def test_prices_that_cannot_be_read_stop_nobody():
    world = world_of({"all": {"limit": 5, "unit": "count"}})
    asyncio.run(world.truth.put_setting(PRICES, b"\xc1"))

    assert ask(world, "ann")[0]


OWN = {"each": {"perCustomer": {"shareOfValue": 0.1, "atLeast": 0.003}, "period": "day"}}


def test_a_customer_without_a_predicted_value_gets_the_least_and_then_nothing():
    world = world_of(OWN)

    first, record = ask(world, "ann")
    world.clock.advance(1000)

    assert first == BANNER
    assert record.decision.given.funds == {"each@customer": 0.3}
    assert world.customer("ann").invested == {"each": [(NOW - NOW % DAY, 200)]}
    world.clock.advance(DAY)
    assert world.customer("ann").invested["each"][0][1] == 200


def test_a_customer_of_whom_much_is_expected_may_cost_more():
    world = world_of(OWN)
    model = LifetimeModel(
        buying=BgNbd(r=0.5, alpha=4.0, a=0.8, b=2.5), spend=GammaGamma(p=6.0, q=4.0, v=4000.0)
    )
    asyncio.run(world.truth.put_setting(SETTING, to_bytes(model)))
    for i in range(3):
        world.reply(order(80.0, user("ann"), id=f"o{i}", at=NOW - i * DAY))

    _, record = ask(world, "ann")

    assert record.decision.given.funds["each@customer"] > 100.0


def test_what_another_process_has_spent_is_found_by_the_commit_though_nobody_asked():
    world = world_of({"dear": {"limit": 2, "per": {"actions": [DEAR]}, "period": "day"}})
    world.codes(order(1, "ann", id="o1"), order(1, "carl", id="o2"))
    here = world.session
    assert ask(world, "ann")[0] == DEAR
    world.restart()
    assert ask(world, "bob")[0] == DEAR
    world.session = here
    world.store.calls.clear()

    shown, record = ask(world, "carl")

    assert (shown, record.decision.given.funds) == (BANNER, {"dear": 0.0})
    assert world.store.calls == ["commit", "lookup", "commit"]
    assert spent(world, "dear") == 200_000


def test_what_is_left_is_known_without_asking_for_as_long_as_others_hardly_spend():
    world = world_of({"dear": {"limit": 3, "per": {"actions": [DEAR]}, "period": "day"}})
    people = ("ann", "bob", "carl", "a", "b")
    world.codes(*(order(1, who, id=f"o{who}") for who in people))
    world.store.calls.clear()

    funds = [ask(world, who)[1].decision.given.funds["dear"] for who in people[:4]]
    assert world.store.calls.count("lookup") == 0
    world.clock.advance(FRESH_MS)
    ask(world, "b")

    assert funds == [300.0, 200.0, 100.0, 0.0]
    assert world.store.calls.count("lookup") == 1
