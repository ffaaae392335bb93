"""Experiments in a turn: which arms a customer is in, and which of them are reached now."""

from actors.decisioning.inputs import Choice
from actors.playbook.model import Playbook
from actors.turn.under_way import Turn


def arms_of(turn: Turn, playbook: Playbook) -> dict[str, str]:
    """Return the customer's arm in each experiment: the one fixed before, else the one drawn."""
    del turn, playbook
    return {}


def enrol(turn: Turn, choice: Choice, playbook: Playbook) -> None:
    """Fix the arms of the experiments that this decision has reached."""
    del turn, choice, playbook
