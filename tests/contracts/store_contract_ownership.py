"""The part of the store's contract about cells and partitions."""

from actors.domain.ids import PARTITIONS
from actors.ports import PartitionRow
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    ME,
    OTHER,
    P,
    cell,
    change,
    commit,
    owned,
    run,
)


class OwnershipContract:
    def test_every_partition_exists_and_belongs_to_nobody(self, store):
        rows = run(store.partitions())

        assert rows == [PartitionRow(p, "", 0) for p in range(PARTITIONS)]

    def test_a_claim_wins_only_what_is_as_expected(self, store):
        owned(store, 1, 2)

        won = run(
            store.claim([(1, ME, 1), (2, ME, 0), (3, ME, 0), (4, "", 0), (9999, "", 0)], OTHER)
        )

        assert won == {1: 2, 4: 1}
        rows = run(store.partitions())
        assert rows[1:5] == [
            PartitionRow(1, OTHER, 2),
            PartitionRow(2, ME, 1),
            PartitionRow(3, "", 0),
            PartitionRow(4, OTHER, 1),
        ]

    def test_a_partition_named_twice_in_one_claim_is_won_once(self, store):
        assert run(store.claim([(1, "", 0), (1, "", 0), (1, ME, 1)], ME)) == {1: 1}

    def test_all_partitions_are_claimed_at_once(self, store):
        won = run(store.claim([(p, "", 0) for p in range(PARTITIONS)], ME))

        assert won == dict.fromkeys(range(PARTITIONS), 1)

    def test_who_lost_a_partition_is_fenced_at_once(self, store):
        owned(store)
        commit(store, change(1))

        run(store.claim([(P, ME, 1)], OTHER))

        assert commit(store, change(1, 1, epoch=1)) == [FENCED]
        assert commit(store, change(1, 1, epoch=2)) == [COMMITTED]

    def test_cells_register_beat_and_leave_by_incarnation(self, store):
        run(store.register_cell(cell("cell-1")))
        run(store.register_cell(cell("cell-0")))
        run(store.register_cell(cell("cell-0", "two", beat=5)))

        run(store.beat(cell("cell-0", "one", beat=9)))
        run(store.beat(cell("cell-1", beat=3)))
        run(store.remove_cell(cell("cell-0", "one")))

        assert run(store.cells()) == [cell("cell-0", "two", 5), cell("cell-1", beat=3)]
        run(store.remove_cell(cell("cell-0", "two")))
        assert [row.owner for row in run(store.cells())] == ["cell-1/one"]

    def test_the_map_version_grows_with_ownership_and_registration_only(self, store):
        def version():
            return run(store.map_version())

        versions = [version()]
        for step in (
            store.register_cell(cell()),
            store.claim([(P, "", 0)], ME),
            store.remove_cell(cell()),
        ):
            run(step)
            versions.append(version())
        assert versions == sorted(set(versions))

        run(store.claim([(P, "", 0)], OTHER))
        run(store.beat(cell(beat=3)))
        run(store.remove_cell(cell()))
        commit(store, change(1))
        assert version() == versions[-1]
