import pytest

from actors.playbook.rules import Rule
from actors.playbook.scenario_model import (
    Arm,
    Branch,
    Call,
    Case,
    Clock,
    Date,
    Emit,
    End,
    Filter,
    Follow,
    Fork,
    Goal,
    Heard,
    Hours,
    Join,
    Listen,
    Pattern,
    Propose,
    Repeat,
    Split,
    Start,
    Thread,
    Update,
    Wait,
    WaitUntil,
    Window,
)
from actors.playbook.scenario_parts import rules_in, templates_in
from actors.playbook.templates import Template, filled, render
from tests.unit.playbook.scenario_bundles import (
    SCENARIOS,
    changed,
    playbook_of,
    scenario_bundle,
    scenario_of,
    told,
    with_steps,
)

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FRUIT = scenario_of(scenario_bundle())
BOX = playbook_of(scenario_bundle()).action_index["growth/fruit/box"]
SORRY = playbook_of(scenario_bundle()).action_index["service/care/sorry"]


def heard(key: str, when: str | None = None, *, same_key: bool = True) -> Heard:
    return Heard(key=key, when=None if when is None else Rule(when), same_key=same_key)


def simple(key: str, when: str | None = None) -> Pattern:
    return Pattern(parts=(Follow(heard=heard(key, when)),))


def test_what_is_around_the_steps_is_compiled():
    assert FRUIT.start == Start(
        pattern=simple("Product Added"),
        segments=("loyal",),
        when=Rule("event.properties.price > 5.0"),
    )
    assert FRUIT.stops == (
        heard("Order Completed", "event.properties.total > 1.0", same_key=False),
    )
    assert FRUIT.goals == (Goal(name="bought", heard=heard("Fruit Eaten"), goes_on=True),)
    assert (FRUIT.keyed_by, FRUIT.reentry, FRUIT.limit) == ("cart_id", "parallel", 3)
    assert (FRUIT.every_ms, FRUIT.lateness_ms) == (30 * DAY, 10 * MINUTE)
    assert (FRUIT.zone, FRUIT.moves, FRUIT.first) == (
        "America/New_York",
        {"gone": "pause"},
        "pause",
    )


def test_the_windows_that_a_scenario_uses_are_its_own():
    text = SCENARIOS.replace("windows:\n", 'windows:\n  other: {opens: "22:00", closes: "06:00"}\n')

    windows = scenario_of(scenario_bundle(text)).windows

    assert windows == {
        "office": Hours(
            name="office",
            weekdays=frozenset({0, 4}),
            opens=9 * 60,
            closes=17 * 60,
            zone="Europe/Berlin",
        )
    }


