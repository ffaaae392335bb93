"""The memory store's launches of scenarios."""

from dataclasses import replace

from actors.ports import Launch, LaunchPart
from actors.stores.memory_scenarios import MemoryScenarios


class MemoryLaunches(MemoryScenarios):
    """The methods of `Store` on launches, and what keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self._launches: dict[str, Launch] = {}
        self._launch_parts: dict[tuple[str, str], LaunchPart] = {}

    async def add_launch(self, launch: Launch) -> bool:
        """See `Store.add_launch`."""
        if launch.id in self._launches:
            return False
        self._launches[launch.id] = launch
        return True

    async def launches(self) -> list[Launch]:
        """See `Store.launches`."""
        return list(reversed(self._launches.values()))

    async def set_launch(self, launch_id: str, before: str, state: str) -> bool:
        """See `Store.set_launch`."""
        known = self._launches.get(launch_id)
        if known is None or known.state != before:
            return False
        self._launches[launch_id] = replace(known, state=state)
        return True

    async def put_launch_part(self, part: LaunchPart) -> None:
        """See `Store.put_launch_part`."""
        self._launch_parts[part.launch, part.owner] = part

    async def launch_parts(self, launch_id: str) -> list[LaunchPart]:
        """See `Store.launch_parts`."""
        parts = self._launch_parts
        return [parts[key] for key in sorted(parts) if key[0] == launch_id]
