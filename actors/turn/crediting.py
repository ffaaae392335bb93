"""Crediting conversions: one order or redemption is credited once, to what the customer took last.

To the effect that the event names, else to the last click or acceptance, else to the last impression,
each within its window and by the time at which things happened. What was heard of late is credited
when it comes: an order by a click that was reported after it, too.
"""

from hashlib import blake2b

from actors.decisioning.journal import Credited, Lesson
from actors.domain.actions import REFUSED, TAKEN, Conversion, OpenEffect
from actors.domain.conversation import answered
from actors.domain.errors import InvalidIdError
from actors.domain.events import Event
from actors.domain.folding.campaigns import credit_campaign
from actors.domain.ids import parse_effect
from actors.domain.money import minor_of
from actors.domain.state import MAX_CONVERSIONS, CustomerState
from actors.playbook.conversion_model import Conversions, Converting
from actors.playbook.conversion_model import Path as Inwards
from actors.playbook.model import Playbook
from actors.turn.effects import history_of, learn, remember
from actors.turn.under_way import Turn

EFFECT_KEY, CLICK, IMPRESSION, RESPONSE, TAKEN_BACK = (
    "effect_key",
    "click",
    "impression",
    "response",
    "taken_back",
)
"""Why an effect has credit, or less of it."""

TOUCHES = frozenset({"click", "accept", "impression"})
"""Outcomes that may explain a conversion that was heard of before them."""

_MAX_ID = 200

Place = tuple[int, int, int]
"""The number of the customer in whose turns an effect was made, its seq and n."""


def named_effect(event: Event) -> Place | None:
    """Return the effect that an event names itself: `effectKey` in its properties, else its context."""
    for given in (event.properties.get("effectKey"), event.context.get("effectKey")):
        if isinstance(given, str):
            try:
                return parse_effect(given)
            except InvalidIdError:
                continue
    return None


def effect_wanted(state: CustomerState, event: Event, playbook: Playbook) -> Place | None:
    """Return the effect that an event is about and that the state has forgotten; mostly None."""
    if event.type != "track":
        return None
    rules, place = playbook.conversions, None
    if event.name in rules.by_event:
        place = named_effect(event)
    elif event.name in rules.taken_back_by and state.conversions:
        known = _known(state, _id_of(event, rules.taken_back_by[event.name])[1])
        if known is not None and known.seq:
            place = (known.origin or state.number, known.seq, known.n)
    if place is None:
        return None
    origin = 0 if place[0] == state.number else place[0]
    return place if state.effect(place[1], place[2], origin) is None else None


def recall(state: CustomerState, effect: OpenEffect, now_ms: int) -> None:
    """Take an effect from the journal back into the state that has forgotten it."""
    if state.effect(effect.seq, effect.n, effect.origin) is None:
        if effect.label < 0 and effect.expires_at_ms <= now_ms:
            effect.label = REFUSED  # its window was closed before it was forgotten
        remember(state, effect)  # or every later yes would teach again


def credit(turn: Turn, event: Event, at_ms: int, playbook: Playbook) -> None:
    """Credit a conversion that an event tells of, or take one back. Other events cost a look-up."""
    if event.type != "track":
        return
    rules = playbook.conversions
    kind = rules.by_event.get(event.name)
    if kind is not None:
        _credit(turn, event, at_ms, kind, playbook)
        return
    back = rules.taken_back_by.get(event.name)
    if back is not None and turn.state.conversions:
        _take_back(turn, event, back, playbook)


