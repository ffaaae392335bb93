"""`righttime playbook try`: what happened to one customer, and why not."""

import json

import pytest

from tests.unit.scripts.trial_books import run, small

CONSENT = {"consent": {"categoryPreferences": {"email": True}}}


def line(event: str, at: str, **more: object) -> dict[str, object]:
    """Return a line of a file of events; `at` is a time on 2 March 2026, in UTC."""
    first = {"type": "track", "userId": "ann", "event": event, "timestamp": f"2026-03-02T{at}Z"}
    return {**first, "context": CONSENT, **more}


def tried(folder, scenario: str, *lines: object, more: tuple[str, ...] = ()):
    """Run `try` on the small playbook with a file of these lines."""
    file = folder / "events.jsonl"
    file.write_text(
        "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
    )
    book = small(folder)
    return run("playbook", "try", scenario, "--events", str(file), "--playbook", book, *more)


def test_it_shows_what_happened_when_and_why(tmp_path):
    added = line("Added", "09:00:00", properties={"cart": "c1", "price": 12.5})

    result = tried(tmp_path, "cart", added, more=("--until", "P2D"))

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Mon 2026-03-02 10:00    * Added {cart: c1, price: 12.5}",
        "                        | cart[c1]: starts (Added)",
        "                        | cart[c1]: now at quiet, until Mon 2026-03-02 10:30",
        "               10:30    * time passes",
        "                        | cart[c1]: passes quiet",
        "                        | cart[c1]: now at remind, until Mon 2026-03-02 12:30",
        "                        | cart[c1]: sent at remind",
        "                        | cart[c1]: now at seen (outcome:click), until Tue 2026-03-03 10:30",
        "                        > care/basket/remind sent by email: Still there, friend?",
        "Tue 2026-03-03 10:30    * time passes",
        "                        | cart[c1]: passes seen (timeout)",
        "                        | cart[c1]: passes forgotten (forgotten)",
        "                        | cart[c1]: ends (forgotten)",
    ]


def test_it_says_why_nothing_was_sent_and_who_is_still_under_way(tmp_path):
    added = line("Added", "09:00:00", properties={"cart": "c1"}, context={})

    result = tried(tmp_path, "cart", added, more=("--until", "PT1H"))

    assert "cart[c1]: refused at remind (consent: unknown: email|marketing)" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last == "still under way: cart[c1] at remind, until Mon 2026-03-02 12:30"


def test_it_says_what_a_scenario_waits_for_that_did_not_start(tmp_path):
    result = tried(tmp_path, "thrice", line("Viewed", "09:00:00"), line("Viewed", "09:01:00"))

    assert result.stdout.splitlines()[-1] == (
        "thrice did not start. It starts on: 3 × Viewed in 3 d"
    )


def test_a_zone_that_does_not_exist_is_that_of_the_playbook(tmp_path):
    added = line("Added", "09:00:00", properties={"cart": "c1"}, context={"timezone": "Mars/Base"})

    result = tried(tmp_path, "cart", added)

    assert result.exit_code == 0
    assert result.stdout.startswith("Mon 2026-03-02 10:00    * Added")


def test_other_scenarios_are_left_out_unless_all_are_asked_for(tmp_path):
    lines = [line("Added", "09:00:00", properties={"cart": "c1"}), line("Drawn", "09:10:00")]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    one = tried(tmp_path / "a", "chance", *lines).stdout
    every = tried(tmp_path / "b", "-", *lines).stdout

    assert "chance: starts (Drawn)" in one
    assert "cart[c1]" not in one
    assert "care/basket/remind sent by email" in one
    assert "chance: starts (Drawn)" in every
    assert "cart[c1]: starts (Added)" in every


def test_an_event_is_heard_when_it_was_received(tmp_path):
    late = {"receivedAt": "2026-03-02T10:40:00Z"}
    lines = [
        line("Viewed", "09:00:00"),
        line("Viewed", "09:20:00", **late),
        line("Viewed", "10:30:00"),
    ]

    result = tried(tmp_path, "thrice", *lines)

    shown = [text for text in result.stdout.splitlines() if "*" in text]
    assert shown[1:3] == [
        "               11:30    * Viewed",
        "               11:40    * Viewed (happened 1 h 20 min ago)",
    ]
    assert "thrice: starts (Viewed)" in result.stdout


