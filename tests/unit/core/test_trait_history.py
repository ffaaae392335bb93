from actors.domain.fold import fold
from actors.domain.histories import (
    MAX_CHANGES_OF_ONE_TRAIT,
    MAX_OLD_VALUE,
    MAX_TRAIT_CHANGES,
    MAX_TRAIT_ORIGINS,
)
from actors.domain.profile import MAX_TRAITS
from tests.builders import NOW, make_event, make_state


def told(*tellings):
    """Fold (seconds after NOW, channel, traits)."""
    state = make_state()
    for seconds, channel, traits in tellings:
        at = NOW + seconds * 1000
        fold(state, make_event(type="identify", at=at, channel=channel, traits=traits), at, at, 2)
        state.seq += 1
    return state.profile


def changes(profile):
    return [(c.name, (c.at_ms - NOW) // 1000, c.source, c.old) for c in profile.trait_changes]


def test_a_change_keeps_the_old_value_its_time_and_who_said_the_new_one():
    profile = told(
        (1, "web", {"city": "Linz", "age": 30}),
        (2, "store", {"city": "Graz", "age": 30}),
        (3, "app", {"city": None}),
    )

    assert profile.traits == {"age": 30}
    assert changes(profile) == [("city", 2, "store", "Linz"), ("city", 3, "app", "Graz")]
    assert profile.trait_origins["age"] == (NOW + 2000, "store")


def test_what_was_said_last_holds_trait_by_trait_whatever_arrives_first():
    in_order = [(1, "web", {"a": 1}), (2, "web", {"b": 2}), (3, "app", {"a": 3}), (9, "web", {})]

    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        profile = told(*[in_order[i] for i in order])

        assert profile.traits == {"a": 3, "b": 2}
        assert profile.trait_origins == {"a": (NOW + 3000, "app"), "b": (NOW + 2000, "web")}


def test_a_value_said_again_is_as_new_as_its_last_telling():
    profile = told(
        (1, "web", {"city": "Linz"}), (5, "web", {"city": "Linz"}), (3, "x", {"city": "G"})
    )

    assert profile.traits == {"city": "Linz"}
    assert changes(profile) == []


def test_a_trait_that_was_removed_is_not_filled_by_what_was_said_before():
    profile = told(
        (1, "web", {"city": "Linz"}), (5, "web", {"city": None}), (3, "x", {"city": "G"})
    )

    assert profile.traits == {}


def test_true_and_one_are_different_values():
    assert changes(told((1, "web", {"a": 1}), (2, "web", {"a": True}))) == [("a", 2, "web", 1)]


def test_a_trait_of_unknown_origin_gives_way_to_the_newest_event_only():
    state = make_state()
    state.profile.traits["city"] = "Linz"
    state.profile.last_seen_at_ms = NOW

    for at, expected in ((NOW - 1, "Linz"), (NOW, "Graz")):
        fold(state, make_event(type="identify", traits={"city": "Graz"}), at, NOW, 2)

        assert state.profile.traits["city"] == expected


def test_the_history_is_bounded_per_trait_and_in_all_and_forgets_the_oldest():
    profile = told(*[(i, "web", {"a": i}) for i in range(20)])
    assert [old for *_, old in changes(profile)] == [14, 15, 16, 17, 18]
    assert len(profile.trait_changes) == MAX_CHANGES_OF_ONE_TRAIT

    profile = told(*[(i, "web", {f"t{k}": i for k in range(30)}) for i in range(4)])
    assert len(profile.trait_changes) == MAX_TRAIT_CHANGES
    assert changes(profile)[-1] == ("t29", 3, "web", 2)


def test_an_old_value_is_kept_short_and_a_list_as_text():
    profile = told((1, "web", {"a": "x" * 500, "b": [1, 2]}), (2, "web", {"a": "y", "b": [3]}))

    assert [c.old for c in profile.trait_changes] == ["x" * MAX_OLD_VALUE, "[1, 2]"]


def test_traits_that_come_and_go_for_ever_leave_a_bounded_trace():
    profile = told(
        *[(2 * i + k, "web", {f"t{i}": (1, None)[k]}) for i in range(300) for k in (0, 1)],
        (9000, "web", {f"u{i}": 1 for i in range(200)}),
    )

    assert len(profile.traits) == MAX_TRAITS
    assert len(profile.trait_origins) <= MAX_TRAIT_ORIGINS
    assert profile.traits.keys() <= profile.trait_origins.keys()
