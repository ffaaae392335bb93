import pytest

from tests.unit.playbook.scenario_bundles import (
    SCENARIOS,
    changed,
    scenario_bundle,
    told,
    with_steps,
)

# (what is replaced, by what, where the problem is, words that its text holds)
WRONG = [
    # kinds and fields
    ("pause: {wait: PT30M}", "pause: {wiat: PT30M}", "20:15", "did you mean 'wait'?"),
    ("pause: {wait: PT30M}", "pause: {wait: 30 min}", "20:21", "expected an ISO 8601 duration"),
    ("pause: {wait: PT30M}", "pause: {wait: PT30M, end: x}", "20:7", "found 'wait' and 'end'"),
    ("pause: {wait: PT30M}", "pause: {next: morning}", "20:7", "found none, expected one of wait"),
    ("pause: {wait: PT30M}", "pause: {wait: PT1H, otherwise: end}", "20:27", "'otherwise' with 'wait'"),
    ("pause: {wait: PT30M}", "Pause: {wait: PT30M}", "20:7", "a name of small letters"),
    ("done: {end: fed}", "end: {end: fed}", "63:7", "found a step 'end', expected a name of its own"),
    ("notSent: mark", "notsent: mark", "32:9", "did you mean 'notSent'?"),
    ("{on: Fruit Eaten, when", "{on: Fruit Eaten, wehn", "45:31", "did you mean 'when'?"),
    ("fork: [left, right], join: together", "fork: [left, right]", "57:7", "missing field 'join'"),
    ("remind, times: 3", "remind", "61:7", "missing field 'times', expected by 'repeat'"),
    ("times: 3", "times: 5000", "61:38", "expected 1000 or less"),
    ("{kind: case, subject", "{kind: cart, subject", "62:30", "expected one of case, question"),
    ("{kind: case, subject", "{kind: case, topic", "62:36", "unknown field 'topic'"),
    # moments
    ('at: "09:05"', "at: 9:05", "21:33", 'a time of day such as "09:00"'),
    ('at: "09:05"', 'at: "24:00"', "21:33", 'a time of day such as "09:00"'),
    ("[mon, sun]", "[mon, sunday]", "21:58", "did you mean 'sun'?"),
    ("offset: -P1W", "offset: -PT3H", "23:60", "expected whole days such as P2D, -P3D or P1W"),
    ("offset: -P1W", "weekdays: [mon]", "23:52", "'weekdays' with 'date'; expected one of at"),
    ("profile.traits.birthday", "profile.birthday", "23:27", "expected profile.traits.NAME or"),
    ("profile.traits.birthday", "attributes.last_visi", "23:27", "did you mean 'last_visit'?"),
    ("profile.traits.birthday", "attributes.orders_30d", "23:27", "is a number, expected a text"),
    ("{window: office}}", "{window: offise}}", "25:36", "unknown window 'offise'"),
    ("{window: office}}", "{window: office}, otherwise: end}", "25:45", "which always comes"),
    ("{window: office}}", "{weekdays: [mon]}}", "25:27", "expected 'at', 'date' or 'window'"),
    ('opens: "09:00"', "opens: nine", "2:41", 'a time of day such as "09:00"'),
    ("Europe/Berlin", "Europe/Belin", "2:77", "did you mean 'Europe/Berlin'?"),
    ("timezone: America/New_York", "timezone: New York", "14:15", "such as Europe/Berlin"),
    # who
    ("segments: [loyal]", "segments: [loyl]", "9:18", "did you mean 'loyal'?"),
    ("segments: [loyal]", "segments: [loyal]\n      segment: loyal", "9:7", "beside 'segment'"),
    ("{segment: loyal}}", "{segment: loyl}}", "27:33", "did you mean 'loyal'?"),
    ("filter: profile.orders > 0", "filter: {}", "26:23", "expected a rule, or 'segment: NAME'"),
    # signals
    ("on: Product Added\n", "on: {entered: loyl}\n", "7:11", "did you mean 'loyal'?"),
    ("on: Product Added\n", "on: {deviation: absense}\n", "7:23", "did you mean 'absence'?"),
    ("on: Product Added\n", "on: {type: identfy}\n", "7:18", "did you mean 'identify'?"),
    ("on: Product Added\n", "on: {outcome: click}\n", "7:11", "nothing is sent before the start"),
    ("on: Product Added\n", "on: {}\n", "7:11", "expected an event name, 'type: identify'"),
    ("on: {outcome: click}", "on: {outcome: clik}", "59:39", "did you mean 'click'?"),
    ("on: Fruit Eaten, goOn", "on: launch, goOn", "17:20", "'launch' can only start a scenario"),
    # patterns
    ("on: Product Added\n", "on: launch\n      count: 2\n", "8:7", "expected one launch to start it"),
    ("on: Product Added\n", "sequence: [{on: A}]\n", "7:17", "expected two parts or more"),
    ("on: Product Added\n", "sequence: [A, A]\n", "7:17", "expected 'count' for that"),
    ("on: Product Added\n", "sequence: [{on: A, within: P1D}, B]\n", "7:26", "in the first part"),
    ("on: Product Added\n", "on: A\n      sequence: [A, B]\n", "7:7", "expected 'on' or 'sequence'"),
    ("on: Product Added\n", "on: A\n      within: P1D\n", "8:7", "'within' without 'count'"),
    ("on: Product Added\n", "sequence: [A, B]\n      count: 2\n", "8:7", "'count' with 'sequence'"),
    ("count: 3", "count: 1", "46:41", "expected 2 or more"),
    ("            next: arms\n", "            when: profile.orders > 1\n", "50:13", "in each part"),
    ("- {on: Fruit Eaten, when", "- {when", "45:13", "expected 'on' or 'sequence', one of them"),
    ("        timeout: P1D\n", "", "51:9", "'otherwise' without 'timeout'"),
    # keys and starts
    ("    keyedBy: cart_id\n", "", "14:70", "'sameKey' without 'keyedBy'"),
    ("on: Product Added\n", "on: {entered: loyal}\n", "10:5", "'keyedBy' with a start on 'entered'"),
    ("{parallel: 3}", "{parallel: 1}", "11:25", "expected 2 or more"),
    ("{parallel: 3}", "restrat", "11:14", "did you mean 'restart'?"),
    ("reentry: {parallel: 3}", "reentry: queue", "12:5", "'every' with 'reentry: queue'"),
    # rules and texts
    ("event.properties.price", "instance.price", "8:13", "there is none yet at the start"),
    ("event.properties.price", "event.propertis.price", "8:13", "did you mean 'event.properties'?"),
    ("when: event.properties.total > 1.0", "when: tier == 'loyl'", "15:48", "did you mean 'loyal'?"),
    ("filter: profile.orders > 0", "filter: profile.orders + 1", "26:23", "expected true or false"),
    ("filter: profile.orders > 0", "filter: {when: profile.order > 0}", "26:30", "'profile.orders'?"),
    ("instance.score > 3", "instnce.score > 3", "45:37", "did you mean 'instance'?"),
    ("instance.score > 5", "instance.score >", "54:41", "not a CEL expression"),
    ("while: profile.orders == 1", "while: profile.order == 1", "61:48", "'profile.orders'?"),
    ("without: [Product Removed]", "without: [{on: X, when: tier}]", "49:75", "expected true or false"),
    ("{{instance.name|unknown}}", "{{instanc.name|}}", "34:32", "did you mean 'instance'?"),
    ("{{instance.name|unknown}}", "{{instance}}", "34:32", "expected one key in it"),
    ("first_name|}}", "first_name}}", "39:25", "expected a fallback"),
    # names
    ("migrate: {steps: {gone: pause}}", "migrate: {steps: {gone: paus}}", "18:29", "'pause'?"),
    ("propose: [growth/fruit/box]", "propose: [growth/fruit/bix]", "29:19", "'growth/fruit/box'?"),
    ("propose: [growth/fruit/box]", "propose: [growth/fruit/banner]", "29:19", "has no treatment"),
    ("propose: [growth/fruit/box]", "propose: []", "29:18", "at least 1 entry"),
    ("propose: [growth/fruit/box]", "send: growth/fruit/box", "29:15", "is of purpose 'marketing'"),
    ("channels: [email]", "channels: [emial]", "30:20", "did you mean 'email'?"),
    ("channels: [email]", "channels: [web]", "29:19", "has no treatment with 'outbound: true' on its"),
    ("call: email", "call: emial", "38:15", "did you mean 'email'?"),
    ("call: email", "call: mail", "38:15", "channel 'mail' cannot be written to"),
    ("{score: points}", "{score: [points]}", "41:23", "expected text"),
    # ways
    ("notSent: mark", "notSent: mrk", "32:18", "unknown step 'mrk'; expected one of"),
    ("notSent: mark", "notSent: mrk", "32:18", "did you mean 'mark'?"),
    ("next: choose}", "next: chose}", "45:63", "did you mean 'choose'?"),
    ("repeat: remind", "repeat: end", "61:23", "unknown step 'end'"),
    ("repeat: remind", "repeat: closed", "61:23", "does not lead back here"),
    ("done: {end: fed}", "done: {end: fed}\n      lost: {wait: P1D}", "64:7", "no way leads to step"),
    ("done: {end: fed}", "done: {wait: P1D, next: pause}", "63:31", "expected a 'repeat'"),
    ("[{when: instance.score > 5, next: arms}]", "[]", "54:17", "found no cases"),
    ("{weight: 20, next: closed}", "{weight: 0}", "56:51", "expected a number above 0"),
    ("{a: {weight: 80}, b: {weight: 20, next: closed}}", "{a: {weight: 80}}", "56:21", "two or more"),
    # forks
    ("join: together}", "join: togeter}", "57:41", "did you mean 'together'?"),
    ("join: together}", "join: closed}", "60:24", "join 'together' is of no fork"),
    ("fork: [left, right]", "fork: [left]", "57:20", "expected two or more"),
    ("fork: [left, right]", "fork: [left, end]", "57:27", "expected a step of its own"),
    ("fork: [left, right]", "fork: [left, left]", "57:27", "is listed twice"),
    ("join: any", "join: some", "60:24", "expected all, any or a number of branches"),
    ("join: any", "join: 3", "60:24", "expected 1 to 2, the branches of its fork"),
    ("P1D, next: together}", "P1D}", "58:7", "leads from branch 'left' of fork 'both' to 'right'"),
    ("P1D, next: together}", "P1D, next: closed}", "58:31", "expected 'next: together'"),
    ("otherwise: both\n", "otherwise: left\n", "55:20", "from outside it"),
    ("otherwise: both\n", "otherwise: together\n", "55:20", "from outside its branches"),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[1][:40]!r} -> {case[3]}")
