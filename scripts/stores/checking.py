"""Whether a store is whole: checksums of what is packed, seqs without gaps, no row that hangs in the air."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.domain.errors import CodecError
from actors.stores.tables import TABLES, Tables
from actors.wire.codec import checked

Progress = Callable[[str], None]

_SHOWN = 5
_QUESTIONS = {
    "turns are missing, or there are too many": """
        SELECT c.number, c.seq, count(j.seq), min(j.seq), max(j.seq)
        FROM customer c LEFT JOIN journal j ON j.customer = c.number GROUP BY c.number, c.seq
        HAVING count(j.seq) <> c.seq OR min(j.seq) <> 1 OR max(j.seq) <> c.seq""",
    "turns of nobody": """SELECT DISTINCT j.customer FROM journal j
        LEFT JOIN customer c ON c.number = j.customer WHERE c.number IS NULL""",
    "identities of nobody": """SELECT i.kind, i.value FROM identity i
        LEFT JOIN customer c ON c.number = i.customer WHERE c.number IS NULL""",
    "messages without the turn that answered them": """SELECT d.customer, d.seq FROM dedupe d
        LEFT JOIN journal j ON j.customer = d.customer AND j.seq = d.seq WHERE j.seq IS NULL""",
    "timers of nobody, or in another partition": """SELECT t.customer, t.key FROM timer t
        LEFT JOIN customer c ON c.number = t.customer WHERE c.number IS NULL OR c.p <> t.p""",
    "effects of nobody": """SELECT o.customer, o.seq, o.n FROM outbox o
        LEFT JOIN customer c ON c.number = o.customer WHERE c.number IS NULL""",
    "effects without their turn": """SELECT o.customer, o.seq, o.n FROM outbox o
        LEFT JOIN journal j ON j.customer = o.customer AND j.seq = o.seq WHERE j.seq IS NULL""",
    "open effects in another partition": """SELECT o.customer, o.seq, o.n FROM outbox o
        JOIN customer c ON c.number = o.customer WHERE c.p <> o.p AND (o.state < 2 OR o.state = 6)""",
    "customers in a partition that does not exist": """SELECT c.number FROM customer c
        LEFT JOIN partition p ON p.p = c.p WHERE p.p IS NULL""",
    "members of a segment who are nobody": """SELECT m.segment, m.customer FROM membership m
        LEFT JOIN customer c ON c.number = m.customer WHERE c.number IS NULL""",
    "members of a group that does not exist": """SELECT m.kind, m.id, m.customer FROM group_member m
        LEFT JOIN customer_group g ON g.kind = m.kind AND g.id = m.id WHERE g.id IS NULL""",
    "segments whose days do not add up to their members": """
        SELECT f.segment, f.n, coalesce(m.n, 0) FROM
            (SELECT segment, sum(entered - gone) AS n FROM segment_flow GROUP BY segment) f
            LEFT JOIN (SELECT segment, count(*) AS n FROM membership GROUP BY segment) m
            ON m.segment = f.segment WHERE f.n <> coalesce(m.n, 0)""",
    "counters that do not say how many there are": """
        SELECT k.name, k.n, x.n FROM counter k JOIN (
            SELECT 'customers' AS name, count(*) AS n FROM customer
            UNION ALL SELECT 'turns', count(*) FROM journal
            UNION ALL SELECT 'timers', count(*) FROM timer
            UNION ALL SELECT CASE state WHEN 0 THEN 'outbox_pending' WHEN 1 THEN 'outbox_sending'
                WHEN 2 THEN 'outbox_sent' WHEN 3 THEN 'outbox_parked' WHEN 4 THEN 'outbox_cancelled'
                WHEN 5 THEN 'outbox_expired' ELSE 'outbox_held' END, count(*)
            FROM outbox GROUP BY state) x ON x.name = k.name WHERE x.n <> k.n""",
}
_PACKED = {"customer": ("state",), "journal": ("payload",), "customer_group": ("state",)}


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong: sentences, the first few examples in each."""

    rows: dict[str, int] = field(default_factory=dict)
    packed: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, examples: list[Any], more: int) -> None:
        """Note something that is wrong."""
        if examples:
            shown = ", ".join(str(each) for each in examples[:_SHOWN])
            self.wrong.append(f"{what}: {shown}" + (f" and {more} more" if more else ""))


async def check(tables: Tables, progress: Progress = lambda _: None) -> Report:
    """Walk through a whole store."""
    report = Report()
    for table in TABLES:
        progress(table.name)
        places = [table.columns.index(name) for name in _PACKED.get(table.name, ())]
        rows, damaged = 0, []
        async for portion in tables.portions(table):
            rows += len(portion)
            for row in portion if places else ():
                for data in (row[place] for place in places):
                    report.packed += bool(data)
                    if data and not _whole(data):
                        damaged.append(row[: table.key] if table.key > 1 else row[0])
        report.rows[table.name] = rows
        report.add(
            f"{table.name}: bytes that fail their checksum", damaged, len(damaged) - _SHOWN
            if len(damaged) > _SHOWN else 0,
        )  # fmt: skip
    for what, question in _QUESTIONS.items():
        progress(what)
        found = await tables.ask(f"{question} LIMIT 1000")
        report.add(what, [tuple(row) for row in found], max(0, len(found) - _SHOWN))
    return report


def _whole(data: bytes) -> bool:
    try:
        checked(data, "")
    except CodecError:
        return False
    return True
