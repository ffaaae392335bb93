"""Who gets an actor of her own and who goes back: the rules alone."""

import pytest

from actors.domain.ids import PARTITIONS
from actors.ports import PartitionRow
from cluster.dedication import (
    AT_ONCE,
    IDLE_MS,
    UNWANTED_S,
    Dedication,
    Seat,
    Wish,
    actor_name,
    customer_of,
    empty_partitions,
    home_of,
)
from cluster.ownership import propose
from tests.builders import CELL, OTHER_CELL, number_of, user

ANN, BOB, CARL = (number_of(user(name)) for name in ("ann", "bob", "carl"))
OWN = PARTITIONS


def seat(number, node="a", *, wanted=True, idle_ms=0):
    return Seat(number, f"{actor_name(number)}/x", node, wanted, idle_ms)


def rows(*owners):
    many = {p: PartitionRow(p, CELL.owner, 3) for p in range(PARTITIONS)}
    return many | {OWN + i: PartitionRow(OWN + i, owner, 1) for i, owner in enumerate(owners)}


def wish(number, idle_ms=0):
    return Wish(number, CELL.name, idle_ms)


def steps(dedication, apart=(), seats=(), wishes=(), nodes=("a",), now_s=0.0, owners=()):
    owners = owners or [each.owner for each in seats]
    return dedication.steps(rows(*owners), dict(apart), list(seats), list(wishes), nodes, now_s)


def test_names_lead_to_customers_and_cells_of_many_to_nobody():
    assert customer_of(actor_name(ANN)) == ANN
    assert [customer_of(name) for name in ("cell-0", "standby-0", "customer:ann", "customer:")] == [
        *(None, None, None, None)
    ]


def test_the_most_recent_come_first_a_few_at_a_time_where_there_is_most_room():
    wishes = [wish(ANN, 9), wish(BOB, 3), wish(CARL, 6)]

    made = steps(Dedication(2), wishes=wishes, nodes=("a", "b"), seats=[]).promote

    assert [(each.number, node) for each, node in made] == [(BOB, "a"), (CARL, "b")]
    assert len(made) == AT_ONCE


def test_each_node_has_at_most_so_many():
    taken = [seat(ANN, "a"), seat(BOB, "b")]
    apart = {ANN: OWN, BOB: OWN + 1}

    assert steps(Dedication(1), apart, taken, [wish(CARL)], ("a", "b")).promote == []
    one = steps(Dedication(1), apart, taken, [wish(CARL)], ("a", "b", "c")).promote
    assert one == [(wish(CARL), "c")]


def test_nobody_is_made_an_actor_twice():
    assert steps(Dedication(8), {ANN: OWN}, [seat(ANN)], [wish(ANN)]).promote == []
    assert steps(Dedication(8), {ANN: OWN}, [], [wish(ANN)], owners=[CELL.owner]).promote == []


@pytest.mark.parametrize(
    ("case", "over"),
    [
        ({"idle_ms": IDLE_MS}, False),
        ({"idle_ms": IDLE_MS + 1}, True),
        ({"wanted": False}, False),
    ],
)
def test_an_actor_ends_when_it_has_been_idle_for_long(case, over):
    done = steps(Dedication(8), {ANN: OWN}, [seat(ANN, **case)])

    assert [each.number for each in done.end] == [ANN] * over


def test_an_actor_ends_only_when_the_rule_has_been_false_all_the_while():
    dedication, apart = Dedication(8), {ANN: OWN}

    def ended(now_s, *, wanted):
        return bool(steps(dedication, apart, [seat(ANN, wanted=wanted)], now_s=now_s).end)

    assert not ended(0.0, wanted=False)
    assert not ended(UNWANTED_S - 1, wanted=False)
    assert not ended(UNWANTED_S, wanted=True)
    assert not ended(UNWANTED_S + 1, wanted=False)
    assert not ended(2 * UNWANTED_S, wanted=False)
    assert ended(2 * UNWANTED_S + 1, wanted=False)


def test_an_actor_without_its_customer_ends_and_with_no_cap_all_do():
    assert steps(Dedication(8), {}, [seat(ANN)]).end == [seat(ANN)]
    assert steps(Dedication(0), {ANN: OWN}, [seat(ANN)]).end == [seat(ANN)]


def test_who_is_with_a_cell_of_many_goes_home_and_who_has_nobody_yet_waits():
    apart = {ANN: OWN, BOB: OWN + 1, CARL: OWN + 2}
    owners = [CELL.owner, seat(BOB).owner, ""]

    home = steps(Dedication(8), apart, [], owners=owners).home

    assert [(number, row.partition) for number, row in home] == [(ANN, OWN)]
    assert home_of(ANN, rows())[1] == 3


def test_empty_partitions_serve_again_unless_an_actor_has_them():
    found = empty_partitions(
        rows(seat(ANN).owner, CELL.owner, seat(BOB).owner, CELL.owner),
        {ANN: OWN, CARL: OWN + 3},
        [seat(ANN).owner, seat(BOB).owner],
    )

    assert [row.partition for row in found] == [OWN + 1]


def test_the_supervisor_leaves_alone_what_living_actors_have_and_claims_what_dead_ones_had():
    partitions = list(rows(seat(ANN).owner, seat(BOB).owner, CELL.owner).values())
    living = [CELL, OTHER_CELL]

    proposal = propose(partitions, living, (), apart={seat(ANN).owner})

    claimed = [row.partition for some in proposal.claims.values() for row in some]
    assert claimed == [OWN + 1]
    moved = {p for some in proposal.moves.values() for p in some}
    assert OWN not in moved


def test_actors_are_made_at_a_pace_and_what_was_not_used_is_not_saved_up():
    dedication, made = Dedication(50, every_s=10.0), []
    for tenth in range(0, 700, 5):  # rounds come twice a second
        wishes = [wish(n) for n in range(1000, 1000 + 100 - len(made)) if tenth >= 300]
        made += [tenth / 10 for _ in steps(dedication, wishes=wishes, now_s=tenth / 10).promote]

    assert made == [30.0, 30.0, 40.0, 50.0, 60.0]
    assert steps(dedication, wishes=[wish(ANN)], now_s=69.5).promote == []
