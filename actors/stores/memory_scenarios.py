"""The memory store's counts of how many are, and were, at each step of each scenario."""

from collections.abc import Sequence

from actors.ports import Change, ScenarioCount
from actors.stores.rules import ScenarioStep, scenario_counts_of


class MemoryScenarios:
    """The method of `Store` that counts, and what keeps it."""

    def __init__(self) -> None:
        self._scenario_steps: dict[ScenarioStep, tuple[int, int, int]] = {}

    def _write_scenarios(self, changes: Sequence[Change]) -> None:
        for step, more in scenario_counts_of(changes).items():
            before = self._scenario_steps.get(step, (0, 0, 0))
            self._scenario_steps[step] = (
                before[0] + more[0],
                before[1] + more[1],
                before[2] + more[2],
            )

    async def scenario_counts(self, scenario: str | None = None) -> list[ScenarioCount]:
        """See `Store.scenario_counts`."""
        return [
            ScenarioCount(*step, *self._scenario_steps[step])
            for step in sorted(self._scenario_steps)
            if scenario is None or step[0] == scenario
        ]
