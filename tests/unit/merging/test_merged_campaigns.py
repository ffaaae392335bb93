"""A campaign is credited with its redemption whoever the customer has become since."""

from actors.domain.ids import effect_text
from actors.domain.state import CustomerState
from actors.merging import merge
from actors.playbook.identity_model import DEFAULT_RULES
from actors.turn import respond
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    COUPON,
    HOUR,
    NOW,
    SHOP,
    anon,
    make_event,
    make_state,
    response,
    take,
    user,
)
from tests.merging_life import HERS, LOSER, SURVIVOR, Life
from tests.merging_states import REAL_PARTS


def mailed(state, who, campaign="spring", at=NOW):
    """Tell that a campaign was mailed; return the effect that was recorded for it."""
    about = {"campaign_id": campaign}
    event = make_event("Campaign Assigned", who, properties=about, at=at, id=f"{campaign}-{at}")
    (effect,) = take(state, event, at).record.effects
    assert effect.action == COUPON
    return effect


def redeem(state, number, effect):
    """Report the effect, known by the number of whoever it was made for, as redeemed."""
    origin = 0 if number == state.number else number
    key = effect_text(number, effect.seq, effect.n)
    known = state.effect(effect.seq, effect.n, origin)
    return respond(state, response(key, "convert"), known, NOW + HOUR, SHOP)


def test_what_was_mailed_to_the_visitor_is_credited_when_the_customer_redeems_it():
    ann, browser = make_state("ann"), CustomerState(LOSER, 0, identities=[HERS])
    take(ann, make_event("x", user("ann")))
    mailed(ann, user("ann"), "autumn")
    effect = mailed(browser, HERS)

    merge(ann, browser, DEFAULT_RULES, REAL_PARTS)
    ann = unpack_state(pack_state(ann))
    redeem(ann, LOSER, effect)

    campaigns = ann.profile.campaigns
    assert (campaigns["spring"].redeemed, campaigns["autumn"].redeemed) == (1, 0)
    assert campaigns["spring"].last_redeemed_at_ms > 0
    assert ann.profile.redemptions == 1


def test_equal_numbers_of_turns_are_not_mistaken_for_one_another():
    ann, browser = make_state("ann"), CustomerState(LOSER, 0, identities=[HERS])
    hers = mailed(browser, HERS, "hers")
    mine = mailed(ann, user("ann"), "mine")
    assert (mine.seq, mine.n) == (hers.seq, hers.n)

    merge(ann, browser, DEFAULT_RULES, REAL_PARTS)
    redeem(ann, ann.number, mine)

    redeemed = {name: each.redeemed for name, each in ann.profile.campaigns.items()}
    assert redeemed == {"hers": 0, "mine": 1}


def test_a_campaign_of_both_is_credited_for_the_turn_that_assigned_it_last():
    ann, browser = make_state("ann"), CustomerState(LOSER, 0, identities=[HERS])
    first = mailed(ann, user("ann"), at=NOW - HOUR)
    last = mailed(browser, HERS)

    merge(ann, browser, DEFAULT_RULES, REAL_PARTS)
    redeem(ann, LOSER, last)
    redeem(ann, ann.number, first)

    assert ann.profile.campaigns["spring"].redeemed == 1
    assert ann.profile.redemptions == 2


def test_a_campaign_that_goes_back_with_an_unmerge_is_credited_there():
    life = Life()
    effect = mailed(life.one, HERS)
    life.later = []
    life = Life()
    event = make_event("Campaign Assigned", HERS, properties={"campaign_id": "spring"})
    life.event(event)

    undone = life.part()
    redeem(undone.loser, SURVIVOR, effect)

    campaign = undone.loser.profile.campaigns["spring"]
    assert (campaign.origin, campaign.redeemed) == (SURVIVOR, 1)
    assert undone.survivor.profile.campaigns == {}


def test_a_third_merge_keeps_whose_turn_it_was():
    one, two, three = (CustomerState(n, 0, identities=[anon(f"v{n}")]) for n in (1, 2, 3))
    effect = mailed(three, anon("v3"))

    merge(two, three, DEFAULT_RULES, REAL_PARTS)
    merge(one, two, DEFAULT_RULES, REAL_PARTS)
    redeem(one, 3, effect)

    assert one.profile.campaigns["spring"].redeemed == 1
