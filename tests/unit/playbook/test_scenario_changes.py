from actors.playbook.scenario_changes import (
    IN_A_FORK,
    NO_MIGRATE,
    NO_STEP,
    NOT_THERE,
    ScenarioChange,
    Stay,
    compare_scenarios,
)
from tests.unit.playbook.scenario_bundles import playbook_of, scenario_bundle, with_steps

STEPS = """
first: {wait: P1D}
check: {filter: profile.orders > 0}
both: {fork: [left, right], join: together}
left: {wait: P2D, next: together}
right: {listen: [{on: A}], timeout: P1D, otherwise: together}
together: {join: all}
ask: {propose: growth/fruit/box, notSent: hook}
hook: {call: email}
again: {repeat: first, times: 2}
last: {waitUntil: {at: "09:00"}}
"""


def compared(old: str, new: str, more: str = "") -> ScenarioChange:
    after = with_steps(new)
    after["scenarios.yaml"] += more
    (change,) = compare_scenarios(playbook_of(with_steps(old)), playbook_of(after))
    return change


def test_an_unchanged_scenario_strands_nobody():
    change = compared(STEPS, STEPS)

    assert (change.what, change.before, change.stays) == ("unchanged", change.after, ())


def test_a_new_one_and_one_that_is_gone_are_told():
    one, none = playbook_of(with_steps(STEPS)), playbook_of(scenario_bundle("scenarios: {}\n"))

    (new,) = compare_scenarios(none, one)
    (gone,) = compare_scenarios(one, none)

    assert (new.what, new.stays) == ("new", ())
    assert gone.what == "gone"
    assert [stay.step for stay in gone.stays] == ["first", "left", "right", "ask", "hook", "last"]
    assert {stay.why for stay in gone.stays} == {NOT_THERE}


def test_without_migrate_all_finish_on_the_version_they_began_with():
    change = compared(STEPS, STEPS.replace("P2D", "P3D"))

    assert (change.what, change.migrates, change.moves) == ("changed", False, ())
    assert {stay.why for stay in change.stays} == {NO_MIGRATE}


def test_with_migrate_those_without_a_counterpart_and_those_in_forks_stay():
    new = STEPS.replace("first", "begin").replace("hook", "webhook")

    change = compared(STEPS, new, "    migrate: {steps: {first: begin}}\n")

    assert change.migrates
    assert change.stays == (
        Stay("left", IN_A_FORK),
        Stay("right", IN_A_FORK),
        Stay("hook", NO_STEP),
    )
    assert change.moves == (("first", "begin"), ("ask", "ask"), ("last", "last"))


def test_what_is_in_any_fork_stays():
    old = """
f: {fork: [x, y], join: j}
x: {split: {a: {weight: 1, next: p}, b: {weight: 1, next: q}}}
p: {wait: P1D, next: j}
q: {branch: [{when: profile.orders > 0, next: r}], otherwise: j}
r: {wait: P2D, next: j}
y: {fork: [u, v], join: k}
u: {wait: P3D, next: k}
v: {waitUntil: {date: profile.traits.day}, otherwise: k}
k: {join: any}
z: {wait: P4D}
j: {join: all}
after: {wait: P5D}
"""
    change = compared(old, old.replace("P5D", "P6D"), "    migrate: {}\n")

    assert [stay.step for stay in change.stays] == ["p", "r", "u", "v", "z"]
    assert change.moves == (("after", "after"),)
