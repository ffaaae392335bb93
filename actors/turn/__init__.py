"""The core's front door: `begin` and `decide` for events, `wake` for timers, `respond` for outcomes.

Pure: time comes in as arguments, chance is keyed by customer and turn. A turn takes over the state it
is given: the caller has decoded it for this turn and throws it away if the turn is not committed.
"""

from actors.domain.events import DECIDE
from actors.turn.acting import begin, decide, reconsider, recount, wake
from actors.turn.crediting import effect_wanted, recall
from actors.turn.effects import effect_of, open_effect
from actors.turn.forgetting import RETENTION, asked
from actors.turn.holding import SEND, held_effects, wait_for_held
from actors.turn.obeying import obey
from actors.turn.responding import respond
from actors.turn.travelling import SCENARIO, scenario_timer
from actors.turn.under_way import NOTHING, AtHand, Turn

__all__ = [
    "DECIDE",
    "NOTHING",
    "RETENTION",
    "SCENARIO",
    "SEND",
    "AtHand",
    "Turn",
    "asked",
    "begin",
    "decide",
    "effect_of",
    "effect_wanted",
    "held_effects",
    "obey",
    "open_effect",
    "recall",
    "reconsider",
    "recount",
    "respond",
    "scenario_timer",
    "wait_for_held",
    "wake",
]
