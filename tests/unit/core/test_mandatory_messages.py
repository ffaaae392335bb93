"""Service messages that must be sent do not compete, but obey what keeps everybody silent."""

import pytest

from actors.decisioning.journal import TurnRecord
from actors.decisioning.plan import Standing
from actors.domain.profile import ConsentState
from actors.scenarios.world import Offer
from actors.turn.mandatory import permitted
from actors.turn.under_way import Turn
from tests.builders import HOUR, NOW, POLICIES, THANKS, make_playbook, make_state

SHOP = make_playbook(
    policies=POLICIES
    | {"quiet": [{"from": "00:00", "to": "23:00", "channels": ["app"], "hold": "drop"}]}
)
OFFER = Offer(
    scenario="care",
    instance=1,
    token=2,
    step="say",
    mandatory=True,
    actions=(SHOP.action_index[THANKS],),
    channels=None,
)


def asked(*paused, state=None, playbook=SHOP, at=NOW):
    turn = Turn(state or make_state(), TurnRecord(at_ms=at, received_at_ms=at), paused=paused)
    standing = Standing((), (), "standard")
    ranked, why = permitted(turn, OFFER, [playbook.action(THANKS)], playbook, standing)
    return (ranked.channel, ranked.trigger) if ranked else why


def test_it_goes_by_the_cheapest_channel_on_which_nothing_speaks_against_it():
    assert asked() == ("email", "care:say:1.2")


@pytest.mark.parametrize("switch", ["all", "action:message/care/thanks", "scenario:care"])
def test_what_is_paused_is_not_sent_though_it_must_be(switch):
    assert asked(switch) == f"availability: paused: {switch}"


def test_on_a_paused_channel_nothing_goes_and_on_another_not_while_it_would_be_dropped():
    # NOW is 08:00 UTC, and from midnight to 23:00 messages to the app are dropped.
    assert asked("channel:email").startswith("contact_policy: ")
    assert asked("channel:email", at=NOW + 15 * HOUR + HOUR // 2) == ("app", "care:say:1.2")


def test_an_explicit_no_is_honoured_and_the_next_channel_tried():
    state = make_state()
    state.profile.consents["email|service"] = ConsentState("denied", NOW - 1, "asked")

    assert asked(state=state, at=NOW + 15 * HOUR + HOUR // 2) == ("app", "care:say:1.2")
