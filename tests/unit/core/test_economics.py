import pytest

from actors.domain.economics import (
    CONTACT_COSTS,
    Economics,
    contact_cost_minor,
    cost_to_serve_minor,
    economics_of,
    profit_and_loss,
)
from actors.domain.histories import Ledger, Outreach
from actors.domain.profile import ChannelUse, Profile, Purchases


def served(**contacts):
    return Profile(channels={name: ChannelUse(contacts=n) for name, n in contacts.items()})


@pytest.mark.parametrize(
    ("channel", "minor"),
    [
        ("call_center", 3300),
        ("telephone", 3300),
        ("email", 999),
        ("chat", 780),
        ("forum", 457),
        ("web", 117),
        ("app", 117),
        ("store", 0),
    ],
)
def test_a_handled_contact_costs_what_its_way_costs(channel, minor):
    assert contact_cost_minor(channel, ChannelUse(contacts=1), 100.0) == minor


def test_stated_costs_stand_before_the_table_and_the_playbooks_before_ours():
    use = ChannelUse(contacts=3, costed=1, contact_cost_minor=50)

    assert contact_cost_minor("chat", use, 100.0) == 50 + 2 * 780
    cheap_chat = economics_of(0.5, {"chat": 1.0})
    assert contact_cost_minor("chat", use, 100.0, cheap_chat) == 250
    assert cheap_chat.contact_costs["telephone"] == CONTACT_COSTS["telephone"]
    by_channel = Economics(0.5, {"web": 5.0, "self_service": 9.0})
    assert contact_cost_minor("web", use, 1.0, by_channel) == 60


def test_the_cost_to_serve_is_over_all_channels():
    assert cost_to_serve_minor(served(call_center=2, web=10, store=4), 100.0) == 6600 + 1170


def test_profit_is_what_is_left_after_goods_messages_and_service():
    profile = served(chat=1)
    profile.purchases = Purchases(orders=3, spend_minor=9_000)
    profile.ledger = Ledger(
        refunded_minor=1_000, discount_minor=500, goods_minor=1_500, goods_known_minor=2_000
    )
    profile.outreach = {"email": Outreach(3, 600_400), "app": Outreach(1, 600)}

    account = profit_and_loss(profile, 100.0, economics_of(0.3, {}))

    assert (account.revenue_minor, account.discounts_minor) == (10_000, 500)
    assert (account.refunds_minor, account.net_minor) == (1_000, 9_000)
    assert account.goods_minor == 1_500 + 4_900
    assert (account.sends_minor, account.service_minor) == (601, 780)
    assert account.profit_minor == 9_000 - 6_400 - 601 - 780


def test_a_customer_who_only_asks_for_help_makes_a_loss():
    assert profit_and_loss(served(call_center=1), 100.0).profit_minor == -3300


def test_more_refunds_than_orders_cost_no_goods():
    profile = Profile(purchases=Purchases(spend_minor=-500), ledger=Ledger(refunded_minor=500))

    account = profit_and_loss(profile, 100.0)

    assert (account.revenue_minor, account.goods_minor, account.profit_minor) == (0, 0, -500)