def test_a_mistake_is_told_with_its_place_and_what_was_expected(case):
    old, new, place, words = case

    problems = told(changed(old, new))

    assert any(each.startswith(f"{place}: ") and words in each for each in problems), problems


def test_the_scenario_with_every_kind_of_step_is_right():
    assert told(scenario_bundle()) == []


ONE = [
    ("pause: {wait: PT30M}", "pause: {wiat: PT30M}"),
    ("channels: [email]", "channels: [emial]"),
    ("{when: instance.score > 5, next: arms}", "{next: arms}"),
    ("P1D, next: together}", "P1D}"),
    ("on: Product Added\n", "on: {outcome: click}\n"),
]


@pytest.mark.parametrize(("old", "new"), ONE, ids=[new for _, new in ONE])
def test_one_mistake_is_one_problem(old, new):
    assert len(told(changed(old, new))) == 1


BRANCHES = """
f: {fork: [x, y], join: j}
x: {wait: P1D, next: j}
y: {set: {a: 1}}
"""
NESTED = """
f: {fork: [x, y], join: j}
x: {fork: [p, q], join: k}
p: {wait: P1D, next: k}
q: {wait: P2D, next: k}
k: {join: any, next: j}
y: {set: {a: 1}}
j: {join: all}
"""
FLOWS = [
    ("a: {set: {x: 1}}\nb: {repeat: a, times: 5}", "6:19", "a → b → a takes no time"),
    (BRANCHES + "j: {join: any}\nb: {repeat: f, times: 5}", "9:19", "f → y → j → b → f takes no"),
    ("a: {set: {x: 1}}\nb: {repeat: a, times: 5}\nc: {end: x}", "6:19", "expected a wait"),
    ("a: {propose: growth/fruit/box}\nb: {repeat: a, times: 5}", "6:19", "a → b → a takes no time"),
    ("a: {send: service/care/sorry, notSent: b}\nb: {repeat: a, times: 5}", "6:19", "takes no time"),
    (NESTED.replace("P1D, next: k", "P1D, next: j"), "7:28", "from branch 'p' of fork 'x' to 'j'"),
    (BRANCHES.replace("next: j", "next: end") + "j: {join: all}", "8:17", "only 1 lead to it"),
    ("w: {wait: P1D}\n" + BRANCHES.replace("next: j", "next: r").replace("y:", "r: {repeat: w, times: 2, next: j}\ny:")
     + "j: {join: any}", "9:19", "leads from branch 'x' of fork 'f' to 'w'"),
    (BRANCHES.replace("next: j", "next: z") + "z: {set: {b: 1}}\nj: {join: all}", "7:7", "leads to 'z' in"),
    (BRANCHES + "j: {join: any}\ng: {fork: [u, v], join: j}\nu: {wait: P1D, next: j}\n"
     "v: {wait: P2D, next: j}", "9:31", "'j' is the join of fork 'f'"),
    ("\n".join(f"s{i}: {{wait: P1D}}" for i in range(201)), "5:7", "at most 200 entries"),
]  # fmt: skip


