from actors.domain.journeys import MAX_DATA, MAX_RECENT
from actors.playbook.scenario_model import Emit, Goal, Heard
from actors.playbook.templates import Template
from actors.scenarios import engine
from tests.unit.scenarios.travels import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Trip,
    case,
    listen,
    offer_of,
    pause,
    scenario,
)


def waiting(**more):
    return scenario(
        listen("wait", case("A", "a"), case("B", "b"), timeout_ms=HOUR, otherwise="late"),
        pause("a"),
        pause("b"),
        pause("late"),
        **more,
    )


def test_the_first_case_that_matches_takes_the_token_to_its_target():
    trip = Trip(waiting())
    trip.hear("Begin")

    trip.hear("B")

    assert trip.places() == [["b"]]
    assert ("passed", "wait", "B") in trip.ways


def test_it_is_said_what_is_waited_for_and_until_when():
    trip = Trip(waiting())

    line = trip.hear("Begin").lines[-1]

    assert (line.what, line.step, line.why, line.until_ms) == (
        "entered",
        "wait",
        "A, B",
        NOW + HOUR,
    )


def test_a_signal_from_before_the_step_or_after_its_timeout_is_not_heard():
    trip = Trip(waiting())
    trip.hear("Begin")
    trip.now += 2 * HOUR

    trip.hear("A", ago=2 * HOUR + 1)
    trip.hear("A", ago=HOUR - 1)
    assert trip.places() == [["wait"]]

    trip.hear("A", ago=HOUR)
    assert trip.places() == [["a"]]


def test_after_the_timeout_it_goes_on_otherwise_from_the_moment_of_the_timeout():
    trip = Trip(waiting())
    trip.hear("Begin")

    progress = trip.later(90 * MINUTE)

    assert trip.places() == [["late"]]
    assert progress.waits == {1: NOW + 2 * HOUR}


def test_with_a_lateness_the_timeout_waits_for_what_is_still_to_come_in():
    trip = Trip(waiting(lateness_ms=10 * MINUTE))
    assert trip.hear("Begin").waits == {1: NOW + HOUR + 10 * MINUTE}

    trip.now += HOUR + 5 * MINUTE
    trip.wake()
    trip.hear("A", ago=6 * MINUTE)

    assert trip.places() == [["a"]]
    assert trip.journeys.instances[0].tokens[0].since_ms == NOW + HOUR - MINUTE


def test_a_signal_moves_a_token_only_once():
    trip = Trip(scenario(listen("one", case("A", "two")), listen("two", case("A", "end"))))
    trip.hear("Begin")

    trip.hear("A")

    assert trip.places() == [["two"]]


def test_only_a_signal_with_the_instances_key_or_none_is_heard():
    trip = Trip(waiting(keyed_by="cart"))
    trip.hear("Begin", cart=17)

    trip.hear("A", cart="18")
    trip.hear("A", cart=True)
    assert trip.places() == [["wait"]]

    trip.hear("A", cart=17.0)
    assert trip.places() == [["a"]]


def test_a_property_of_which_no_key_can_be_made_counts_as_missing():
    trip = Trip(waiting(keyed_by="cart"))
    trip.hear("Begin", cart="c")

    trip.hear("A", cart=["c", "d"])

    assert trip.places() == [["a"]]


def test_a_case_may_hear_signals_of_any_key():
    steps = listen("wait", case("A", "end", same_key=False))
    trip = Trip(scenario(steps, keyed_by="cart"))
    trip.hear("Begin", cart="c")

    trip.hear("A", cart="d")

    assert trip.journeys.instances == []


def test_a_case_keeps_few_flat_properties_in_the_instance():
    kept = (("size", "s"), ("list", "l"), ("new", "s"))
    trip = Trip(scenario(listen("wait", case("A", "pause", keep=kept)), pause()))
    trip.hear("Begin", size="S", **{f"p{i}": i for i in range(20)})
    assert len(trip.journeys.instances[0].data) == MAX_DATA

    trip.hear("A", s="XL", l=[1])

    data = trip.journeys.instances[0].data
    assert data["size"] == "XL"
    assert "list" not in data
    assert "new" not in data


def test_the_property_that_keys_an_instance_is_kept_whatever_comes_before_it():
    trip = Trip(waiting(keyed_by="cart"))

    trip.hear("Begin", **{f"p{i}": i for i in range(20)}, cart="c")

    assert trip.journeys.instances[0].data["cart"] == "c"


def test_whoever_begins_to_listen_late_hears_what_came_before():
    trip = Trip(
        scenario(
            listen("first", case("A", "second")),
            listen("second", case("B", "end")),
            lateness_ms=HOUR,
        )
    )
    trip.hear("Begin")
    trip.now += 30 * MINUTE
    trip.hear("B", ago=5 * MINUTE)

    trip.hear("A", ago=10 * MINUTE)

    assert trip.journeys.instances == []
    assert trip.ways[2:] == [
        ("passed", "first", "A"),
        ("passed", "second", "B"),
        ("ended", "", ""),
    ]


