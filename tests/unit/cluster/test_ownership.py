import pytest

from actors.domain.ids import PARTITIONS
from actors.ports import CellRow, PartitionRow
from cluster.ownership import Roster, Silence, propose
from cluster.placement import placement


def cell(name, incarnation="1", beat=0):
    return CellRow(name, incarnation, 1, 1, "host", beat)


A, B, C = cell("a"), cell("b"), cell("c")


def owned(by=None):
    """All partitions, of nobody, of one owner, or as a function of the partition says."""
    find = by if callable(by) else lambda p: by or ""
    return [PartitionRow(p, find(p), p % 3) for p in range(PARTITIONS)]


def placed(*cells):
    names = {c.name: c.owner for c in cells}
    return lambda p: names[placement(tuple(sorted(names)))[p]]


def claimed(proposal):
    return {row.partition: owner for owner, rows in proposal.claims.items() for row in rows}


def moved(proposal):
    return {p: way for way, partitions in proposal.moves.items() for p in partitions}


def test_what_nobody_has_is_claimed_as_placement_says():
    proposal = propose(owned(), [A, B], ())

    assert claimed(proposal) == {p: placed(A, B)(p) for p in range(PARTITIONS)}
    assert proposal.moves == {}


def test_a_claim_names_owner_and_epoch_as_they_were_seen():
    rows = owned("dead/1")

    proposal = propose(rows, [A], ())

    assert proposal.claims == {A.owner: rows}


def test_when_all_is_as_it_should_be_nothing_is_proposed():
    proposal = propose(owned(placed(A, B)), [A, B], ())

    assert (proposal.claims, proposal.moves) == ({}, {})


def test_what_a_dead_cell_had_is_claimed_and_the_rest_stays():
    before = placed(A, B, C)

    proposal = propose(owned(before), [A, B], ())

    assert set(claimed(proposal)) == {p for p in range(PARTITIONS) if before(p) == C.owner}
    assert proposal.moves == {}


def test_an_older_incarnation_of_a_living_name_is_dead():
    again = cell("a", "2")

    proposal = propose(owned(A.owner), [again], ())

    assert set(claimed(proposal).values()) == {again.owner}
    assert len(claimed(proposal)) == PARTITIONS


def test_a_newcomer_gets_its_share_handed_over_by_the_living():
    after = placed(A, B)

    proposal = propose(owned(A.owner), [A, B], ())

    mine = {p for p in range(PARTITIONS) if after(p) == B.owner}
    assert moved(proposal) == dict.fromkeys(mine, (A.owner, B.owner))
    assert proposal.claims == {}


def test_a_standby_owns_nothing_while_another_lives():
    proposal = propose(owned(), [A, B], ("b",))

    assert set(claimed(proposal).values()) == {A.owner}


def test_a_standby_serves_when_it_is_alone_and_gives_back_afterwards():
    alone = propose(owned(A.owner), [B], ("b",))
    assert set(claimed(alone).values()) == {B.owner}
    assert len(claimed(alone)) == PARTITIONS

    back = propose(owned(B.owner), [cell("a", "2"), B], ("b",))
    assert set(moved(back).values()) == {(B.owner, "a/2")}
    assert (len(moved(back)), back.claims) == (PARTITIONS, {})


def test_standbys_alone_share_the_work():
    assert set(claimed(propose(owned(), [A, B], ("a", "b"))).values()) == {A.owner, B.owner}


def test_without_living_cells_nothing_is_proposed():
    proposal = propose(owned(A.owner), [], ())

    assert (proposal.claims, proposal.moves) == ({}, {})


def test_a_proposal_that_is_carried_out_leaves_nothing_to_do():
    rows = owned(lambda p: ("", A.owner, "dead/1")[p % 3])
    for _ in range(2):
        proposal = propose(rows, [A, B, C], ("c",))
        owners = claimed(proposal) | {p: to for p, (_, to) in moved(proposal).items()}
        rows = [PartitionRow(r.partition, owners.get(r.partition, r.owner), 0) for r in rows]

    assert owners == {}


@pytest.mark.parametrize("start", [0.0, 1e9])
def test_a_beat_unchanged_for_the_limit_is_silence(start):
    silence = Silence(5.0)

    assert silence.silent([cell("a", beat=3)], start) == set()
    assert silence.silent([cell("a", beat=3)], start + 4.9) == set()
    assert silence.silent([cell("a", beat=3)], start + 5.0) == {A.owner}


