"""The demo's last page: what the agents knew, decided and sent, and how fast."""

from collections import Counter
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.demo.readback import Known, amount
from scripts.demo.run import Outcome

_TOP = 8
_STAGES = {
    "availability": "not available there",
    "channel": "no way to this customer on that channel",
    "eligibility": "not meant for this customer",
    "applicability": "not fit for the situation",
    "suitability": "refused recently, or not right now",
    "consent": "no consent",
    "experiment": "held back by an experiment",
    "contact_policy": "contact policy",
    "propensity": "too unlikely to be taken",
    "treatment": "no treatment fits",
    "arbitration": "a better action won, or it is not worth its cost",
    "bundling": "enough of its kind said already",
    "budget": "no budget left",
}


def show(console: Console, outcome: Outcome) -> None:
    """Print the summary."""
    console.print()
    if outcome.known.customers:
        _knew(console, outcome)
        _best(console, outcome.known)
    _decided(console, outcome)
    _sent(console, outcome)
    _fast(console, outcome)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _knew(console: Console, outcome: Outcome) -> None:
    known = outcome.known
    console.rule("What the customers' agents know", align="left")
    tiers = _table("Tiers", "tier", "customers", "sales", "share")
    total = known.sales or Decimal(1)
    for tier, count in known.tiers.most_common():
        sales = known.tier_sales[tier]
        tiers.add_row(tier, f"{count:,}", f"{sales:,.2f}", f"{sales * 100 / total:.0f} %")
    segments = _table("Segments", "segment", "customers")
    for name, count in known.segments.most_common(_TOP):
        segments.add_row(name, f"{count:,}")
    console.print(tiers)
    console.print()
    console.print(segments)
    exact = "equal to the data's, to the cent"
    if known.sales != outcome.expected_sales:
        exact = f"[bold red]but the data has {outcome.expected_sales:,.2f}[/]"
    console.print(f"\nSales over all {known.customers:,} profiles: {known.sales:,.2f}, {exact}.\n")


def _best(console: Console, known: Known) -> None:
    body = known.best
    bought = body.get("purchases") or {}
    talk = body.get("conversation") or {}
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    facts.add_row("tier", f"{body.get('tier')}, service level {body.get('serviceLevel')}")
    facts.add_row("segments", ", ".join(body.get("segments") or []) or "none")
    spent = amount(bought.get("spend"))
    facts.add_row(
        "purchases",
        f"{bought.get('orders', 0):,} orders, {spent:,.2f} in all, "
        f"last {_day(bought.get('lastAt'))}",
    )
    facts.add_row("departments", _departments(body.get("departments") or {}))
    facts.add_row(
        "coupons",
        f"{body.get('couponsUsed', 0):,} used at the till, "
        f"{body.get('redemptions', 0):,} of campaigns came back",
    )
    facts.add_row(
        "channels",
        "; ".join(
            f"{name}: {use.get('events'):,} events, last {_day(use.get('lastSeenAt'))}"
            for name, use in (body.get("channels") or {}).items()
        ),
    )
    consents = [f"{c['channel']} {c['purpose']} {c['status']}" for c in body.get("consents") or []]
    facts.add_row("consents", ", ".join(consents) or "none known, so no marketing is sent")
    traits = [f"{name} {value}" for name, value in (body.get("traits") or {}).items()]
    facts.add_row("traits", ", ".join(traits) or "none known")
    turns = [f"{t['who']} ({t['channel']}): {t['about']}" for t in (talk.get("turns") or [])[:4]]
    facts.add_row("last said", "\n".join(turns))
    title = Text(f"The panoramic view of one of them, {body.get('customerId')}")
    console.print(Panel(facts, title=title, title_align="left", expand=False))
    console.print()


def _departments(books: dict[str, Any]) -> str:
    spent = Counter({name: amount(book.get("spend")) for name, book in books.items()})
    best = ", ".join(f"{name} {total:,.2f}" for name, total in spent.most_common(4))
    return f"{best}; {len(spent)} in all"


def _day(at: Any) -> str:
    return str(at)[:10] if at else "never"


def _decided(console: Console, outcome: Outcome) -> None:
    tally, known = outcome.tally, outcome.known
    console.rule("What they decided", align="left")
    console.print(
        f"{tally.decisions:,} decisions; {tally.inline_actions:,} offers in the reply to the till."
    )
    if tally.actions:
        top = _table("Offers on the till receipt", "action", "times")
        for name, count in tally.actions.most_common(_TOP):
            top.add_row(name, f"{count:,}")
        console.print()
        console.print(top)
    if known.sampled:
        why = _table(
            f"Why not: {known.sampled:,} decision records looked into", "reason", "candidates"
        )
        stages: Counter[str] = Counter()
        for (stage, _rule), count in known.removed.items():
            stages[stage] += count
        stages["arbitration"] += known.outdone
        for stage, count in stages.most_common():
            share = count * 100 / max(1, known.considered)
            why.add_row(_STAGES.get(stage, stage), f"{count:,} ({share:.0f} %)")
        console.print()
        console.print(why)
    console.print()


def _sent(console: Console, outcome: Outcome) -> None:
    tally, known = outcome.tally, outcome.known
    console.rule("What they sent", align="left")
    console.print(
        f"{tally.effects:,} messages to other channels; {tally.outcomes:,} coupons came back and "
        "were credited."
    )
    outbox = known.status.get("outbox")
    if isinstance(outbox, dict):
        states = ", ".join(f"{n} {v:,}" for n, v in outbox.items() if isinstance(v, int) and v)
        console.print(f"Outbox: {states or 'empty'}.")
    if known.contacts:
        by_channel = ", ".join(f"{name} {n:,}" for name, n in known.contacts.most_common())
        console.print(f"Contacts that profiles remember, by channel: {by_channel}.")
    refused = Counter[str]()
    for (stage, rule), count in known.removed.items():
        if stage in {"consent", "contact_policy"}:
            refused[f"{_STAGES[stage]}: {rule}"] += count
    for why, count in refused.most_common(_TOP):
        console.print(f"Held back, in the records looked into: {why} ({count:,} times)")
    console.print(
        "Households that the retailer ever targeted are taken to have opted in to e-mail and app; "
        "of the others no consent is known, so no marketing was sent to them.\n"
    )


def _fast(console: Console, outcome: Outcome) -> None:
    result, tally = outcome.result(), outcome.tally
    console.rule("How fast", align="left")
    console.print(
        f"{tally.accepted:,} accepted, {tally.duplicates:,} duplicates, {tally.rejected:,} rejected, "
        f"{outcome.lost:,} lost, in {tally.took_s:.1f} s: "
        f"{result['eventsPerSecond']:,.0f} events/s, "
        f"median {result['p50Ms']:.1f} ms, 99th percentile {result['p99Ms']:.1f} ms. "
        "Every reply came after its commit to disk."
    )
    if tally.clock_stood:
        console.print(
            "The system runs on the real clock, so waiting messages did not come due; "
            "start it with --clock virtual for that."
        )
    if tally.duplicates and not tally.accepted:
        console.print(
            "This data directory had the whole story already, and nothing changed. "
            "For a fresh one use --data with another directory."
        )
    for problem in tally.problems:
        console.print(f"[red]{problem}[/]", soft_wrap=True)
