"""Each sentence that docs/policies.md says of consent."""

import pytest

from actors.domain.fold import set_consent
from actors.domain.profile import ConsentState, Profile
from actors.merging.profiles import join_profiles
from actors.policies.consent import consent_refusal, consents_at
from tests.builders import NOW, added, consent, make_state, question, take, wake

EXEMPT = frozenset({"onsite"})
KEY = "email|marketing"


def refusal(profile, purpose="marketing", now=NOW):
    return consent_refusal(consents_at(profile.consents, now), "email", purpose, EXEMPT)


def said(*acts):
    """A profile in which (granted, at) were heard of in this order."""
    profile = Profile()
    for granted, at_ms in acts:
        set_consent(profile, KEY, granted, at_ms, "test")
    return profile


def test_not_known_means_no():
    assert refusal(Profile()) == "unknown: email|marketing"


@pytest.mark.parametrize(
    ("acts", "may"),
    [
        ([(True, 1)], True),
        ([(True, 1), (False, 2)], False),
        ([(False, 2), (True, 1)], False),  # an older yes that arrives late
        ([(True, 1), (False, 2), (True, 1)], False),  # the same yes, sent again
        ([(True, 1), (False, 2), (True, 3)], True),  # a fresh one
        ([(True, 2), (False, 2)], False),
    ],
)
def test_after_a_withdrawal_only_a_fresh_yes_counts(acts, may):
    assert (refusal(said(*acts)) is None) is may


def test_a_grant_that_has_expired_is_as_if_it_had_never_been_given():
    profile = Profile(consents={KEY: ConsentState("granted", 1, "test", NOW)})

    assert refusal(profile, now=NOW - 1) is None
    assert refusal(profile, now=NOW) == "unknown: email|marketing"


def test_a_purpose_that_needs_no_yes_honours_a_no():
    assert refusal(Profile(), "onsite") is None
    profile = Profile(consents={"email|onsite": ConsentState("denied", 1, "test")})
    assert refusal(profile, "onsite") == "denied: email|onsite"


@pytest.mark.parametrize(
    ("mine", "hers", "may"),
    [
        ([(True, 1)], [], True),
        ([(False, 1)], [], False),
        ([(True, 9)], [(False, 1)], False),
        ([(True, 1)], [(True, 2)], True),
    ],
)
def test_in_a_merge_a_denial_goes_first_and_not_known_overrides_nothing(mine, hers, may):
    for one, other in ((mine, hers), (hers, mine)):
        both = join_profiles(said(*one), said(*other), {})
        assert (refusal(both) is None) is may


def test_all_outbound_marketing_needs_a_yes_and_a_banner_does_not():
    stranger, friend = make_state(), make_state()
    take(friend, consent(id="yes"))
    for state in (stranger, friend):
        take(state, added(id="cart"), NOW)

    def reminded(state):
        timer = next(t for t in state.timers if t.kind == "trigger")
        return bool(wake(state, timer, timer.due_at_ms).record.effects)

    assert (reminded(stranger), reminded(friend)) == (False, True)
    assert take(make_state(), question(id="q")).record.effects != []
