"""What steps say in few words, and which ways lead from them."""

import json

import pytest

from actors.playbook.loader import compile_bundle
from actors.playbook.scenario_model import Clock, Date, Window
from actors.scenarios.graph import graph_of
from actors.scenarios.wording import moment_text, signal_text, span_text, weekdays_text

HOUR = 3_600_000
STEPS = {
    "pause": {"wait": "PT30M"},
    "morning": {"waitUntil": {"at": "09:00", "weekdays": ["mon"]}},
    "birthday": {
        "waitUntil": {"date": "profile.traits.birthday", "offset": "-P3D", "yearly": True},
        "otherwise": "end",
    },
    "still": {"filter": "profile.orders  >\n 0", "otherwise": "end"},
    "remind": {"propose": ["a/b/c"], "channels": ["mail"], "offerFor": "PT24H"},
    "sorry": {"send": ["a/b/c"], "notSent": "end"},
    "mark": {"set": {"reminded": "yes"}},
    "case": {"open": {"kind": "case", "subject": "late"}},
    "tell": {"emit": "Journey Done"},
    "ask": {"call": "mail", "content": {"a": 1}, "timeout": "PT1M", "otherwise": "end"},
    "listen": {
        "listen": [
            {"on": "X", "count": 2, "within": "P1D", "next": "choose"},
            {"sequence": [{"on": "A"}, {"on": "B", "within": "PT2H", "without": ["C"]}]},
        ],
        "timeout": "P1D",
        "otherwise": "end",
    },
    "choose": {
        "branch": [{"when": "profile.orders > 3", "next": "arms"}],
        "otherwise": "done",
    },
    "arms": {"split": {"a": {"weight": 1, "next": "both"}, "b": {"weight": 3, "next": "done"}}},
    "both": {"fork": ["one", "two"], "join": "together"},
    "one": {"wait": "PT1H", "next": "together"},
    "two": {"wait": "PT2H", "next": "together"},
    "together": {"join": 1, "timeout": "P2D", "otherwise": "end"},
    "again": {"repeat": "pause", "times": 3, "while": "profile.orders == 0"},
    "done": {"end": "bought"},
}
BUNDLE = {
    "playbook.yaml": json.dumps(
        {
            "name": "shop",
            "version": "1",
            "currency": {"code": "EUR"},
            "channels": {"mail": {"outbound": True}},
        }
    ),
    "actions.yaml": json.dumps(
        {
            "actions": {
                "a/b/c": {
                    "value": 1,
                    "purpose": "service",
                    "startingPropensity": 0.1,
                    "treatments": {"mail": {"outbound": True}},
                }
            }
        }
    ),
}


@pytest.fixture(scope="module")
def graph():
    scenario = {
        "description": "All of it.",
        "start": {"on": "Product Added", "when": "event.properties.price > 5.0"},
        "keyedBy": "cart_id",
        "every": "P30D",
        "stop": [{"on": "Order Completed"}],
        "goals": {"well": {"on": "Survey Answered", "goOn": True}},
        "steps": STEPS,
    }
    files = {**BUNDLE, "scenarios.yaml": json.dumps({"scenarios": {"all": scenario}})}
    playbook = compile_bundle(files)
    return graph_of(playbook.scenarios_by_name["all"], playbook)


