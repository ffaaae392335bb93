"""Proposals and calls: what an instance wants said or asked, and what became of it."""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from actors.domain.journeys import MAX_SENT, Instance, Journeys, Token
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Call, Propose, Scenario
from actors.scenarios.ending import NO_CALL
from actors.scenarios.index import definition
from actors.scenarios.run import Run
from actors.scenarios.values import keep
from actors.scenarios.walking import FAILED, go_on
from actors.scenarios.world import CallOut, Offer

CONSENT = "consent"


def offers(journeys: Journeys, playbook: Playbook, now_ms: int) -> list[Offer]:
    """Return the proposals that compete now, in order of instance and token.

    One that was refused with a time is left out until then.
    """
    found = []
    for instance in journeys.instances:
        scenario = definition(playbook, instance)
        if scenario is None:
            continue
        for token in instance.tokens:
            step = scenario.steps[token.step]
            if type(step) is Propose and token.try_ms <= now_ms:
                found.append(
                    Offer(
                        instance.id,
                        token.id,
                        instance.scenario,
                        step.name,
                        step.actions,
                        step.channels,
                        step.mandatory,
                    )
                )
    return found


def take_sent(run: Run, offer: Offer, seq: int, n: int) -> None:
    """Let the token go on whose proposal has become an effect."""
    found = _proposer(run, offer)
    if found is None:
        return
    scenario, instance, token, step = found
    instance.sent = [*instance.sent, (seq, n, 0)][-MAX_SENT:]
    run.told = True
    run.say(instance, "sent", step.name)
    go_on(run, scenario, instance, token, step.next, run.now_ms, None)


def take_refused(run: Run, offer: Offer, why: str, retry_at_ms: int) -> None:
    """Let a refused token wait, or go on if it is a mandatory one without consent."""
    found = _proposer(run, offer)
    if found is None:
        return
    scenario, instance, token, step = found
    if step.mandatory and why.partition(":")[0] == CONSENT:
        run.told = True
        run.say(instance, "refused", step.name, why)
        go_on(run, scenario, instance, token, step.not_sent, run.now_ms, None)
        return
    retry_at_ms = retry_at_ms if retry_at_ms > run.now_ms else 0
    _say_once(run, instance, token, "refused", why, retry_at_ms)
    if token.try_ms != retry_at_ms:
        token.try_ms = retry_at_ms
        run.touched[instance.id] = instance


def take_passing(run: Run, offer: Offer, what: str, why: str) -> None:
    """Say of an offer that it was `lost` or `held`: it stays."""
    found = _proposer(run, offer)
    if found is not None:
        _say_once(run, found[1], found[2], what, why, 0)


def take_called(journeys: Journeys, call: CallOut, seq: int, n: int) -> None:
    """Let a token wait for the answer to an effect."""
    for instance in journeys.instances:
        if instance.id == call.instance:
            for token in instance.tokens:
                if token.id == call.token and token.step == call.step:
                    token.call = (seq, n, 0)


def take_answer(
    run: Run, call: tuple[int, int, int], ok: bool, properties: Mapping[str, Any], at_ms: int
) -> None:
    """Let the token go on that waits for the answer to an effect, if it comes in time."""
    found = _caller(run, call)
    if found is None:
        return
    scenario, instance, token, step = found
    at_ms = min(at_ms, run.now_ms)
    if at_ms > token.due_ms:
        return
    if ok:
        keep(instance, step.keep, properties)
    run.say(instance, "passed", step.name, "" if ok else FAILED)
    target = step.next if ok else step.otherwise
    go_on(run, scenario, instance, token, target, at_ms, None)


def _proposer(run: Run, offer: Offer) -> tuple[Scenario, Instance, Token, Propose] | None:
    for instance in run.journeys.instances:
        if instance.id != offer.instance:
            continue
        scenario = definition(run.playbook, instance)
        for token in instance.tokens:
            if token.id == offer.token and token.step == offer.step and scenario is not None:
                step = scenario.steps[token.step]
                if isinstance(step, Propose):
                    return scenario, instance, token, step
    return None


def _caller(run: Run, call: tuple[int, int, int]) -> tuple[Scenario, Instance, Token, Call] | None:
    if call == NO_CALL:
        return None
    for instance in run.journeys.instances:
        for token in instance.tokens:
            scenario = definition(run.playbook, instance) if token.call == call else None
            if scenario is not None:
                step = scenario.steps[token.step]
                if isinstance(step, Call):
                    return scenario, instance, token, step
    return None


def _say_once(
    run: Run, instance: Instance, token: Token, what: str, why: str, until_ms: int
) -> None:
    """Add a line unless it would say what the last one said about this offer."""
    said = crc32(f"{what}/{why}".encode("utf-8", "surrogatepass")) or 1
    if said != token.said:
        token.said = said
        run.say(instance, what, token.step, why, until_ms)
