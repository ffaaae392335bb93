import pytest

from actors.playbook.loader import compile_bundle, library
from actors.playbook.retention_model import DEDUPE_MS, KEEP_ALL, Retention, day_after
from tests.unit.playbook.playbook_bundles import POLICIES, changed, problems_of, small_bundle

DAY = 86_400_000
RETENTION = """\
retention:
  journal: {event: P400D, decide: P90D, outcome: P400D, wake: P60D, command: P10D}
  outbox: {sent: P30D, parked: P31D, cancelled: P7D, expired: P2D}
  dedupe: P10D
  traits: {income: P180D, "*": P730D}
  conversation: P90D
  segments: P400D
"""


def with_retention(text):
    return small_bundle() | {"policies.yaml": POLICIES + text}


def test_every_kind_of_thing_has_its_age():
    retention = compile_bundle(with_retention(RETENTION)).retention

    assert retention == Retention(
        journal_ms={
            "event": 400 * DAY,
            "decide": 90 * DAY,
            "outcome": 400 * DAY,
            "wake": 60 * DAY,
            "command": 10 * DAY,
        },
        outbox_ms={
            "sent": 30 * DAY,
            "parked": 31 * DAY,
            "cancelled": 7 * DAY,
            "expired": 2 * DAY,
        },
        dedupe_ms=10 * DAY,
        traits_ms={"income": 180 * DAY, "*": 730 * DAY},
        conversation_ms=90 * DAY,
        segments_ms=400 * DAY,
    )
    assert (retention.trait_ms("income"), retention.trait_ms("city")) == (180 * DAY, 730 * DAY)
    assert retention.touches_state


@pytest.mark.parametrize("bundle", [small_bundle(), library("retail")])
def test_a_playbook_that_says_nothing_keeps_everything_but_message_ids(bundle):
    retention = compile_bundle(bundle).retention

    assert retention == KEEP_ALL == Retention(dedupe_ms=DEDUPE_MS)
    assert not retention.touches_state
    assert retention.trait_ms("income") == 0


# (what is replaced, by what, where the problem is, words that its text holds)
WRONG = [
    ("dedupe: P10D", "dedupe: P6D", "9:11", "6 days for message ids, expected P7D or more"),
    (
        "command: P10D",
        "command: P9D",
        "7:78",
        "9 days for 'command', expected at least the 10 days",
    ),
    ("dedupe: P10D", "dedupe: P61D", "7:63", "60 days for 'wake', expected at least the 61 days"),
    ("expired: P2D", "expired: PT47H", "8:63", "expected P2D or more"),
    ("segments: P400D", "segments: P30D", "12:13", "30 days of history, expected P31D or more"),
    ("conversation: P90D", "conversation: 90", "11:17", "ISO 8601 duration"),
    ("income: P180D", "income: P1Y", "10:20", "ISO 8601 duration"),
    ("wake: P60D", "merge: P60D", "7:57", "unknown field 'merge'; expected one of command"),
    ("sent: P30D", "pending: P30D", "8:12", "unknown field 'pending'"),
    ("conversation: P90D", "conversations: P90D", "11:3", "did you mean 'conversation'?"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), WRONG)
def test_an_age_that_breaks_a_promise_is_told_where_it_stands(old, new, place, words):
    assert old in RETENTION
    problems = problems_of(with_retention(RETENTION.replace(old, new, 1)))

    assert [p for p in problems if p.startswith(f"policies.yaml:{place}: ") and words in p], (
        problems
    )


def test_a_journal_that_is_kept_as_long_as_message_ids_is_accepted():
    bundle = with_retention("retention: {journal: {event: P7D}, dedupe: P7D}\n")

    assert problems_of(bundle) == ()


def test_the_first_day_after_an_instant_is_never_before_it():
    assert [day_after(at_ms) for at_ms in (0, 1, DAY, DAY + 1)] == [0, DAY, DAY, 2 * DAY]


def test_costs_that_are_stated_replace_the_standard_ones():
    text = "economics: {margin: 0.4, contactCosts: {telephone: 20, web: 0.5}}\nchannels:"

    economics = compile_bundle(changed("playbook.yaml", "channels:", text)).economics

    assert economics.margin == 0.4
    assert economics.contact_costs["telephone"] == 20.0
    assert economics.contact_costs["web"] == 0.5
    assert economics.contact_costs["chat"] == 7.8


def test_costs_that_are_not_stated_are_the_standard_ones():
    economics = compile_bundle(small_bundle()).economics

    assert economics.margin == 0.25
    assert economics.contact_costs == {
        "telephone": 33.0,
        "email": 9.99,
        "chat": 7.80,
        "message_board": 4.57,
        "self_service": 1.17,
    }


@pytest.mark.parametrize(
    ("economics", "place", "words"),
    [
        ("{margin: 1.5}", "5:21", "expected 1 or less"),
        ("{margin: true}", "5:21", "expected a number"),
        ("{contactCosts: {telefone: 2}}", "5:28", "did you mean 'telephone'?"),
        ("{contactCosts: {chat: -2}}", "5:34", "expected 0 or more"),
        ("{margins: 0.5}", "5:13", "did you mean 'margin'?"),
    ],
)
def test_costs_that_cannot_be_are_told_where_they_stand(economics, place, words):
    bundle = changed("playbook.yaml", "channels:", f"economics: {economics}\nchannels:")

    problems = problems_of(bundle)

    assert [p for p in problems if p.startswith(f"playbook.yaml:{place}: ") and words in p], (
        problems
    )
