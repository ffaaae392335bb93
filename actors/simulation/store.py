"""A memory store for populations: `Rows` as a port, for a session."""

from collections.abc import Sequence

from actors.domain.ids import home_partition
from actors.ports import (
    Change,
    DueTimer,
    Found,
    Lookup,
    OutboxItem,
    OutboxRow,
    OutboxState,
    StoredCustomer,
    Verdict,
)
from actors.session.keeping import Kept
from actors.simulation.rows import Place, Rows
from actors.stores.memory import MemoryStore


class PopulationStore(MemoryStore):
    """A `Store` for one writer, of the customers whose numbers it is told.

    Everything that concerns customers one by one is in `rows`; what it inherits serves the rest. Groups and merges
    are not for populations: whoever needs them takes a `MemoryStore`.
    """

    def __init__(self, row_of: dict[int, int], kept: Kept | None = None) -> None:
        """See `Rows`."""
        super().__init__()
        self.rows = Rows(row_of, kept)

    async def lookup(self, want: Lookup) -> Found:
        """See `Store.lookup`; messages, erasures and turns of the past are unknown here."""
        rows, known = self.rows, self.rows.owner_of
        owners = {one: known[one] for one in want.identities if one in known}
        found = {}
        for number in (*want.numbers, *owners.values()):
            seq = rows.seq(number)
            if seq:
                state = rows.state(number)
                found[number] = StoredCustomer(number, home_partition(number), seq, state)
        spent = {each.budget: each.limit - rows.left(each) for each in want.budgets}
        return Found(owners, found, spent=spent)

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """See `Store.commit`."""
        return [self.rows.commit(change) for change in changes]

    async def outbox_of(
        self, numbers: Sequence[int], states: Sequence[int] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_of`: of those that wait."""
        if states and OutboxState.HELD not in states:
            return []
        wanted = set(numbers)
        places = sorted(place for place in self.rows.waiting if place[0] in wanted)
        return [_item(place, self.rows.waiting[place]) for place in places]

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """See `Store.due_timers`; each is returned once, so that whoever asks must let it fire."""
        return [
            DueTimer(number, home_partition(number), key, due_ms)
            for due_ms, number, key in self.rows.take_due(until_ms, limit)
        ]

    async def next_timer_ms(self) -> int | None:
        """See `Store.next_timer_ms`."""
        return self.rows.next_due_ms()


def _item(place: Place, row: OutboxRow) -> OutboxItem:
    number, seq, n = place
    return OutboxItem(
        number=number,
        seq=seq,
        n=n,
        partition=home_partition(number),
        channel=row.channel,
        state=OutboxState.HELD,
        attempts=0,
        committed_at_ms=0,
        next_at_ms=0,
        expires_at_ms=row.expires_at_ms,
        payload=row.payload,
        send_at_ms=row.send_at_ms,
    )