@pytest.mark.parametrize("case", FLOWS, ids=lambda case: case[2])
def test_a_way_that_cannot_be_gone_is_told(case):
    steps, place, words = case

    (problem,) = told(with_steps(steps))

    assert problem.startswith(f"{place}: ")
    assert words in problem


RIGHT = [
    "a: {propose: growth/fruit/box, notSent: b, next: c}\nb: {repeat: a, times: 5}\nc: {end: x}",
    "a: {call: email, next: b, otherwise: b}\nb: {repeat: a, times: 5}",
    'a: {waitUntil: {at: "09:00"}}\nb: {repeat: a, times: 5}',
    BRANCHES + "j: {join: all}\nb: {repeat: f, times: 5}",
    NESTED,
    NESTED + "b: {repeat: f, times: 2}",
    "\n".join(f"s{i}: {{wait: P1D}}" for i in range(200)),
]


@pytest.mark.parametrize("steps", RIGHT, ids=range(len(RIGHT)))
def test_a_way_that_can_be_gone_is_not(steps):
    assert told(with_steps(steps)) == []


def test_a_window_that_may_be_open_already_makes_no_circle_last():
    bundle = changed("      pause:", "      early: {waitUntil: {window: office}}\n"
                     "      more: {repeat: early, times: 2}\n      pause:")  # fmt: skip

    (problem,) = told(bundle)

    assert problem.startswith("21:22: the circle early → more → early takes no time")


