"""Bugs put into the protocol's own functions, and the smallest world in which each does harm."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors.ports import CellRow, Change, Verdict
from actors.stores.claim_rules import claims_won, may_attempt
from actors.stores.rehome_rules import Held, may_rehome
from actors.stores.rules import Facts, judge
from cluster.ownership import Look, Roster
from tests.model_checking.protocol import Protocol
from tests.model_checking.world import Beat, Sizes


def _no_epochs(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    return judge([replace(change, epoch=None) for change in changes], facts)


def _no_seqs(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    rows = {change.number: (change.partition, change.seq_before) for change in changes}
    return judge(changes, replace(facts, rows=facts.rows | rows))


def _no_seq_of_losers(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    rows = {c.number: (c.partition, c.seq_before) for c in changes if c.epoch is None}
    return judge(changes, replace(facts, rows=facts.rows | rows))


def _no_memory(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    return judge(changes, replace(facts, taken=set()))


def _no_sums(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    return judge(changes, replace(facts, spent={}))


def _no_compare(stored: Any, claims: Sequence[tuple[int, str, int]]) -> dict[int, int]:
    return {partition: epoch + 1 for partition, _, epoch in claims}


def _same_epoch(stored: Any, claims: Sequence[tuple[int, str, int]]) -> dict[int, int]:
    return {partition: epoch - 1 for partition, epoch in claims_won(stored, claims).items()}


def _any_epoch(stored: Any, seen: Any, held_epoch: int | None, epoch: int | None) -> bool:
    return may_attempt(stored, seen, epoch, epoch)


def _old_epoch(stored: Any, seen: Any, held_epoch: int | None, epoch: int | None) -> bool:
    return held_epoch is not None and may_attempt(stored, seen, epoch, epoch)


def _by_stored_time(
    roster: Roster, cells: Sequence[CellRow], now_s: float, stored: Sequence[Beat]
) -> Look:
    """Live as long as the last beat is younger than the limit: by two clocks that are not one."""
    at = {f"cell-{place}": each.at for place, each in enumerate(stored)}
    late = [cell for cell in cells if now_s - at[cell.name] >= 2]
    return Look(tuple(c for c in cells if c not in late), tuple(late))


def _no_partitions(changes: Sequence[Change], facts: Facts) -> list[Verdict]:
    """Compare the seq of a row, and not where the customer is."""
    where = {change.number: change.partition for change in changes}
    rows = {n: (where.get(n, p), seq) for n, (p, seq) in facts.rows.items()}
    return judge(changes, replace(facts, rows=rows))


def _by_anybody(row: int | None, epochs: dict[int, int], of: Held, to: Held) -> bool:
    return may_rehome(row, epochs, (of[0], epochs[of[0]]), to)


def _to_anybody(row: int | None, epochs: dict[int, int], of: Held, to: Held) -> bool:
    return may_rehome(row, epochs, of, (to[0], epochs[to[0]]))


@dataclass(frozen=True)
class Planted:
    """A bug, where it shows, and the promise that it breaks."""

    name: str
    bug: Protocol
    sizes: Sizes
    breaks: str
    ends_every: int = 1_000_000_000


_MOVED = Sizes("two cells", messages=(1,), before=1, wanted=2)
_SILENT = Sizes("a silent cell", messages=(0,), ticks=1)
_STRAYS = Sizes("a message under two names", messages=(0,), strays=True, supervised=False)
_MERGE = Sizes("a merge", merge=True, messages=(1,), before=2, wanted=1)
_SENDS = Sizes("an effect", sends=True, messages=(1,), before=1, wanted=2)
_WAITS = Sizes("an effect of a silent cell", sends=True, waits=True, ticks=1)
_SPEND = Sizes("a budget", budget=1, messages=(0, 1))
_LEASE = Sizes("leases", budget=2, leases=1, messages=(0, 1, 0), ticks=2, tries=1, supervised=False)
_APART = Sizes("an actor", cells=2, apart=1, before=1, wanted=1, messages=(0,), moves=2)
_APART_SILENT = _APART._replace(cells=3, before=2, wanted=2, moves=1, messages=(), ticks=1)
_APART_SENDS = _APART._replace(sends=True)
_APART_DIES = _APART._replace(crashes=1, same_host=True, messages=())
_APART_MERGE = _APART._replace(merge=True, messages=())

PLANTED = (
    Planted("no epoch check", Protocol(judge=_no_epochs), _SILENT, "does not own"),
    Planted("no seq check", Protocol(judge=_no_seqs), _MERGE, "half a merge"),
    Planted("the loser's seq is not checked", Protocol(judge=_no_seq_of_losers), _MERGE, "is lost"),
    Planted("a merge in two transactions", Protocol(ties_merges=False), _MERGE, "half a merge"),
    Planted("no deduplication", Protocol(judge=_no_memory), _STRAYS, "applied twice"),
    Planted("an unknown outcome is taken for success", Protocol(acks_lost_commits=True),
            _MOVED._replace(losses=1), "is lost"),
    Planted("claim without compare", Protocol(claims_won=_no_compare),
            Sizes("two claims", same_host=True, crashes=1), "has not grown"),
    Planted("an epoch stays when its owner changes", Protocol(claims_won=_same_epoch), _MOVED, "has not grown"),
    Planted("claim by stored time", Protocol(look=_by_stored_time),
            Sizes("a clock that is fast", crashes=1, skew=(90, 0, 0)), "for ever", 1),
    Planted("silence is for good", Protocol(silence_ends=False),
            Sizes("two silent cells", ticks=1, crashes=1), "for ever", 1),
    Planted("nobody watches the map", Protocol(watches_map=False),
            Sizes("a claim's answer is lost", before=1, wanted=1, same_host=True, crashes=1, losses=1), "for ever", 1),
    Planted("send before claim", Protocol(claim_first=False), _SENDS, "has not claimed"),
    Planted("send before commit", Protocol(commit_first=False), _SENDS, "nothing was committed"),
    Planted("an effect is claimed under any epoch", Protocol(may_attempt=_any_epoch), _SENDS, "does not own"),
    Planted("an effect is claimed under an old epoch", Protocol(may_attempt=_old_epoch), _WAITS, "does not own"),
    Planted("a timer fires without its row", Protocol(checks_timers=False),
            Sizes("a timer", timer=True, messages=(0,), before=1, wanted=1), "timer was applied twice"),
    Planted("what is spent is not summed up", Protocol(judge=_no_sums), _SPEND, "were spent"),
    Planted("a lease is returned by time", Protocol(leases_end_by_time=True), _LEASE, "were spent"),
    Planted("a cell moves whom it does not own", Protocol(may_rehome=_by_anybody), _APART_SILENT, "does not own"),
    Planted("she is moved under an epoch that has gone", Protocol(may_rehome=_to_anybody), _APART_DIES,
            "an epoch that has gone"),
    Planted("her effects stay behind", Protocol(effects_move_too=False), _APART_SENDS, "does not own"),
    Planted("she is written as she was read before", Protocol(moved_as_stored=False), _APART_MERGE, "half a merge"),
    Planted("she is moved in the middle of a turn, and a turn is compared by seq alone",
            Protocol(judge=_no_partitions, moves_between_turns=False), _APART, "does not own"),
    Planted("she is not forgotten, and a turn is compared by seq alone",
            Protocol(judge=_no_partitions, moved_are_forgotten=False),
            _APART._replace(messages=(0, 0), moves=1), "does not own"),
)  # fmt: skip
