"""Taking an outcome: what a customer did with something we said."""

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import NEGATIVE, POSITIVE, WITHDRAWING, OpenEffect
from actors.domain.conversation import Utterance, answered
from actors.domain.events import Response
from actors.domain.fold import set_consent
from actors.domain.folding.campaigns import credit_campaign
from actors.domain.folding.outreach import note_outcome
from actors.domain.state import CustomerState
from actors.turn.effects import history_of, learn, remember
from actors.turn.under_way import Turn


def respond(
    state: CustomerState, response: Response, effect: OpenEffect, now_ms: int, minor_digits: int
) -> Turn:
    """Take an outcome for an effect of this customer.

    `effect` is the state's own entry, or one rebuilt from the journal when the state has forgotten
    it. Any number of outcomes may be reported; the models learn one label an effect, and a late yes
    takes a no back.
    """
    at_ms = now_ms if response.at_ms is None else min(response.at_ms, now_ms)
    turn = Turn(state, TurnRecord(at_ms=at_ms, received_at_ms=now_ms, response=response))
    turn.answered = effect
    state.seq += 1
    if effect not in state.effects:
        if effect.label < 0 and effect.expires_at_ms <= now_ms:
            effect.label = 0  # its window was closed before it was forgotten
        remember(state, effect)  # or every later yes would teach again
    outcome = response.outcome
    history = history_of(state, effect.action)
    if outcome == "impression":
        history.seen += 1
    note_outcome(state.profile, effect.channel, outcome, at_ms)
    if outcome == "convert":
        state.profile.redemptions += 1
        credit_campaign(state.profile, effect.seq, at_ms, effect.origin)
    if outcome in POSITIVE and effect.label != 1:
        history.taken += 1
        learn(turn, effect, taken=True)
    elif outcome in NEGATIVE and effect.label == -1:
        learn(turn, effect, taken=False)
    if outcome in {"reject", "dismiss"}:
        history.refused += 1
        history.last_refused_at_ms = max(history.last_refused_at_ms, at_ms)
    if outcome in WITHDRAWING:
        set_consent(state.profile, effect.channel, False, at_ms, outcome)
        turn.cancelled = [
            (e.origin or state.number, e.seq, e.n)
            for e in state.effects
            if e.channel == effect.channel
        ]
    effect.outcome = outcome
    answered(state.conversation, effect.seq, effect.n, outcome, at_ms, effect.origin)
    who = "us" if outcome in {"delivered", "bounce", "no_response"} else "customer"
    state.conversation.add(
        Utterance(at_ms, effect.channel, who, f"{outcome}: {effect.action}", state.seq)
    )
    return turn
