"""What single turns say of consent, as somebody of whom nothing is known would have it."""

from dataclasses import replace

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import WITHDRAWING, OpenEffect
from actors.domain.events import Command, Event, Response
from actors.domain.fold import fold
from actors.domain.profile import ConsentState
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.turn import obey, respond

Acts = dict[str, ConsentState]


def acts_of_event(event: Event, record: TurnRecord) -> Acts:
    """Return the consents that an event gives or takes."""
    if "consent" not in event.context:
        return {}
    nobody = CustomerState(0, 0)
    fold(nobody, event, record.at_ms, record.received_at_ms, 0)
    return nobody.profile.consents


def acts_of_response(
    effect: OpenEffect, response: Response, record: TurnRecord, playbook: Playbook
) -> Acts:
    """Return the consents that an outcome takes."""
    if response.outcome not in WITHDRAWING:
        return {}
    nobody = CustomerState(0, 0)
    respond(nobody, response, replace(effect), record.received_at_ms, playbook)
    return nobody.profile.consents


def acts_of_command(command: Command, record: TurnRecord, playbook: Playbook) -> Acts:
    """Return the consents that are given or taken by hand."""
    nobody = CustomerState(0, 0)
    obey(nobody, command, playbook, record.received_at_ms)
    return nobody.profile.consents