def test_kept_signals_are_tried_in_order_of_their_moments():
    trip = Trip(
        scenario(
            listen("first", case("A", "second")),
            listen("second", case("B", "b"), case("C", "c")),
            pause("b"),
            pause("c"),
            lateness_ms=HOUR,
        )
    )
    trip.hear("Begin")
    trip.now += 30 * MINUTE
    trip.hear("B", ago=MINUTE)
    trip.hear("C", ago=2 * MINUTE)

    trip.hear("A", ago=10 * MINUTE)

    assert trip.places() == [["c"]]


def test_what_came_longer_ago_than_the_lateness_is_not_kept():
    trip = Trip(scenario(listen("first", case("A")), lateness_ms=HOUR))
    trip.hear("A", ago=2 * HOUR)
    trip.hear("A", ago=HOUR)
    assert [each.at_ms for each in trip.journeys.recent] == [NOW - HOUR]

    trip.now += 1
    trip.hear("A")

    assert [each.at_ms for each in trip.journeys.recent] == [NOW + 1]


def test_of_too_many_kept_signals_the_earliest_go():
    trip = Trip(scenario(listen("first", case("A")), lateness_ms=HOUR))
    for ago in range(40):
        trip.hear("A", ago=ago)

    assert len(trip.journeys.recent) == MAX_RECENT
    assert min(each.at_ms for each in trip.journeys.recent) == NOW - MAX_RECENT + 1


def test_nothing_is_kept_where_no_scenario_allows_for_lateness():
    trip = Trip(waiting())

    trip.hear("A")

    assert trip.journeys.recent == []


def test_an_instance_may_be_over_before_it_begins():
    stops = (Heard(key="Order"),)
    trip = Trip(scenario(pause(), stops=stops, lateness_ms=HOUR))
    trip.hear("Order", ago=5 * MINUTE)

    trip.hear("Begin", ago=10 * MINUTE)

    assert trip.ways == [("started", "", "Begin"), ("stopped", "", "Order")]
    assert trip.journeys.instances == []


def test_an_outcome_is_heard_only_by_the_instance_that_caused_it():
    one = scenario(listen("wait", case("outcome:click")), name="one")
    two = scenario(listen("wait", case("outcome:click")), name="two")
    trip = Trip(one, two)
    trip.hear("Begin")

    trip.hear("outcome:click", instance=2)

    assert [each.scenario for each in trip.journeys.instances] == ["one"]


def test_what_a_step_emits_is_heard_in_the_same_turn_by_others_and_by_starts():
    one = scenario(
        Emit(name="tell", event="Told", properties=Template((("a", 1),))), pause(), name="one"
    )
    two = scenario(pause(), name="two", on="Told")
    trip = Trip(one, two)

    progress = trip.hear("Begin", ago=MINUTE)

    assert [each.scenario for each in trip.journeys.instances] == ["one", "two"]
    assert [(each.key, each.at_ms) for each in progress.emitted] == [("Told", NOW - MINUTE)]
    assert trip.journeys.instances[1].data == {"a": 1}


def test_two_scenarios_that_call_each_other_come_to_an_end():
    one = scenario(Emit(name="tell", event="B", properties=Template()), name="one", on="A")
    two = scenario(Emit(name="tell", event="A", properties=Template()), name="two", on="B")
    trip = Trip(one, two)

    progress = trip.hear("A")

    assert len(progress.emitted) == 16
    assert progress.notes == ["too many emitted events: B"]


def test_a_signal_that_nobody_waits_for_changes_nothing():
    trip = Trip(waiting())
    trip.hear("Begin")
    before = repr(trip.journeys)

    progress = trip.hear("Other")

    assert repr(trip.journeys) == before
    assert progress == type(progress)()


def test_a_moment_in_the_future_counts_as_now():
    trip = Trip(waiting())

    trip.hear("Begin", ago=-DAY)

    assert trip.journeys.instances[0].started_ms == NOW


def test_a_goal_that_is_met_on_the_way_counts_what_was_sent():
    goal = Goal(name="bought", heard=Heard(key="Order"), goes_on=True)
    trip = Trip(scenario(offer_of(), pause(), goals=(goal,)))
    trip.hear("Begin")
    trip.sent(trip.offers()[0], seq=4, n=2)

    first, again = trip.hear("Order"), trip.hear("Order")

    assert first.converted == [(4, 2, 0)]
    assert again.converted == []
    assert trip.places() == [["pause"]]
    assert engine.next_wait(trip.journeys.instances[0]) == NOW + HOUR
