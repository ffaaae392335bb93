"""`bench merging`: visitors become known customers under load, and what was written is read at once."""

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.bench.http import describe_machine
from scripts.child import Child, start
from scripts.demo.client import Client, HttpTransport
from scripts.demo.replay import percentile
from scripts.output import Failure

CONNECTIONS = 64
BEFORE, AFTER = 2, 2
"""Orders of a visitor before and after logging in; those after come under either id."""
READ_EVERY = 25
"""One event in so many is looked for in the call centre's context at once."""

Say = Callable[[str], None]
Shown = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(slots=True, kw_only=True)
class Merging:
    """Everything that one run saw; times in ms. `wrong` is what was lost, doubled or not merged."""

    machine: dict[str, str]
    visitors: int
    customers: int
    sent: int = 0
    retries: int = 0
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    logins_ms: list[float] = field(default_factory=list)
    reads_ms: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it."""
        return {
            "machine": self.machine,
            "visitors": self.visitors,
            "customers": self.customers,
            "events": self.sent,
            "retries": self.retries,
            "eventsPerSecond": round(self.sent / self.took_s) if self.took_s else 0,
            "mergeP50Ms": _rounded(self.logins_ms, 0.5),
            "mergeP99Ms": _rounded(self.logins_ms, 0.99),
            "reads": len(self.reads_ms),
            "readYourWriteP50Ms": _rounded(self.reads_ms, 0.5),
            "readYourWriteP99Ms": _rounded(self.reads_ms, 0.99),
            "wrong": self.wrong[:20],
        }


def _rounded(values: Sequence[float], share: float) -> float | None:
    return round(percentile(sorted(values), share), 2) if values else None


def run(visitors: int, customers: int, data: Path | None, say: Say, shown: Shown) -> Merging:
    """Start a system, merge all visitors while both sides go on buying, and count."""
    root = data or Path(".righttime") / "bench"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="merging-", dir=root))
    try:
        say("Starting a system (10 to 40 s) ...")
        with start(folder, []) as child:
            found = Merging(
                machine=describe_machine(folder), visitors=visitors, customers=customers
            )
            with shown("Merging visitors") as progress:
                asyncio.run(load(child, found, progress))
            say("Counting ...")
            asyncio.run(count(child, found))
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Visitor:
    """One visitor, the customer whom she turns out to be, and her orders' amounts, in whole units."""

    name: str
    user: str
    amounts: tuple[int, ...]


def _visitors(found: Merging) -> list[_Visitor]:
    draw = random.Random(20)  # noqa: S311 - load, not secrets
    return [
        _Visitor(
            f"visitor-{i}",
            f"user-{i % found.customers}",
            tuple(draw.randint(1, 500) for _ in range(BEFORE + AFTER)),
        )
        for i in range(found.visitors)
    ]


async def load(child: Child, found: Merging, progress: Callable[[int, int], None]) -> None:
    """Send everything, as many visitors at once as there are connections."""
    waiting = _visitors(found)
    total, done = len(waiting), 0
    order = list(waiting)
    random.Random(7).shuffle(order)  # noqa: S311 - load, not secrets
    async with HttpTransport(child.url, child.key, CONNECTIONS) as transport:
        client = Client(transport, alive=child.alive, deadline_s=120.0)
        began = time.perf_counter()

        async def work() -> None:
            nonlocal done
            while order:
                await _visit(client, order.pop(), found)
                done += 1
                progress(done, total)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(work())
        found.took_s = time.perf_counter() - began
        found.retries = client.retries


