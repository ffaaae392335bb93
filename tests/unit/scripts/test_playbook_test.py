"""`righttime playbook test`: what can be given and expected, and what is said when it is not so."""

import json

import pytest

from tests.unit.scripts.trial_books import case, failures, problems, run, small

ADDED = "{event: Added, properties: {cart: c1}}"
REMIND = "{sent: care/basket/remind}"


def test_a_test_passes_when_what_it_expects_happens(tmp_path):
    file = case(ADDED, "{sent: care/basket/remind, channel: email, after: PT30M}", "until: P2D")

    result = run("playbook", "test", small(tmp_path, one=file))

    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["ok one/it", "1 test passed"]


def test_a_test_that_fails_says_what_there_was_instead_and_shows_what_happened(tmp_path):
    file = case(ADDED, "{sent: care/basket/remind, after: PT31M}", "until: PT1H")

    result = run("playbook", "test", small(tmp_path, one=file))

    assert result.exit_code == 1
    assert "righttime: 1 of 1 test failed" in result.stderr
    assert result.stdout.splitlines() == [
        "FAILED one/it",
        "    expected sent 'care/basket/remind', at Mon 2026-03-02 10:31 (after 31 min); "
        "found: care/basket/remind [c1] by email at Mon 2026-03-02 10:30 (after 30 min)",
        "    not expected: care/basket/remind [c1] by email at Mon 2026-03-02 10:30 (after 30 min)",
        "      Mon 2026-03-02 10:00    * identify",
        "                     10:00    * Added {cart: c1}",
        "                              | cart[c1]: starts (Added)",
        "                              | cart[c1]: now at quiet, until Mon 2026-03-02 10:30",
        "                     10:30    * time passes",
        "                              | cart[c1]: passes quiet",
        "                              | cart[c1]: now at remind, until Mon 2026-03-02 12:30",
        "                              | cart[c1]: sent at remind",
        "                              | cart[c1]: now at seen (outcome:click), "
        "until Tue 2026-03-03 10:30",
        "                              > care/basket/remind sent by email: Still there, friend?",
    ]


def test_programs_get_the_failures_with_what_happened(tmp_path):
    file = case(ADDED, "{ended: bought}", "until: P2D\n    exactly: false")

    result = run("playbook", "test", small(tmp_path, one=file), "--json")

    answer = json.loads(result.stdout)
    assert (answer["tests"], answer["passed"]) == (1, [])
    assert answer["failed"][0]["name"] == "one/it"
    assert answer["failed"][0]["failures"] == [
        "expected ended 'bought'; found: forgotten [c1] at Tue 2026-03-03 10:30 (after 1 d 30 min)"
    ]
    assert any("time passes" in line for line in answer["failed"][0]["timeline"])


def test_only_those_whose_name_holds_a_text_are_run(tmp_path):
    folder = small(tmp_path, one=case(ADDED, "{underWay: 1}"), two=case(ADDED, "{underWay: 7}"))

    assert run("playbook", "test", folder, "-k", "one/").exit_code == 0
    assert run("playbook", "test", folder, "-k", "two/").exit_code == 1
    none = run("playbook", "test", folder, "-k", "three/")
    assert none.exit_code == 1
    assert "no test whose name holds 'three/'" in none.stderr


def test_a_playbook_without_tests_is_no_success(tmp_path):
    result = run("playbook", "test", small(tmp_path))

    assert result.exit_code == 1
    assert "there is no test in its folder 'tests'" in result.stderr


# What can be given.


