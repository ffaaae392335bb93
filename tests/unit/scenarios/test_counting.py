"""What turns change in the counts of who is where."""

from collections import Counter

import pytest

from actors.domain.journeys import Journeys
from actors.playbook.scenario_model import IGNORE, End, Fork, Goal, Heard, Join
from actors.scenarios.counting import count_changes, standing
from actors.scenarios.world import Line
from tests.properties.scenarios.cases import life
from tests.properties.scenarios.drive import Drive
from tests.unit.scenarios.travels import (
    HOUR,
    Trip,
    book_of,
    case,
    listen,
    offer_of,
    pause,
    scenario,
)


class Counted:
    """Counts all that a customer does, as the store would."""

    def __init__(self, *scenarios):
        self.trip = Trip(*scenarios)
        self.totals = Counter()

    def after(self, *does):
        """Do some things in one turn, and add up what they count."""
        before, said = standing(self.trip.journeys), len(self.trip.said)
        for do in does:
            do(self.trip)
        lines = self.trip.said[said:]
        rows = count_changes(before, standing(self.trip.journeys), lines, self.trip.book)
        for _, digest, step, *deltas in rows:
            for name, delta in zip(("waiting", "passed", "left"), deltas, strict=True):
                self.totals[digest, step, name] += delta
        return self

    def at(self, step, digest="v1"):
        return tuple(self.totals[digest, step, name] for name in ("waiting", "passed", "left"))


def hearing(key, **properties):
    return lambda trip: trip.hear(key, **properties)


def later(span):
    return lambda trip: trip.later(span)


def test_who_goes_through_is_counted_at_each_step_and_at_the_end():
    counted = Counted(scenario(pause("one"), pause("two")))

    counted.after(hearing("Begin"))
    assert (counted.at("one"), counted.at("")) == ((1, 0, 0), (1, 1, 0))

    counted.after(later(HOUR))
    assert (counted.at("one"), counted.at("two")) == ((0, 1, 0), (1, 0, 0))

    counted.after(later(HOUR))
    assert (counted.at("two"), counted.at("end"), counted.at("")) == (
        (0, 1, 0),
        (0, 0, 1),
        (0, 1, 1),
    )


def test_an_end_with_a_name_of_its_own_has_those_who_ended_there():
    counted = Counted(scenario(pause("one"), End(name="done", label="well")))

    counted.after(hearing("Begin")).after(later(HOUR))

    assert (counted.at("one"), counted.at("done"), counted.at("end")) == (
        (0, 1, 0),
        (0, 0, 1),
        (0, 0, 0),
    )


@pytest.mark.parametrize("how", ["stop", "goal"])
def test_who_is_taken_out_has_left_where_she_stood(how):
    stops = (Heard(key="Over"),) if how == "stop" else ()
    goals = (Goal(name="well", heard=Heard(key="Over")),) if how == "goal" else ()
    counted = Counted(scenario(pause("one"), pause("two"), stops=stops, goals=goals))

    counted.after(hearing("Begin")).after(later(HOUR)).after(hearing("Over"))

    assert (counted.at("one"), counted.at("two"), counted.at("")) == (
        (0, 1, 0),
        (0, 0, 1),
        (0, 1, 1),
    )
    assert counted.at("end") == (0, 0, 0)


def test_who_begins_and_is_over_in_one_turn_is_counted_too():
    counted = Counted(scenario(pause("one"), stops=(Heard(key="Over"),)))

    counted.after(hearing("Begin"), hearing("Over"))

    assert (counted.at("one"), counted.at("")) == ((0, 0, 1), (0, 1, 1))


