import pytest

from actors.domain.fold import set_consent
from actors.domain.profile import Profile
from actors.policies.consent import consent_refusal

FREE = frozenset({"service"})


@pytest.mark.parametrize(
    ("consents", "purpose", "allowed"),
    [
        ({}, "marketing", False),
        ({}, "service", True),
        ({"email|marketing": "granted"}, "marketing", True),
        ({"email|marketing": "granted"}, "survey", False),
        ({"email|marketing": "denied"}, "marketing", False),
        ({"email|service": "denied"}, "service", False),
        ({"app|marketing": "granted"}, "marketing", False),
        ({"*|marketing": "granted"}, "marketing", True),
        ({"*|marketing": "denied"}, "marketing", False),
        ({"*|service": "denied"}, "service", False),
        ({"*|marketing": "granted", "email|marketing": "denied"}, "marketing", False),
        ({"email|marketing": ""}, "marketing", False),
        ({"email|marketing": "Granted"}, "marketing", False),
        ({"EMAIL|marketing": "granted"}, "marketing", False),
    ],
)
def test_nothing_is_said_without_a_yes_that_fits(consents, purpose, allowed):
    assert (consent_refusal(consents, "email", purpose, FREE) is None) is allowed


def test_a_refusal_tells_a_no_from_silence():
    assert consent_refusal({}, "email", "marketing", FREE) == "unknown: email|marketing"
    denied = consent_refusal({"email|marketing": "denied"}, "email", "marketing", FREE)
    assert denied == "denied: email|marketing"


def acts(*list_of):
    profile = Profile()
    for category, granted, at_ms in list_of:
        set_consent(profile, category, granted, at_ms, "web")
    return {key: consent.status for key, consent in profile.consents.items()}


def test_the_latest_act_wins_whatever_the_order_of_arrival():
    assert acts(("email", True, 1), ("email", False, 2)) == {"email|marketing": "denied"}
    assert acts(("email", False, 2), ("email", True, 1)) == {"email|marketing": "denied"}
    assert acts(("email", False, 1), ("email", True, 2)) == {"email|marketing": "granted"}
    assert acts(("email", True, 2), ("email", False, 1)) == {"email|marketing": "granted"}


def test_of_two_acts_at_one_instant_the_denial_wins():
    assert acts(("email", True, 1), ("email", False, 1)) == {"email|marketing": "denied"}
    assert acts(("email", False, 1), ("email", True, 1)) == {"email|marketing": "denied"}


def test_purposes_are_kept_apart():
    found = acts(("email|service", False, 1), ("email", True, 1), ("*", True, 1))

    assert found == {
        "email|service": "denied",
        "email|marketing": "granted",
        "*|marketing": "granted",
    }


def test_consents_are_bounded_and_what_does_not_fit_stays_unknown():
    found = acts(*[(f"channel{i}", True, 1) for i in range(100)])

    assert len(found) == 32
    assert consent_refusal(found, "channel99", "marketing", FREE) is not None


def test_a_known_consent_changes_even_when_the_bound_is_reached():
    profile = Profile()
    for i in range(100):
        set_consent(profile, f"channel{i}", True, 1, "web")

    set_consent(profile, "channel0", False, 2, "web")

    assert profile.consents["channel0|marketing"].status == "denied"