def test_what_a_scenario_sends_beside_what_is_expected_fails_unless_it_may(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert failures(tmp_path / "a", case(ADDED, "{started: Added}", "until: PT1H")) == [
        "not expected: care/basket/remind [c1] by email at Mon 2026-03-02 10:30 (after 30 min)"
    ]
    may = "until: PT1H\n    exactly: false"
    assert failures(tmp_path / "b", case(ADDED, "{started: Added}", may)) == []


def test_what_a_trigger_sends_is_not_the_scenarios(tmp_path):
    given = f"{ADDED}, {{event: Praised, after: PT5M}}"
    expect = f"{REMIND}, {{sent: care/basket/thanks, after: PT5M}}, {{notSent: care/basket/thanks, key: c1}}"

    assert failures(tmp_path, case(given, expect, "until: PT1H")) == []


def test_an_outcome_is_of_what_was_sent_last(tmp_path):
    given = f"{ADDED}, {{outcome: click, after: PT2H, action: care/basket/remind}}"

    expect = f"{REMIND}, {{passed: seen, why: 'outcome:click', after: PT2H}}, {{trait: clicked, is: true}}"
    assert failures(tmp_path, case(given, expect)) == []


def test_an_outcome_of_nothing_is_a_failure(tmp_path):
    given = f"{ADDED}, {{outcome: click, after: PT5M}}"

    assert failures(tmp_path, case(given, "{underWay: 1}")) == [
        "outcome click: nothing was sent before it"
    ]


def test_an_event_may_be_repeated(tmp_path):
    given = "{event: Viewed, every: P1D, times: 3}"
    expect = "{started: Viewed, after: P2D}, {passed: morning, at: '2026-03-05T09:00'}"

    assert failures(tmp_path, case(given, expect, "until: P4D", "thrice")) == []


def test_a_late_event_counts_when_it_happened(tmp_path):
    given = "{event: Viewed, every: P2D, times: 2}, {event: Viewed, after: P3DT1H, happened: P3D}"
    late = "{event: Viewed, every: P2D, times: 2}, {event: Viewed, after: P3DT1H}"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    started = case(given, "{started: Viewed, after: P3DT1H}", scenario="thrice")
    assert failures(tmp_path / "a", started) == []
    not_started = case(late, "{started: Viewed, times: 0}", scenario="thrice")
    assert failures(tmp_path / "b", not_started) == []


def test_a_launch_starts_a_scenario_and_a_webhook_answers(tmp_path):
    expect = (
        "{called: crm, content: {what: score}, after: PT1H}, {passed: ask, after: PT1H10S},"
        " {sent: care/basket/thanks, content: {subject: Thank you 7}}, {ended: end}"
    )
    more = "answers: {crm: {properties: {score: 7}, after: PT10S}}\n    until: P1D"
    file = case("{launch: check, after: PT1H}", expect, more, "check")

    assert failures(tmp_path, file) == []


@pytest.mark.parametrize(
    ("answers", "when"), [("answers: {crm: {fails: true}}", "PT0S"), ("", "PT1M")]
)
def test_a_webhook_that_fails_or_never_answers_takes_the_other_way(tmp_path, answers, when):
    expect = f"{{called: crm, times: 1}}, {{ended: failed, after: {when}}}"
    file = case("{launch: check}", expect, f"until: P1D\n    {answers}", "check")

    assert failures(tmp_path, file) == []


@pytest.mark.parametrize(("arm", "sent"), [("much", 0), ("little", 1)])
def test_the_way_at_a_random_split_can_be_chosen(tmp_path, arm, sent):
    expect = f"{{passed: arms, why: {arm}}}, {{sent: care/basket/thanks, times: {sent}}}"
    file = case("{event: Drawn}", expect, f"customer: {{arms: {{arms: {arm}}}}}", scenario="chance")

    assert failures(tmp_path, file) == []


def test_times_without_a_zone_are_on_the_customers_clock(tmp_path):
    expect = (
        '{sent: care/basket/remind, at: "2026-03-02T10:30"}, {waiting: seen},'
        ' {passed: quiet, at: "2026-03-01T21:30Z"}'
    )
    customer = "customer: {timezone: Pacific/Auckland, consent: {email: true}}\n    until: PT1H"

    assert failures(tmp_path, case(ADDED, expect, customer)) == []


# What can be expected.


@pytest.mark.parametrize(
    "wrong",
    [
        "{sent: care/basket/remind, key: c2}",
        "{sent: care/basket/remind, times: 2}",
        "{sent: care/basket/remind, content: {subject: Hello}}",
        '{sent: care/basket/remind, between: [PT31M, "2026-03-02T11:00"]}',
        "{notSent: care/basket/remind}",
        "{called: crm}",
        "{started: Bought}",
        "{started: Added, scenario: thrice}",
        "{passed: remind}",
        "{passed: quiet, why: timeout}",
        "{refused: remind}",
        "{goal: bought}",
        "{skipped: ignore}",
        "{stopped: Removed}",
        "{ended: end}",
        "{waiting: quiet}",
        "{underWay: 0}",
        "{trait: clicked}",
        "{trait: name, is: Bob}",
        "{trait: times, is: true}",
    ],
)
def test_what_did_not_happen_is_noticed(tmp_path, wrong):
    more = (
        "customer: {traits: {name: Ann, times: 1}, consent: {email: true}}\n"
        "    until: PT1H\n    exactly: false"
    )

    found = failures(tmp_path, case(ADDED, wrong, more))

    assert len(found) == 1
    assert found[0].startswith("expected ")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (ADDED, "{sent: care/basket/remind, times: 1, content: {subject: 'Still there, Ann?'}}"),
        (ADDED, '{sent: care/basket/remind, between: [PT29M, "2026-03-02T10:30"]}'),
        (ADDED, "{notSent: care/basket/remind, key: c2}"),
        (ADDED, "{waiting: seen, key: c1}"),
        (ADDED, "{trait: name}"),
        (f"{ADDED}, {{event: Removed, after: PT5M}}", "{stopped: Removed, key: c1, after: PT5M}"),
        (f"{ADDED}, {{event: Bought, after: PT5M}}", "{ended: bought}"),
        (f"{ADDED}, {{event: Bought, after: PT5M}}", "{goal: bought, times: 1}"),
        (f"{ADDED}, {{event: Bought, after: PT5M}}", "{underWay: 0}"),
        ("{type: identify, consent: {email: false}}, " + ADDED, "{underWay: 1}"),
    ],
)
def test_what_happened_is_found(tmp_path, given, right):
    more = "customer: {traits: {name: Ann}, consent: {email: true}}\n    until: PT1H\n    exactly: false"

    assert failures(tmp_path, case(given, right, more)) == []


