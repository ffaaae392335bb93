"""Whom a cell proposes for an actor of her own."""

import pytest

from actors.domain.ids import PARTITIONS
from actors.runtime.wishing import RECENT_MS, TOP_TIER, Wishes, rule_of
from actors.session.activations import Activation, Activations
from actors.wire.state import pack_state
from tests.builders import NOW, SHOP, make_playbook, make_state, number_of, order, take, user

SEGMENTS = {
    "gold": {"when": "profile.orders > 2"},
    "silver": {"when": "profile.orders > 0"},
}
TIERED = make_playbook(segments=SEGMENTS, tiers=["gold", "silver"])
ANN, BOB, CARL = (number_of(user(name)) for name in ("ann", "bob", "carl"))


def active(*people, used_at_ms=NOW, partition=7, playbook=SHOP):
    """Customers (name, orders) as a cell holds them, in the order of their last turns."""
    activations = Activations(100, 10_000_000)
    for name, orders in people:
        state = make_state(name)
        for i in range(orders):
            take(state, order(10.0, name, id=f"m{i}"), playbook=playbook)
        activations.put(
            Activation(state.number, partition, state.seq, pack_state(state), used_at_ms, ())
        )
    return activations


def wished(wishes, activations, playbook=SHOP, now_ms=NOW):
    return [number for number, _ in wishes.of(activations, playbook, now_ms, now_ms)]


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("", []),
        ("true", [BOB, ANN]),
        ("profile.orders > 2", [BOB]),
        ("profile.spend >= 30.0 && profile.orders == 3", [BOB]),
        ("tier == 'gold'", [BOB]),
        ("'silver' in segments && tier == 'silver'", [ANN]),
        (TOP_TIER, [BOB]),
        ("profile.orders > ", None),
        ("nothing.known > 2", []),
    ],
)
def test_the_rule_is_asked_of_whoever_is_active(rule, who):
    activations = active(("ann", 1), ("bob", 3), playbook=TIERED)
    if who is None:
        with pytest.raises(ValueError, match="1:"):
            wished(Wishes(rule), activations, TIERED)
    else:
        assert wished(Wishes(rule), activations, TIERED) == who


def test_the_top_tier_of_a_playbook_without_tiers_is_nobody():
    assert rule_of(TOP_TIER, SHOP) is None
    assert wished(Wishes(TOP_TIER), active(("ann", 1))) == []


def test_another_playbook_may_say_otherwise():
    wishes, activations = Wishes(TOP_TIER), active(("bob", 3), playbook=TIERED)
    assert wished(wishes, activations, TIERED) == [BOB]
    assert wished(wishes, activations, SHOP) == []
    assert wished(wishes, activations, TIERED) == [BOB]


def test_a_turn_may_say_otherwise():
    wishes, activations = Wishes("profile.orders < 2"), active(("ann", 1))
    assert wished(wishes, activations) == [ANN]
    for later in active(("ann", 2)).latest(1):
        activations.put(later)
    assert wished(wishes, activations) == []


def test_who_has_been_quiet_or_is_apart_already_is_not_proposed():
    wishes = Wishes("true")
    assert wished(wishes, active(("ann", 1)), now_ms=NOW + RECENT_MS) == [ANN]
    assert wished(wishes, active(("ann", 1)), now_ms=NOW + RECENT_MS + 1) == []
    assert wished(wishes, active(("ann", 1), partition=PARTITIONS)) == []


def test_of_many_new_ones_some_are_asked_now_and_the_others_later():
    activations, wishes = active(*[(f"u{i}", 1) for i in range(40)]), Wishes("true")

    found = [len(wished(wishes, activations)) for _ in range(4)]

    assert found == [16, 32, 40, 40]


def test_a_damaged_customer_is_nobodys_wish():
    activations = Activations(10, 1_000_000)
    activations.put(Activation(CARL, 7, 1, b"no state", NOW, ()))

    assert wished(Wishes("true"), activations) == []
