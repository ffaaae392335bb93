"""One order or redemption is credited once: to what it names, the last click, the last impression."""

from itertools import permutations

import pytest

from actors import turn as core
from actors.domain.ids import effect_text
from actors.domain.scores import Scores
from actors.domain.state import MAX_CONVERSIONS
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    ACTIONS,
    BANNER,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND_BANNER,
    SHOP,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    response,
    take,
    wake,
)

WEEK = 7 * DAY


def shown(*placements):
    """A customer to whom banners were shown: effects 0, 1 … of turn 1."""
    state = make_state()
    turn = take(state, question(placements=placements or ("hero", "basket")))
    assert len(turn.record.effects) == len(placements or ("hero", "basket"))
    return state


def hear(state, outcome, n=0, at=NOW, value=None, playbook=SHOP, now=None):
    key = effect_text(state.number, 1, n)
    given = response(key, outcome, at=at, value=value)
    return core.respond(state, given, state.effect(1, n), at if now is None else now, playbook)


def buy(state, at, total=20.0, order_id="o1", playbook=SHOP, now=None, **more):
    properties = {"order_id": order_id} | more.pop("properties", {})
    event = order(total, properties=properties, at=at, id=f"{order_id}-{at}-{total}", **more)
    return take(state, event, at if now is None else now, playbook)


def lines(turn):
    return [(c.basis, c.n, c.reward_minor) for c in turn.record.credits]


def lessons(turn):
    return [(s.n, s.taken, s.refused, s.reward_minor) for s in turn.record.lessons]


def test_an_order_is_credited_to_the_last_click():
    state = shown()
    hear(state, "click", 0, NOW + HOUR)
    hear(state, "click", 1, NOW + 2 * HOUR)
    hear(state, "impression", 0, NOW + 3 * HOUR)

    turn = buy(state, NOW + 4 * HOUR)

    assert lines(turn) == [("click", 1, 2000)]
    assert lessons(turn) == [(1, 0, 0, 2000)]  # the click was its yes already
    assert [e.reward_minor for e in state.effects[:2]] == [0, 2000]
    assert state.effect(1, 1).outcome == "convert"


@pytest.mark.parametrize(
    ("outcome", "after", "credited"),
    [
        ("click", WEEK, True),
        ("click", WEEK + 1, False),
        ("accept", WEEK, True),
        ("impression", DAY, True),
        ("impression", DAY + 1, False),
        ("dismiss", 1, False),
        ("delivered", 1, False),
        ("click", 0, True),
        ("click", -1, False),
    ],
)
def test_credit_goes_back_seven_days_for_a_click_and_one_for_an_impression(
    outcome, after, credited
):
    state = shown("hero")
    hear(state, outcome, 0, NOW + HOUR)

    turn = buy(state, NOW + HOUR + after, now=NOW + 8 * DAY)

    assert bool(lines(turn)) is credited
    assert state.effect(1, 0).reward_minor == (2000 if credited else 0)


def test_an_impression_counts_only_where_nothing_was_clicked():
    state = shown()
    hear(state, "click", 0, NOW - 6 * DAY, now=NOW)
    hear(state, "impression", 1, NOW)

    assert lines(buy(state, NOW + 1)) == [("click", 0, 2000)]


def test_an_order_that_names_its_effect_is_credited_to_that_and_teaches_a_yes():
    state = shown()
    hear(state, "click", 1, NOW + HOUR)
    key = effect_text(state.number, 1, 0)

    turn = buy(state, NOW + 2 * HOUR, properties={"effectKey": key})

    assert lines(turn) == [("effect_key", 0, 2000)]
    assert lessons(turn) == [(0, 1, 0, 2000)]
    assert state.profile.redemptions == 1


def test_the_key_may_stand_in_the_context_and_one_of_nobody_gives_way_to_the_click():
    state = shown()
    hear(state, "click", 1, NOW)

    named = buy(state, NOW, context={"effectKey": effect_text(state.number, 1, 0)})
    strange = buy(state, NOW, order_id="o2", context={"effectKey": "nonsense"})
    others = buy(
        state, NOW, order_id="o3", context={"effectKey": effect_text(state.number + 1, 1, 0)}
    )

    assert [lines(t)[0][:2] for t in (named, strange, others)] == [
        ("effect_key", 0),
        ("click", 1),
        ("click", 1),
    ]
    assert "effect_key_unknown" in others.record.notes


