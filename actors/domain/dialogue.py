"""What an event adds to the conversation: an utterance, and what it opens, touches or closes.

| event | opens or touches | closes | key |
| --- | --- | --- | --- |
| `Question Asked` | question | | `question_id`, else the topic |
| `Question Answered` | | question | the same |
| `Case Opened`, `Case Updated` | case | | `case_id`, else the topic |
| `Case Closed` | | case | the same |
| `Product Added` | cart | | `cart_id` |
| `Product Removed` | cart, if open | | `cart_id`, else the open cart touched last |
| `Order Completed` | | cart | `cart_id`, else the open cart touched last |

Event time decides, not arrival: what happened before a thread was closed does not open it again, also
when the closing arrives first. Offers are threads too, but live as the state's open effects.
"""

from collections.abc import Callable
from typing import Any

from actors.domain.conversation import (
    CART,
    CASE,
    CUSTOMER,
    QUESTION,
    US,
    Conversation,
    Meaning,
    Thread,
    Utterance,
)
from actors.domain.events import Event
from actors.domain.money import minor_of

MAX_TEXT = 64
MAX_MEANING = 40
"""Characters of an intent and of a topic."""
NO_KEY = "-"
"""The key of what came without one."""

_NEUTRAL = 0.25
"""A sentiment given as a number in [-1, 1] is neutral up to here."""
_LIMIT = 2**53
_OURS = frozenset({"Question Answered", "Case Updated", "Case Closed"})
MATTER_EVENTS = frozenset({"Question Asked", "Case Opened"}) | _OURS
"""Events of questions and cases, which concern nobody but service."""


def converse(conversation: Conversation, event: Event, at_ms: int, seq: int, digits: int) -> None:
    """Take one event of turn `seq`, which happened at `at_ms`, into the conversation.

    `digits` is the number of minor digits of the book currency.
    """
    about = (event.name or event.type)[:MAX_TEXT]
    meaning = meaning_of(event)
    who = US if about in _OURS else CUSTOMER
    channel = event.channel
    conversation.add(Utterance(at_ms, channel, who, about, seq, -1, None, meaning))
    if who == CUSTOMER and at_ms >= conversation.last_heard_at_ms:
        conversation.last_intent = meaning.intent or about if meaning is not None else about
        conversation.last_channel = channel
        conversation.last_heard_at_ms = at_ms
    step = _STEPS.get(about)
    if step is not None and event.type == "track":
        step(conversation, event, at_ms, digits)


def meaning_of(event: Event) -> Meaning | None:
    """Return intent, topic and sentiment, from the properties or else from the context, if any."""
    properties, context = event.properties, event.context
    if not properties and not context:
        return None
    intent = properties.get("intent") or context.get("intent")
    topic = properties.get("topic") or context.get("topic")
    sentiment = properties.get("sentiment")
    if sentiment is None:
        sentiment = context.get("sentiment")
    if intent is None and topic is None and sentiment is None:
        return None
    meaning = Meaning(text_of(intent), text_of(topic), sentiment_of(sentiment))
    return meaning if any(meaning) else None


def text_of(value: Any, limit: int = MAX_MEANING) -> str:
    """Return a text, trimmed and cut; empty for anything else."""
    return value.strip()[:limit] if isinstance(value, str) else ""


def sentiment_of(value: Any) -> str:
    """Return `positive`, `neutral` or `negative`, for such a word or a number in [-1, 1]; else empty."""
    if isinstance(value, str):
        word = value.strip().lower()
        return word if word in {"positive", "neutral", "negative"} else ""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        return ""
    if abs(value) <= _NEUTRAL:
        return "neutral"
    return "positive" if value > 0 else "negative"


