"""`righttime replay`: recompute every decision of a store from its records alone."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from actors.playbook.model import Playbook
    from actors.ports import Store, TimelineRow

_BATCH = 1000
_SHOWN = 10
_SAID_EVERY = 50_000


@dataclass(slots=True)
class Audit:
    """What came of it. `emptied` turns have no payload any more, `damaged` ones cannot be read.

    `foreign` decisions were taken by another engine, or under a playbook that the store has no more.
    """

    turns: int = 0
    decisions: int = 0
    identical: int = 0
    emptied: int = 0
    damaged: int = 0
    foreign: Counter[str] = field(default_factory=Counter)
    different: list[dict[str, Any]] = field(default_factory=list)


def replay(
    store: Annotated[
        str, typer.Option(help="URL of a system's store.", show_default="that of `righttime up`")
    ] = "",
    since: Annotated[int, typer.Option(help="Begin after this offset of the journal.", min=0)] = 0,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Recompute every decision in a store, from its record alone, and compare bit by bit.

    The system may be running. It exits with 1 when a single decision differs.

    Examples:
      righttime replay
      righttime replay --store sqlite:////srv/righttime/righttime.db --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        url = store or f"sqlite://{Path('.righttime/data/righttime.db').resolve()}"
        audit = asyncio.run(_audit(output, url, since))
        result = _show(output, audit)
        if audit.different:
            differ = f"{len(audit.different):,} of {audit.decisions:,} decisions differ"
            raise Failure(differ, result)
        output.result(result)


async def _audit(output: Output, url: str, since: int) -> Audit:
    from actors.stores.opening import open_store

    try:
        opened = open_store(url, read_only=True)
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
    audit, books = Audit(), _Books(opened)
    try:
        while rows := await opened.turns_after(since, _BATCH):
            for row in rows:
                await _judge(row, books, audit)
            since = rows[-1].offset
            if audit.turns % _SAID_EVERY == 0:
                output.console.print(f"{audit.turns:,} turns read ...")
    finally:
        await opened.close()
    return audit


class _Books:
    """The playbooks of a store, compiled when they are first needed."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._known: dict[str, Playbook | None] = {}

    async def get(self, version: str) -> "Playbook | None":
        from actors.playbook.loader import bundle_from_bytes, compile_bundle

        if version not in self._known:
            found = await self._store.playbook(version)
            self._known[version] = found and compile_bundle(bundle_from_bytes(found[1]))
        return self._known[version]


async def _judge(row: "TimelineRow", books: _Books, audit: Audit) -> None:
    from actors.decisioning.inputs import ENGINE_VERSION
    from actors.decisioning.record import replay as replay_record
    from actors.domain.errors import CodecError
    from actors.domain.ids import decision_text
    from actors.wire.records import unpack_turn

    audit.turns += 1
    if not row.payload:
        audit.emptied += 1
        return
    try:
        decision = unpack_turn(row.payload).decision
    except CodecError:
        audit.damaged += 1
        return
    if decision is None:
        return
    audit.decisions += 1
    playbook = await books.get(decision.playbook)
    if playbook is None or decision.engine != ENGINE_VERSION:
        what = f"engine {decision.engine}" if playbook else f"playbook {decision.playbook}"
        audit.foreign[what] += 1
        return
    verdict = replay_record(decision, playbook)
    if verdict.identical:
        audit.identical += 1
    else:
        name = decision_text(row.number, row.seq)
        audit.different.append({"decisionId": name, "difference": verdict.difference})


def _show(output: Output, audit: Audit) -> dict[str, Any]:
    console = output.console
    console.print(f"{audit.identical:,} of {audit.decisions:,} decisions are identical.")
    for what, count in sorted(audit.foreign.items()):
        console.print(f"{count:,} could not be replayed here: {what}.")
    if audit.emptied or audit.damaged:
        console.print(f"{audit.emptied:,} turns were emptied, {audit.damaged:,} cannot be read.")
    for each in audit.different[:_SHOWN]:
        console.print(f"{each['decisionId']}: {each['difference']}", style="bold red")
    return {
        "turns": audit.turns,
        "decisions": audit.decisions,
        "identical": audit.identical,
        "differing": len(audit.different),
        "different": audit.different[:_SHOWN],
        "foreign": dict(audit.foreign),
        "emptied": audit.emptied,
        "damaged": audit.damaged,
    }
