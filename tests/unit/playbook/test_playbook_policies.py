"""What `policies.yaml` and the tiers may say, and what is wrong with it, at its place."""

import pytest

from actors.domain.errors import PlaybookError
from actors.playbook.durations import format_duration, parse_duration_ms
from actors.playbook.loader import compile_bundle
from actors.playbook.policy_model import Holidays, Quiet, Reach, Suppress
from tests.builders import DAY, HOUR
from tests.unit.playbook.playbook_bundles import changed, problems_of, small_bundle

POLICIES = """
caps:
  daily: {limit: 1, window: day, channels: [email]}
  weekly: {limit: 2, window: P7D}
zones: [Europe/Berlin]
quiet:
  - {from: "22:00", to: "08:00", weekdays: [fri, sat], exempt: [service]}
  - {from: "12:00", to: "12:30", channels: [email], purposes: [marketing], hold: drop}
holidays:
  - {country: us, subdivision: ny, purposes: [marketing]}
suppress:
  - {after: reject, scope: group, for: P30D}
  - {after: complaint, scope: purpose, purposes: [marketing], topics: [damage], for: P14D}
"""


def bundle_with(policies):
    return small_bundle() | {"policies.yaml": policies}


def compiled(policies):
    return compile_bundle(bundle_with(policies))


def test_policies_are_compiled_as_they_are_written():
    book = compiled(POLICIES)
    policies = book.policies

    daily, weekly = book.caps
    assert (daily.unit, daily.window_ms) == ("day", DAY + 2 * HOUR)
    assert (weekly.unit, weekly.window_ms) == ("", 7 * DAY)
    assert (policies.calendar, policies.longest_ms) == (True, 7 * DAY)
    assert "Europe/Berlin" in policies.zones
    assert book.timezone in policies.zones
    assert policies.quiet == (
        Quiet(
            name="22:00-08:00",
            begins=22 * 60,
            ends=8 * 60,
            weekdays=frozenset({4, 5}),
            reach=Reach(exempt=frozenset({"service"})),
        ),
        Quiet(
            name="12:00-12:30",
            begins=720,
            ends=750,
            weekdays=frozenset(),
            reach=Reach(channels=frozenset({"email"}), purposes=frozenset({"marketing"})),
            drop=True,
        ),
    )
    assert policies.holidays == (
        Holidays(country="US", subdivision="NY", reach=Reach(purposes=frozenset({"marketing"}))),
    )
    assert policies.suppress == (
        Suppress(after="reject", scope="group", for_ms=30 * DAY),
        Suppress(
            after="complaint",
            scope="purpose",
            for_ms=14 * DAY,
            purposes=frozenset({"marketing"}),
            topics=frozenset({"damage"}),
        ),
    )


@pytest.mark.parametrize(
    ("policies", "problem"),
    [
        (
            "caps: {a: {limit: 1, window: year}}",
            "1:30: caps.a.window: found 'year', expected an ISO",
        ),
        ("caps: {a: {limit: 1, window: 7}}", "PT12H, P7D or P4W, or one of day, week, month"),
        ("caps: {a: {limit: 33, window: day}, b: {limit: 2, window: P3D}}", "the caps allow up to"),
        (
            'quiet: [{from: "22", to: "08:00"}]',
            "1:16: quiet.0.from: found '22', expected a time of",
        ),
        ('quiet: [{from: "22:00", to: "08:00", channels: [emial]}]', "did you mean 'email'?"),
        ('quiet: [{from: "22:00", to: "08:00", exempt: [servce]}]', "did you mean 'service'?"),
        ('quiet: [{from: "22:00", to: "08:00", hold: dorp}]', "did you mean 'drop'?"),
        ('quiet: [{from: "22:00", to: "08:00", weekday: [mon]}]', "did you mean 'weekdays'?"),
        ('quiet: [{to: "08:00"}]', "missing field 'from', expected by 'quiet.0'"),
        ("zones: [Europe/Berln]", "did you mean 'Europe/Berlin'?"),
        ("holidays: [{country: Germany}]", "1:22: unknown country 'Germany', expected a code"),
        ("holidays: [{country: DE, subdivision: NY}]", "1:39: unknown subdivision 'NY' of DE"),
        ("suppress: [{after: rejected, scope: all, for: P7D}]", "did you mean 'reject'?"),
        ("suppress: [{after: reject, scope: actoin, for: P7D}]", "did you mean 'action'?"),
        ("suppress: [{after: purchase, scope: group, for: P7D}]", "a purchase is about no group"),
        ("suppress: [{after: purchase, scope: purpose, for: P7D}]", "expected 'purposes'"),
        ("suppress: [{after: reject, scope: all, topics: [x], for: P7D}]", "'topics' are those of"),
        (
            "suppress: [{after: reject, scope: all}]",
            "missing field 'for', expected by 'suppress.0'",
        ),
        (
            "suppress: [{after: reject, scope: all, purposes: [marketng], for: P7D}]",
            "did you mean 'marketing'?",
        ),
    ],
)
def test_mistakes_are_told_with_their_place_and_what_was_meant(policies, problem):
    found = problems_of(bundle_with(policies))

    assert len(found) == 1 or "caps allow" in problem
    assert any(problem in each for each in found), found


def test_days_of_a_month_have_to_fit_into_what_a_profile_remembers():
    caps = "caps: {a: {limit: 3, window: day}, b: {limit: 1, window: month, channels: [email]}}"

    (found,) = problems_of(bundle_with(caps))

    assert found.startswith("policies.yaml:1:")
    assert "the caps allow up to" in found
    assert "expected at most the 64 that a profile remembers" in found


def test_tiers_say_what_service_their_customers_get():
    loyal = "serviceLevel: priority, channels: [email], routing: 2, replyWithin: PT2H}"
    book = compile_bundle(changed("playbook.yaml", "serviceLevel: priority}", loyal))

    level, other = book.level("loyal"), book.level("guest")

    assert (level.channels, level.routing) == (frozenset({"email"}), 2)
    assert level.reply_within_ms == 2 * HOUR
    assert (other.segment, other.service_level) == ("guest", "standard")
    assert (other.channels, other.routing, other.reply_within_ms) == (None, None, 0)
    assert book.level("anything else") is other


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        ("channels: [web]", "unknown channel that can be written to 'web'; expected email"),
        ("routing: 3", "expected 2 or less"),
        ("replyWithin: 2h", "expected an ISO 8601 duration"),
    ],
)
def test_mistakes_in_service_levels_are_told(level, problem):
    wrong = changed(
        "playbook.yaml", "serviceLevel: standard}", f"serviceLevel: standard, {level}}}"
    )

    (found,) = problems_of(wrong)

    assert problem in found


@pytest.mark.parametrize("text", ["PT30M", "P2D", "P1DT2H3M4S", "PT45S"])
def test_a_duration_is_written_as_it_is_read(text):
    assert format_duration(parse_duration_ms(text)) == text


def test_without_policies_nothing_is_quiet_and_no_cap_counts():
    book = compiled("{}")

    assert (book.policies.quiet, book.policies.holidays, book.policies.suppress) == ((), (), ())
    assert book.policies.longest_ms == 0
    with pytest.raises(PlaybookError):
        compiled("caps: [")
