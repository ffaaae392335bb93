"""What is kept of a merge, so that it can be undone."""

from dataclasses import dataclass, replace

from actors.domain.ids import Identity


@dataclass(slots=True, kw_only=True)
class MergeRecord:
    """Two customers that became one.

    The states are packed, as they were just before; both are empty in the loser's own journal, where
    the record says no more than where the customer went. `moved` are the identities that changed
    hands; `shared_kind` is the kind of identity that said they are one, empty when somebody did by
    hand. `source` is `identify`, `alias` or `manual`.
    """

    at_ms: int
    survivor: int
    loser: int
    loser_seq: int
    survivor_state: bytes = b""
    loser_state: bytes = b""
    moved: tuple[Identity, ...] = ()
    shared_kind: str = ""
    source: str = "manual"

    def without_states(self, at_ms: int) -> "MergeRecord":
        """Return what may stand where nothing is to be undone: who, and why, as of `at_ms`."""
        return replace(self, at_ms=at_ms, survivor_state=b"", loser_state=b"", moved=())