def test_an_order_heard_twice_is_credited_once_whatever_its_message():
    state = shown("hero")
    hear(state, "click")

    buy(state, NOW + HOUR)
    again = buy(state, NOW + 2 * HOUR, total=99.0)

    assert lines(again) == []
    assert lessons(again) == []
    assert "credited_before: order" in again.record.notes
    assert state.effect(1, 0).reward_minor == 2000


def test_rewards_add_up_per_effect_and_the_label_stays_one():
    state = shown("hero")
    hear(state, "click")

    first = buy(state, NOW + HOUR)
    second = buy(state, NOW + 2 * HOUR, total=5.5, order_id="o2")

    assert state.effect(1, 0).reward_minor == 2550
    assert [lessons(t) for t in (first, second)] == [[(0, 0, 0, 2000)], [(0, 0, 0, 550)]]


def test_a_redeemed_coupon_is_a_conversion_of_its_own():
    state = shown("hero")
    hear(state, "click")
    given = {"redemption_id": 7, "value": "3.00"}

    turn = take(state, make_event("Coupon Redeemed", properties=given, at=NOW + 1), NOW + 1)

    assert lines(turn) == [("click", 0, 300)]
    assert (turn.record.credits[0].name, turn.record.credits[0].id) == ("redemption", "7")


def test_a_late_order_takes_the_no_back_and_a_late_click_explains_an_order_heard_before():
    state = shown("hero")
    closed = wake(state, state.timers[0], NOW + WEEK)
    assert lessons(closed) == [(0, 0, 1, 0)]

    unexplained = buy(state, NOW + WEEK - HOUR, now=NOW + WEEK)
    assert lines(unexplained) == []
    click = hear(state, "click", 0, NOW + WEEK - 2 * HOUR, now=NOW + WEEK + HOUR)

    assert lines(click) == [("click", 0, 2000)]
    assert lessons(click) == [(0, 1, -1, 0), (0, 0, 0, 2000)]


@pytest.mark.parametrize("sequence", [*permutations(range(4))])
def test_credit_is_the_same_in_whatever_order_it_is_heard_of(sequence):
    """An impression, a click, and two orders between and after them, with one effect."""
    state = shown("hero")
    heard = [
        lambda: hear(state, "impression", 0, NOW + HOUR, now=NOW + DAY),
        lambda: buy(state, NOW + 2 * HOUR, total=1.0, order_id="o1", now=NOW + DAY),
        lambda: hear(state, "click", 0, NOW + HOUR + MINUTE, now=NOW + DAY),
        lambda: buy(state, NOW + 4 * HOUR, total=2.0, order_id="o2", now=NOW + DAY),
    ]

    turns = [heard[i]() for i in sequence]

    assert state.effect(1, 0).reward_minor == 300
    assert sum(s.taken for t in turns for s in t.record.lessons) == 1
    assert sum(s.reward_minor for t in turns for s in t.record.lessons) == 300


def test_a_refund_takes_the_reward_back_and_no_more_than_there_was():
    state = shown("hero")
    hear(state, "click")
    buy(state, NOW + HOUR)

    def refund(total):
        given = {"order_id": "o1"} | ({"total": total} if total else {})
        event = make_event("Order Refunded", properties=given, at=NOW + DAY, id=f"r{total}")
        return take(state, event, NOW + DAY)

    parts = [lines(refund(5.0)), lines(refund(None)), lines(refund(7.0))]

    assert parts == [[("taken_back", 0, -500)], [("taken_back", 0, -1500)], []]
    assert state.effect(1, 0).reward_minor == 0
    assert state.effect(1, 0).label == 1  # that she said yes remains true


def test_a_refund_of_an_order_that_nobody_has_credit_for_lessens_what_a_late_click_gets():
    state = shown("hero")
    buy(state, NOW + HOUR)
    given = {"order_id": "o1", "total": 5}
    take(state, make_event("Order Refunded", properties=given, at=NOW + 2 * HOUR), NOW + 2 * HOUR)

    assert lines(hear(state, "click", 0, NOW + MINUTE, now=NOW + DAY)) == [("click", 0, 1500)]


def test_a_response_that_says_convert_brings_its_value():
    state = shown("hero")

    turn = hear(state, "convert", 0, NOW, value=450)

    assert lessons(turn) == [(0, 1, 0, 450)]
    assert lines(turn) == [("response", 0, 450)]
    assert state.effect(1, 0).reward_minor == 450


STRICT = make_playbook(
    actions={
        BANNER: ACTIONS[BANNER] | {"success": "convert"},
        SECOND_BANNER: ACTIONS[SECOND_BANNER] | {"success": ["accept", "click"]},
    },
    triggers={},
)


