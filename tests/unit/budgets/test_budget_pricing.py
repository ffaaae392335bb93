"""Shadow prices: what may be spent on the candidates seen, which offer is best, and the job over decisions."""

import asyncio

import pytest

from actors.playbook.budget_model import Budget, Period
from actors.policies.pricing import Offer, allowance, best_offer
from actors.session.spending import PRICES, prices_from_bytes
from scripts.pricing.instances import best, instance_of, learning, orders, with_prices
from serve_app.pricing import active_playbook, price, solve
from tests.builders import NOW, question, user
from tests.unit.budgets.test_budgets_in_sessions import DEAR, world_of

pytest.importorskip("scipy", reason="the solver is in the extra fit")
HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOW - NOW % DAY


def budget(kind, limit=2_400_000, **more):
    return Budget(name="b", unit="money", limit=limit, share=None, period=Period(kind, **more))


def test_what_is_left_of_a_day_is_spread_over_the_hours_that_are_left():
    evening = MIDNIGHT + 18 * HOUR

    assert allowance(budget("day"), "UTC", 0, MIDNIGHT, DAY) == 2400.0
    assert allowance(budget("day"), "UTC", 1_200_000, evening, HOUR) == 200.0
    assert allowance(budget("day"), "UTC", 9_900_000, evening, HOUR) == 0.0


def test_a_rolling_window_gives_its_rate_and_a_total_has_none():
    week = budget("rolling", window_ms=7 * DAY, bucket_ms=DAY)

    assert allowance(week, "UTC", 2_400_000, NOW, 7 * DAY) == 2400.0
    assert allowance(budget("total"), "UTC", 0, NOW, DAY) is None


def test_the_best_offer_is_worth_most_after_prices_and_fits():
    offers = [Offer(10.0, [("a", 1.0)]), Offer(8.0, [("b", 1.0)]), Offer(1.0, [])]
    left = {"a": 1.0, "b": 1.0}

    assert best_offer(offers, {}, left) == 0
    assert best_offer(offers, {"a": 3.0}, left) == 1
    assert best_offer(offers, {}, {"a": 0.5, "b": 1.0}) == 1
    assert best_offer(offers, {"a": 10.0, "b": 8.0}, left) == 2
    assert best_offer(offers[:2], {"a": 10.0, "b": 8.0}, left) is None


def test_the_price_of_a_budget_is_what_the_next_unit_would_bring():
    opportunities = [[Offer(float(value), [("mail", 1.0)])] for value in (9, 7, 5, 3)]

    assert solve(opportunities, {"mail": 2.5}).prices == {"mail": pytest.approx(5.0)}
    assert solve(opportunities, {"mail": 2.5}).value_minor == pytest.approx(18.5)
    assert solve(opportunities, {"mail": 9.0}).prices == {"mail": 0.0}
    assert solve(opportunities, {"mail": 0.0}).prices["mail"] >= 9.0
    assert solve([], {"mail": 1.0}).prices == {"mail": 0.0}


def test_one_opportunity_is_used_once():
    both = [[Offer(9.0, [("mail", 1.0)]), Offer(8.0, [("calls", 1.0)])]]

    assert solve(both, {"mail": 5.0, "calls": 5.0}).value_minor == pytest.approx(9.0)


def test_prices_learned_on_the_way_reach_most_of_the_optimum_and_overspend_nothing():
    instance = instance_of(1, 100)
    order = orders(instance, 1)["random"]

    run = learning(instance, order)

    assert run.value_minor >= 0.85 * best(instance).value_minor
    assert all(run.taken[name] <= instance.budgets[name] + 1e-6 for name in run.taken)


@pytest.mark.parametrize("name", ["random", "best last", "best first"])
def test_with_the_prices_of_the_whole_instance_the_order_does_not_matter(name):
    instance = instance_of(2, 200)
    top = best(instance)

    run = with_prices(instance, top.prices, orders(instance, 2)[name])

    assert run.value_minor >= 0.99 * top.value_minor


def decided(count, budgets):
    world = world_of(budgets)
    for i in range(count):
        world.clock.advance(HOUR // 60)
        world.jobs(question(user(f"u{i % 10}"), id=f"m{i}"))
    return world


def test_the_job_prices_what_decisions_have_seen_and_cells_read_it():
    world = decided(70, {"dear": {"limit": 20, "per": {"actions": [DEAR]}, "period": "day"}})

    found = asyncio.run(price(world.truth, world.playbook))

    assert found.why == ""
    assert found.opportunities >= 50
    assert found.prices["dear"] > 0.0
    stored, at_ms = prices_from_bytes(asyncio.run(world.truth.setting(PRICES)))
    assert (stored, at_ms) == (found.prices, world.clock.now_ms)
    world.clock.advance(5_000)
    world.reply(question(user("carl"), id="late"))
    record = world.turns(world.customer("carl").number)[-1][2]
    assert record.decision.given.prices == found.prices


def test_from_a_few_decisions_nothing_is_priced():
    world = decided(10, {"dear": {"limit": 20, "per": {"actions": [DEAR]}, "period": "day"}})

    found = asyncio.run(price(world.truth, world.playbook))

    assert "50 are needed" in found.why
    assert asyncio.run(world.truth.setting(PRICES)) is None
    assert asyncio.run(active_playbook(world.truth)) is None


def test_without_budgets_there_is_nothing_to_price():
    assert asyncio.run(price(world_of({}).truth, world_of({}).playbook)).why
