"""Whose turns a `seq` counts in, when customers come together and part again."""

from dataclasses import replace

from actors.domain.conversation import Conversation
from actors.domain.state import CustomerState

NOBODY = -1
"""No customer's number: seen from here, everybody is named by number."""


def seen_from(state: CustomerState, number: int, other: int) -> None:
    """Rewrite origins as customer `other` has them, where they were as customer `number` has them.

    What was `number`'s own (0) gets its number, what was `other`'s becomes `other`'s own. Twice, with
    the numbers exchanged, changes nothing.
    """
    if number == other:
        return

    def moved(origin: int) -> int:
        if origin == 0:
            return 0 if number == NOBODY else number
        return 0 if origin == other else origin

    state.effects = [replace(each, origin=moved(each.origin)) for each in state.effects]
    state.conversions = [
        replace(each, origin=moved(each.origin)) if each.seq else each for each in state.conversions
    ]
    state.profile.contacts = [
        replace(each, origin=moved(each.origin)) if each.seq else each
        for each in state.profile.contacts
    ]
    talk: Conversation = state.conversation
    state.conversation = replace(
        talk, turns=[replace(each, origin=moved(each.origin)) for each in talk.turns]
    )
    state.profile.campaigns = {
        name: replace(each, origin=moved(each.origin)) if each.seq else each
        for name, each in state.profile.campaigns.items()
    }
