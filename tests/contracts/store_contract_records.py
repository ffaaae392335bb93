"""The part of the store's contract about what is kept by name."""

from tests.contracts.store_support import NOW, run


class RecordsContract:
    def test_a_checkpoint_only_moves_forward(self, store):
        assert run(store.checkpoint("m")) is None

        saved = [run(store.save_checkpoint("m", at, b"%d" % at)) for at in (5, 5, 4, 9)]

        assert saved == [True, False, False, True]
        assert run(store.checkpoint("m")) == (9, b"9")
        assert run(store.checkpoint("other")) is None

    def test_the_playbook_put_last_is_the_active_one(self, store):
        assert run(store.playbook()) is None

        run(store.put_playbook("v1", b"one", NOW))
        run(store.put_playbook("v2", b"two", NOW + 1))

        assert run(store.playbook()) == ("v2", b"two")
        assert run(store.playbook("v1")) == ("v1", b"one")
        assert run(store.playbook("v3")) is None
        assert run(store.playbook_versions()) == [("v2", NOW + 1, True), ("v1", NOW, False)]

    def test_putting_a_known_version_makes_it_active_and_keeps_its_bundle(self, store):
        run(store.put_playbook("v1", b"one", NOW))
        run(store.put_playbook("v2", b"two", NOW + 1))

        run(store.put_playbook("v1", b"changed", NOW + 2))

        assert run(store.playbook()) == ("v1", b"one")
        assert run(store.playbook_versions()) == [("v2", NOW + 1, False), ("v1", NOW, True)]

    def test_settings_are_put_and_replaced(self, store):
        assert run(store.setting("clock")) is None

        run(store.put_setting("clock", b"1"))
        run(store.put_setting("clock", b""))

        assert run(store.setting("clock")) == b""

    def test_of_two_first_values_of_a_setting_the_first_is_kept(self, store):
        assert run(store.put_setting_if_absent("key", b"first")) == b"first"
        assert run(store.put_setting_if_absent("key", b"second")) == b"first"
        assert run(store.setting("key")) == b"first"

    def test_keys_are_added_replaced_and_revoked(self, store):
        run(store.put_key(b"h1", b"r1"))
        run(store.put_key(b"h2", b"r2"))
        run(store.put_key(b"h1", b"r3"))

        assert run(store.keys()) == [(b"h1", b"r3"), (b"h2", b"r2")]
        assert run(store.revoke_key(b"h1")) is True
        assert run(store.revoke_key(b"h1")) is False
        assert run(store.keys()) == [(b"h2", b"r2")]
