"""Scenarios where two customers become one."""

from dataclasses import replace
from functools import lru_cache

from actors.decisioning.journal import TurnRecord
from actors.domain.journeys import Journeys
from actors.domain.state import CustomerState, Timer
from actors.playbook.model import Playbook
from actors.scenarios.engine import merge_journeys, next_wait, part_journeys
from actors.session.changes import Chain
from actors.turn import SCENARIO, scenario_timer


def without_timers(state: CustomerState) -> None:
    """Take the timers of scenarios out of a state that is to be merged: their keys are per customer."""
    state.timers = [timer for timer in state.timers if timer.kind != SCENARIO]


def join_journeys(
    chain: Chain, other: Journeys, number: int, playbook: Playbook, record: TurnRecord
) -> None:
    """Let the survivor go on with the instances of both, whose timers were taken out before."""
    state = chain.state
    state.journeys, progress = merge_journeys(state.journeys, other, playbook, number, chain.number)
    record.lines += progress.lines
    record.notes += progress.notes
    for instance_id, due_at_ms in progress.waits.items():
        if due_at_ms:
            state.timers.append(Timer(scenario_timer(instance_id), due_at_ms, SCENARIO))
    chain.cancelled += [(origin or chain.number, seq, n) for seq, n, origin in progress.withdrawn]


@lru_cache(maxsize=16)
def without_scenarios(playbook: Playbook) -> Playbook:
    """Return a playbook under which turns are taken again: what scenarios did then, they have done."""
    return replace(playbook, scenarios=(), scenarios_by_name={}, scenarios_hearing={})


def at_rest(survivor: CustomerState, loser: CustomerState) -> Journeys:
    """Take the scenarios out of two states whose turns are taken again; return the loser's."""
    theirs = loser.journeys
    for state in (survivor, loser):
        without_timers(state)
        state.journeys = Journeys()
    return theirs


def divide_journeys(
    together: CustomerState,
    survivor: CustomerState,
    loser: CustomerState,
    theirs: Journeys,
    other: int,
) -> None:
    """Give two customers, as they are after an unmerge, the instances that each began.

    `together` is the one who was both: its instances are where they stand now. `theirs` are those
    that the `other` brought.
    """
    kept, parted = part_journeys(together.journeys, together.number, theirs, other)
    for state, journeys in ((survivor, kept), (loser, parted)):
        without_timers(state)
        state.journeys = journeys
        for instance in journeys.instances:
            due_at_ms = next_wait(instance)
            if due_at_ms:
                key = scenario_timer(instance.id)
                state.timers.append(Timer(key, due_at_ms, SCENARIO))