def test_an_outcome_is_of_what_was_sent_last(tmp_path):
    click = {"outcome": "click", "timestamp": "2026-03-02T11:00:00Z"}

    result = tried(tmp_path, "cart", click, line("Added", "09:00:00", properties={"cart": "c1"}))

    assert "* outcome: click" in result.stdout
    assert "cart[c1]: passes seen (outcome:click)" in result.stdout


def test_an_outcome_of_nothing_is_said_to_be_one(tmp_path):
    click = {"outcome": "click", "timestamp": "2026-03-02T09:01:00Z"}

    result = tried(tmp_path, "cart", line("Added", "09:00:00"), click, more=("--json",))

    assert json.loads(result.stdout)["notTaken"] == ["outcome click: nothing was sent before it"]


def test_a_webhook_answers_what_it_is_told_to(tmp_path):
    scenarios = "scenarios:\n  ask:\n    start: {on: Asked}\n    steps:\n"
    scenarios += "      ask: {call: crm, timeout: PT1M, keep: {score: score}, otherwise: failed}\n"
    scenarios += "      told: {send: care/basket/thanks, channels: [email], next: end}\n"
    scenarios += "      failed: {end: failed}\n"
    book, file = small(tmp_path), tmp_path / "events.jsonl"
    (tmp_path / "scenarios.yaml").write_text(scenarios)
    file.write_text(json.dumps(line("Asked", "09:00:00")))
    command = ("playbook", "try", "ask", "--events", str(file), "--playbook", book)

    answered = run(*command, "--answer", 'crm={"score": 7}').stdout
    silent = run(*command).stdout

    assert "> crm is called" in answered
    assert "* the webhook answers {score: 7}" in answered
    assert "care/basket/thanks sent by email: Thank you 7" in answered
    assert "ask: passes ask (timeout)" in silent


def test_programs_get_what_was_sent_and_who_is_under_way(tmp_path):
    added = line("Added", "09:00:00", properties={"cart": "c1"})

    result = tried(tmp_path, "cart", added, more=("--until", "PT1H", "--json"))

    answer = json.loads(result.stdout)
    assert answer["sent"] == [
        {
            "action": "care/basket/remind",
            "channel": "email",
            "atMs": 1_772_443_800_000,
            "scenario": "cart",
            "key": "c1",
            "content": {"subject": "Still there, friend?"},
        }
    ]
    assert answer["underWay"] == [{"scenario": "cart", "key": "c1", "at": ["seen"]}]
    assert answer["notTaken"] == []
    assert len(answer["timeline"]) == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "events.jsonl:1: is no JSON"),
        ("[]", "events.jsonl:1: expected an object"),
        ('{"type": "track", "userId": "a", "event": "X"}', "events.jsonl:1: has no timestamp"),
        ('{"type": "track", "userId": 5}', "events.jsonl:1: userId"),
        ('{"type": "track", "event": "X"}', "events.jsonl:1: "),
        ('{"outcome": "clicked"}', "did you mean 'click'?"),
        ('{"outcome": "click"}', "events.jsonl:1: has no timestamp"),
        ("", "events.jsonl holds no event"),
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path, text, said):
    result = tried(tmp_path, "cart", text)

    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("scenario", "more", "said"),
    [
        ("crt", (), "the playbook has no scenario 'crt'; expected one of cart, chance"),
        ("cart", ("--until", "soon"), "--until: expected an ISO 8601 duration"),
        ("cart", ("--answer", "crm"), "--answer: found 'crm', expected CHANNEL=JSON"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, scenario, more, said):
    result = tried(tmp_path, scenario, line("Added", "09:00:00"), more=more)

    assert result.exit_code == 1
    assert said in result.stderr
