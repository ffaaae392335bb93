"""A question asked again: what stands in a placement is shown again, and nothing new is reserved."""

from collections.abc import Sequence
from typing import Any

from actors.decisioning.inputs import Chosen, Stands
from actors.domain.actions import INLINE, Effect, OpenEffect
from actors.domain.events import DECIDE, Event
from actors.playbook.model import Playbook
from actors.turn.effects import content_of
from actors.turn.under_way import Turn

_UNANSWERED = frozenset({"", "impression"})


def standing_effects(
    turn: Turn, playbook: Playbook, event: Event | None, placements: Sequence[str]
) -> tuple[Stands, ...]:
    """Return the newest effect that stands in each placement of a question.

    It has not expired, nobody has answered it, and its action is still in the playbook. What somebody
    merged since was shown is not shown again: its key is not of this customer.
    """
    if event is None or event.type != DECIDE or not turn.state.effects:
        return ()
    found: dict[str, Stands] = {}
    for effect in turn.state.effects:
        if _stands(effect, event.channel, turn.record.received_at_ms):
            index = playbook.action_index.get(effect.action, -1)
            found[effect.placement] = Stands(effect.placement, index, effect.seq, effect.n)
    return tuple([found[each] for each in placements if each in found and found[each].action >= 0])


def _stands(effect: OpenEffect, channel: str, now_ms: int) -> bool:
    return (
        bool(effect.placement)
        and effect.channel == channel
        and effect.label < 0
        and effect.outcome in _UNANSWERED
        and effect.expires_at_ms > now_ms
        and not effect.origin
    )


def show_again(
    turn: Turn, chosen: Chosen, tier: str, playbook: Playbook, values: Sequence[Any]
) -> None:
    """Answer with an effect that stands, under its key, with the content of now."""
    if chosen.again is None:
        raise ValueError("nothing stands there")
    ranked, (seq, n) = chosen.ranked, chosen.again
    stands = turn.state.effect(seq, n)
    if stands is None:
        raise ValueError(f"effect {seq}/{n} is not remembered")
    action = playbook.actions[ranked.action]
    turn.record.again.append(
        Effect(
            seq=seq,
            n=n,
            action=action.key,
            channel=ranked.channel,
            placement=ranked.placement,
            mode=INLINE,
            purpose=action.purpose,
            segment=stands.segment,
            at_ms=stands.at_ms,
            expires_at_ms=stands.expires_at_ms,
            rank=chosen.rank,
            propensity=ranked.propensity,
            priority_minor=ranked.priority_minor,
            chosen_with=chosen.chosen_with,
            content=content_of(turn, ranked, tier, playbook, values),
        )
    )
