"""Taking back what is queued and may not be said any more."""

from actors.playbook.model import Playbook
from actors.policies.consent import consent_refusal, consents_at
from actors.turn.under_way import Turn


def withdraw(turn: Turn, playbook: Playbook) -> None:
    """Cancel the customer's queued effects for which there is no permission now.

    What was sent already, or is being sent at this moment, is not called back.
    """
    state = turn.state
    consents = consents_at(state.profile.consents, turn.record.received_at_ms)
    exempt = playbook.purposes_without_consent
    turn.cancelled += [
        state.place_of(effect)
        for effect in state.effects
        if effect.purpose
        and consent_refusal(consents, effect.channel, effect.purpose, exempt) is not None
    ]
