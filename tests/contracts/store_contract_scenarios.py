"""What every store must do to tell how many are at which step of a scenario."""

from actors.ports import ScenarioCount
from tests.contracts.store_support import (
    FENCED,
    FOREIGN_P,
    OTHER,
    RACE_LOST,
    P,
    change,
    commit,
    owned,
    run,
)


def counting(number, *rows, before=0, **more):
    return change(number, before, scenario_counts=list(rows), **more)


class ScenarioContract:
    def test_nobody_is_in_a_scenario_at_first(self, store):
        assert run(store.scenario_counts()) == []
        assert run(store.scenario_counts("cart")) == []

    def test_counts_of_all_changes_add_up_by_version_and_step(self, store):
        owned(store)
        commit(
            store,
            counting(1, ("cart", "v1", "pause", 1, 0, 0), ("cart", "v1", "", 1, 1, 0)),
            counting(2, ("cart", "v1", "pause", 1, 0, 0), ("welcome", "v1", "pause", 2, 3, 4)),
        )

        commit(
            store,
            counting(
                *(1, ("cart", "v1", "pause", -1, 1, 0), ("cart", "v2", "mail", 1, 0, 0)), before=1
            ),
        )

        cart = [
            ScenarioCount("cart", "v1", "", 1, 1, 0),
            ScenarioCount("cart", "v1", "pause", 1, 1, 0),
            ScenarioCount("cart", "v2", "mail", 1, 0, 0),
        ]
        assert run(store.scenario_counts("cart")) == cart
        assert run(store.scenario_counts()) == [
            *cart,
            ScenarioCount("welcome", "v1", "pause", 2, 3, 4),
        ]
        assert run(store.scenario_counts("nothing")) == []

    def test_one_change_may_count_a_step_twice(self, store):
        owned(store)

        commit(store, counting(1, ("cart", "v", "a", 1, 0, 0), ("cart", "v", "a", -1, 1, 1)))

        assert run(store.scenario_counts("cart")) == [ScenarioCount("cart", "v", "a", 0, 1, 1)]

    def test_a_change_that_is_not_written_counts_nothing(self, store):
        owned(store, P)
        owned(store, FOREIGN_P, owner=OTHER)
        row = ("cart", "v", "a", 1, 0, 0)

        verdicts = commit(
            store,
            counting(1, row, p=FOREIGN_P, epoch=9),
            counting(2, row, before=5),
            counting(3, row),
        )

        assert verdicts[:2] == [FENCED, RACE_LOST]
        assert run(store.scenario_counts("cart")) == [ScenarioCount("cart", "v", "a", 1, 0, 0)]

    def test_names_may_hold_anything(self, store):
        owned(store)
        odd = "o'n\ud800e"

        commit(store, counting(1, (odd, "v", "\x00é", 1, 2, 3)))

        assert run(store.scenario_counts(odd)) == [ScenarioCount(odd, "v", "\x00é", 1, 2, 3)]
