"""Decision records as logged choices: who competed for a slot, with which probabilities, and who got it.

A turn may fill several slots, one after the other; each is a choice of its own, under what the slots before
it were given. What was returned again was not drawn, and is no choice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from actors.decisioning.inputs import Draw, Ranked
from actors.decisioning.journal import TurnRecord

NOTHING = ""
"""The action of a slot that stays empty; it comes last."""


class Round(NamedTuple):
    """One drawn slot.

    `slot` is the placement, empty for the outbound message. `actions` are `key|channel`, the last is
    `NOTHING`; `probabilities` go with them and add up to 1; `priorities` and `gains` (what each is worth when it
    is taken) are in minor units, 0 for nothing; `chosen` is a position. (`seq`, `n`) is the effect that came of it, n −1 where there is none.
    """

    at_ms: int
    slot: str
    channel: str
    tier: str
    segments: tuple[str, ...]
    actions: tuple[str, ...]
    probabilities: tuple[float, ...]
    priorities: tuple[float, ...]
    gains: tuple[float, ...]
    chosen: int
    seq: int
    n: int


def rounds_of(turn: TurnRecord, seq: int, keys: Sequence[str]) -> list[Round]:
    """Return the slots that a turn drew, in their order; `keys` are the actions' of its playbook.

    Records of engine 1 know no probabilities: they give nothing.
    """
    record = turn.decision
    if record is None or len(record.outcome) < 6:
        return []
    tier, segments, _, ranked_rows, chosen_rows, draws = record.outcome
    ranked = [Ranked(*row) for row in ranked_rows]
    winners = {row[0] for row in chosen_rows}
    effects = {(e.action, e.channel, e.placement): e.n for e in turn.effects}
    found = []
    for fields in draws:
        draw = Draw(*fields)
        bids = _survivors(ranked, draw)
        at = next((k for k, (i, _) in enumerate(bids) if i in winners), len(bids))
        n = -1
        if at < len(bids):
            won = bids[at][1]
            n = effects.get((keys[won.action], won.channel, won.placement), -1)
        found.append(
            Round(
                at_ms=record.given.at_ms,
                slot=draw.placement,
                channel=record.given.channel,
                tier=tier,
                segments=tuple(segments),
                actions=(*[f"{keys[each.action]}|{each.channel}" for _, each in bids], NOTHING),
                probabilities=(*[each.probability for _, each in bids], draw.nothing),
                priorities=(*[each.priority_minor for _, each in bids], 0.0),
                gains=(*[each.value_minor for _, each in bids], 0.0),
                chosen=at,
                seq=seq,
                n=n,
            )
        )
    return found


def _survivors(ranked: Sequence[Ranked], draw: Draw) -> list[tuple[int, Ranked]]:
    """Return who competed for a slot, with places in the ranking.

    Somebody may have competed with a probability of 0. Others have it because there was no room for them
    any more; where there are such, only those above 0 are told apart for certain.
    """
    here = [(i, each) for i, each in enumerate(ranked) if each.placement == draw.placement]
    if len(here) == draw.survivors:
        return here
    return [(i, each) for i, each in here if each.probability > 0.0]
