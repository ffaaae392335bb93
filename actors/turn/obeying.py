"""Commands that are turns: an explicit act of consent, and what scenarios take."""

from actors.decisioning.journal import TurnRecord
from actors.domain.events import CONSENT, OWN_TURNS, Command
from actors.domain.fold import set_consent
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.turn.under_way import Turn
from actors.turn.withdrawing import withdraw


def obey(state: CustomerState, command: Command, playbook: Playbook, now_ms: int) -> Turn:
    """Take a command that changes nobody but this customer.

    Raises:
        ValueError: It is of another kind.
    """
    if command.kind not in OWN_TURNS:
        raise ValueError(f"{command.kind} is not a turn")
    given = command.arguments
    at_ms = now_ms if command.at_ms is None else min(command.at_ms, now_ms)
    turn = Turn(state, TurnRecord(at_ms=at_ms, received_at_ms=now_ms, command=command))
    state.seq += 1
    if command.kind != CONSENT:
        return turn  # scenarios take it: see `travelling`
    key = f"{given['channel']}|{given['purpose']}"
    granted = given["status"] == "granted"
    set_consent(
        state.profile,
        key,
        granted,
        at_ms,
        given.get("source", "api"),
        expires_at_ms=given.get("expires_at_ms", 0),
        basis=given.get("basis", ""),
    )
    withdraw(turn, playbook)
    return turn
