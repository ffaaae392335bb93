"""How many identities of a kind one customer may have, and which of them its state remembers."""

from collections.abc import Iterable, Sequence

from actors.domain.ids import Identity
from actors.domain.state import MAX_IDENTITIES, CustomerState
from actors.playbook.identity_model import UNLIMITED, IdentityRules

_NOT_CLAIMED = "not_claimed: limit "


def may_claim(state: CustomerState, identity: Identity, rules: IdentityRules) -> bool:
    """Return whether a customer has room for one more identity of a kind. Who came first stays."""
    limit = rules.kind(identity.kind).limit
    if limit == UNLIMITED:
        return True
    return sum(each.kind == identity.kind for each in state.identities) < limit


def remember(state: CustomerState, identity: Identity, rules: IdentityRules) -> None:
    """Let a state know an identity that its customer owns.

    When it is full, one of a kind without a limit makes room for one of a kind that has one: those are
    counted. The customer owns what makes room all the same.
    """
    known = state.identities
    if identity in known:
        return
    if len(known) >= MAX_IDENTITIES:
        countless = [each for each in known if rules.kind(each.kind).limit == UNLIMITED]
        if rules.kind(identity.kind).limit == UNLIMITED or not countless:
            return
        known.remove(max(countless))  # as a merge chooses
    known.append(identity)


def note_of_limit(kind: str, place: int) -> str:
    """Return what a turn notes of an identity that stays unowned; `place` is where the event names it."""
    return f"{_NOT_CLAIMED}{kind} #{place + 1}"


def refused_in(notes: Iterable[str], identities: Sequence[Identity]) -> set[Identity]:
    """Return which of an event's identities its turn did not claim, because of a limit."""
    places = [int(note.rpartition("#")[2]) - 1 for note in notes if note.startswith(_NOT_CLAIMED)]
    return {identities[place] for place in places if place < len(identities)}
