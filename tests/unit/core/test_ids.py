from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import InvalidIdError
from actors.domain.ids import (
    PARTITIONS,
    Identity,
    IdSpace,
    customer_text,
    decision_text,
    effect_text,
    home_partition,
    parse_customer,
    parse_decision,
    parse_effect,
)
from tests.builders import IDS, anon, user

numbers = st.integers(0, (PARTITIONS << 50) - 1)
turns = st.integers(0, 10**12 - 1)


@given(number=numbers, seq=turns, n=turns)
def test_every_id_reads_back_as_what_it_was_made_of(number, seq, n):
    assert parse_customer(customer_text(number)) == number
    assert parse_decision(decision_text(number, seq)) == (number, seq)
    assert parse_effect(effect_text(number, seq, n)) == (number, seq, n)


def test_public_ids_keep_their_look():
    assert customer_text(0) == "c_0000000000000"
    assert decision_text(31, 7) == "d_000000000000Z_7"
    assert effect_text((PARTITIONS << 50) - 1, 7, 2) == "e_3ZZZZZZZZZZZZ_7_2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c_",
        "c_000000000000",
        "c_00000000000000",
        "c_000000000000l",
        "c_000000000000U",
        "c_4000000000000",
        "c_ZZZZZZZZZZZZZ",
        "C_0000000000000",
        "e_0000000000000",
        "c_000000000000\u0661",
        "c_000000000000\n",
        "\ud800",
        "c_" + "0" * 10_000,
    ],
)
def test_hostile_customer_ids_are_refused_as_such(text):
    with pytest.raises(InvalidIdError):
        parse_customer(text)


@pytest.mark.parametrize("parse", [parse_decision, parse_effect])
@pytest.mark.parametrize(
    "tail", ["", "_", "_-1", "_+1", "_1.0", "_\u0661", "_" + "1" * 13, "_1_1_1", "_1__1", "_ 1_1"]
)
def test_hostile_turn_numbers_are_refused_as_such(parse, tail):
    for head in ("d_", "e_"):
        with pytest.raises(InvalidIdError):
            parse(head + "0" * 13 + tail)


@given(st.text(), st.sampled_from(["", "c_", "d_", "e_"]))
def test_no_text_makes_a_parser_fail_in_another_way(text, head):
    for parse in (parse_customer, parse_decision, parse_effect):
        with suppress(InvalidIdError):
            parse(head + text)


def test_a_refused_id_is_not_repeated_whole():
    with pytest.raises(InvalidIdError) as caught:
        parse_customer("c_" + "x" * 10_000)

    assert len(str(caught.value)) < 120


def test_partitions_are_filled_evenly():
    # 40,960 identities: 10 expected a partition; chi-square over 4,095 degrees of freedom has mean
    # 4,095 and standard deviation 90, so 4,600 is more than five of them away.
    counts = Counter(IDS.partition_of(user(f"u{i}")) for i in range(10 * PARTITIONS))

    chi_square = sum((counts[p] - 10) ** 2 / 10 for p in range(PARTITIONS))

    assert 3_600 < chi_square < 4_600


def test_the_key_of_the_store_decides_where_an_identity_lives():
    other = IdSpace(b"another key of another store....")

    same = sum(
        IDS.partition_of(user(f"u{i}")) == other.partition_of(user(f"u{i}")) for i in range(500)
    )

    assert same < 5
    assert IDS.message_hash("m") != other.message_hash("m")
    assert IDS.customer_number(user("u")) != other.customer_number(user("u"))


def test_a_customer_is_born_in_the_partition_of_the_first_identity_in_every_generation():
    for generation in range(3):
        number = IDS.customer_number(user("ann"), generation)

        assert home_partition(number) == IDS.partition_of(user("ann"))

    assert len({IDS.customer_number(user("ann"), g) for g in range(50)}) == 50


def test_kind_and_bytes_of_an_identity_both_count():
    names = [user("ann"), anon("ann"), user("Ann"), user("ann "), user("a\u0308"), user("\u00e4")]

    assert len({IDS.customer_number(name) for name in names}) == len(names)
    assert IDS.customer_number(Identity("user", "\ud800")) > 0
