"""The governed read: what a channel, a person or a language model may know of a customer, and why.

Pure, like a turn, but it changes nothing: `brief` picks from a state what the purpose may see (see
`actors.briefing.purposes`), `narrate` says it in a few sentences.
"""

from actors.briefing.model import Briefing
from actors.briefing.narrative import MAX_NARRATIVE, narrate
from actors.briefing.reading import brief

__all__ = ["MAX_NARRATIVE", "Briefing", "brief", "narrate"]
