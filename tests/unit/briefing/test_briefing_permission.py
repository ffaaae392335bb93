"""What a purpose may not see never appears in a briefing, in no field and no sentence."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.briefing import brief
from actors.briefing.purposes import TABLE, as_markdown, parts_for
from serve_app.briefings import context_json
from tests.builders import NOW
from tests.unit.briefing.briefing_customers import (
    CHANNELS,
    EXEMPT,
    MATTERS,
    PERSONAL,
    PLAYBOOK,
    PURPOSES,
    a_customer,
    of_purpose,
)

NEVER = ("Trait Secret", "closed-key", "Closed Topic")
ALL = {f"{channel}|{purpose}": "granted" for channel in ("*", *CHANNELS) for purpose in PURPOSES}


def shown_of(consents, purpose, channel):
    """Return everything that a reader gets, as one text."""
    briefing = brief(a_customer(consents), PLAYBOOK, purpose, channel, NOW)
    return json.dumps(context_json(briefing), ensure_ascii=False)


def allowed(consents, purpose, channel):
    """The rule, said once more: a denial wins, then a grant, then whether none is needed."""
    known = {consents.get(f"{where}|{purpose}") for where in (channel, "*")}
    if "denied" in known:
        return False
    return "granted" in known or purpose in EXEMPT


def forbidden(consents, purpose, channel):
    """Return the markers that must not be there."""
    if not allowed(consents, purpose, channel):
        return [*NEVER, *PERSONAL, *MATTERS, *(m for each in PURPOSES for m in of_purpose(each))]
    hidden = [each for each in PURPOSES if not allowed(consents, each, channel)]
    markers = [*NEVER, *(marker for each in hidden for marker in of_purpose(each))]
    if purpose != "service":
        markers += [*MATTERS, *of_purpose("service")]
    return markers


@given(
    st.dictionaries(st.sampled_from(sorted(ALL)), st.sampled_from(["granted", "denied"])),
    st.sampled_from(PURPOSES),
    st.sampled_from(CHANNELS),
)
@example({}, "marketing", "call_center")
@example({}, "service", "call_center")
@example(ALL, "marketing", "email")
@example({"*|service": "denied"}, "service", "call_center")
@example({"email|marketing": "granted", "*|marketing": "denied"}, "marketing", "email")
def test_what_the_purpose_may_not_see_never_appears(consents, purpose, channel):
    text = shown_of(consents, purpose, channel)

    assert [marker for marker in forbidden(consents, purpose, channel) if marker in text] == []


def test_with_every_consent_service_sees_every_marker_that_anybody_may():
    text = shown_of(ALL, "service", "call_center")

    wanted = [*PERSONAL, *MATTERS, *(m for purpose in PURPOSES for m in of_purpose(purpose))]
    assert [marker for marker in wanted if marker not in text] == []


def test_marketing_with_consent_sees_its_own_but_nothing_of_the_open_case_save_that_it_is():
    briefing = brief(a_customer(ALL), PLAYBOOK, "marketing", "email", NOW)

    assert [each.kind for each in briefing.threads if each.kind != "offer"] == ["cart"]
    assert "open_case" in [each.reason for each in briefing.avoid]
    assert {each.action for each in briefing.offers} >= {"issue/marketing_group/marketing_open"}


@pytest.mark.parametrize("status", [None, "denied"])
def test_without_permission_there_is_nothing_but_the_reason(status):
    consents = {} if status is None else {"email|marketing": status}

    value = context_json(brief(a_customer(consents), PLAYBOOK, "marketing", "email", NOW))

    reason = f"{status or 'unknown'}: email|marketing"
    assert (value["permitted"], value["refusal"]) == (False, reason)
    facts = {"customerId", "seq", "at", "purpose", "channel", "permitted", "refusal", "narrative"}
    held = {key for key, each in value.items() if each and key not in facts}
    assert held == {"avoid"}
    assert [(each["reason"], each["about"]) for each in value["avoid"]] == [
        ("no_consent", "marketing")
    ]


def test_service_is_told_for_which_purposes_nothing_may_be_said_here():
    briefing = brief(a_customer(), PLAYBOOK, "service", "call_center", NOW)

    missing = [each.about for each in briefing.avoid if each.reason == "no_consent"]
    assert missing == ["marketing", "research"]


def test_an_action_that_the_playbook_no_longer_has_is_not_shown():
    state = a_customer(ALL)
    for effect in state.effects:
        effect.action = "gone/gone/gone"

    assert brief(state, PLAYBOOK, "service", "web", NOW).offers == []


def test_the_table_of_parts_says_what_each_purpose_gets():
    service = {part.name for part in TABLE if part.service}

    assert parts_for("service", permitted=True) == service
    assert parts_for("marketing", permitted=True) == service - {"meaning", "matters"}
    assert parts_for("anything", permitted=False) == frozenset()


def test_the_documentation_has_the_table_as_the_code_has_it(request):
    text = (request.config.rootpath / "docs" / "conversation.md").read_text()

    assert as_markdown() in text
