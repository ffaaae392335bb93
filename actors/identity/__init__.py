"""Who is who: what an event says about identities, and when two customers may become one."""

from actors.identity.finding import Note, identities_of
from actors.identity.judging import Refusal, RefusalCode, may_merge, survivor_of
from actors.identity.normalising import normalised

__all__ = [
    "Note",
    "Refusal",
    "RefusalCode",
    "identities_of",
    "may_merge",
    "normalised",
    "survivor_of",
]
