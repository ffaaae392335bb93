"""The always-on conversation: the last turns over all channels, its open threads, and where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

MAX_TURNS = 20
MAX_THREADS = 12
MAX_OPEN_CARTS = 4

CUSTOMER, US = "customer", "us"
QUESTION, CASE, CART = "question", "case", "cart"

_UNANSWERED = frozenset({"delivered", "impression", "no_response"})
"""Outcomes that are no answer: they never hide one."""


class Meaning(NamedTuple):
    """What a channel understood of an utterance; each part may be empty.

    `sentiment` is `positive`, `neutral` or `negative`.
    """

    intent: str
    topic: str
    sentiment: str


class Answer(NamedTuple):
    """How an offer was taken: one of `actors.domain.actions.OUTCOMES`, and when."""

    outcome: str
    at_ms: int


@dataclass(slots=True, init=False)
class Utterance:
    """One thing said by either side. `who` is `customer` or `us`; `about` names event or action.

    For an offer `seq` and `n` are those of its effect, and `answer` says how it was taken; `n` is -1
    for everything else. `origin` is the number of the customer in whose turns `seq` counts, 0 for
    the one who holds this conversation.
    """

    at_ms: int
    channel: str
    who: str
    about: str
    seq: int
    n: int = -1
    answer: Answer | None = None
    meaning: Meaning | None = None
    origin: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        at_ms: int,
        channel: str,
        who: str,
        about: str,
        seq: int,
        n: int = -1,
        answer: Answer | None = None,
        meaning: Meaning | None = None,
        origin: int = 0,
    ) -> None:
        self.at_ms = at_ms
        self.channel = channel
        self.who = who
        self.about = about
        self.seq = seq
        self.n = n
        self.answer = answer
        self.meaning = meaning
        self.origin = origin


@dataclass(slots=True, init=False)
class Thread:
    """Something that was begun and waits for its end: a `question`, a `case` or a `cart`.

    `key` is unique within its kind. `channel` is where it was opened, `last_at_ms` when it was last
    touched or, once `closed`, closed. `items` and `minor` (minor units) are a cart's.
    """

    kind: str
    key: str
    channel: str
    opened_at_ms: int
    last_at_ms: int
    closed: bool = False
    topic: str = ""
    items: int = 0
    minor: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        kind: str,
        key: str,
        channel: str,
        opened_at_ms: int,
        last_at_ms: int,
        closed: bool = False,
        topic: str = "",
        items: int = 0,
        minor: int = 0,
    ) -> None:
        self.kind = kind
        self.key = key
        self.channel = channel
        self.opened_at_ms = opened_at_ms
        self.last_at_ms = last_at_ms
        self.closed = closed
        self.topic = topic
        self.items = items
        self.minor = minor


@dataclass(slots=True, init=False)
class Conversation:
    """The last `MAX_TURNS` utterances, oldest first, up to `MAX_THREADS` threads, and what was last.

    `last_intent` is what the customer wanted when last heard (`last_heard_at_ms`): the intent that
    the channel understood, else the name of the event. `cart_id`, `cart_items` and `cart_minor`
    repeat the open cart that was touched last, for rules; `cart_id` is empty when none is open.

    Of threads the open ones are kept first, the last touched before the others, then the closed ones,
    the last closed first; of open carts at most `MAX_OPEN_CARTS`. `forgotten_at_ms` is when the last
    of the closed threads that are no longer kept was closed: what is not newer opens nothing.
    """

    turns: list[Utterance] = field(default_factory=list)
    last_intent: str = ""
    last_channel: str = ""
    cart_id: str = ""
    cart_items: int = 0
    cart_minor: int = 0
    threads: list[Thread] = field(default_factory=list)
    last_heard_at_ms: int = 0
    forgotten_at_ms: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        turns: list[Utterance] | None = None,
        last_intent: str = "",
        last_channel: str = "",
        cart_id: str = "",
        cart_items: int = 0,
        cart_minor: int = 0,
        threads: list[Thread] | None = None,
        last_heard_at_ms: int = 0,
        forgotten_at_ms: int = 0,
    ) -> None:
        self.turns = [] if turns is None else turns
        self.last_intent = last_intent
        self.last_channel = last_channel
        self.cart_id = cart_id
        self.cart_items = cart_items
        self.cart_minor = cart_minor
        self.threads = [] if threads is None else threads
        self.last_heard_at_ms = last_heard_at_ms
        self.forgotten_at_ms = forgotten_at_ms

    def add(self, utterance: Utterance) -> None:
        """Append in order of event time, and forget the oldest beyond the limit."""
        turns = self.turns
        turns.append(utterance)
        i = len(turns) - 1
        while i > 0 and turns[i - 1].at_ms > utterance.at_ms:
            turns[i] = turns[i - 1]
            i -= 1
        turns[i] = utterance
        if len(turns) > MAX_TURNS:
            del turns[0]

    def thread(self, kind: str, key: str) -> Thread | None:
        """Return the thread of a kind with a key, open or closed, or None."""
        for each in self.threads:
            if each.key == key and each.kind == kind:
                return each
        return None

    def latest_cart(self) -> Thread | None:
        """Return the open cart that was touched last, or None."""
        latest = None
        for each in self.threads:
            if (
                each.kind == CART
                and not each.closed
                and (latest is None or each.last_at_ms >= latest.last_at_ms)
            ):
                latest = each
        return latest

    def show_cart(self) -> None:
        """Bring `cart_id`, `cart_items` and `cart_minor` up to date with the threads."""
        cart = self.latest_cart()
        if cart is None:
            self.cart_id, self.cart_items, self.cart_minor = "", 0, 0
        else:
            self.cart_id, self.cart_items, self.cart_minor = cart.key, cart.items, cart.minor

    def prune(self) -> None:
        """Forget threads beyond the limits; see the rule above. The others stay in their order."""
        threads = self.threads
        carts = [t for t in threads if t.kind == CART and not t.closed]
        if len(threads) <= MAX_THREADS and len(carts) <= MAX_OPEN_CARTS:
            return
        carts.sort(key=_rank, reverse=True)
        left = {id(cart) for cart in carts[MAX_OPEN_CARTS:]}
        kept = sorted((t for t in threads if id(t) not in left), key=_rank, reverse=True)
        for gone in kept[MAX_THREADS:]:
            if gone.closed:
                self.forgotten_at_ms = max(self.forgotten_at_ms, gone.last_at_ms)
        keep = {id(thread) for thread in kept[:MAX_THREADS]}
        self.threads = [t for t in threads if id(t) in keep]


def answered(
    conversation: Conversation, seq: int, n: int, outcome: str, at_ms: int, origin: int = 0
) -> None:
    """Note on the utterance of an offer how it was taken, if the utterance is remembered.

    The latest answer holds, whatever the order of arrival; what is only a delivery, a glance or
    silence holds until there is an answer. `origin` is as in `Utterance`.
    """
    for each in reversed(conversation.turns):
        if each.seq == seq and each.n == n and each.origin == origin:
            answer = Answer(outcome, at_ms)
            if each.answer is None or _weight(answer) > _weight(each.answer):
                each.answer = answer
            return


def merge_conversations(a: Conversation, b: Conversation) -> Conversation:
    """Return both conversations as one; the arguments may be exchanged, and stay as they are.

    Turns are interleaved by time and the newest kept. A thread that both have is as the side knows
    it that touched it last, and as old as the older one says. Each utterance must have its `origin` as
    the customer has it who goes on.
    """
    last = max(a, b, key=lambda c: (c.last_heard_at_ms, c.last_intent, c.last_channel))
    threads: dict[tuple[str, str], Thread] = {}
    for each in (*a.threads, *b.threads):
        known = threads.get((each.kind, each.key))
        threads[each.kind, each.key] = replace(each) if known is None else _joined(known, each)
    merged = Conversation(
        turns=[replace(each) for each in sorted((*a.turns, *b.turns), key=_turn_order)][
            -MAX_TURNS:
        ],
        last_intent=last.last_intent,
        last_channel=last.last_channel,
        threads=sorted(threads.values(), key=_thread_order),
        last_heard_at_ms=last.last_heard_at_ms,
        forgotten_at_ms=max(a.forgotten_at_ms, b.forgotten_at_ms),
    )
    merged.prune()
    merged.show_cart()
    return merged


def open_threads(threads: Iterable[Thread]) -> list[Thread]:
    """Return the open ones, the last touched first."""
    return sorted((t for t in threads if not t.closed), key=_rank, reverse=True)


def _rank(thread: Thread) -> tuple[bool, int, str, str]:
    """Order threads by how much they deserve to be kept, ascending."""
    return (not thread.closed, thread.last_at_ms, thread.kind, thread.key)


def _weight(answer: Answer) -> tuple[bool, int, str]:
    return (answer.outcome not in _UNANSWERED, answer.at_ms, answer.outcome)


def _joined(a: Thread, b: Thread) -> Thread:
    later = max(
        a, b, key=lambda t: (t.last_at_ms, t.closed, t.channel, t.topic, t.items, t.minor)
    )  # without the opening, which the join itself changes
    return replace(later, opened_at_ms=min(a.opened_at_ms, b.opened_at_ms))


def _turn_order(u: Utterance) -> tuple[object, ...]:
    return (
        u.at_ms,
        u.channel,
        u.who,
        u.about,
        u.seq,
        u.n,
        u.answer or (),
        u.meaning or (),
        u.origin,
    )


def _thread_order(t: Thread) -> tuple[object, ...]:
    return (
        t.last_at_ms,
        t.opened_at_ms,
        t.kind,
        t.key,
        t.channel,
        t.closed,
        t.topic,
        t.items,
        t.minor,
    )
