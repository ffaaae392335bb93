"""What each named event adds to the profile, by subject. See actors/domain/fold.py."""

from actors.domain.folding.campaigns import CAMPAIGNS
from actors.domain.folding.commerce import COMMERCE
from actors.domain.folding.credit import CREDIT
from actors.domain.folding.reading import Handler
from actors.domain.folding.service import SERVICE
from actors.domain.folding.voice import VOICE

HANDLERS: dict[str, Handler] = {**COMMERCE, **SERVICE, **CREDIT, **CAMPAIGNS, **VOICE}
"""By the name of a `track` event."""
