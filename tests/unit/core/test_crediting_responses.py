"""An order that is reported by an event and by a response is one order."""

from actors import turn as core
from actors.domain.ids import effect_text
from tests.builders import HOUR, NOW, SHOP, make_event, make_playbook, response, take
from tests.unit.core.test_crediting import buy, hear, lessons, lines, shown


def told(state, n, at, order_id="o1", value=2000, playbook=SHOP):
    key = effect_text(state.number, 1, n)
    given = response(key, "convert", id=f"r{n}-{at}", at=at, value=value)
    given.detail = order_id
    return core.respond(state, given, state.effect(1, n), at, playbook)


def test_an_order_reported_by_event_and_by_response_counts_once_whichever_comes_first():
    by_event = [lambda s: hear(s, "click", n=0), lambda s: buy(s, NOW + HOUR)]
    by_response = [lambda s: told(s, 0, NOW + 2 * HOUR)]
    for steps in (by_event + by_response, by_response + by_event):
        state = shown()
        turns = [step(state) for step in steps]

        assert sum(amount for turn in turns for *_, amount in lines(turn)) == 2000
        assert sum(lesson[3] for turn in turns for lesson in lessons(turn)) == 2000
        assert sum(lesson[1] for turn in turns for lesson in lessons(turn)) == 1
        assert turns[-1].record.notes == ["credited_before: order"]
        assert state.effect(1, 0).reward_minor == 2000
        assert len(state.conversions) == 1


def test_credit_stays_with_whom_it_was_given_to_first():
    state = shown()
    hear(state, "click", n=0)
    buy(state, NOW + HOUR)

    turn = told(state, 1, NOW + 2 * HOUR)

    assert (lines(turn), lessons(turn)) == ([], [])
    assert [state.effect(1, n).reward_minor for n in (0, 1)] == [2000, 0]
    assert state.effect(1, 1).outcome == "convert"  # as it was reported


def test_an_order_that_nobody_had_credit_for_goes_to_the_responses_effect_with_the_orders_value():
    state = shown()
    assert lines(buy(state, NOW + HOUR, total=35.0)) == []

    turn = told(state, 1, NOW + 2 * HOUR, value=None)

    assert lines(turn) == [("response", 1, 3500)]
    assert lessons(turn) == [(1, 1, 0, 3500)]


def test_responses_of_two_orders_and_responses_without_an_order_each_count():
    state = shown()
    told(state, 0, NOW + 1, "o1")
    told(state, 0, NOW + 2, "o2")
    told(state, 0, NOW + 3, "o2")
    told(state, 0, NOW + 4, "")
    told(state, 0, NOW + 5, "")

    assert state.effect(1, 0).reward_minor == 4 * 2000
    assert len(state.conversions) == 2


def test_a_refund_of_an_order_reported_by_a_response_takes_its_reward_back():
    state = shown()
    told(state, 0, NOW + HOUR)

    properties = {"order_id": "o1", "total": 5.0}
    event = make_event("Order Refunded", properties=properties, id="back", at=NOW + 2 * HOUR)
    turn = take(state, event, NOW + 2 * HOUR)

    assert lines(turn) == [("taken_back", 0, -500)]


def test_where_no_conversion_is_called_order_a_response_tells_of_the_first():
    files = {
        "conversions.yaml": {
            "conversions": {
                "purchase": {"on": ["Bought"], "value": "total", "id": "order_id"},
                "visit": {"on": ["Visited"], "value": "total", "id": "order_id"},
            }
        }
    }
    playbook = make_playbook(files=files)
    assert playbook.conversions.reported.name == "purchase"
    assert SHOP.conversions.reported.name == "order"
