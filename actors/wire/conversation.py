"""A conversation as positional lists."""

from typing import Any

from actors.domain.conversation import Conversation, Utterance


def conversation_fields(c: Conversation) -> list[Any]:
    """Flatten a conversation, in the order of its fields."""
    return [
        [(u.at_ms, u.channel, u.who, u.about, u.seq) for u in c.turns],
        c.last_intent,
        c.last_channel,
        c.cart_id,
        c.cart_items,
        c.cart_minor,
    ]


def conversation_from_fields(v: list[Any]) -> Conversation:
    """Rebuild a conversation from `conversation_fields`."""
    return Conversation([Utterance(*u) for u in v[0]], *v[1:])
