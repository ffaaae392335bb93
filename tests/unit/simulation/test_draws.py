"""Draws: the same numbers as numpy's Philox, whoever asks and with how many others."""

import numpy as np

from actors.simulation.draws import KEY, OCCASION, STREAMS, Chance, one, uniforms


def test_draws_of_many_are_those_of_numpys_philox() -> None:
    customers = np.arange(60, dtype=np.int64) * 7919
    at = np.arange(60, dtype=np.int64) * 86_400_001 + 1_767_000_000_000
    drawn = uniforms(42, customers, at, 10, OCCASION)
    for row, (customer, instant) in enumerate(zip(customers, at, strict=True)):
        generator = np.random.Philox(
            key=[42, KEY], counter=[0, int(customer), int(instant), OCCASION]
        )
        expected = (generator.random_raw(12)[:10] >> np.uint64(11)) * 2.0**-53
        assert np.array_equal(drawn[row], expected)


def test_a_draw_does_not_depend_on_who_else_is_drawn() -> None:
    customers = np.arange(100, dtype=np.int64)
    at = np.full(100, 5, dtype=np.int64)
    together = uniforms(1, customers, at, 8, OCCASION)
    assert np.array_equal(together[40:60], uniforms(1, customers[40:60], at[40:60], 8, OCCASION))
    assert np.array_equal(together[7], one(1, 7, 5, 2, OCCASION))


def test_a_chance_has_the_same_numbers_drawn_before_or_when_asked() -> None:
    row = uniforms(3, np.array([9]), np.array([1000]), len(STREAMS), OCCASION)[0].tolist()
    before, asked = Chance(3, 9, 1000, row), Chance(3, 9, 1000)
    assert [before.uniform(name) for name in STREAMS] == [asked.uniform(name) for name in STREAMS]


def test_streams_instants_customers_and_seeds_are_all_different() -> None:
    drawn = {
        Chance(seed, customer, at, None).uniform(stream)
        for seed in (1, 2)
        for customer in (1, 2)
        for at in (1, 2)
        for stream in ("take", "buy", "one of my own")
    }
    assert len(drawn) == 24
