"""The checker: silent about a run in which all went well, and never about what was broken on purpose."""

from dataclasses import replace

import pytest

from actors.ports import OutboxState
from scripts.chaos.books import Books, Customer, Out, Sent, Turn
from scripts.chaos.checking import EpochWatch, check_all
from scripts.chaos.findings import Limits
from scripts.chaos.history import NEVER_MS, ORDER, VIEW, Delivery, History, Read, Write

ANN, BEN = 11, 22
LIMITS = Limits(cap=1, budget_limit=2)
RECEIPT, REMINDER, VOUCHER = LIMITS.told_now, LIMITS.told_later, LIMITS.capped_action


def sent(number, seq, action, order="", n=1, channel="print"):
    return Sent(number=number, seq=seq, n=n, channel=channel, action=action, order=order)


def out(effect, **fields):
    return Out(
        number=effect.number,
        seq=effect.seq,
        n=effect.n,
        channel=effect.channel,
        action=effect.action,
        order=effect.order,
        **fields,
    )


def delivered(key, effect, **fields):
    return Delivery(
        key=key, channel=effect.channel, action=effect.action, order=effect.order, **fields
    )


@pytest.fixture
def books() -> Books:
    """Ann orders and looks, Ben looks: a receipt, a reminder when the timer fired, two vouchers."""
    receipt = sent(ANN, 1, RECEIPT, "m1", channel="hook")
    reminder = sent(ANN, 3, REMINDER, "m1")
    vouchers = [sent(ANN, 2, VOUCHER), sent(BEN, 1, VOUCHER)]
    return Books(
        customers=[
            Customer(number=ANN, seq=3, user="ann", orders=1, spend_minor=250),
            Customer(number=BEN, seq=1, user="ben"),
        ],
        turns=[
            Turn(number=ANN, seq=1, message="m1", name=ORDER, minor=250, effects=(receipt,)),
            Turn(number=ANN, seq=2, message="m2", name=VIEW, effects=(vouchers[0],)),
            Turn(number=ANN, seq=3, timer="t", effects=(reminder,)),
            Turn(number=BEN, seq=1, message="m3", name=VIEW, effects=(vouchers[1],)),
        ],
        outbox=[
            out(receipt),
            out(reminder),
            *(out(each, spends=((LIMITS.budget, 1000),), send_at_ms=5) for each in vouchers),
        ],
        spent={LIMITS.budget: 2000},
        messages=3,
        now_ms=100_000,
    )


@pytest.fixture
def history(books) -> History:
    def write(user, message, name, began_ms, ended_ms, seq, **fields):
        return Write(
            user=user,
            message=message,
            name=name,
            minor=0,
            began_ms=began_ms,
            ended_ms=ended_ms,
            seq=seq,
            **fields,
        )

    from actors.domain.ids import effect_text

    return History(
        writes=[
            write("ann", "m1", ORDER, 10, 20, 1),
            write("ann", "m2", VIEW, 30, 40, 2),
            write("ben", "m3", VIEW, 10, 20, 1),
            write("ann", "m1", ORDER, 60, 70, 1, how="again"),
        ],
        reads=[
            Read(user="ann", began_ms=41, ended_ms=50, seq=2, orders=1, spend_minor=250),
            Read(user="ann", began_ms=1, ended_ms=5, seq=0, orders=0, spend_minor=0),
        ],
        deliveries=[
            delivered(effect_text(effect.number, effect.seq, effect.n), effect)
            for turn in books.turns
            for effect in turn.effects
        ],
    )


def kinds(books, history):
    return {finding.kind for finding in check_all(books, history, LIMITS)}


def turn(books, number, seq, **changes):
    """Replace one turn."""
    for i, each in enumerate(books.turns):
        if (each.number, each.seq) == (number, seq):
            books.turns[i] = replace(each, **changes)


def test_a_run_in_which_all_went_well_has_no_findings(books, history):
    assert check_all(books, history, LIMITS) == []


def lose_a_turn(books, history):
    books.turns = [each for each in books.turns if each.message != "m2"]


def take_a_message_twice(books, history):
    books.turns.append(Turn(number=BEN, seq=2, message="m2", name=VIEW))
    books.customers[1] = replace(books.customers[1], seq=2)


def answer_with_another_turn(books, history):
    history.writes[0] = replace(history.writes[0], seq=2)


def answer_differently_the_second_time(books, history):
    history.writes[3] = replace(history.writes[3], seq=3)


def invent_a_message(books, history):
    turn(books, BEN, 1, message="nobody's")
    history.writes.pop(2)


def refuse_a_message(books, history):
    history.writes[1] = replace(history.writes[1], problem="refused with 409")


def forget_that_it_was_taken(books, history):
    books.messages = 2


def skip_a_number(books, history):
    books.customers[1] = replace(books.customers[1], seq=2)


def write_a_number_twice(books, history):
    books.turns.append(replace(books.turns[2]))


def show_an_old_profile(books, history):
    history.reads[0] = replace(history.reads[0], seq=0, orders=0, spend_minor=0)


def show_half_a_profile(books, history):
    history.reads[0] = replace(history.reads[0], spend_minor=0)


def show_what_is_yet_to_come(books, history):
    history.reads[1] = replace(history.reads[1], seq=1, orders=1, spend_minor=250)


def put_the_later_one_first(books, history):
    turn(books, ANN, 1, message="m2", name=VIEW)
    turn(books, ANN, 2, message="m1", name=ORDER, minor=250)
    history.writes[0] = replace(history.writes[0], seq=2)
    history.writes[1] = replace(history.writes[1], seq=1)


