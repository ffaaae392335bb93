"""How many identities of a kind one customer may have, and which its state remembers."""

import pytest

from actors.domain.ids import Identity
from actors.domain.state import MAX_IDENTITIES, CustomerState
from actors.identity import may_claim, note_of_limit, refused_in, remember
from actors.playbook.identity_model import DEFAULT_RULES
from tests.builders import anon, user


def email(i):
    return Identity("email", f"a{i}@x.se")


@pytest.mark.parametrize(
    ("has", "named", "may"),
    [
        ([], user("ann"), True),
        ([user("ann")], user("bob"), False),
        ([email(i) for i in range(4)], email(9), True),
        ([email(i) for i in range(5)], email(9), False),
        ([email(i) for i in range(5)], user("ann"), True),
        ([anon(f"a{i}") for i in range(MAX_IDENTITIES)], anon("b"), True),
        ([Identity("till", str(i)) for i in range(5)], Identity("till", "9"), False),
    ],
)
def test_a_customer_has_as_many_of_a_kind_as_its_limit_says(has, named, may):
    assert may_claim(CustomerState(1, 0, identities=has), named, DEFAULT_RULES) is may


def test_a_full_state_forgets_one_that_is_not_counted_for_one_that_is():
    state = CustomerState(1, 0, identities=[anon(f"a{i:02}") for i in range(MAX_IDENTITIES)])

    for named in (email(1), anon("zz"), user("ann"), email(1)):
        remember(state, named, DEFAULT_RULES)

    assert len(state.identities) == MAX_IDENTITIES
    assert {email(1), user("ann"), anon("a00")} <= set(state.identities)
    assert {anon("zz"), anon("a49"), anon("a48")}.isdisjoint(state.identities)


def test_what_is_counted_never_makes_room():
    full = [Identity("till", str(i)) for i in range(MAX_IDENTITIES)]
    state = CustomerState(1, 0, identities=list(full))

    remember(state, email(1), DEFAULT_RULES)

    assert state.identities == full


def test_a_note_says_which_identity_it_was_without_its_value():
    named = [user("ann"), email(1), email(2)]
    notes = ["clamped", note_of_limit("email", 2), "identity_of_another: email"]

    assert notes[1] == "not_claimed: limit email #3"
    assert refused_in(notes, named) == {email(2)}
    assert refused_in(["late"], named) == set()
