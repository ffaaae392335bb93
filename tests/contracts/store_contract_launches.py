"""What every store must do to keep launches of scenarios."""

from dataclasses import replace

from actors.ports import Launch, LaunchPart, LaunchState
from tests.contracts.store_support import NOW, run

RUNNING, STOPPED, DONE = LaunchState.RUNNING, LaunchState.STOPPED, LaunchState.DONE
FIRST = Launch("l1", "welcome", "gold", 12.5, RUNNING, NOW, b"\x80")
SECOND = replace(FIRST, id="l2", segment="silver", data=b"\x81\xa1a\x01")


class LaunchContract:
    def test_launches_are_listed_newest_first_as_they_were_stored(self, store):
        assert run(store.launches()) == []

        assert run(store.add_launch(FIRST))
        assert run(store.add_launch(SECOND))

        assert run(store.launches()) == [SECOND, FIRST]

    def test_an_id_that_is_known_is_not_stored_again(self, store):
        run(store.add_launch(FIRST))

        assert not run(store.add_launch(replace(SECOND, id="l1")))

        assert run(store.launches()) == [FIRST]

    def test_a_launch_moves_only_from_the_state_it_is_in(self, store):
        run(store.add_launch(FIRST))
        run(store.add_launch(SECOND))

        assert run(store.set_launch("l1", RUNNING, STOPPED))
        assert not run(store.set_launch("l1", RUNNING, DONE))
        assert not run(store.set_launch("l3", RUNNING, DONE))

        assert run(store.launches()) == [SECOND, replace(FIRST, state=STOPPED)]

    def test_of_each_owner_the_last_word_on_how_far_it_has_come_is_kept(self, store):
        first = LaunchPart("l1", "cell-b/1", 7, 3, 2, done=False)
        other = LaunchPart("l1", "cell-a/1", -1, 0, 0, done=True)
        run(store.put_launch_part(first))
        run(store.put_launch_part(other))
        run(store.put_launch_part(replace(other, launch="l2")))

        run(store.put_launch_part(replace(first, after_number=9, seen=4, done=True)))

        assert run(store.launch_parts("l1")) == [other, LaunchPart("l1", "cell-b/1", 9, 4, 2, True)]
        assert run(store.launch_parts("l3")) == []
