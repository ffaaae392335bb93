"""Populations: any part is that of the whole, and what customers are like is what the model says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.simulation.behaviour import MESSAGE, Occasion, Offer, usual_behaviour
from actors.simulation.customer import Customer
from actors.simulation.draws import Chance
from actors.simulation.model import PopulationModel, default_model, gamma_quantiles
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population

MODEL = default_model()
OFFER = Offer("growth/produce/box", "box", 300.0, "email")
NOW_MS = 1_767_571_200_000


def test_a_part_of_a_population_is_the_same_as_in_the_whole() -> None:
    population = Population(MODEL, 5)
    whole, part = population.people(0, 400), population.people(100, 50)
    for name in ("rate", "basket", "tastes", "habits", "consents", "offers", "last_day"):
        assert np.array_equal(getattr(whole, name)[100:150], getattr(part, name)), name


def test_rates_and_shares_come_out_as_the_model_says() -> None:
    people = Population(MODEL, 1).people(0, 20_000)
    middle = len(MODEL.visit_rates) // 2
    assert np.median(people.rate) == pytest.approx(MODEL.visit_rates[middle], rel=0.05)
    assert people.consents.mean() == pytest.approx(MODEL.consent, abs=0.02)
    first = next(iter(MODEL.channels.values())) / sum(MODEL.channels.values())
    assert people.habits[:, 0].mean() == pytest.approx(first, abs=0.03)


def test_gamma_quantiles_have_the_mean_that_was_asked_for() -> None:
    table = np.array(gamma_quantiles(0.8, 2.5, 2001))
    assert ((table[1:] + table[:-1]) / 2).mean() == pytest.approx(2.5, rel=0.02)


def test_a_model_comes_back_from_json_and_a_slip_of_the_pen_is_told() -> None:
    assert PopulationModel.from_json(MODEL.to_json()) == MODEL
    with pytest.raises(ValueError, match="no 'fatige'"):
        PopulationModel.from_json('{"fatige": 1}')
    for wrong in (
        '{"visit_rates": 3}',
        '{"leave": "often"}',
        '{"consent": true}',
        '{"often": NaN}',
        '{"channels": {"web": "much"}}',
        '{"copula": [1.0]}',
    ):
        with pytest.raises(ValueError, match=r"is not (a|numbers)"):
            PopulationModel.from_json(wrong)


def test_the_appeal_of_an_offer_is_how_often_it_is_taken() -> None:
    people = Population(replace(MODEL, offer_log_odds=-0.5), 2).people(0, 1)
    behaviour = usual_behaviour(MODEL)
    customer = Customer(people, 0, behaviour)
    occasion = Occasion(NOW_MS, "web")
    truth = customer.appeal(OFFER, occasion)
    (utility,) = behaviour.appeal.utilities(people, 0, occasion, [OFFER])
    taken = [
        behaviour.choosing.choose([utility], Chance(2, 0, at_ms))[1] == 0 for at_ms in range(4_000)
    ]
    assert np.mean(taken) == pytest.approx(truth, abs=4 * (truth * (1 - truth) / 4_000) ** 0.5)


class InNumpy:
    """Behaviour that answers in numpy's numbers, as those who count with arrays write it."""

    def utilities(self, people, i, occasion, offers):  # type: ignore[no-untyped-def]
        return np.array([0.5 for _ in offers], dtype=np.float32)

    def probability(self, utility, place):  # type: ignore[no-untyped-def]
        return np.float32(0.25)

    def choose(self, utilities, chance):  # type: ignore[no-untyped-def]
        return np.int64(len(utilities)), np.argmax(utilities)

    def unsubscribes(self, people, i, at_ms):  # type: ignore[no-untyped-def]
        return np.float32(0.0)

    def fatigue(self, people, i, at_ms):  # type: ignore[no-untyped-def]
        return np.float32(9.0)

    def reached(self, people, i, at_ms):  # type: ignore[no-untyped-def]
        people.fatigue[i] += 1.0

    def happened(self, people, i, what):  # type: ignore[no-untyped-def]
        people.orders[i] += what == "taken"


def test_sides_may_answer_in_numpys_numbers() -> None:
    people = Population(MODEL, 2).people(0, 1)
    side: Any = InNumpy()
    usual = usual_behaviour(MODEL)
    behaviour = replace(usual, appeal=side, choosing=side, feeling=side)
    customer = Customer(people, 0, behaviour)
    occasion = Occasion(NOW_MS, "email", MESSAGE)
    assert customer.appeals([OFFER, OFFER], occasion) == [0.25, 0.25]
    reaction = customer.react(occasion, [OFFER, OFFER], Chance(2, 0, NOW_MS))
    assert reaction == (2, 0, False, False)
    assert (people.fatigue[0], people.orders[0]) == (1.0, 1)


def test_every_message_makes_the_next_one_less_welcome_until_it_is_forgotten() -> None:
    people = Population(MODEL, 2).people(0, 1)
    customer = Customer(people, 0, usual_behaviour(MODEL))
    fresh = customer.appeal(OFFER, Occasion(NOW_MS, "email", MESSAGE))
    for day in range(5):
        at_ms = NOW_MS + day * DAY_MS
        customer.react(Occasion(at_ms, "email", MESSAGE), [OFFER], Chance(2, 0, at_ms))
    tired = customer.appeal(OFFER, Occasion(NOW_MS + 5 * DAY_MS, "email", MESSAGE))
    people.satisfaction[0] = Population(MODEL, 2).people(0, 1).satisfaction[0]
    rested = customer.appeal(OFFER, Occasion(NOW_MS + 200 * DAY_MS, "email", MESSAGE))
    assert tired < 0.8 * fresh
    assert rested == pytest.approx(fresh, rel=1e-3)
