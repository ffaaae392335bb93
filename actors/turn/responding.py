"""Taking an outcome: what a customer did with something we said."""

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import TAKEN, VOID, WITHDRAWING, OpenEffect
from actors.domain.conversation import Utterance, answered
from actors.domain.events import Response
from actors.domain.fold import set_consent
from actors.domain.folding.outreach import ADDRESSES, note_answer, note_bounced, note_outcome
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.playbook.policy_model import ANSWERS
from actors.turn.crediting import (
    TOUCHES,
    convert,
    credit_late,
    recall,
    success_of,
)
from actors.turn.effects import history_of, learn
from actors.turn.under_way import Turn

HARD = "hard"
"""What is said of a bounce after which the address is given up."""

_NO = frozenset({"reject", "dismiss"})
_FROM_US = frozenset({"delivered", "bounce", "no_response"})


def respond(
    state: CustomerState, response: Response, effect: OpenEffect, now_ms: int, playbook: Playbook
) -> Turn:
    """Take an outcome for an effect of this customer.

    `effect` is the state's own entry, or one rebuilt from the journal when the state has forgotten
    it. Any number of outcomes may be reported; the models learn one label an effect: a yes at once, a
    no when its window closes, because there may still be a yes, which a late one takes back.
    """
    at_ms = now_ms if response.at_ms is None else min(response.at_ms, now_ms)
    turn = Turn(state, TurnRecord(at_ms=at_ms, received_at_ms=now_ms, response=response))
    turn.answered = effect
    state.seq += 1
    if effect not in state.effects:
        recall(state, effect, now_ms)
    outcome = response.outcome
    note_outcome(state.profile, effect.channel, outcome, at_ms)
    if outcome == "bounce" and response.detail == HARD:
        _bounced(state, effect)
    _count(state, effect, outcome, at_ms)
    if outcome in ANSWERS:
        note_answer(state.profile, outcome, effect.action, effect.channel, at_ms)
    if outcome == "convert":
        convert(turn, effect, at_ms, playbook)
    elif outcome in success_of(effect.action, playbook) and effect.label != TAKEN:
        history_of(state, effect.action).taken += 1
        learn(turn, effect, taken=True)
    elif outcome == "bounce" and effect.label < 0:
        effect.label = VOID
    if outcome in WITHDRAWING:
        set_consent(state.profile, effect.channel, False, at_ms, outcome)
        turn.cancelled = [state.place_of(e) for e in state.effects if e.channel == effect.channel]
    effect.outcome = outcome
    answered(state.conversation, effect.seq, effect.n, outcome, at_ms, effect.origin)
    if outcome in TOUCHES and state.conversions:
        credit_late(turn, playbook)
    who = "us" if outcome in _FROM_US else "customer"
    state.conversation.add(
        Utterance(at_ms, effect.channel, who, f"{outcome}: {effect.action}", state.seq)
    )
    return turn


def _bounced(state: CustomerState, effect: OpenEffect) -> None:
    """Let the channel rest until an address changes, unless one has changed since the message was made."""
    origins = state.profile.trait_origins
    changed_at_ms = max((origins[name].at_ms for name in ADDRESSES if name in origins), default=0)
    if changed_at_ms <= effect.at_ms:
        note_bounced(state.profile, effect.channel)


def _count(state: CustomerState, effect: OpenEffect, outcome: str, at_ms: int) -> None:
    """Note on the effect and in the customer's history what an outcome says, whatever is learned."""
    history = history_of(state, effect.action)
    if outcome == "impression":
        history.seen += 1
        effect.seen_at_ms = max(effect.seen_at_ms, at_ms)
    elif outcome in {"click", "accept"}:
        effect.clicked_at_ms = max(effect.clicked_at_ms, at_ms)
    elif outcome in _NO:
        history.refused += 1
        history.last_refused_at_ms = max(history.last_refused_at_ms, at_ms)