async def _visit(client: Client, visitor: _Visitor, found: Merging) -> None:
    """Buy as a stranger, log in, buy on: as the stranger's browser and as the customer's app."""
    for i, amount in enumerate(visitor.amounts[:BEFORE]):
        await _buy(client, visitor, i, amount, {"anonymousId": visitor.name}, found)
    login = {
        "messageId": f"{visitor.name}-login",
        "userId": visitor.user,
        "anonymousId": visitor.name,
        "context": {"channel": "web"},
    }
    later = [
        _buy(
            client,
            visitor,
            BEFORE + i,
            amount,
            {"anonymousId": visitor.name} if i % 2 else {"userId": visitor.user},
            found,
        )
        for i, amount in enumerate(visitor.amounts[BEFORE:])
    ]
    sent = time.perf_counter()
    reply, *_ = await asyncio.gather(_post(client, "/v1/identify", login, found), *later)
    found.logins_ms.append((time.perf_counter() - sent) * 1000)
    if reply.get("status") != "accepted":
        found.wrong.append(f"{visitor.name}: login answered {reply}")


async def _buy(
    client: Client, visitor: _Visitor, i: int, amount: int, who: dict[str, str], found: Merging
) -> None:
    name = f"{visitor.name}-{i}"
    began = time.perf_counter()
    await _post(
        client,
        "/v1/track",
        {
            "messageId": name,
            "event": "Order Completed",
            "properties": {"order_id": name, "total": amount},
            "context": {"channel": "web"},
            **who,
        },
        found,
    )
    if found.sent % READ_EVERY:
        return
    kind = "anon" if "anonymousId" in who else "user"
    path = f"/v1/customers/{kind}:{next(iter(who.values()))}/context"
    reply = await client.get(path + "?purpose=service&channel=call_center")
    found.reads_ms.append((time.perf_counter() - began) * 1000)
    if reply.status != 200:
        found.wrong.append(f"{name}: written on the web, the call centre reads {reply.problem()}")


async def _post(client: Client, path: str, body: dict[str, Any], found: Merging) -> dict[str, Any]:
    reply = await client.post(path, body)
    found.sent += 1
    if reply.status != 200:
        found.wrong.append(f"{body['messageId']}: {reply.problem()}")
    return reply.body


async def count(child: Child, found: Merging) -> None:
    """Compare every customer's orders and sum with what was sent, and find every visitor there."""
    orders: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    strangers: dict[str, str] = {}
    for visitor in _visitors(found):
        orders[visitor.user] += len(visitor.amounts)
        spent[visitor.user] += sum(visitor.amounts)
        strangers[visitor.name] = visitor.user
    ids: dict[str, str] = {}
    async with HttpTransport(child.url, child.key, 8) as transport:
        client = Client(transport, alive=child.alive)
        for user in orders:
            body = (await client.get(f"/v1/customers/user:{user}")).body
            purchases = body.get("purchases", {})
            ids[user] = body.get("customerId", "")
            is_now = (purchases.get("orders"), purchases.get("spend", {}).get("amount"))
            if is_now != (orders[user], spent[user]):
                found.wrong.append(f"{user}: {is_now}, sent {(orders[user], spent[user])}")
        for name, user in strangers.items():
            reply = await client.get(f"/v1/customers/anon:{name}")
            if reply.body.get("customerId") != ids[user]:
                found.wrong.append(f"{name} is not {user}: {reply.status}")


def show(console: Console, found: Merging) -> None:
    """Print the figures."""
    table = Table(title="Merging under load", show_header=False)
    values = found.as_json()
    for name in (
        *("visitors", "customers", "events", "retries", "eventsPerSecond"),
        *("mergeP50Ms", "mergeP99Ms", "reads", "readYourWriteP50Ms", "readYourWriteP99Ms"),
    ):
        table.add_row(name, f"{values[name]:,}" if values[name] is not None else "-")
    console.print(table)
    if found.wrong:
        console.print(f"{len(found.wrong)} wrong, the first: {found.wrong[0]}")


def failure_of(found: Merging) -> Failure | None:
    """Return why the run failed, or None."""
    if not found.wrong:
        return None
    return Failure(f"{len(found.wrong)} wrong, the first: {found.wrong[0]}", found.as_json())