def open_thread(
    conversation: Conversation, kind: str, key: str, channel: str, at_ms: int, topic: str = ""
) -> Thread | None:
    """Open or touch a thread; None when what happened then is over already."""
    thread = conversation.thread(kind, key)
    if thread is None:
        if at_ms <= conversation.forgotten_at_ms:
            return None
        thread = Thread(kind, key, channel, at_ms, at_ms, False, topic)
        conversation.threads.append(thread)
        conversation.prune()
        return thread
    if thread.closed:
        if at_ms <= thread.last_at_ms:
            thread.opened_at_ms = min(thread.opened_at_ms, at_ms)
            return None
        thread.closed, thread.items, thread.minor, thread.topic = False, 0, 0, ""
        thread.channel, thread.opened_at_ms, thread.last_at_ms = channel, at_ms, at_ms
    elif at_ms < thread.opened_at_ms:
        thread.channel, thread.opened_at_ms = channel, at_ms
        thread.topic = thread.topic or topic
        return thread
    if at_ms >= thread.last_at_ms:
        thread.last_at_ms = at_ms
        thread.topic = topic or thread.topic
    return thread


def close_thread(
    conversation: Conversation, kind: str, key: str, channel: str, at_ms: int, topic: str = ""
) -> None:
    """Close a thread, or remember that it is closed when its beginning has not arrived yet."""
    thread = conversation.thread(kind, key)
    if thread is None:
        if at_ms > conversation.forgotten_at_ms:
            conversation.threads.append(Thread(kind, key, channel, at_ms, at_ms, True, topic))
            conversation.prune()
    elif thread.closed or at_ms >= thread.opened_at_ms:  # else it was opened anew since then
        thread.closed = True
        thread.last_at_ms = max(thread.last_at_ms, at_ms)


Step = Callable[[Conversation, Event, int, int], None]


def _asked(kind: str, name: str) -> Step:
    def step(conversation: Conversation, event: Event, at_ms: int, _: int) -> None:
        topic = text_of(event.properties.get("topic"))
        key = _key(event.properties.get(name)) or topic or NO_KEY
        open_thread(conversation, kind, key, event.channel, at_ms, topic)

    return step


def _settled(kind: str, name: str) -> Step:
    def step(conversation: Conversation, event: Event, at_ms: int, _: int) -> None:
        topic = text_of(event.properties.get("topic"))
        key = _key(event.properties.get(name)) or topic or NO_KEY
        close_thread(conversation, kind, key, event.channel, at_ms, topic)

    return step


def _product_added(conversation: Conversation, event: Event, at_ms: int, digits: int) -> None:
    key = _key(event.properties.get("cart_id")) or NO_KEY
    cart = open_thread(conversation, CART, key, event.channel, at_ms)
    if cart is not None:
        items, minor = _amounts(event.properties, digits)
        cart.items = min(_LIMIT, cart.items + items)
        cart.minor = max(-_LIMIT, min(_LIMIT, cart.minor + minor))
        conversation.show_cart()


def _product_removed(conversation: Conversation, event: Event, at_ms: int, digits: int) -> None:
    key = _key(event.properties.get("cart_id"))
    cart = conversation.thread(CART, key) if key else conversation.latest_cart()
    if cart is None or cart.closed or at_ms < cart.opened_at_ms:
        return
    items, minor = _amounts(event.properties, digits)
    cart.items = max(0, cart.items - items)
    cart.minor = max(0, cart.minor - minor)
    cart.last_at_ms = max(cart.last_at_ms, at_ms)
    conversation.show_cart()


def _order_completed(conversation: Conversation, event: Event, at_ms: int, _: int) -> None:
    key = _key(event.properties.get("cart_id"))
    if not key:
        cart = conversation.latest_cart()
        if cart is None:
            return
        key = cart.key
    close_thread(conversation, CART, key, event.channel, at_ms)
    conversation.show_cart()


def _key(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return text_of(value, MAX_TEXT)


def _amounts(properties: dict[str, Any], digits: int) -> tuple[int, int]:
    """Return (items, minor units) of a line of a cart."""
    quantity = properties.get("quantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 <= quantity < 10**9:
        quantity = 1
    return quantity, (minor_of(properties.get("price"), digits) or 0) * quantity


_STEPS: dict[str, Step] = {
    "Question Asked": _asked(QUESTION, "question_id"),
    "Question Answered": _settled(QUESTION, "question_id"),
    "Case Opened": _asked(CASE, "case_id"),
    "Case Updated": _asked(CASE, "case_id"),
    "Case Closed": _settled(CASE, "case_id"),
    "Product Added": _product_added,
    "Product Removed": _product_removed,
    "Order Completed": _order_completed,
}
