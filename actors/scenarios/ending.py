"""How an instance ends: by itself, by a stop or by a goal."""

from actors.domain.journeys import Instance
from actors.playbook.scenario_model import Scenario
from actors.scenarios.index import Ears, ears_of
from actors.scenarios.matching import matches
from actors.scenarios.run import Run
from actors.scenarios.world import Progress, Signal

ENDED, STOPPED = "ended", "stopped"
NO_CALL = (0, 0, 0)


def finish(
    run: Run, instance: Instance, what: str, why: str, at_ms: int, signal: Signal | None
) -> None:
    """End an instance that has walked to its end."""
    run.say(instance, what, why=why)
    run.journeys.instances = [each for each in run.journeys.instances if each is not instance]
    run.ended[instance.scenario, instance.key] = (at_ms, signal)
    run.touched[instance.id] = instance
    instance.tokens.clear()
    instance.scopes.clear()


def cut_short(
    run: Run, instance: Instance, what: str, why: str, at_ms: int, signal: Signal | None
) -> None:
    """End an instance from outside: what is not sent yet is withdrawn."""
    withdraw(instance, run.progress)
    finish(run, instance, what, why, at_ms, signal)


def withdraw(instance: Instance, progress: Progress) -> None:
    """List what an instance has caused, should it not be sent yet."""
    progress.withdrawn += instance.sent
    for token in instance.tokens:
        if token.call != NO_CALL:
            progress.withdrawn.append(token.call)


def over(run: Run, scenario: Scenario, instance: Instance, signal: Signal) -> bool:
    """Let the stops and goals of an instance hear a signal; return whether it has ended."""
    ears = ears_of(scenario, signal.key)
    return ears is not None and ended_by(run, scenario, instance, signal, ears)


def ended_by(run: Run, scenario: Scenario, instance: Instance, signal: Signal, ears: Ears) -> bool:
    """As `over`, when it is known already what of the scenario hears such signals."""
    at_ms = signal.at_ms
    if at_ms < instance.started_ms:
        return False
    for stop in ears.stops:
        if matches(run.world, scenario, instance, stop, signal):
            cut_short(run, instance, STOPPED, signal.key, at_ms, signal)
            return True
    for goal in ears.goals:
        if goal.name in instance.met or not matches(
            run.world, scenario, instance, goal.heard, signal
        ):
            continue
        instance.met.append(goal.name)
        run.progress.converted += instance.sent
        run.say(instance, "goal", why=goal.name)
        if not goal.goes_on:
            cut_short(run, instance, ENDED, goal.name, at_ms, signal)
            return True
    return False
