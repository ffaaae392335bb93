"""One signal, heard by the instances and by the starts; and the end of whatever was told."""

from actors.domain.journeys import Instance, Journeys
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Listen, Scenario
from actors.scenarios.ending import ended_by
from actors.scenarios.index import Ears, definition, ears_of, index_of
from actors.scenarios.listening import case_of, keep_signal
from actors.scenarios.run import Run
from actors.scenarios.starting import release, start
from actors.scenarios.values import keep
from actors.scenarios.waiting import next_wait
from actors.scenarios.walking import go_on
from actors.scenarios.world import CallOut, Progress, Signal


def is_awaited(journeys: Journeys, playbook: Playbook, key: str) -> bool:
    """Return whether any scenario in force, or any instance, listens to signals of a key."""
    if key in index_of(playbook).keys:
        return True
    if not playbook.earlier:
        return False
    versions = [definition(playbook, instance) for instance in journeys.instances]
    return any(each is not None and key in each.listens for each in versions)


def hear_one(run: Run, signal: Signal) -> None:
    """Let everyone hear a signal, but not yet what is emitted because of it."""
    key, journeys, playbook = signal.key, run.journeys, run.playbook
    for instance in tuple(journeys.instances):
        if signal.instance and instance.id != signal.instance:
            continue
        scenario = definition(playbook, instance)
        ears = None if scenario is None else ears_of(scenario, key)
        if scenario is not None and ears is not None:
            _hear(run, scenario, instance, signal, ears)
            if run.ended:
                release(run)
    if signal.instance:
        return
    for begins in index_of(playbook).starts.get(key, ()):
        start(run, begins, signal)
        if run.ended:
            release(run)
    keep_signal(journeys, signal, playbook, run.now_ms)


def _hear(run: Run, scenario: Scenario, instance: Instance, signal: Signal, ears: Ears) -> None:
    if ended_by(run, scenario, instance, signal, ears):
        return
    listening = ears.steps
    if not listening:
        return
    for token in tuple(instance.tokens):
        step = scenario.steps[token.step]
        if (
            token.step not in listening
            or type(step) is not Listen
            or not any(each is token for each in instance.tokens)
        ):
            continue
        case = case_of(run.world, scenario, instance, token, step, signal)
        if case is not None:
            keep(instance, case.keep, signal.properties)
            run.say(instance, "passed", step.name, signal.key)
            go_on(run, scenario, instance, token, case.next, signal.at_ms, signal)


def close(run: Run) -> Progress:
    """Let what was emitted be heard, and return what has come of it all."""
    release(run)
    while run.pending:
        hear_one(run, run.pending.pop(0))
    progress = run.progress
    if progress.calls:
        progress.calls = [call for call in progress.calls if _is_wanted(run, call)]
    for number, instance in run.touched.items():
        progress.waits[number] = next_wait(instance)
    return progress


def _is_wanted(run: Run, call: CallOut) -> bool:
    return any(
        token.id == call.token and token.step == call.step and token.due_ms == call.expires_at_ms
        for instance in run.journeys.instances
        if instance.id == call.instance
        for token in instance.tokens
    )
