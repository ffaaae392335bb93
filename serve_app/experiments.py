"""Reports of experiments, from the journal: read once, and from where it was left the next time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actors.domain.errors import CodecError
from actors.domain.instants import format_instant
from actors.experiments.report import report
from actors.experiments.tally import Tally
from actors.playbook.experiment_model import LOGGED, Experiment, Experiments
from actors.playbook.model import Playbook, event_key
from actors.ports import JournalKind, Store, TimelineRow
from actors.wire.glimpses import Glimpse, glimpse

MAX_ROWS = 50_000
"""Turns that one request reads at most: a report that is further behind says so."""
_PORTION = 2_000

Listener = Callable[[int, Glimpse], None]
"""Hears of every turn that reaches an experiment: the customer's number and the turn."""


class ExperimentReader:
    """Follows the journal of one store. One reader at a time follows it; a change of what is counted begins anew.

    A customer counts from the turn that says so in the journal. Turns that were forgotten by age or
    erased say nothing any more: keep events for longer than the horizon.
    """

    def __init__(self, store: Store, listener: Listener | None = None) -> None:
        self._store = store
        self._listener = listener
        self._turnstile = asyncio.Lock()
        self._counted: object = None
        self._tally = Tally(Experiments())
        self._offset = 0
        self._unreadable = 0

    async def catch_up(self, playbook: Playbook, max_rows: int = MAX_ROWS) -> bool:
        """Read on; return whether the end of the journal was reached."""
        experiments = playbook.experiments
        async with self._turnstile:
            self._begin(experiments)
            for _ in range(-(-max_rows // _PORTION)):
                rows = await self._store.turns_after(self._offset, _PORTION)
                if rows:
                    await asyncio.to_thread(self._take, rows, experiments)
                    self._offset = rows[-1].offset
                if len(rows) < _PORTION:
                    return True
        return False

    async def of(
        self, experiment: Experiment, playbook: Playbook, now_ms: int, max_rows: int = MAX_ROWS
    ) -> dict[str, Any]:
        """Return the report of an experiment of this playbook as of an instant of the business clock."""
        whole = await self.catch_up(playbook, max_rows)
        experiments = playbook.experiments
        async with self._turnstile:
            cohort = await asyncio.to_thread(self._tally.cohort, experiment, experiments)
            found = await asyncio.to_thread(report, experiment, experiments, cohort, now_ms)
        return {
            **found,
            "asOf": format_instant(now_ms),
            "behind": not whole,
            "capped": self._tally.capped,
            "unreadable": self._unreadable,
        }

    @property
    def tally(self) -> Tally:
        """What has been counted so far."""
        return self._tally

    def _begin(self, experiments: Experiments) -> None:
        """Begin anew where other things are to be counted than so far."""
        kinds = {each.name: each.kind for each in experiments.all}
        counted = (experiments.measures, experiments.horizon_ms, kinds)
        if counted != self._counted:
            self._counted, self._tally = counted, Tally(experiments)
            self._offset = self._unreadable = 0

    def _take(self, rows: Sequence[TimelineRow], experiments: Experiments) -> None:
        for row in rows:
            if row.kind == JournalKind.ERASURE:
                self._tally.erase(row.number)
            elif not row.payload:
                self._unreadable += 1
            else:
                try:
                    turn = glimpse(row.payload)
                except CodecError:
                    self._unreadable += 1
                    continue
                self._turn(row, turn, experiments.by_name)

    def _turn(self, row: TimelineRow, turn: Glimpse, known: Mapping[str, Experiment]) -> None:
        tally, number = self._tally, row.number
        if turn.event is not None and row.kind == JournalKind.EVENT:
            kind, name, properties = turn.event
            tally.event(number, event_key(kind, name), turn.at_ms, properties)
        if row.kind == JournalKind.MERGE and turn.loser != number:  # else it is the loser's own
            tally.merge(number, turn.loser)
        elif row.kind == JournalKind.UNMERGE and turn.result.get("unmerged"):
            tally.unmerge(number, turn.loser, frozenset(turn.result.get("toLoser", ())))
        for name, arm in turn.reached.items():
            experiment = known.get(name)
            logged = experiment is not None and experiment.kind == LOGGED
            tally.reach(number, row.seq, name, arm, turn.at_ms if logged else turn.received_at_ms)
        if turn.reached and self._listener is not None:
            self._listener(number, turn)


def head_json(experiment: Experiment) -> dict[str, Any]:
    """Return what the list says of an experiment."""
    return {
        "name": experiment.name,
        "kind": experiment.kind,
        "description": experiment.description,
        "control": experiment.control,
        "within": experiment.within or None,
        "arms": [
            {
                "name": arm.name,
                "share": arm.share,
                "hold": arm.hold,
                "actions": None if arm.actions is None else sorted(arm.actions),
                "policy": arm.policy,
            }
            for arm in experiment.arms
        ],
    }
