"""A conversation as positional lists; what is at its default at the end of a list is left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.domain.conversation import (
    CART,
    CUSTOMER,
    Answer,
    Conversation,
    Meaning,
    Thread,
    Utterance,
)

_NOWHERE: Mapping[str, int] = {}
_WITHOUT_THREADS = 6
_PLAIN = 6
"""Fields of an utterance that has neither an answer nor a meaning."""
_NAMED: tuple[tuple[int, type[Answer] | type[Meaning]], ...] = (
    (_PLAIN, Answer),
    (_PLAIN + 1, Meaning),
)
_HERS = 1
"""What stands for `customer`; anything else stands for itself."""


def conversation_fields(c: Conversation, places: Mapping[str, int] = _NOWHERE) -> list[Any]:
    """Flatten a conversation, in the order of its fields; of actions with a place only that is kept."""
    return [
        [
            (u.at_ms, u.channel, _HERS if u.who == CUSTOMER else u.who, u.about, u.seq)
            if u.n < 0 and u.answer is None and u.meaning is None and not u.origin
            else _whole(u, places)
            for u in c.turns
        ],
        c.last_intent,
        c.last_channel,
        c.cart_id,
        c.cart_items,
        c.cart_minor,
        [_thread(t) for t in c.threads],
        c.last_heard_at_ms,
        c.forgotten_at_ms,
    ]


def conversation_from_fields(v: list[Any], actions: Sequence[str] = ()) -> Conversation:
    """Rebuild a conversation from `conversation_fields`, also from before there were threads.

    `actions` are those with a place, in order.
    """
    turns = []
    for fields in v[0]:
        if fields[2] == _HERS:
            fields[2] = CUSTOMER
        if type(fields[3]) is int:
            fields[3] = actions[fields[3]]
        if len(fields) > _PLAIN:
            for place, kind in _NAMED:
                if len(fields) > place and fields[place] is not None:
                    fields[place] = kind(*fields[place])
        turns.append(Utterance(*fields))
    if len(v) > _WITHOUT_THREADS:
        threads = [Thread(*t) for t in v[6]]
        return Conversation(turns, v[1], v[2], v[3], v[4], v[5], threads, v[7], v[8])
    heard = next((u for u in reversed(turns) if u.who == CUSTOMER), None)
    at_ms = heard.at_ms if heard is not None else 0
    conversation = Conversation(turns, v[1], v[2], v[3], v[4], v[5], [], at_ms)
    if conversation.cart_id:
        cart = Thread(CART, conversation.cart_id, conversation.last_channel, at_ms, at_ms)
        cart.items, cart.minor = conversation.cart_items, conversation.cart_minor
        conversation.threads = [cart]
    return conversation


def _whole(u: Utterance, places: Mapping[str, int]) -> tuple[Any, ...]:
    about = places.get(u.about, u.about)
    head = (u.at_ms, u.channel, _HERS if u.who == CUSTOMER else u.who, about, u.seq, u.n)
    if u.answer is None and u.meaning is None and not u.origin:
        return head
    if u.origin:
        return (*head, u.answer, u.meaning, u.origin)
    if u.meaning is not None:
        return (*head, u.answer, u.meaning)
    return head if u.answer is None else (*head, u.answer)


def _thread(t: Thread) -> tuple[Any, ...]:
    head = (t.kind, t.key, t.channel, t.opened_at_ms, t.last_at_ms)
    if t.items or t.minor:
        return (*head, t.closed, t.topic, t.items, t.minor)
    if t.topic:
        return (*head, t.closed, t.topic)
    return (*head, True) if t.closed else head
