import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.conversation import MAX_TURNS, Conversation, Utterance
from actors.domain.fold import OTHER, fold
from actors.domain.profile import MAX_CHANNELS, MAX_DEPARTMENTS, MAX_TRAITS
from actors.turn import begin
from actors.wire.state import pack_state
from tests.builders import DAY, HOUR, MINUTE, NOW, SHOP, added, make_event, make_state, order
from tests.strategies import commerce


def folded(*events, now=NOW, digits=2):
    state = make_state()
    notes = []
    for event in events:
        notes += fold(state, event, event.at_ms, now, digits)
        state.seq += 1
    return state, notes


def bought(total=None, at=NOW, **properties):
    if total is not None:
        properties["total"] = total
    return make_event("Order Completed", at=at, properties=properties)


@given(st.lists(commerce, max_size=6), st.data())
def test_sums_do_not_depend_on_the_order_in_which_events_arrive(made, data):
    events = [make_event(n, at=at, channel=ch, properties=p) for n, at, ch, p in made]

    one, _ = folded(*events)
    other, _ = folded(*data.draw(st.permutations(events)))

    p, q = one.profile, other.profile
    assert (p.purchases, p.departments, p.ledger) == (q.purchases, q.departments, q.ledger)
    assert p.interests == q.interests
    uses = [
        {name: (c.events, c.hours, c.last_seen_at_ms) for name, c in each.channels.items()}
        for each in (p, q)
    ]
    assert uses[0] == uses[1]
    assert (p.views, p.coupons_used, p.late_events) == (q.views, q.coupons_used, q.late_events)
    assert (p.first_seen_at_ms, p.last_seen_at_ms) == (q.first_seen_at_ms, q.last_seen_at_ms)


def test_an_order_counts_in_recency_frequency_and_value():
    state, notes = folded(bought(12.34, NOW - DAY), bought("7.66", NOW), bought(1, NOW - 2 * DAY))

    book = state.profile.purchases
    assert (book.orders, book.spend_minor) == (3, 2100)
    assert (book.first_at_ms, book.last_at_ms) == (NOW - 2 * DAY, NOW)
    assert notes == ["late"]


def test_products_are_summed_by_category_with_their_quantity():
    products = [
        {"category": "FRUIT", "price": 0.1, "quantity": 3},
        {"category": "FRUIT", "price": 1.0},
        {"category": "MEAT", "price": "9.99", "quantity": 2},
        {"price": 5.0},
        "not a product",
        {"category": 7, "price": 1.0},
    ]

    state, _ = folded(bought(30.0, products=products))

    found = {n: (d.spend_minor, d.items, d.orders) for n, d in state.profile.departments.items()}
    assert found == {"FRUIT": (130, 4, 1), "MEAT": (1998, 2, 1)}
    assert state.profile.purchases.items == 6


def test_departments_given_as_such_stand_before_products():
    departments = {"DELI": {"total": 4.5, "items": 2}, "ODD": 3}

    state, _ = folded(bought(9, departments=departments, products=[{"category": "X", "price": 1}]))

    assert {n: d.spend_minor for n, d in state.profile.departments.items()} == {"DELI": 450}


def test_an_order_without_a_total_is_worth_what_its_products_are():
    state, notes = folded(bought(products=[{"category": "FRUIT", "price": 2, "quantity": 2}]))

    assert state.profile.purchases.spend_minor == 400
    assert notes == ["order_without_total"]


def test_a_refund_lowers_the_value_whatever_its_sign_and_is_no_order():
    refunds = [make_event("Order Refunded", properties={"total": t}) for t in (3, -2)]

    state, notes = folded(bought(10), *refunds, make_event("Order Refunded"))

    book = state.profile.purchases
    assert (book.orders, book.refunds, book.spend_minor) == (1, 2, 500)
    assert notes == ["refund_without_total"]


@pytest.mark.parametrize("quantity", [-1, True, 1.5, "3", None, 10**9])
def test_a_quantity_that_is_none_counts_as_one(quantity):
    state, _ = folded(bought(1, products=[{"category": "A", "price": 2, "quantity": quantity}]))

    assert state.profile.departments["A"].spend_minor == 200


def test_only_track_events_are_commerce():
    state, _ = folded(make_event("Order Completed", type="page", properties={"total": 5}))

    assert state.profile.purchases.orders == 0


def test_beyond_the_limit_departments_flow_together_and_the_sum_stays_whole():
    events = [bought(1, departments={f"D{i}": {"total": 1, "items": 1}}) for i in range(100)]

    state, _ = folded(*events, bought(2, departments={"x" * 65: {"total": 2}}))

    books = state.profile.departments
    assert len(books) == MAX_DEPARTMENTS + 1
    assert sum(b.spend_minor for b in books.values()) == 10_200
    assert books[OTHER].spend_minor == (100 - MAX_DEPARTMENTS) * 100 + 200


