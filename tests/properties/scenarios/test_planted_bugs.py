"""The comparison can fail: a bug in any kind of element, and in what is around them, is found."""

import pytest

from tests.properties.scenarios.planting import Bug, found_after, plant

WALKING, LISTENING = "actors.scenarios.walking", "actors.scenarios.listening"
FORKING, WAITING = "actors.scenarios.forking", "actors.scenarios.waiting"
MATCHING, ENDING = "actors.scenarios.matching", "actors.scenarios.ending"
STARTING, HEARING = "actors.scenarios.starting", "actors.scenarios.hearing"
OFFERING, MOVING = "actors.scenarios.offering", "actors.scenarios.moving"
MERGING, WIRE = "actors.scenarios.merging", "actors.wire.journeys"

ELEMENTS = (
    Bug("wait from now", WALKING, "_wait", "walk.at_ms + step", "walk.run.now_ms + step"),
    Bug("clock from now", WALKING, "_wait_until", "walk.at_ms,", "walk.run.now_ms,"),
    Bug("waits for keys twice", WALKING, "_listen", "dict.fromkeys(", "list("),
    Bug("clock of London", WALKING, "_wait_until", "world.zone(scenario)", "'Europe/London'"),
    Bug("no date is a date", WALKING, "_wait_until", "step.otherwise", "step.next"),
    Bug("listen without lateness", WALKING, "_listen", "scenario.lateness_ms", "0"),
    Bug(
        "last case first",
        LISTENING,
        "case_of",
        "enumerate(step.cases)",
        "[*enumerate(step.cases)][::-1]",
    ),
    Bug("listens before it is there", LISTENING, "case_of", "at_ms < token.since_ms", "False"),
    Bug("hears after the timeout", LISTENING, "case_of", "at_ms > token.due_ms", "False"),
    Bug("count of n + 1", MATCHING, "advance", "< pattern.count", "<= pattern.count"),
    Bug("count at the limit", MATCHING, "advance", "each >= earliest_ms", "each > earliest_ms"),
    Bug("sequence without without", MATCHING, "_follow", "any(counts", "False and any(counts"),
    Bug("sequence too late", MATCHING, "_follow", "if within_ms and", "if False and"),
    Bug("filter lets all pass", WALKING, "_filter", "step.otherwise", "step.next"),
    Bug("branch takes the last", WALKING, "_branch", "in step.cases", "in step.cases[::-1]"),
    Bug("split by number only", WALKING, "arm_of", "/{step.name}", ""),
    Bug("fork backwards", WALKING, "_fork", "reversed(ways)", "ways"),
    Bug("fork without limit", WALKING, "_fork", "not has_room(instance, step)", "False"),
    Bug("join needs one more", WALKING, "_join", ">= step.need", "> step.need"),
    Bug("join leaves the others", FORKING, "close", "each is survivor or", "True or"),
    Bug("join never times out", FORKING, "fork", "if join.timeout_ms", "if False"),
    Bug("repeat once more", WALKING, "_repeat", "count < step.times", "count <= step.times"),
    Bug("repeat remembers", WALKING, "_repeat", "rounds.pop(step.name, None)", "pass"),
    Bug("offer from now", WALKING, "_propose", "walk.at_ms +", "walk.run.now_ms +"),
    Bug("offer goes on as sent", WAITING, "_go_on_late", "step.not_sent", "step.next"),
    Bug("offers tried at once", OFFERING, "offers", "token.try_ms <= now_ms", "True"),
    Bug("sent without consent", OFFERING, "take_refused", "step.not_sent", "step.next"),
    Bug("set comes too late", WALKING, "_update", "world.take(traits, walk.at_ms)", "pass"),
    Bug("all threads open", WALKING, "_thread", "step.opens", "True"),
    Bug("emitted now", WALKING, "_emit", "walk.at_ms)", "walk.run.now_ms)"),
    Bug("answer keeps failures", OFFERING, "take_answer", "if ok:", "if True:"),
    Bug("answer after its time", OFFERING, "take_answer", "at_ms > token.due_ms", "False"),
    Bug("end without a word", WALKING, "_end", "walk.label = step.label", "pass"),
)
"""Bugs in the steps themselves."""

AROUND = (
    Bug("every key is the key", MATCHING, "matches", "text != instance.key", "False"),
    Bug("stop before the start", ENDING, "ended_by", "at_ms < instance.started_ms", "False"),
    Bug("goal met twice", ENDING, "ended_by", "instance.met.append(goal.name)", "pass"),
    Bug("nothing is withdrawn", ENDING, "cut_short", "withdraw(instance, run.progress)", "pass"),
    Bug("every is ignored", STARTING, "_admitted", "if scenario.every_ms and", "if False and"),
    Bug(
        "restart by the past", STARTING, "_admitted", "if at_ms < max(", "if False and at_ms < max("
    ),
    Bug("queue by its signal", STARTING, "release", "max(at_ms, ended[0])", "at_ms"),
    Bug("segments are ignored", STARTING, "start", "in begins.segments", "in ()"),
    Bug("starts from now", STARTING, "start", "signal.at_ms, data", "run.now_ms, data"),
    Bug("nothing from before", STARTING, "_begin", "if over(", "if False and over("),
    Bug("no signal is kept", LISTENING, "keep_signal", "signal.key not in index.kept", "True"),
    Bug(
        "what is kept loses what is asked for",
        LISTENING,
        "keep_signal",
        "some_of(signal.properties, index.asked)",
        "{}",
    ),
    Bug("scopes after tokens", WAITING, "_due", "scope.due_ms, 0,", "scope.due_ms, 2,"),
    Bug("timers by id", WAITING, "fire", "each[:3]", "each[1:3]"),
    Bug("a timer not set", HEARING, "close", "next_wait(instance)", "0"),
    Bug("moves lose the kind", MOVING, "_is_alike", "type(before) is type(step)", "True"),
    Bug("moves in a fork", MOVING, "_targets", "instance.scopes", "False"),
    Bug("lost in the store", WIRE, "_token", "token.try_ms", "0"),
    Bug("merging keeps all", MERGING, "_allowed", "live < (", "True or live < ("),
)
"""Bugs in what is around them: starts, ends, keys, timers, versions, the store, merging."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", [*ELEMENTS, *AROUND], ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug, monkeypatch):
    plant(bug, monkeypatch)

    assert found_after(1000) is not None


@pytest.mark.parametrize("bug", [*ELEMENTS, *AROUND], ids=lambda bug: bug.name)
def test_a_bug_can_still_be_planted_where_its_function_says(bug, monkeypatch):
    plant(bug, monkeypatch)
