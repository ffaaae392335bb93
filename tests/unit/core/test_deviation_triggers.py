"""What is unusual for a customer starts triggers, at the event that shows it or at the silence."""

from actors.patterns import DEVIATIONS
from actors.playbook import yaml_types
from actors.turn.noticing import ABSENCE
from tests.builders import (
    NOW,
    REMINDER,
    chosen_actions,
    consent,
    make_playbook,
    make_state,
    order,
    take,
    wake,
)

DAY = 86_400_000
WATCHFUL = {
    "missed": {"on": {"deviation": "absence"}, "propose": [REMINDER]},
    "less": {"on": {"deviation": "spend_drop"}, "propose": [REMINDER]},
}


def playbook():
    return make_playbook(triggers=WATCHFUL)


def regular(book, totals):
    """A customer who comes every two days, and spends what is given."""
    state = make_state()
    take(state, consent(at=NOW, id="yes"), now=NOW, playbook=book)
    turns = []
    for i, total in enumerate(totals):
        now = NOW + i * 2 * DAY
        turns.append(take(state, order(total, id=f"m{i}", at=now), now=now, playbook=book))
    return state, turns


def test_the_names_that_a_playbook_may_use_are_those_that_are_found():
    assert sorted(DEVIATIONS) == list(yaml_types.DEVIATIONS)


def test_a_customer_who_stays_away_too_long_is_missed():
    book = playbook()
    state, turns = regular(book, [20 + i % 3 for i in range(30)])
    assert all(not turn.deviations for turn in turns)
    timer = next(timer for timer in state.timers if timer.kind == ABSENCE)

    turn = wake(state, timer, timer.due_at_ms, playbook=book)

    assert [deviation.name for deviation in turn.deviations] == ["absence"]
    assert chosen_actions(turn) == [REMINDER]
    assert any(note.startswith("deviation: absence") for note in turn.record.notes)


def test_a_visit_prolongs_the_wait_and_moves_no_row():
    book = playbook()
    state, _ = regular(book, [20 + i % 3 for i in range(30)])
    before = next(timer.due_at_ms for timer in state.timers if timer.kind == ABSENCE)

    later = NOW + 60 * DAY
    turn = take(state, order(21, id="again", at=later), now=later, playbook=book)

    after = next(timer.due_at_ms for timer in state.timers if timer.kind == ABSENCE)
    assert after > before
    assert ABSENCE not in {timer.key for timer in turn.timers_set}


def test_a_lasting_drop_of_spend_is_heard():
    book = playbook()
    _, turns = regular(book, [20 + i % 3 for i in range(30)] + [5] * 15)

    heard = [i for i, turn in enumerate(turns) for d in turn.deviations if d.name == "spend_drop"]

    assert heard
    assert heard[0] >= 30
    assert REMINDER in chosen_actions(turns[heard[0]])
