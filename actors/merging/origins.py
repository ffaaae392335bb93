"""Whose turns a `seq` counts in, when customers come together and part again."""

from dataclasses import replace

from actors.domain.conversation import Conversation
from actors.domain.state import CustomerState


def seen_from(state: CustomerState, number: int, other: int) -> None:
    """Rewrite origins as customer `other` has them, where they were as customer `number` has them.

    What was `number`'s own (0) gets its number, what was `other`'s becomes `other`'s own. Twice, with
    the numbers exchanged, changes nothing.
    """

    def moved(origin: int) -> int:
        if origin == 0:
            return number
        return 0 if origin == other else origin

    state.effects = [replace(each, origin=moved(each.origin)) for each in state.effects]
    talk: Conversation = state.conversation
    state.conversation = replace(
        talk, turns=[replace(each, origin=moved(each.origin)) for each in talk.turns]
    )