def test_a_beat_that_changes_in_any_way_is_life():
    silence = Silence(5.0)

    for step, beat in enumerate([5, 6, 0, 9]):  # a restarted counter is a change like any other
        assert silence.silent([cell("a", beat=beat)], step * 6.0) == set()
    assert silence.silent([cell("a", beat=9)], 23.0) == {A.owner}
    assert silence.silent([cell("a", beat=10)], 24.0) == set()


def test_a_watcher_that_comes_late_watches_for_the_whole_limit_itself():
    silence = Silence(5.0)

    assert silence.silent([cell("a", beat=77)], 1_000_000.0) == set()


def test_cells_are_judged_one_by_one_and_incarnations_apart():
    silence = Silence(5.0)
    silence.silent([cell("a", beat=1), cell("b", beat=1)], 0.0)

    found = silence.silent([cell("a", "2", beat=1), cell("b", beat=2), cell("a", beat=1)], 6.0)

    assert found == {A.owner}


def test_a_cell_that_went_away_and_came_back_is_watched_anew():
    silence = Silence(5.0)
    silence.silent([cell("a", beat=1)], 0.0)
    silence.silent([], 1.0)

    assert silence.silent([cell("a", beat=1)], 10.0) == set()
    assert silence.silent([cell("a", beat=1)], 15.0) == {A.owner}


def test_time_in_which_the_watcher_did_not_look_is_no_silence():
    silence = Silence(5.0, gap_s=1.5)
    beats = [cell("a", beat=1)]
    silence.silent(beats, 0.0)

    assert silence.silent(beats, 60.0) == set()  # it was stopped, or the store was away
    assert silence.silent(beats, 61.5) == set()
    assert silence.silent(beats, 63.0) == set()
    assert silence.silent(beats, 64.5) == {A.owner}


def test_a_watcher_whose_clock_goes_back_has_seen_no_time_pass():
    silence = Silence(5.0)
    beats = [cell("a", beat=1)]
    silence.silent(beats, 100.0)

    assert silence.silent(beats, 10.0) == set()
    assert silence.silent(beats, 14.9) == set()
    assert silence.silent(beats, 15.0) == {A.owner}


def test_who_leaves_gives_away_all_it_has_and_gets_nothing():
    rows = owned(placed(A, B, C))

    proposal = propose(rows, [A, B, C], (), leaving=["c"])

    given = {p for p in range(PARTITIONS) if placed(A, B, C)(p) == C.owner}
    assert moved(proposal) == {p: (C.owner, placed(A, B)(p)) for p in given}
    assert proposal.claims == {}
    assert propose(owned("dead/1"), [A, C], (), leaving=["c"]).claims.keys() == {A.owner}


def test_who_leaves_stays_while_nobody_else_lives():
    assert propose(owned(C.owner), [C], (), leaving=["c"]).size == 0
    assert set(claimed(propose(owned("dead/1"), [C], (), leaving=["c"])).values()) == {C.owner}


def test_a_standby_serves_before_one_that_leaves():
    proposal = propose(owned("dead/1"), [A, B], ("a",), leaving=["b"])

    assert set(claimed(proposal).values()) == {A.owner}


def test_a_lighter_cell_gives_some_away_and_nothing_else_moves():
    even, weights = owned(placed(A, B, C)), (("a", 0.5), ("b", 1.0), ("c", 1.0))

    proposal = propose(even, [A, B, C], (), weights=weights)

    assert {giver for giver, _ in proposal.moves} == {A.owner}
    assert 0 < proposal.size < PARTITIONS / 3


def test_weights_of_those_who_are_away_change_nothing():
    rows = owned(placed(A, B))

    assert propose(rows, [A, B], (), weights=(("z", 2.0),)).size == 0


def roster():
    return Roster(Silence(5.0))


def test_a_death_is_for_good_and_silence_is_not():
    watcher = roster()
    watcher.look([cell("a"), cell("b")], 0.0)
    watcher.died.add(B.owner)

    silent = watcher.look([cell("a"), cell("b", beat=7)], 6.0)
    assert (silent.living, [c.owner for c in silent.silent]) == ((), [A.owner])

    back = watcher.look([cell("a", beat=1), cell("b", beat=8)], 7.0)
    assert [c.owner for c in back.living] == [A.owner]


def test_a_new_incarnation_of_a_dead_cell_lives():
    watcher = roster()
    watcher.look([A], 0.0)
    watcher.died.add(A.owner)

    look = watcher.look([cell("a", "2")], 1.0)

    assert [c.owner for c in look.living] == ["a/2"]
    assert watcher.died == set()