def _credit(turn: Turn, event: Event, at_ms: int, kind: Converting, playbook: Playbook) -> None:
    state, rules = turn.state, playbook.conversions
    effect, basis = _named(turn, event), EFFECT_KEY
    if not state.effects:
        return  # nothing that it, or a late click, could be credited to
    text, digest = _id_of(event, kind)
    entry = _known(state, digest)
    if entry is not None and entry.seq:
        turn.record.notes.append(f"credited_before: {kind.name}")
        return
    if effect is None:
        effect, basis = _touched(state, at_ms, rules)
    if entry is None:
        value = max(0, minor_of(_at(event.properties, kind.value), playbook.minor_digits) or 0)
        entry = Conversion(digest, kind.name, at_ms, value)
        _keep(state, entry, rules, turn.record.received_at_ms)
    if effect is not None:
        _give(turn, entry, effect, basis, playbook, text)


def _named(turn: Turn, event: Event) -> OpenEffect | None:
    """Return the customer's effect that an event names; a key of nobody's, or another's, is noted."""
    place, state = named_effect(event), turn.state
    if place is None:
        return None
    effect = state.effect(place[1], place[2], 0 if place[0] == state.number else place[0])
    if effect is None:
        turn.record.notes.append("effect_key_unknown")
    return effect


def credit_late(turn: Turn, playbook: Playbook) -> None:
    """Credit what was bought before a click or an impression was heard of that came before it."""
    for entry in turn.state.conversions:
        if not entry.seq:
            effect, basis = _touched(turn.state, entry.at_ms, playbook.conversions)
            if effect is not None:
                _give(turn, entry, effect, basis, playbook, "")


def convert(turn: Turn, effect: OpenEffect, at_ms: int, playbook: Playbook) -> None:
    """Credit what a response says was bought to the effect that it is about.

    With the id of the order it is one conversion with the events that tell of that order: whichever is
    heard of first has credit given, and the others are noted. Without, each response is a conversion.
    """
    response, state, rules = turn.record.response, turn.state, playbook.conversions
    assert response is not None  # noqa: S101
    value_minor, name, text = response.value_minor or 0, "", response.detail
    if text:
        name, digest = rules.reported.name, _digest(rules.reported.name, text)
        entry = _known(state, digest)
        if entry is not None and entry.seq:
            turn.record.notes.append(f"credited_before: {name}")
            return
        if entry is None:
            entry = Conversion(digest, name, at_ms, value_minor)
            _keep(state, entry, rules, turn.record.received_at_ms)
        entry.seq, entry.n, entry.origin = effect.seq, effect.n, effect.origin
        value_minor = entry.reward_minor
    state.profile.redemptions += 1
    credit_campaign(state.profile, effect.seq, at_ms, effect.origin)
    reward(turn, effect, value_minor, playbook, at_ms)
    credited_line(turn, effect, RESPONSE, name, text, value_minor)


def reward(
    turn: Turn, effect: OpenEffect, reward_minor: int, playbook: Playbook, at_ms: int
) -> None:
    """Let an effect have brought something: its first success teaches a yes, the sum all rewards."""
    effect.reward_minor += reward_minor
    taken = "convert" in success_of(effect.action, playbook) and effect.label != TAKEN
    if taken:
        history_of(turn.state, effect.action).taken += 1
        learn(turn, effect, taken=True, reward_minor=reward_minor)
    elif reward_minor:
        _teach_reward(turn, effect, reward_minor)
    effect.outcome = "convert"
    answered(turn.state.conversation, effect.seq, effect.n, "convert", at_ms, effect.origin)


def success_of(action: str, playbook: Playbook) -> frozenset[str]:
    """Return the outcomes that the models take for a yes to an action."""
    known = playbook.action(action)
    return _ANY if known is None else known.success


_ANY = frozenset({"click", "accept", "convert"})


def credited_line(
    turn: Turn, effect: OpenEffect, basis: str, name: str, text: str, reward_minor: int
) -> None:
    """Write down who has credit for what."""
    number = effect.origin or turn.state.number
    turn.record.credits.append(
        Credited(name, text, basis, effect.action, number, effect.seq, effect.n, reward_minor)
    )


