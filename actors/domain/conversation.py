"""The always-on conversation: the last turns over all channels, and where each one stands."""

from dataclasses import dataclass, field

MAX_TURNS = 20


@dataclass(slots=True)
class Utterance:
    """One thing said by either side. `who` is `customer` or `us`; `about` names event or action."""

    at_ms: int
    channel: str
    who: str
    about: str
    seq: int


@dataclass(slots=True)
class Conversation:
    """The last `MAX_TURNS` utterances, oldest first, and the customer's last intent.

    `last_intent` is the name of the last event that the customer caused; `cart_id` the open cart,
    or empty.
    """

    turns: list[Utterance] = field(default_factory=list)
    last_intent: str = ""
    last_channel: str = ""
    cart_id: str = ""
    cart_items: int = 0
    cart_minor: int = 0

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