def test_a_message_that_is_expected_twice_must_be_sent_twice(tmp_path):
    found = failures(tmp_path, case(ADDED, f"{REMIND}, {REMIND}", "until: PT1H"))

    assert len(found) == 1


# Files that are not as they should be.


@pytest.mark.parametrize(
    ("given", "expect", "text"),
    [
        ("{evnt: Added}", REMIND, "6:14: unknown field 'evnt'"),
        ("{event: Added, type: page}", REMIND, "expected one of event, type, outcome, launch"),
        ("{outcome: clicked}", REMIND, "did you mean 'click'?"),
        ("{type: idetify}", REMIND, "did you mean 'identify'?"),
        ("{event: Added, times: 3}", REMIND, "expected 'every' and 'times' together"),
        ("{event: Added, after: 5}", REMIND, "expected an ISO 8601 duration"),
        ("{launch: cart}", REMIND, "6:22: unknown scenario to launch 'cart'; expected check"),
        ("{outcome: click, channel: web}", REMIND, "'channel' does not go with 'outcome'"),
        (ADDED, "{sent: care/basket/remnd}", "did you mean 'care/basket/remind'?"),
        (ADDED, "{sent: care/basket/remind, channel: mail}", "did you mean 'email'?"),
        (ADDED, "{passed: quit}", "7:23: unknown step 'quit'"),
        (ADDED, "{goal: buy}", "unknown goal 'buy'"),
        (ADDED, "{called: email}", "unknown channel of a call 'email'; expected crm"),
        (ADDED, "{ended: left, scenario: carts}", "did you mean 'cart'?"),
        (ADDED, "{ended: left, channel: email}", "'channel' does not go with 'ended'"),
        ("", REMIND, "tests.it.given: found a list, expected at least one entry"),
        (ADDED, "", "tests.it.expect: found a list, expected at least one entry"),
        (ADDED, "{key: c1}", "expected one of sent, notSent, called"),
        (ADDED, "{sent: care/basket/remind, at: P1D}", "expected a date and time such as"),
        (ADDED, "{underWay: -1}", "expected 0 or more"),
    ],
)
def test_mistakes_in_a_file_are_told_where_they_are(tmp_path, given, expect, text):
    found = problems(tmp_path, case(given, expect))

    assert len(found) == 1
    assert found[0].startswith(("tests/one.yaml:6:", "tests/one.yaml:7:"))
    assert text in found[0]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("customer: {timezone: Mars/Olympus}", "expected a time zone such as America/New_York"),
        ("customer: {arms: {remind: a}}", "unknown split 'remind'"),
        ("answers: {email: {}}", "unknown channel of a call 'email'"),
        ("untill: P1D", "did you mean 'until'?"),
    ],
)
def test_mistakes_around_a_test_are_told_as_well(tmp_path, more, text):
    found = problems(tmp_path, case(ADDED, REMIND, more))

    assert len(found) == 1
    assert found[0].startswith("tests/one.yaml:8:")
    assert text in found[0]


def test_an_arm_that_a_split_does_not_have_is_told_with_the_nearest(tmp_path):
    found = problems(
        tmp_path, case("{event: Drawn}", "{underWay: 0}", "customer: {arms: {arms: mch}}", "chance")
    )

    assert "unknown arm 'mch'" in found[0]
    assert "did you mean 'much'?" in found[0]


def test_the_scenario_of_a_file_must_exist(tmp_path):
    found = problems(tmp_path, case(ADDED, "{underWay: 0}", scenario="crt"))

    assert found == [
        "tests/one.yaml:1:11: unknown scenario 'crt'; expected one of cart, chance, check, thrice; "
        "did you mean 'cart'?"
    ]
