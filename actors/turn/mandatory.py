"""Service messages that must be sent: they do not compete, but not everything is allowed to them."""

from collections.abc import Iterator, Sequence

from actors.decisioning.inputs import Ranked
from actors.decisioning.plan import Standing
from actors.playbook.model import Action, Playbook
from actors.policies.consent import consent_refusal, consents_at
from actors.policies.quiet import plan_send
from actors.scenarios.world import Offer
from actors.turn.policing import barred_channels
from actors.turn.spending import lacking
from actors.turn.under_way import Turn


def permitted(
    turn: Turn, offer: Offer, actions: Sequence[Action], playbook: Playbook, standing: Standing
) -> tuple[Ranked | None, str]:
    """Return the first action and the cheapest channel that nothing speaks against, or why none.

    Caps and silences do not hold a mandatory message; switches, the tier's channels, dead addresses,
    consent, hours in which it would be dropped, and budgets do.
    """
    why = "its actions are no longer in the playbook"
    for action in actions:
        why = f"{action.key}: no channel"
        options = sorted(action.treatments.values(), key=lambda t: (t.cost_minor, t.channel))
        for treatment in options:
            channel = treatment.channel
            if not treatment.outbound or (offer.channels and channel not in offer.channels):
                continue
            refusals = _refusals(turn, offer, action, channel, playbook, standing)
            refusal = next((each for each in refusals if each), "")
            if not refusal:
                return _unranked(action, channel, offer), ""
            why = refusal
    return None, why


def _refusals(
    turn: Turn,
    offer: Offer,
    action: Action,
    channel: str,
    playbook: Playbook,
    standing: Standing,
) -> Iterator[str]:
    """Say what speaks against a message, in the funnel's order; empty for what does not."""
    profile, now_ms = turn.state.profile, turn.record.received_at_ms
    switches = ("all", f"channel:{channel}", f"action:{action.key}", f"scenario:{offer.scenario}")
    for switch in switches:
        if switch in turn.paused:
            yield f"availability: paused: {switch}"
    for barred in barred_channels(turn, playbook, standing.tier):
        if barred.partition(": ")[0] == channel:
            yield f"channel: {barred.partition(': ')[2]}"
    consents = consents_at(profile.consents, now_ms)
    exempt = playbook.purposes_without_consent
    refusal = consent_refusal(consents, channel, action.purpose, exempt)
    if refusal is not None:
        yield f"consent: {refusal}"
    planned = plan_send(profile, playbook, channel, action.purpose, now_ms)
    if not planned.at_ms:
        yield f"contact_policy: {planned.why}"
    cause = (standing.segments, offer.scenario)
    short = lacking(turn, playbook, action, channel, cause)
    if short:
        yield f"budget: {short}"


def _unranked(action: Action, channel: str, offer: Offer) -> Ranked:
    return Ranked(
        action.index,
        channel,
        "",
        f"{offer.scenario}:{offer.step}:{offer.instance}.{offer.token}",
        action.starting_propensity,
        0.0,
        1.0,
        action.value_minor,
        action.lever,
        action.treatments[channel].cost_minor,
        0.0,
    )
