import pytest

from actors.domain.journeys import MAX_DATA
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import (
    Branch,
    Call,
    Case,
    Emit,
    Filter,
    Follow,
    Goal,
    Heard,
    Listen,
    Pattern,
    Repeat,
    Thread,
    Update,
)
from actors.playbook.templates import Template, parse_text
from actors.scenarios.asking import asked_by_any, properties_asked
from tests.retail import RETAIL
from tests.unit.scenarios.travels import HOUR, NOW, Trip, case, listen, scenario


def when(name):
    return Rule(f"event.properties.{name} == 1")


def content(name):
    parts, errors = parse_text(f"so {{{{event.properties.{name}|none}}}}")
    assert not errors
    return Template((("text", parts),))


def hearing(name, **more):
    return Heard(key="A", when=when(name), **more)


PLACES = {
    "a stop": {"stops": (hearing("x"),)},
    "a goal": {"goals": (Goal(name="g", heard=hearing("x")),)},
    "a case": Listen(
        name="s", cases=(Case(pattern=Pattern(parts=(Follow(heard=hearing("x")),)), next="end"),)
    ),
    "a part of a sequence that must not come": Listen(
        name="s",
        cases=(
            Case(
                pattern=Pattern(
                    parts=(Follow(heard=Heard(key="B"), without=(hearing("x"),)),), count=1
                ),
                next="end",
            ),
        ),
    ),
    "what is kept": Listen(
        name="s",
        cases=(
            Case(
                pattern=Pattern(parts=(Follow(heard=Heard(key="A")),)),
                next="end",
                keep=(("mine", "x"),),
            ),
        ),
    ),
    "a filter": Filter(name="s", rule=when("x")),
    "a branch": Branch(name="s", cases=((when("x"), "end"),)),
    "a repeat": Repeat(name="s", back="s", times=2, rule=when("x")),
    "a trait": Update(name="s", traits=content("x")),
    "a thread": Thread(name="s", kind="case", subject=content("x"), opens=True),
    "an event that it emits": Emit(name="s", event="E", properties=content("x")),
    "a call": Call(name="s", channel="crm", content=content("x"), timeout_ms=HOUR),
}


def with_place(place, **more):
    if isinstance(place, dict):
        return scenario(listen("wait", case("B", "end")), **place, **more)
    return scenario(place, **more)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_a_scenario_asks_for_is_found_wherever_it_stands(place):
    assert properties_asked(with_place(place)) == {"x"}
    assert properties_asked(with_place(place, keyed_by="cart")) == {"x", "cart"}


@pytest.mark.parametrize(
    "text",
    ["event.properties.exists(k, k == 'x')", "event.properties[event.name] == 1"],
)
def test_a_rule_that_takes_properties_by_no_literal_name_may_ask_for_any(text):
    asking = scenario(Filter(name="s", rule=Rule(text)))

    assert properties_asked(asking) is None
    assert asked_by_any([with_place(PLACES["a filter"]), asking]) is None


def test_what_only_a_start_asks_for_is_not_kept():
    starting = scenario(listen("wait", case("A", "end")), lateness_ms=HOUR)
    object.__setattr__(starting.start, "when", when("x"))

    assert properties_asked(starting) == set()


def test_keys_come_before_what_else_is_asked_for():
    one = with_place(PLACES["a filter"], keyed_by="z")
    two = with_place(PLACES["a stop"], keyed_by="order")

    assert asked_by_any([one, two]) == ("z", "order", "x")


def test_of_a_kept_signal_only_that_stays_which_is_asked_for():
    trip = Trip(with_place(PLACES["a stop"], keyed_by="cart", lateness_ms=HOUR))

    trip.hear("A", y=1, x=2, cart="c", till="7")

    assert [each.properties for each in trip.journeys.recent] == [{"cart": "c", "x": 2}]


def test_where_any_may_be_asked_for_all_flat_ones_stay_with_the_key_first():
    asks_all = Filter(name="s", rule=Rule("event.properties.size() > 1"))
    stops = (Heard(key="A"),)
    trip = Trip(scenario(asks_all, stops=stops, keyed_by="cart", lateness_ms=HOUR))

    trip.hear("A", **{f"p{i}": i for i in range(20)}, cart="c", deep={"a": 1})

    (kept,) = trip.journeys.recent
    assert (kept.at_ms, len(kept.properties), next(iter(kept.properties))) == (
        NOW,
        MAX_DATA,
        "cart",
    )


def test_the_retail_playbook_keeps_the_cart_of_an_order_and_nothing_else_of_it():
    late = [each for each in RETAIL.scenarios if each.lateness_ms]

    assert asked_by_any(late) == ("cart_id",)