def _give(
    turn: Turn, entry: Conversion, effect: OpenEffect, basis: str, playbook: Playbook, text: str
) -> None:
    entry.seq, entry.n, entry.origin = effect.seq, effect.n, effect.origin
    reward(turn, effect, entry.reward_minor, playbook, entry.at_ms)
    if basis == EFFECT_KEY:  # as a response that says so
        turn.state.profile.redemptions += 1
        credit_campaign(turn.state.profile, effect.seq, entry.at_ms, effect.origin)
    credited_line(turn, effect, basis, entry.name, text, entry.reward_minor)
    turn.credited.append(effect)


def _take_back(turn: Turn, event: Event, back: Converting, playbook: Playbook) -> None:
    """Take back what a refund leaves of the reward; that the customer said yes remains true."""
    state = turn.state
    text, digest = _id_of(event, back)
    entry = _known(state, digest)
    if entry is None:
        return
    given = minor_of(_at(event.properties, back.value), playbook.minor_digits)
    amount = entry.reward_minor if given is None else min(abs(given), entry.reward_minor)
    entry.reward_minor -= amount
    if not entry.seq or not amount:
        return
    effect = state.effect(entry.seq, entry.n, entry.origin)
    if effect is None:
        turn.record.notes.append("refund_of_forgotten_effect")
        return
    effect.reward_minor -= amount
    _teach_reward(turn, effect, -amount)
    credited_line(turn, effect, TAKEN_BACK, entry.name, text, -amount)


def _teach_reward(turn: Turn, effect: OpenEffect, reward_minor: int) -> None:
    turn.record.lessons.append(
        Lesson(
            action=effect.action,
            segment=effect.segment,
            taken=0,
            refused=0,
            channel=effect.channel,
            number=effect.origin or turn.state.number,
            seq=effect.seq,
            n=effect.n,
            reward_minor=reward_minor,
        )
    )


def _touched(state: CustomerState, at_ms: int, rules: Conversions) -> tuple[OpenEffect | None, str]:
    """Return the effect clicked last before an instant, else the one seen last, each in its window."""
    clicked = [e for e in state.effects if 0 <= at_ms - e.clicked_at_ms <= rules.click_ms]
    if clicked:
        return max(clicked, key=lambda e: (e.clicked_at_ms, *_order(e))), CLICK
    seen = [e for e in state.effects if 0 <= at_ms - e.seen_at_ms <= rules.impression_ms]
    if seen:
        return max(seen, key=lambda e: (e.seen_at_ms, *_order(e))), IMPRESSION
    return None, ""


def _order(effect: OpenEffect) -> tuple[int, int, int, int]:
    return (effect.at_ms, effect.seq, effect.n, effect.origin)


def _keep(state: CustomerState, entry: Conversion, rules: Conversions, now_ms: int) -> None:
    """Remember a conversion; those that no click can explain any more go, beyond the limit the oldest."""
    horizon_ms = now_ms - max(rules.click_ms, rules.impression_ms)
    kept = [c for c in state.conversions if c.seq or c.at_ms >= horizon_ms]
    if len(kept) >= MAX_CONVERSIONS:
        kept.remove(min(kept, key=lambda c: (bool(c.seq), c.at_ms, c.id)))
    kept.append(entry)
    state.conversions = sorted(kept, key=lambda c: (c.at_ms, c.id))


def _known(state: CustomerState, digest: int) -> Conversion | None:
    return next((each for each in state.conversions if each.id == digest), None)


def _id_of(event: Event, kind: Converting) -> tuple[str, int]:
    """Return the id of a conversion, as it was given and as a digest; without one it is the message's."""
    given = _at(event.properties, kind.id)
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    text = given if isinstance(given, str) and given else ""
    return text[:_MAX_ID], _digest(kind.name, text or f"|{event.message_id}")


def _digest(name: str, text: str) -> int:
    named = f"{name}|{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(named, digest_size=8).digest(), "big")


def _at(properties: object, path: Inwards) -> object:
    for key in path:
        if not isinstance(properties, dict):
            return None
        properties = properties.get(key)
    return properties