def test_what_counts_as_a_yes_is_the_actions_to_say():
    state = make_state()
    take(state, question(placements=("hero", "basket")), playbook=STRICT)
    banner = next(e.n for e in state.effects if e.action == BANNER)

    clicks = [lessons(hear(state, "click", n, NOW + n, playbook=STRICT)) for n in (0, 1)]
    bought = [
        lessons(
            buy(
                state,
                NOW + HOUR,
                order_id=f"o{n}",
                playbook=STRICT,
                properties={"effectKey": effect_text(state.number, 1, n)},
            )
        )
        for n in (0, 1)
    ]

    assert clicks[banner] == []
    assert bought[banner] == [(banner, 1, 0, 2000)]
    assert clicks[1 - banner] == [(1 - banner, 1, 0, 0)]
    assert bought[1 - banner] == [(1 - banner, 0, 0, 2000)]


def test_a_playbook_may_name_its_own_conversions_and_windows():
    book = make_playbook(
        triggers={},
        files={
            "conversions.yaml": {
                "clickWindow": "PT1H",
                "conversions": {
                    "booking": {"on": ["Trip Booked"], "value": "price.gross", "id": "booking"}
                },
            }
        },
    )
    state = make_state()
    take(state, question(), playbook=book)
    hear(state, "click", 0, NOW, playbook=book)

    def trip(at, name="Trip Booked"):
        given = {"booking": f"b{at}", "price": {"gross": 80}}
        return lines(take(state, make_event(name, properties=given, at=at), at, book))

    assert trip(NOW + HOUR) == [("click", 0, 8000)]
    assert trip(NOW + HOUR + 1) == []
    assert trip(NOW + 1, "Order Completed") == []


def test_what_is_remembered_is_bounded_and_what_was_credited_stays_longest():
    state = shown("hero")
    hear(state, "click")
    buy(state, NOW + HOUR, order_id="credited")
    state.effects[0].clicked_at_ms = 0

    for i in range(3 * MAX_CONVERSIONS):
        buy(state, NOW + DAY + i, order_id=f"o{i}")

    assert len(state.conversions) == MAX_CONVERSIONS
    assert state.conversions[0].seq == 1
    assert [c.seq for c in state.conversions[1:]] == [0] * (MAX_CONVERSIONS - 1)
    buy(state, NOW + 30 * DAY, order_id="much later")
    assert len(state.conversions) == 2


def test_who_was_offered_nothing_pays_nothing_for_an_order():
    state = make_state()
    book = make_playbook(triggers={})

    take(state, order(properties={"order_id": "o1"}), playbook=book)

    assert state.conversions == []


def test_state_and_turn_read_back_equal():
    state = shown()
    hear(state, "click")
    turn = buy(state, NOW + HOUR)
    buy(state, NOW + 9 * DAY, order_id="nobody's", now=NOW + 9 * DAY)

    assert turn.record.credits
    assert unpack_state(pack_state(state)) == state
    assert unpack_turn(pack_turn(turn.record)) == turn.record


def test_an_effect_of_the_journal_that_comes_back_has_had_its_no():
    state = shown("hero")
    forgotten = state.effects.pop()
    event = order(properties={"order_id": "x", "effectKey": effect_text(state.number, 1, 0)})
    assert core.effect_wanted(state, event, SHOP) == (state.number, 1, 0)

    core.recall(state, forgotten, NOW + 30 * DAY)
    turn = take(state, event, NOW + 30 * DAY)

    assert core.effect_wanted(state, event, SHOP) is None
    assert lessons(turn)[0] == (0, 1, -1, 1000)


@pytest.mark.parametrize("certain", [True, False])
def test_silence_about_what_was_withdrawn_teaches_nothing(certain):
    state = shown()
    hear(state, "impression", 1)
    turn = core.begin(state, make_event("Page Seen", at=NOW + 1), SHOP, NOW + 1)
    places = [(state.number, 1, 0), (state.number, 1, 1)]
    (turn.given_back if certain else turn.cancelled).extend(places)
    core.decide(turn, core_scores(turn), SHOP)

    closed = wake(state, state.timers[0], NOW + WEEK)

    # What she has seen was sent, unless we know for certain that it was not.
    assert [n for n, *_ in lessons(closed)] == ([] if certain else [1])


def core_scores(turn):
    assert turn.rows == []
    return Scores("none", "", prior=True, rows=())


def test_what_is_still_held_when_its_window_closes_teaches_nothing():
    state = shown("hero")
    state.effect(1, 0).send_at_ms = NOW + 8 * DAY

    assert lessons(wake(state, state.timers[0], NOW + WEEK)) == []