STEPS = [
    Wait(name="pause", next="morning", span_ms=30 * MINUTE),
    WaitUntil(
        name="morning",
        next="birthday",
        moment=Clock(minute=9 * 60 + 5, weekdays=frozenset({0, 6})),
    ),
    WaitUntil(
        name="birthday",
        next="office",
        moment=Date(path="profile.traits", key="birthday", days=-7, minute=600, yearly=True),
        otherwise="office",
    ),
    WaitUntil(name="office", next="still", moment=Window(name="office")),
    Filter(name="still", next="loyal", rule=Rule("profile.orders > 0")),
    Filter(name="loyal", next="remind", rule=Rule("'loyal' in segments")),
    Propose(
        name="remind",
        next="sorry",
        actions=(BOX,),
        channels=frozenset({"email"}),
        offer_for_ms=12 * HOUR,
        not_sent="mark",
    ),
    Propose(
        name="sorry",
        next="mark",
        actions=(SORRY,),
        channels=None,
        offer_for_ms=DAY,
        not_sent="mark",
        mandatory=True,
    ),
    Listen(
        name="listen",
        next="choose",
        cases=(
            Case(pattern=simple("Fruit Eaten", "instance.score > 3"), next="choose"),
            Case(
                pattern=Pattern(
                    parts=(Follow(heard=heard("Product Viewed")),), count=3, within_ms=10 * DAY
                ),
                next="choose",
                keep=(("last", "name"),),
            ),
            Case(
                pattern=Pattern(
                    parts=(
                        Follow(heard=heard("Product Viewed")),
                        Follow(
                            heard=heard("Product Added"),
                            within_ms=2 * HOUR,
                            without=(heard("Product Removed"),),
                        ),
                    )
                ),
                next="arms",
            ),
        ),
        timeout_ms=DAY,
        otherwise="closed",
    ),
    Branch(name="choose", cases=((Rule("instance.score > 5"), "arms"),), otherwise="both"),
    Split(
        name="arms",
        next="both",
        arms=(
            Arm(name="a", weight=80.0, next="both"),
            Arm(name="b", weight=20.0, next="closed"),
        ),
    ),
    Fork(name="both", branches=("left", "right"), join="together"),
    Wait(name="left", next="together", span_ms=DAY),
    Listen(
        name="right",
        next="together",
        cases=(Case(pattern=simple("outcome:click"), next="together"),),
    ),
    Join(name="together", next="again", need=1, timeout_ms=2 * DAY, otherwise="closed"),
    Repeat(name="again", next="closed", back="remind", times=3, rule=Rule("profile.orders == 1")),
    End(name="done", label="fed"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_is_compiled_with_its_names_and_times_resolved(step):
    assert FRUIT.steps[step.name] == step


def test_steps_that_hold_texts_are_compiled_too():
    mark, case, closed = (FRUIT.steps[name] for name in ("mark", "case", "closed"))
    tell, ask = FRUIT.steps["tell"], FRUIT.steps["ask"]
    values = {"instance.cart_id": "c-1", "instance.name": "Pears"}

    assert isinstance(mark, Update)
    assert filled(mark.traits, values) == {"fruit": "was Pears", "seen": True}
    assert isinstance(case, Thread)
    assert (case.kind, case.opens) == ("case", True)
    assert filled(case.subject, values) == {"subject": "fruit c-1"}
    assert isinstance(closed, Thread)
    assert not closed.opens
    assert isinstance(tell, Emit)
    assert (tell.event, filled(tell.properties, values)) == ("Fruit Told", {"name": "Pears"})
    assert isinstance(ask, Call)
    assert (ask.channel, ask.timeout_ms, ask.keep) == ("email", 5 * MINUTE, (("score", "points"),))
    assert filled(ask.content, {"profile.traits.first_name": "Ann"}) == {"who": "Ann"}


def test_a_text_for_machines_is_not_escaped_and_keeps_a_number():
    step = scenario_of(with_steps("""
a: {set: {n: "{{instance.n}}", about: "<{{instance.t}}>", two: "{{instance.n}}{{instance.n}}", b: "{{instance.b}}"}}
b: {end: x}
""")).steps["a"]  # fmt: skip
    assert isinstance(step, Update)
    values = {"instance.n": 2.5, "instance.t": "R&D", "instance.b": False}

    assert filled(step.traits, values) == {
        "n": 2.5,
        "about": "<R&D>",
        "two": "2.502.50",
        "b": False,
    }
    assert filled(step.traits, {}) == {"n": "", "about": "<>", "two": "", "b": ""}
    assert render(step.traits, values)["about"] == "<R&amp;D>"


def test_an_actions_text_can_quote_the_instance_that_proposes_it():
    action = playbook_of(scenario_bundle()).actions[SORRY]
    content = action.treatments["email"].content

    assert render(content, {"instance.cart_id": "c-1"}) == {"body": "About c-1."}
    assert render(content, {}) == {"body": "About ."}


def test_a_call_without_content_and_an_event_without_properties_have_none():
    steps = scenario_of(with_steps("a: {call: email}\nb: {emit: Done}")).steps

    assert steps["a"] == Call(
        name="a", next="b", channel="email", content=Template(), timeout_ms=MINUTE
    )
    assert steps["b"] == Emit(name="b", event="Done", properties=Template())


STARTS = [
    ("{on: A, when: profile.orders > 1}", simple("A"), "profile.orders > 1"),
    ("{on: {event: launch}}", simple("launch"), None),
    ("{on: launch}", simple("launch:s"), None),
    ("{on: {type: identify}}", simple("type:identify"), None),
    ("{on: {entered: loyal}}", simple("entered:loyal"), None),
    ("{on: {left: loyal}}", simple("left:loyal"), None),
    ("{on: {deviation: absence}}", simple("deviation:absence"), None),
    (
        "{on: A, when: profile.orders > 1, count: 3, within: P10D}",
        Pattern(
            parts=(Follow(heard=heard("A", "profile.orders > 1")),), count=3, within_ms=10 * DAY
        ),
        None,
    ),
    (
        "{sequence: [{on: A, when: profile.orders > 2}, {on: B, within: PT2H}], when: profile.orders > 1}",
        Pattern(
            parts=(
                Follow(heard=heard("A", "profile.orders > 2")),
                Follow(heard=heard("B"), within_ms=2 * HOUR),
            )
        ),
        "profile.orders > 1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("start", "pattern", "when"), STARTS, ids=[each[0] for each in STARTS])
def test_a_start_is_compiled(start, pattern, when):
    compiled = scenario_of(with_steps("a: {wait: P1D}", start)).start

    assert compiled == Start(pattern=pattern, when=None if when is None else Rule(when))


@pytest.mark.parametrize(
    ("given", "reentry", "limit"),
    [("ignore", "ignore", 1), ("restart", "restart", 1), ("{parallel: 2}", "parallel", 2)],
)
def test_a_policy_of_reentry_is_compiled(given, reentry, limit):
    scenario = scenario_of(changed("{parallel: 3}", given))

    assert (scenario.reentry, scenario.limit) == (reentry, limit)


@pytest.mark.parametrize(("join", "need"), [("any", 1), ("all", 2), ("1", 1), ("2", 2)])
def test_a_join_knows_how_many_it_needs(join, need):
    step = scenario_of(changed("join: any", f"join: {join}")).steps["together"]

    assert isinstance(step, Join)
    assert step.need == need


def test_the_last_step_ends_and_what_is_left_out_has_its_default():
    steps = scenario_of(with_steps("a: {propose: growth/fruit/box}\nb: {join: x, fork: [c, d]}\n"
                                   "c: {wait: P1D, next: x}\nd: {wait: P1D}\nx: {join: all}")).steps  # fmt: skip

    assert steps["a"] == Propose(
        name="a", next="b", actions=(BOX,), channels=None, offer_for_ms=DAY, not_sent="b"
    )
    assert steps["x"] == Join(name="x", need=2)


def test_everything_that_anything_waits_for_is_listened_to():
    assert FRUIT.listens == {
        "Product Added", "Order Completed", "Fruit Eaten", "Product Viewed", "Product Removed",
        "outcome:click",
    }  # fmt: skip


def test_scenarios_are_found_by_all_that_their_starts_hear():
    text = "scenarios:\n" + "".join(
        f"  {name}: {{start: {start}, steps: {{a: {{wait: P1D}}}}}}\n"
        for name, start in {
            "one": "{on: A}",
            "two": "{sequence: [A, {on: B, without: [C]}]}",
            "three": "{on: launch}",
        }.items()
    )

    playbook = playbook_of(scenario_bundle(text))
    found = {key: [each.name for each in some] for key, some in playbook.scenarios_hearing.items()}

    assert found == {"A": ["one", "two"], "B": ["two"], "C": ["two"], "launch:three": ["three"]}
    assert list(playbook.scenarios_by_name) == [each.name for each in playbook.scenarios]


def test_what_scenarios_refer_to_is_known_to_the_playbook():
    playbook = playbook_of(scenario_bundle())

    assert {"instance", "segments", "event.properties"} <= playbook.used_paths
    assert {"cart_id", "name", "score"} <= set(playbook.used_keys["instance"])
    assert Rule("'loyal' in segments") in rules_in(FRUIT)
    assert len(templates_in(FRUIT)) == 5


SAME = [
    ("description: Every kind of step.", "description: Another."),
    ("description: Every kind of step.\n", "\n    # why\n"),
    ("pause: {wait: PT30M}", "pause: {description: half an hour, wait: PT1800S}"),
    ("{weight: 80}", "{weight: 80.0}"),
    ("filter: profile.orders > 0", "filter: {when: profile.orders > 0}"),
    ("stop: [{on: Order Completed, when", "stop: [{on: {event: Order Completed}, when"),
    ("windows:\n", 'windows:\n  unused: {opens: "09:00", closes: "10:00"}\n'),
]


@pytest.mark.parametrize(("old", "new"), SAME, ids=[new for _, new in SAME])
def test_an_edit_that_changes_nothing_keeps_the_version(old, new):
    assert scenario_of(changed(old, new)).digest == FRUIT.digest


OTHER = [
    ("wait: PT30M", "wait: PT31M"),
    ("keyedBy: cart_id", "keyedBy: order_id"),
    ('closes: "17:00"', 'closes: "18:00"'),
    ("a: {weight: 80}, b: {weight: 20, next: closed}", "b: {weight: 20, next: closed}, a: {weight: 80}"),
    ("instance.score > 3", "instance.score > 4"),
    ("was {{", "is {{"),
    ("sameKey: false", "sameKey: true"),
    ("      loyal: {filter: {segment: loyal}}\n", ""),
    ("propose: [growth/fruit/box]", "propose: [growth/fruit/box, service/care/sorry]"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), OTHER, ids=[new for _, new in OTHER])
def test_an_edit_that_changes_something_makes_another_version(old, new):
    assert scenario_of(changed(old, new)).digest != FRUIT.digest


def test_the_order_of_steps_is_part_of_the_version():
    one = scenario_of(with_steps("a: {wait: P1D}\nb: {wait: P2D}"))
    two = scenario_of(with_steps("b: {wait: P2D}\na: {wait: P1D}"))

    assert one.digest != two.digest


def test_a_version_is_the_same_in_every_process():
    assert scenario_of(with_steps("a: {wait: P1D}")).digest == "97244048a1513601"


WEIRD = ["text", "[1, 2]", "{a: {}}", "{a: [x]}", "3", "true", "{a: {b: {c: {d: 1}}}}", "null"]


@pytest.mark.parametrize("field", ["scenarios", "start", "steps", "listen", "stop", "goals", "set"])
@pytest.mark.parametrize("value", WEIRD)
def test_whatever_is_written_anywhere_is_told_of_and_nothing_breaks(field, value):
    step = f"a: {{{field}: {value}}}" if field in {"listen", "set"} else "a: {wait: P1D}"
    lines = {
        "start": "{on: A}", "stop": "[]", "goals": "{}", "steps": f"{{{step}}}", field: value,
    }  # fmt: skip
    body = ", ".join(f"{name}: {lines[name]}" for name in ("start", "stop", "goals", "steps"))
    text = f"scenarios: {value}" if field == "scenarios" else f"scenarios: {{s: {{{body}}}}}"

    assert isinstance(told(scenario_bundle(text)), list)
