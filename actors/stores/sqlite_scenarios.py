"""How many are, and were, at each step of each scenario, in the SQLite store.

`customer` rows are not looked at: each change says by how much it moves the counts.
"""

import sqlite3
from collections.abc import Sequence

from actors.ports import Change, ScenarioCount
from actors.stores.rules import scenario_counts_of
from actors.stores.sqlite_sql import Batched, one_json
from actors.stores.texts import from_text, to_text

_ADD = Batched(
    "INSERT INTO scenario_step (scenario, digest, step, waiting, passed, gone) VALUES {rows}"
    " ON CONFLICT (scenario, digest, step) DO UPDATE SET waiting = waiting + excluded.waiting,"
    " passed = passed + excluded.passed, gone = gone + excluded.gone",
    6,
)
_COUNTS = """SELECT json_group_array(json_array(scenario, digest, step, waiting, passed, gone)) FROM (
    SELECT * FROM scenario_step WHERE scenario = ? OR ? IS NULL)"""


def write_scenarios(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Add what the changes count. Call inside a transaction."""
    if any(change.scenario_counts for change in changes):
        counts = sorted(scenario_counts_of(changes).items())
        rows = [(*(to_text(name) for name in step), *more) for step, more in counts]
        _ADD.insert(connection, rows)


def scenario_counts(connection: sqlite3.Connection, scenario: str | None) -> list[ScenarioCount]:
    """Return the counts of one scenario, or of all, in order of scenario, version and step."""
    name = None if scenario is None else to_text(scenario)
    rows = one_json(connection, _COUNTS, (name, name))
    found = [
        ScenarioCount(from_text(name), from_text(digest), from_text(step), *numbers)
        for name, digest, step, *numbers in rows
    ]
    return sorted(found, key=lambda each: (each.scenario, each.digest, each.step))