def test_more_than_a_hundred_scenarios_are_too_many():
    one = "  s{}: {{start: {{on: launch}}, steps: {{done: {{end: x}}}}}}\n"
    text = "scenarios:\n" + "".join(one.format(i) for i in range(101))

    assert told(scenario_bundle(text)) == [
        "2:3: scenarios: found a mapping, expected at most 100 entries"
    ]


def test_what_other_files_use_of_an_instance_is_refused():
    bundle = scenario_bundle()
    bundle["triggers.yaml"] = bundle["triggers.yaml"].replace(
        "when: event.properties.total >= 50.0", "when: instance.total >= 50.0"
    )

    (problem,) = told(bundle)

    assert problem == "triggers.yaml:11:11: found 'instance', expected it in scenarios.yaml alone"


def test_a_broken_file_does_not_make_the_scenarios_look_wrong():
    bundle = scenario_bundle()
    for name in ("segments.yaml", "actions.yaml", "attributes.yaml"):
        bundle[name] = "a: ["

    assert not [each for each in told(bundle) if "yaml" not in each]


@pytest.mark.slow
def test_whatever_is_cut_off_a_file_is_told_of_and_nothing_breaks():
    lines = SCENARIOS.splitlines(keepends=True)

    for i in range(len(lines)):
        told(scenario_bundle("".join(lines[:i] + lines[i + 1 :])))
