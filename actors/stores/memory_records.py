"""Small things that the memory store keeps by name: playbooks, settings, keys, checkpoints."""


class MemoryRecords:
    """The methods of `Store` that have nothing to do with customers."""

    def __init__(self) -> None:
        self._checkpoints: dict[str, tuple[int, bytes]] = {}
        self._playbooks: dict[str, tuple[int, bytes]] = {}
        self._active_playbook: str | None = None
        self._settings: dict[str, bytes] = {}
        self._keys: dict[bytes, bytes] = {}

    async def checkpoint(self, model: str) -> tuple[int, bytes] | None:
        """See `Store.checkpoint`."""
        return self._checkpoints.get(model)

    async def save_checkpoint(self, model: str, offset: int, data: bytes) -> bool:
        """See `Store.save_checkpoint`."""
        stored = self._checkpoints.get(model)
        if stored is not None and stored[0] >= offset:
            return False
        self._checkpoints[model] = (offset, data)
        return True

    async def playbook(self, version: str | None = None) -> tuple[str, bytes] | None:
        """See `Store.playbook`."""
        name = self._active_playbook if version is None else version
        return (name, self._playbooks[name][1]) if name in self._playbooks else None

    async def playbook_versions(self) -> list[tuple[str, int, bool]]:
        """See `Store.playbook_versions`."""
        return [
            (version, stored_at_ms, version == self._active_playbook)
            for version, (stored_at_ms, _) in reversed(self._playbooks.items())
        ]

    async def put_playbook(self, version: str, bundle: bytes, now_machine_ms: int) -> None:
        """See `Store.put_playbook`."""
        self._playbooks.setdefault(version, (now_machine_ms, bundle))
        self._active_playbook = version

    async def setting(self, name: str) -> bytes | None:
        """See `Store.setting`."""
        return self._settings.get(name)

    async def put_setting(self, name: str, value: bytes) -> None:
        """See `Store.put_setting`."""
        self._settings[name] = value

    async def put_setting_if_absent(self, name: str, value: bytes) -> bytes:
        """See `Store.put_setting_if_absent`."""
        return self._settings.setdefault(name, value)

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """See `Store.keys`."""
        return list(self._keys.items())

    async def put_key(self, key_hash: bytes, record: bytes) -> None:
        """See `Store.put_key`."""
        self._keys[key_hash] = record

    async def revoke_key(self, key_hash: bytes) -> bool:
        """See `Store.revoke_key`."""
        return self._keys.pop(key_hash, None) is not None
