"""Who is who: what an event says about identities, and when two customers may become one."""

from actors.identity.claiming import may_claim, note_of_limit, refused_in, remember
from actors.identity.finding import Note, identities_of
from actors.identity.judging import Refusal, RefusalCode, may_merge, survivor_of
from actors.identity.normalising import email_address, normalised

__all__ = [
    "Note",
    "Refusal",
    "RefusalCode",
    "email_address",
    "identities_of",
    "may_claim",
    "may_merge",
    "normalised",
    "note_of_limit",
    "refused_in",
    "remember",
    "survivor_of",
]