def test_beyond_the_limit_channels_and_views_flow_together():
    events = [
        make_event("Product Viewed", channel=f"c{i}", properties={"category": f"V{i}"})
        for i in range(100)
    ]

    state, _ = folded(*events)

    channels, views = state.profile.channels, state.profile.views
    assert (len(channels), sum(c.events for c in channels.values())) == (MAX_CHANNELS + 1, 100)
    assert (len(views), sum(views.values())) == (MAX_DEPARTMENTS + 1, 100)


def test_traits_are_set_changed_and_removed():
    state, _ = folded(
        make_event(type="identify", traits={"name": "Ann", "age": 30, "old": True}),
        make_event(type="identify", traits={"name": "Anna", "old": None}),
        make_event(context={"traits": {"city": "Linz"}}),
    )

    assert state.profile.traits == {"name": "Anna", "age": 30, "city": "Linz"}


def test_traits_are_bounded_in_number_and_size():
    many = {f"t{i}": i for i in range(MAX_TRAITS + 5)}

    state, notes = folded(
        make_event(type="identify", traits={"big": "x" * 2000, "n" * 65: 1}),
        make_event(type="identify", traits=many),
    )

    assert len(state.profile.traits) == MAX_TRAITS
    assert "big" not in state.profile.traits
    assert notes == ["trait_too_large"] + ["too_many_traits"] * 6


def test_an_event_of_the_day_before_is_late_and_said_to_be():
    state, notes = folded(make_event(at=NOW - DAY), make_event(at=NOW - DAY - 1))

    assert (state.profile.late_events, notes) == (1, ["late"])


@pytest.mark.parametrize(
    "context",
    [
        {"timezone": 7, "locale": [], "traits": "x", "consent": "yes"},
        {"consent": {"categoryPreferences": ["email"]}},
        {"consent": {"categoryPreferences": {"email": "true", "app": 1}}},
        {"timezone": "x" * 65, "locale": "y" * 65},
    ],
)
def test_a_context_of_the_wrong_shape_changes_nothing(context):
    state, notes = folded(make_event(context=context))

    profile = state.profile
    assert (profile.timezone, profile.locale, profile.traits, profile.consents) == ("", "", {}, {})
    assert notes == []


def test_a_cart_fills_empties_and_closes_with_its_order():
    state, _ = folded(added("c1"), added("c1"))
    cart = state.conversation
    assert (cart.cart_id, cart.cart_items, cart.cart_minor) == ("c1", 2, 500)

    fold(state, make_event("Product Removed", properties={"price": 2.5}), NOW, NOW, 2)
    assert (cart.cart_items, cart.cart_minor) == (1, 250)

    fold(state, order(properties={"cart_id": "another"}), NOW, NOW, 2)
    assert cart.cart_id == "c1"

    fold(state, order(properties={"cart_id": "c1"}), NOW, NOW, 2)
    assert (cart.cart_id, cart.cart_items, cart.cart_minor) == ("", 0, 0)


def test_another_cart_starts_from_nothing_and_none_falls_below_it():
    state, _ = folded(added("c1"), added("c2"))
    assert state.conversation.cart_items == 1

    for _ in range(3):
        fold(state, make_event("Product Removed", properties={"price": 9}), NOW, NOW, 2)

    assert (state.conversation.cart_items, state.conversation.cart_minor) == (0, 0)


@given(st.permutations(range(MAX_TURNS + 10)))
def test_a_conversation_keeps_the_last_turns_in_order_of_event_time(times):
    conversation = Conversation()

    for at_ms in times:
        conversation.add(Utterance(at_ms, "web", "customer", "x", 1))

    kept = [turn.at_ms for turn in conversation.turns]
    assert kept == list(range(10, MAX_TURNS + 10))


def test_the_last_intent_is_of_the_latest_event_not_of_the_latest_arrival():
    state, _ = folded(
        make_event("First", at=NOW - HOUR, channel="web"),
        make_event("Latest", at=NOW, channel="app"),
        make_event("Straggler", at=NOW - MINUTE, channel="store"),
    )

    conversation = state.conversation
    assert (conversation.last_intent, conversation.last_channel) == ("Latest", "app")


def test_an_answer_of_ours_does_not_make_her_next_event_an_old_one():
    state = make_state()
    begin(state, make_event("First", at=NOW - 2000), SHOP, NOW)
    state.conversation.add(Utterance(NOW, "web", "us", "offer/web/banner", 1))

    begin(state, make_event("Second", at=NOW - 500), SHOP, NOW + 200)

    assert state.conversation.last_intent == "Second"


@pytest.mark.parametrize(
    "event",
    [
        bought(1, products=[{"category": "A", "price": 10**13, "quantity": 999_999_999}]),
        make_event("Product Added", properties={"price": 10**13, "quantity": 999_999_999}),
    ],
    ids=["order", "cart"],
)
def test_no_event_makes_a_state_that_cannot_be_stored(event):
    state, _ = folded(*[event] * 20)

    assert pack_state(state)
