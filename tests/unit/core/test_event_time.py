import pytest

from actors.domain.events import MAX_FUTURE_MS, EventTime, event_time
from tests.builders import DAY, NOW, SECOND, make_event


def times(**fields):
    return event_time(make_event(**fields), NOW)


def test_an_event_without_a_time_happened_when_it_was_received():
    assert times(at=None) == EventTime(NOW, clamped=False)


def test_the_senders_time_is_taken():
    assert times(at=NOW - DAY) == EventTime(NOW - DAY, clamped=False)


def test_a_wrong_clock_is_corrected_by_when_it_said_it_sent():
    wrong = 40 * DAY

    found = times(at=NOW - wrong, original_at_ms=NOW - wrong - 7 * SECOND, sent_at_ms=NOW - wrong)

    assert found == EventTime(NOW - 7 * SECOND, clamped=False)


def test_an_original_time_alone_is_taken_when_there_is_no_other():
    assert times(at=None, original_at_ms=NOW - 9) == EventTime(NOW - 9, clamped=False)
    assert times(at=NOW - 5, original_at_ms=NOW - 9) == EventTime(NOW - 5, clamped=False)
    assert times(at=None, sent_at_ms=NOW - 9) == EventTime(NOW, clamped=False)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (MAX_FUTURE_MS, EventTime(NOW + MAX_FUTURE_MS, clamped=False)),
        (MAX_FUTURE_MS + 1, EventTime(NOW, clamped=True)),
        (10**15, EventTime(NOW, clamped=True)),
    ],
)
def test_the_future_is_clamped_beyond_five_minutes(ahead, expected):
    assert times(at=NOW + ahead) == expected


def test_a_corrected_time_in_the_future_is_clamped_too():
    found = times(at=None, original_at_ms=NOW + DAY, sent_at_ms=NOW)

    assert found == EventTime(NOW, clamped=True)