def write_it_to_somebody_else(books, history):
    history.writes[2] = replace(history.writes[2], user="ann")


def send_what_nobody_decided(books, history):
    effect = sent(BEN, 1, VOUCHER, n=7)
    history.deliveries.append(delivered("e_0000000000000_1_7", effect))


def send_something_else_under_the_key(books, history):
    history.deliveries[0] = replace(history.deliveries[0], order="m9")


def write_an_effect_without_its_turn(books, history):
    books.outbox.append(out(sent(BEN, 1, REMINDER, n=3), state=OutboxState.CANCELLED))


def decide_without_an_outbox_row(books, history):
    books.outbox = [each for each in books.outbox if each.action != REMINDER]


def call_it_sent_without_sending(books, history):
    history.deliveries = [each for each in history.deliveries if each.action != RECEIPT]


def never_send_it(books, history):
    call_it_sent_without_sending(books, history)
    books.outbox[0] = replace(books.outbox[0], state=OutboxState.PENDING, attempts=0)


def give_it_up(books, history):
    books.outbox[0] = replace(books.outbox[0], state=OutboxState.PARKED)


def fire_a_timer_twice(books, history):
    again = sent(ANN, 4, REMINDER, "m1")
    books.turns.append(Turn(number=ANN, seq=4, timer="t", effects=(again,)))


def forget_a_timer(books, history):
    turn(books, ANN, 3, effects=())


def let_a_timer_lie(books, history):
    books.timers.append((ANN, "t", 100_000 - LIMITS.late_ms - 1))


def tell_of_an_order_twice(books, history):
    turn(books, ANN, 2, effects=(sent(ANN, 2, RECEIPT, "m1"),))


def exceed_a_cap(books, history):
    effect = sent(ANN, 3, VOUCHER, n=2)
    books.outbox.append(out(effect, send_at_ms=5 + LIMITS.cap_window_ms - 1))


def overspend_a_budget(books, history):
    books.spent[LIMITS.budget] = 3000


def spend_without_a_word(books, history):
    books.outbox[2] = replace(books.outbox[2], spends=())


def miscount_orders(books, history):
    books.customers[0] = replace(books.customers[0], orders=2)


def miscount_money(books, history):
    books.customers[0] = replace(books.customers[0], spend_minor=500)


@pytest.mark.parametrize(
    ("kind", "breaks"),
    [
        ("lost", lose_a_turn),
        ("duplicate", take_a_message_twice),
        ("answer", answer_with_another_turn),
        ("answer", answer_differently_the_second_time),
        ("invented", invent_a_message),
        ("refused", refuse_a_message),
        ("duplicate", forget_that_it_was_taken),
        ("gap", skip_a_number),
        ("gap", write_a_number_twice),
        ("history", show_an_old_profile),
        ("history", show_half_a_profile),
        ("history", show_what_is_yet_to_come),
        ("history", put_the_later_one_first),
        ("history", write_it_to_somebody_else),
        ("effect", send_what_nobody_decided),
        ("effect", send_something_else_under_the_key),
        ("effect", write_an_effect_without_its_turn),
        ("effect", decide_without_an_outbox_row),
        ("effect", call_it_sent_without_sending),
        ("effect", never_send_it),
        ("effect", give_it_up),
        ("timer", fire_a_timer_twice),
        ("timer", forget_a_timer),
        ("timer", let_a_timer_lie),
        ("timer", tell_of_an_order_twice),
        ("cap", exceed_a_cap),
        ("budget", overspend_a_budget),
        ("budget", spend_without_a_word),
        ("balance", miscount_orders),
        ("balance", miscount_money),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_the_checker_sees_what_was_broken_on_purpose(books, history, kind, breaks):
    breaks(books, history)

    assert kind in kinds(books, history)


def test_a_message_that_nobody_acknowledged_may_be_there_or_not(books, history):
    lost = Write(user="ben", message="m4", name=VIEW, minor=0, began_ms=50, ended_ms=NEVER_MS)
    history.writes.append(lost)
    assert kinds(books, history) == set()

    books.turns.append(Turn(number=BEN, seq=2, message="m4", name=VIEW))
    books.customers[1] = replace(books.customers[1], seq=2)
    books.messages = 4
    assert kinds(books, history) == set()


def test_a_timer_that_is_still_to_come_is_no_timer_that_was_forgotten(books, history):
    forget_a_timer(books, history)
    books.outbox = [each for each in books.outbox if each.action != REMINDER]
    history.deliveries = [each for each in history.deliveries if each.action != REMINDER]
    books.timers.append((ANN, "t", books.now_ms + 1))

    assert kinds(books, history) == set()


def test_a_timer_of_days_does_not_excuse_one_that_was_forgotten(books, history):
    forget_a_timer(books, history)
    books.timers.append((ANN, "silence", books.now_ms + 86_400_000))

    assert "timer" in kinds(books, history)


def test_an_effect_whose_receiver_failed_twice_may_wait(books, history):
    call_it_sent_without_sending(books, history)
    books.outbox[0] = replace(books.outbox[0], state=OutboxState.PENDING, attempts=2)

    assert kinds(books, history) == set()


def test_epochs_may_rise_but_neither_fall_nor_change_hands():
    watch = EpochWatch({})
    assert watch.look([(1, "a", 3), (2, "a", 1)]) == []
    assert watch.look([(1, "b", 4), (2, "a", 1)]) == []
    assert watch.takeovers == 1

    assert [each.kind for each in watch.look([(1, "b", 3), (2, "a", 1)])] == ["epoch"]
    assert [each.kind for each in watch.look([(1, "b", 3), (2, "c", 1)])] == ["epoch"]