def test_every_step_says_what_it_does(graph):
    assert {node.id: (node.kind, node.text) for node in graph.nodes if node.title} == {
        "": ("start", "Product Added when event.properties.price > 5.0"),
        "pause": ("time", "wait 30 min"),
        "morning": ("time", "until 09:00 on Mon"),
        "birthday": ("time", "until birthday − 3 d, each year"),
        "still": ("people", "if profile.orders > 0"),
        "remind": ("action", "propose a/b/c by mail, for 1 d"),
        "sorry": ("action", "send a/b/c, for 1 d"),
        "mark": ("action", "set reminded"),
        "case": ("action", "open case"),
        "tell": ("action", "emit Journey Done"),
        "ask": ("action", "call mail, up to 1 min"),
        "listen": ("event", "wait for 2 × X in 1 d or A, then B in 2 h without C, up to 1 d"),
        "choose": ("condition", "the first that holds"),
        "arms": ("split", "one way by chance"),
        "both": ("fork", "2 ways at once"),
        "one": ("time", "wait 1 h"),
        "two": ("time", "wait 2 h"),
        "together": ("join", "wait for 1 of the ways, up to 2 d"),
        "again": ("repeat", "back, up to 3 × while profile.orders == 0"),
        "done": ("end", "bought"),
    }


def test_every_way_is_there_with_its_word_and_those_to_the_end_have_one_each(graph):
    ends = {node.id for node in graph.nodes if node.kind == "end" and not node.title}
    ways = [(e.source, "END" if e.target in ends else e.target, e.label) for e in graph.edges]

    assert len(ends) == sum(target == "END" for _, target, _ in ways) == 6
    assert ways == [
        ("", "pause", ""),
        ("pause", "morning", ""),
        ("morning", "birthday", ""),
        ("birthday", "still", ""),
        ("birthday", "END", "no date"),
        ("still", "remind", "yes"),
        ("still", "END", "no"),
        ("remind", "sorry", ""),  # sent or not
        ("sorry", "mark", "sent"),
        ("sorry", "END", "not sent"),
        ("mark", "case", ""),
        ("case", "tell", ""),
        ("tell", "ask", ""),
        ("ask", "listen", "answer"),
        ("ask", "END", "no answer"),
        ("listen", "choose", "2 × X in 1 d or A, then B in 2 h without C"),
        ("listen", "END", "timeout"),
        ("choose", "arms", "profile.orders > 3"),
        ("choose", "done", "otherwise"),
        ("arms", "both", "a 25 %"),
        ("arms", "done", "b 75 %"),
        ("both", "one", ""),
        ("both", "two", ""),
        ("one", "together", ""),
        ("two", "together", ""),
        ("together", "again", ""),
        ("together", "END", "too few in time"),
        ("again", "pause", "again, up to 3 ×"),
        ("again", "done", "then"),
    ]
    assert [edge.source for edge in graph.edges if edge.back] == ["again"]


def test_what_holds_for_the_whole_is_said_above(graph):
    assert graph.rules == (
        "one for each cart_id",
        "at most every 30 d",
        "stops at Order Completed",
        "goal well: Survey Answered, and goes on",
    )


@pytest.mark.parametrize(
    ("span_ms", "text"),
    [
        (1, "1 ms"),
        (0, "0 ms"),
        (90_000, "1 min 30 s"),
        (36 * HOUR, "1 d 12 h"),
        (14 * 24 * HOUR, "2 wk"),
        (30 * 24 * HOUR, "30 d"),
    ],
)
def test_spans_are_told_in_units_that_they_are_made_of(span_ms, text):
    assert span_text(span_ms) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ((), ""),
        (range(7), ""),
        (range(5), "Mon–Fri"),
        ((5, 6), "Sat, Sun"),
        ((0, 2, 4), "Mon, Wed, Fri"),
    ],
)
def test_weekdays_are_told_as_ranges_where_they_are_some(days, text):
    assert weekdays_text(frozenset(days)) == text


def test_moments_and_signals_are_told_in_words():
    assert moment_text(Clock(minute=545)) == "until 09:05"
    assert moment_text(Window(name="office")) == "until office is open"
    date = Date(path="attributes", key="renewal", days=2, minute=540)
    assert moment_text(date) == "until renewal + 2 d at 09:00"
    assert signal_text("Order Completed") == "Order Completed"
    assert signal_text("entered:gold") == "enters gold"
    assert signal_text("deviation:absence") == "unusual: absence"
    assert signal_text("type:identify") == "identify"
    assert signal_text("launch:spring") == "launch"
