from actors.playbook.scenario_model import Goal, Heard
from tests.unit.scenarios.travels import HOUR, MINUTE, Trip, case, listen, pause, scenario


def test_a_stop_ends_the_instance_of_its_key():
    trip = Trip(scenario(pause(), keyed_by="cart", stops=(Heard(key="Order"),)))
    trip.hear("Begin", cart="a")
    trip.hear("Begin", cart="b")

    trip.hear("Order", cart="b")

    assert [each.key for each in trip.journeys.instances] == ["a"]
    assert trip.ways[-1] == ("stopped", "", "Order")


def test_a_stop_without_the_key_ends_all_and_one_from_before_the_start_none():
    trip = Trip(scenario(pause(), keyed_by="cart", stops=(Heard(key="Order"),)))
    trip.hear("Begin", cart="a")
    trip.hear("Begin", cart="b")

    trip.hear("Order", ago=1)
    assert len(trip.journeys.instances) == 2

    trip.hear("Order")
    assert trip.journeys.instances == []


def test_a_stop_may_ask_for_more_and_is_heard_before_anything_else():
    big = Heard(key="Order", when=lambda _w, instance, s: s.properties["n"] > instance.data["n"])
    goal = Goal(name="bought", heard=Heard(key="Order"), goes_on=True)
    trip = Trip(scenario(listen("wait", case("Order")), stops=(big,), goals=(goal,)))
    trip.hear("Begin", n=5)

    trip.hear("Order", n=6)

    assert trip.ways[2:] == [("stopped", "", "Order")]


def test_the_first_goal_that_ends_the_instance_is_the_last_one_met():
    goals = tuple(
        Goal(name=name, heard=Heard(key="Order"), goes_on=name == "a") for name in ("a", "b", "c")
    )
    trip = Trip(scenario(pause(), goals=goals))
    trip.hear("Begin")

    trip.hear("Order")

    assert trip.ways[2:] == [("goal", "", "a"), ("goal", "", "b"), ("ended", "", "b")]
    assert trip.journeys.instances == []


def test_a_signal_ends_one_instance_and_starts_the_next():
    trip = Trip(scenario(pause(), stops=(Heard(key="Begin"),)))
    trip.hear("Begin")
    trip.now += MINUTE

    progress = trip.hear("Begin")

    assert [each.id for each in trip.journeys.instances] == [2]
    assert progress.waits == {1: 0, 2: trip.now + HOUR}