def test_ways_that_a_join_does_not_wait_for_have_left():
    counted = Counted(
        scenario(
            Fork(name="both", branches=("a", "b"), join="meet"),
            listen("a", case("A", "meet")),
            listen("b", case("B", "meet")),
            Join(name="meet", need=1, next="after"),
            pause("after"),
        )
    )

    counted.after(hearing("Begin"))
    assert (counted.at("both"), counted.at("a"), counted.at("b")) == (
        (0, 1, 0),
        (1, 0, 0),
        (1, 0, 0),
    )

    counted.after(hearing("A"))
    assert (counted.at("a"), counted.at("b"), counted.at("meet"), counted.at("after")) == (
        (0, 1, 0),
        (0, 0, 1),
        (0, 1, 0),
        (1, 0, 0),
    )


@pytest.mark.parametrize(
    ("mandatory", "why", "at_offer"),
    [(True, "consent", (0, 1, 0)), (False, "consent", (1, 0, 0)), (True, "cap", (1, 0, 0))],
)
def test_an_offer_that_is_refused_waits_on_unless_it_never_can_be_sent(mandatory, why, at_offer):
    counted = Counted(scenario(offer_of(mandatory=mandatory, not_sent="rest"), pause("rest")))

    counted.after(hearing("Begin")).after(
        lambda trip: trip.refused(next(iter(trip.offers())), why=why)
    )

    assert counted.at("offer") == at_offer


def test_those_who_move_to_another_version_wait_there_and_have_not_left():
    old = scenario(pause("one"), pause("two"))
    new = scenario(pause("two"), pause("three"), digest="v2", moves={"one": "three"})
    counted = Counted(old)
    counted.after(hearing("Begin"))

    counted.after(lambda trip: trip.replace(new, earlier=(old,)))

    assert (counted.at("one"), counted.at("three", "v2")) == ((0, 0, 0), (1, 0, 0))
    assert (counted.at(""), counted.at("", "v2")) == ((0, 1, 0), (1, 0, 0))
    counted.after(later(HOUR))
    assert counted.at("three", "v2") == (0, 1, 0)


def test_nobody_waits_who_is_gone():
    counted = Counted(scenario(pause("one")))
    counted.after(hearing("Begin"))
    before = standing(counted.trip.journeys)

    rows = count_changes(before, (), (), counted.trip.book)

    assert rows == [("trip", "v1", "", -1, 0, 0), ("trip", "v1", "one", -1, 0, 0)]


def test_nothing_that_happens_counts_nothing():
    book = book_of(scenario(pause("one"), reentry=IGNORE))
    skipped = Line("trip", 0, "", "skipped", why="ignore")

    assert count_changes((), standing(Journeys()), [], book) == []
    assert count_changes((), (), [skipped], book) == []


class CountingDrive(Drive):
    """A generated life, of which all is counted."""

    def __init__(self, *arguments):
        self.totals = Counter()
        super().__init__(*arguments)

    def both(self, engine_does, reference_does):
        before, said = standing(self.journeys), len(self.lines)
        super().both(engine_does, reference_does)
        lines = self.lines[said:]
        for scene, digest, step, *deltas in count_changes(
            before, standing(self.journeys), lines, self.books[0]
        ):
            self.totals.update({(scene, digest, step, i): n for i, n in enumerate(deltas)})
        self.check()

    def merge(self, ops):
        """A merge is counted by the session, on both sides."""

    def check(self):
        here = Counter()
        for one in self.journeys.instances:
            here[one.scenario, one.digest, "", 0] += 1
            here.update((one.scenario, one.digest, token.step, 0) for token in one.tokens)
        waiting = {key: n for key, n in self.totals.items() if key[3] == 0 and n}
        assert waiting == dict(here)
        assert min(self.totals.values(), default=0) >= 0
        started = sum(n for key, n in self.totals.items() if key[2:] == ("", 1))
        over = sum(n for key, n in self.totals.items() if key[2:] == ("", 2))
        assert started - over == len(self.journeys.instances)


@pytest.mark.parametrize("seed", range(60))
def test_counts_of_a_generated_life_are_where_she_stands(seed):
    CountingDrive(life(seed)).run()
