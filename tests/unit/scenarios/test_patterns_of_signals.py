import pytest

from actors.playbook.scenario_model import Case, Follow, Heard, Pattern, Start
from actors.scenarios.matching import advance
from tests.unit.scenarios.travels import DAY, HOUR, MINUTE, Trip, listen, pause, scenario


def sequence(*keys, within=0, without=()):
    parts = [Follow(heard=Heard(key=keys[0]))]
    parts += [
        Follow(
            heard=Heard(key=key),
            within_ms=within,
            without=tuple(Heard(key=each) for each in without),
        )
        for key in keys[1:]
    ]
    return Pattern(parts=tuple(parts))


def count(number, within=0, key="A"):
    return Pattern(parts=(Follow(heard=Heard(key=key)),), count=number, within_ms=within)


def complete(pattern, text):
    """Return after which signals, `KEY@MOMENT`, a pattern is complete, and what is left of it."""
    progress, done = [], []
    for signal in text.split():
        key, at_ms = signal.split("@")
        if advance(pattern, progress, lambda heard, key=key: heard.key == key, int(at_ms)):
            done.append(signal)
    return done, progress


@pytest.mark.parametrize(
    ("signals", "done", "left"),
    [
        ("A@1 A@5 A@9", ["A@9"], []),
        ("A@1 B@2 A@5", [], [1, 5]),
        ("A@1 A@12 A@13", [], [12, 13]),
        ("A@9 A@1 A@5", ["A@5"], []),
        ("A@20 A@1 A@15 A@10", ["A@10"], []),
        ("A@1 A@5 A@9 A@10 A@11", ["A@9"], [10, 11]),
    ],
)
def test_a_count_is_complete_when_so_many_fall_within_its_span(signals, done, left):
    assert complete(count(3, within=10), signals) == (done, left)


def test_a_count_without_a_span_forgets_nothing():
    assert complete(count(2), "A@1 A@9999999") == (["A@9999999"], [])


@pytest.mark.parametrize(
    ("signals", "done"),
    [
        ("A@1 B@5", ["B@5"]),
        ("B@1 A@5", []),
        ("A@1 B@12", []),
        ("A@1 A@5 B@12", ["B@12"]),
        ("A@5 A@1 B@12", ["B@12"]),
        ("A@5 B@4 B@6", ["B@6"]),
        ("A@1 C@2 B@3", []),
        ("A@1 C@2 A@3 B@4", ["B@4"]),
        ("A@5 C@4 B@6", ["B@6"]),
        ("A@1 B@2 B@3", ["B@2"]),
    ],
)
def test_a_sequence_is_complete_when_all_parts_came_in_order_in_time_and_without(signals, done):
    assert complete(sequence("A", "B", within=10, without=["C"]), signals)[0] == done


def test_a_sequence_of_three_parts_goes_back_to_its_first_when_one_comes_too_late():
    pattern = sequence("A", "B", "C", within=10)

    assert complete(pattern, "A@1 B@5 C@20 B@21 C@22") == ([], [])
    assert complete(pattern, "A@1 B@5 A@6 C@7") == (["C@7"], [])


def test_a_part_that_comes_too_late_may_be_the_first_one_again():
    again = Pattern(
        parts=(
            Follow(heard=Heard(key="A", when="first")),
            Follow(heard=Heard(key="A", when="second"), within_ms=10),
        )
    )
    progress = []

    advance(again, progress, lambda heard: True, 1)
    advance(again, progress, lambda heard: True, 50)

    assert progress == [1, 50]


def test_the_third_visit_in_ten_days_starts_an_instance():
    trip = Trip(scenario(pause(), on=Start(pattern=count(3, 10 * DAY, "Visit"))))

    for ago in (30, 9, 5):
        trip.hear("Visit", ago=ago * DAY)
    assert trip.journeys.instances == []

    trip.hear("Visit")
    assert trip.places() == [["pause"]]
    assert trip.journeys.patterns == {}


def test_the_progress_of_starts_is_kept_apart_by_key_and_the_oldest_makes_room():
    start = Start(pattern=count(2))
    trip = Trip(scenario(pause(), on=start, keyed_by="cart"))
    for number in range(64):
        trip.hear("A", cart=number)
    trip.hear("A", cart="one more")

    trip.hear("A", cart=0)
    trip.hear("A", cart=2)

    assert [each.key for each in trip.journeys.instances] == ["2"]
    assert len(trip.journeys.patterns) == 63


def test_a_listen_follows_the_pattern_of_each_of_its_cases():
    twice = Case(pattern=count(2, HOUR, "A"), next="end")
    then = Case(pattern=sequence("B", "A"), next="pause")
    trip = Trip(scenario(listen("wait", twice, then), pause()))
    trip.hear("Begin")

    trip.hear("A")
    trip.now += MINUTE
    trip.hear("B")
    trip.now += HOUR
    trip.hear("A")

    assert trip.places() == [["pause"]]


def test_entering_a_listen_again_forgets_what_was_heard_before():
    twice = Case(pattern=count(2), next="end")
    trip = Trip(scenario(listen("wait", twice, timeout_ms=HOUR, otherwise="wait")))
    trip.hear("Begin")
    trip.hear("A")

    trip.later(HOUR)
    trip.hear("A")

    assert trip.places() == [["wait"]]
