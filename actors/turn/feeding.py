"""Telling other systems, such as a CRM, of segments entered and left, and of outcomes.

What they are told goes the way of effects: written with the turn, delivered at least once under its key,
erased with the customer. It is no contact: nothing is said to the customer, so that neither consent nor
a cap holds it, and nobody learns from it.
"""

from collections.abc import Iterable, Sequence

from actors.domain.actions import FEED, OpenEffect
from actors.domain.ids import effect_text
from actors.domain.instants import format_instant
from actors.playbook.feed_model import ENTERED, LEFT, NO_FEEDS, OUTCOME, Feed
from actors.playbook.model import Playbook
from actors.turn.crediting import RESPONSE
from actors.turn.effects import queue_for_system
from actors.turn.under_way import Turn

FEED_PURPOSE = "feed"

Content = dict[str, str | int | float | bool]


def feed(turn: Turn, playbook: Playbook) -> None:
    """Queue what the feeds of a playbook want to be told of this turn."""
    feeds = playbook.feeds
    if feeds is NO_FEEDS:
        return
    at_ms = turn.record.received_at_ms
    for what, listening, names in (
        (ENTERED, feeds.entered, turn.entered),
        (LEFT, feeds.left, turn.left),
    ):
        for name in names:
            told: Content = {"type": what, "segment": name, "at": format_instant(at_ms)}
            _tell(turn, [f for f in listening if _lets(f.segments, name)], told)
    if feeds.outcome:
        for outcome, told in _outcomes(turn, playbook):
            _tell(turn, [f for f in feeds.outcome if _lets(f.outcomes, outcome)], told)


def _outcomes(turn: Turn, playbook: Playbook) -> Iterable[tuple[str, Content]]:
    """Yield what has become of effects in this turn: answers, credit, windows that closed in silence."""
    response, answered = turn.record.response, turn.answered
    if response is not None and answered is not None:
        more: Content = {}
        if response.value_minor is not None:
            more = _money(response.value_minor, playbook)
        yield response.outcome, _outcome(turn, answered, response.outcome, turn.record.at_ms, more)
    for line in turn.record.credits:
        if line.basis == RESPONSE:
            continue  # told just now
        effect = turn.state.effect(
            line.seq, line.n, 0 if line.number == turn.state.number else line.number
        )
        if effect is not None:
            more = {"conversion": line.name, "basis": line.basis}
            more |= _money(line.reward_minor, playbook)
            if line.id:
                more["conversionId"] = line.id
            yield "convert", _outcome(turn, effect, "convert", turn.record.at_ms, more)
    for effect in turn.closed:
        yield effect.outcome, _outcome(turn, effect, effect.outcome, effect.expires_at_ms, {})


def _outcome(turn: Turn, effect: OpenEffect, outcome: str, at_ms: int, more: Content) -> Content:
    return {
        "type": OUTCOME,
        "outcome": outcome,
        "effectKey": effect_text(*turn.state.place_of(effect)),
        "action": effect.action,
        "channel": effect.channel,
        "at": format_instant(at_ms),
        **more,
    }


def _money(minor: int, playbook: Playbook) -> Content:
    digits = playbook.minor_digits
    return {"value": round(minor / 10**digits, digits), "currency": playbook.currency}


def _lets(names: frozenset[str] | None, name: str) -> bool:
    return names is None or name in names


def _tell(turn: Turn, feeds: Sequence[Feed], content: Content) -> None:
    now_ms = turn.record.received_at_ms
    for each in feeds:
        action = f"{FEED}{each.name}/{content['type']}"
        expires_at_ms = now_ms + each.expires_after_ms
        queue_for_system(turn, action, each.channel, FEED_PURPOSE, expires_at_ms, dict(content))
