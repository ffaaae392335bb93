"""A small shop: its playbook, its customers' events, and a session over any store."""

import asyncio
import json
from dataclasses import dataclass, field

from actors import turn as core
from actors.domain.events import Event, Response
from actors.domain.ids import Identity, IdSpace
from actors.domain.scores import Score, Scores
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle
from actors.playbook.model import Playbook
from actors.ports import CellRow, JournalKind, Lookup, Store
from actors.session import Job, Session
from actors.session.activations import Activations
from actors.wire.messages import Routed
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from tests.doubles.clocks import ManualClock
from tests.doubles.scorers import FixedScorer

NOW = 1_800_000_000_000
"""A Friday morning in January 2027."""
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
IDS = IdSpace(b"k" * 32)
CELL = CellRow("cell-0", "one", 1, 1, "elsewhere", 0)
OTHER_CELL = CellRow("cell-1", "two", 2, 2, "elsewhere", 0)

REMINDER = "message/cart/reminder"
THANKS = "message/care/thanks"
BANNER = "offer/web/banner"
SECOND_BANNER = "offer/web_wide/second"
COUPON = "campaign/coupon/book"

PEOPLE = ("ann", "bob", "carl", "nobody", "a", "b", "new", *(f"u{i}" for i in range(10)))

CHANNELS = {
    "web": {"placements": ["hero", "basket"], "defaultPlacements": ["hero"]},
    "email": {"outbound": True},
    "app": {"outbound": True},
    "mail": {},
}
ACTIONS = {
    BANNER: {
        "value": 5,
        "purpose": "onsite",
        "startingPropensity": 0.2,
        "treatments": {"web": {"placements": ["hero", "basket"]}},
    },
    SECOND_BANNER: {
        "value": 4,
        "purpose": "onsite",
        "startingPropensity": 0.2,
        "treatments": {"web": {"placements": ["hero", "basket"]}},
    },
    REMINDER: {
        "value": 10,
        "purpose": "marketing",
        "startingPropensity": 0.3,
        "expiresAfter": "P2D",
        "treatments": {
            "email": {"cost": 0.01, "outbound": True, "content": {"subject": "Your cart"}},
        },
    },
    THANKS: {
        "value": 3,
        "purpose": "service",
        "startingPropensity": 0.3,
        "treatments": {"email": {"outbound": True}, "app": {"outbound": True, "cost": 0.5}},
    },
    COUPON: {
        "value": 2,
        "purpose": "marketing",
        "startingPropensity": 0.05,
        "treatments": {"mail": {"cost": 0.4}},
    },
}
TRIGGERS = {
    "remind": {
        "on": "Product Added",
        "propose": [REMINDER],
        "channels": ["email"],
        "after": "PT30M",
        "keyedBy": "cart_id",
        "cancelOn": ["Order Completed"],
    },
    "thank": {"on": "Order Completed", "propose": [THANKS]},
    "mailed": {
        "on": "Campaign Assigned",
        "propose": [COUPON],
        "channels": ["mail"],
        "record": True,
    },
}
POLICIES = {
    "caps": {
        "weekly": {"limit": 1, "window": "P7D", "channels": ["email"], "purposes": ["marketing"]}
    },
    "suppression": {"afterRefusal": "P30D"},
}


def make_playbook(
    *,
    channels=None,
    actions=None,
    triggers=None,
    policies=None,
    segments=None,
    tiers=(),
    scenarios=None,
    windows=None,
    arbitration=None,
    files=None,
    budgets=None,
) -> Playbook:
    """Compile the shop's playbook, with the parts given in place of its own. JSON is YAML."""
    triggers = TRIGGERS if triggers is None else triggers
    proposed = {key for each in triggers.values() for key in each["propose"]}
    for each in (scenarios or {}).values():
        for step in each["steps"].values():
            named = step.get("propose") or step.get("send") or ()
            proposed.update([named] if isinstance(named, str) else named)
    if actions is None:  # an action that nothing uses is an error in a playbook
        actions = {
            key: spec
            for key, spec in ACTIONS.items()
            if key in proposed or any("placements" in t for t in spec["treatments"].values())
        }
    book = {
        "name": "shop",
        "version": "1.0",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": channels or CHANNELS,
        "tiers": [{"segment": name, "serviceLevel": "priority"} for name in tiers],
        "arbitration": arbitration or {},
    }
    return compile_bundle(
        {
            "playbook.yaml": json.dumps(book),
            "actions.yaml": json.dumps({"actions": actions}),
            "triggers.yaml": json.dumps({"triggers": triggers}),
            "policies.yaml": json.dumps(POLICIES if policies is None else policies),
            "segments.yaml": json.dumps({"segments": segments or {}}),
            "scenarios.yaml": json.dumps(
                {"scenarios": scenarios or {}} | ({"windows": windows} if windows else {})
            ),
            "budgets.yaml": json.dumps({"budgets": budgets or {}}),
            **{name: json.dumps(each) for name, each in (files or {}).items()},
        }
    )


SHOP = make_playbook()


def user(name) -> Identity:
    return Identity("user", name)


def anon(name) -> Identity:
    return Identity("anon", name)


def number_of(identity, generation=0) -> int:
    return IDS.customer_number(identity, generation)


def make_event(name="Page Seen", *who, id="m", type="track", at=NOW, **fields) -> Event:  # noqa: A002
    """An event of ann unless others are named; `id` is its message id."""
    names = tuple(user(w) if isinstance(w, str) else w for w in who) or (user("ann"),)
    return Event(message_id=id, type=type, name=name, identities=names, at_ms=at, **fields)


def order(total=10.0, *who, **fields) -> Event:
    properties = {"total": total} | fields.pop("properties", {})
    return make_event("Order Completed", *who, properties=properties, **fields)


def added(cart="c1", *who, **fields) -> Event:
    properties = {"cart_id": cart, "price": 2.5}
    return make_event("Product Added", *who, properties=properties, **fields)


def consent(*who, **fields) -> Event:
    """An identify event that grants or, with `granted=False`, denies e-mail."""
    granted = fields.pop("granted", True)
    context = {"consent": {"categoryPreferences": {"email": granted}}}
    return make_event("", *who, type="identify", context=context, **fields)


def question(*who, placements=("hero",), channel="web", **fields) -> Event:
    fields.setdefault("max_actions", len(placements))
    return make_event("", *who, type="decide", placements=placements, channel=channel, **fields)


def response(key, outcome, id="r", at=None, value=None) -> Response:  # noqa: A002
    return Response(message_id=id, effect_key=key, outcome=outcome, at_ms=at, value_minor=value)


def make_state(who="ann") -> CustomerState:
    number = number_of(user(who))
    return CustomerState(number, number >> 50, identities=[user(who)])


def scored(rows, propensity=0.5) -> Scores:
    return Scores("fixed", "1", prior=False, rows=tuple(Score(propensity, 7.0) for _ in rows))


def plenty(playbook) -> core.AtHand:
    """More of every budget than any test spends."""
    return core.AtHand(funds={each.name: 1e9 for each in playbook.budgets.shared})


def take(state, event, now=NOW, playbook=SHOP, owners=None, propensity=0.5):
    """Take one whole turn of the pure core."""
    turn = core.begin(state, event, playbook, now, owners, at_hand=plenty(playbook))
    core.decide(turn, scored(turn.rows, propensity), playbook)
    return turn


def wake(state, timer, now, playbook=SHOP, propensity=0.5):
    """Fire one timer in the pure core."""
    turn = core.wake(state, timer, playbook, now, at_hand=plenty(playbook))
    core.decide(turn, scored(turn.rows, propensity), playbook)
    return turn


def chosen_actions(turn) -> list[str]:
    return [effect.action for effect in (*turn.record.effects, *turn.record.again)]


def removals(turn, playbook=SHOP) -> set[tuple[str, str, int, str]]:
    """What the funnel removed, as (action, channel, stage number, rule)."""
    _, _, removed, *_ = turn.record.decision.outcome
    return {
        (playbook.actions[index].key if index >= 0 else "", channel, stage, rule)
        for index, channel, stage, rule, _ in removed
    }


@dataclass
class World:
    """One session that owns the partitions of `PEOPLE`, with its doubles in reach."""

    store: Store
    truth: Store
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    scorer: FixedScorer = field(default_factory=FixedScorer)
    ids: IdSpace = IDS
    playbook: Playbook = SHOP
    epochs: dict[int, int] = field(default_factory=dict)
    session: Session = None

    def __post_init__(self):
        names = [kind(n) for kind in (user, anon) for n in PEOPLE]
        partitions = {self.ids.partition_of(name) for name in names} | {7}
        claims = [(partition, "", 0) for partition in sorted(partitions)]
        self.epochs.update(asyncio.run(self.truth.claim(claims, CELL.owner)))
        self.restart()

    def restart(self):
        """Begin anew from the store, as another process would."""
        self.session = Session(
            self.store,
            self.scorer,
            self.ids,
            self.clock,
            Activations(1000, 10_000_000),
            self.epochs.get,
        )

    def jobs(self, *items):
        """Run items, which may be packed into `Job` or `Routed`, as one group."""
        jobs = [self._job(item) for item in items]
        asyncio.run(self.session.run(jobs, self.playbook))
        return jobs

    def _job(self, item):
        if isinstance(item, Job):
            return item
        return Job.of(item if isinstance(item, Routed) else Routed(item))

    def codes(self, *items):
        return [job.answer.code.name for job in self.jobs(*items)]

    def reply(self, item):
        """Run one item and return its reply as the contract shows it."""
        (job,) = self.jobs(item)
        assert job.answer.code.name in {"ACCEPTED", "DUPLICATE"}, job.answer
        return json.loads(job.answer.body)

    def row(self, number):
        """The stored row of a customer, whatever it holds."""
        return asyncio.run(self.truth.lookup(Lookup(numbers=(number,)))).customers.get(number)

    def state(self, number) -> CustomerState | None:
        row = self.row(number)
        return None if row is None else unpack_state(row.state)

    def customer(self, who="ann") -> CustomerState | None:
        """The stored state of whoever owns this identity now."""
        identity = user(who) if isinstance(who, str) else who
        owners = asyncio.run(self.truth.lookup(Lookup(identities=(identity,)))).owners
        return self.state(owners[identity]) if identity in owners else None

    def turns(self, number):
        """The journal of a customer, oldest first, as (seq, kind, record)."""
        rows = asyncio.run(self.truth.timeline(number, None, (), 100_000))
        return [(row.seq, row.kind, unpack_turn(row.payload)) for row in reversed(rows)]

    def outbox(self, channel="email"):
        """The rows of a channel that are on their way or have gone, in order of commit."""
        tried = asyncio.run(self.truth.outbox_stream(channel, (0, 0, 0, 0), 100_000))
        owners = {row.owner for row in asyncio.run(self.truth.partitions())}
        due = [asyncio.run(self.truth.outbox_due(o, 1 << 60, 100_000)) for o in owners]
        rows = {row for some in (tried, *due) for row in some if row.channel == channel}
        return sorted(rows, key=lambda row: (row.committed_at_ms, row.number, row.seq, row.n))

    def timers(self):
        rows = asyncio.run(self.truth.due_timers(CELL.owner, 1 << 60, 100_000))
        return {(row.number, row.key): row.due_at_ms for row in rows}

    def counts(self):
        return asyncio.run(self.truth.counts())

    def assert_sound(self, *numbers):
        """Check what must hold of stored customers whatever happened to them."""
        timers = self.timers()
        for number in numbers:
            state, turns = self.state(number), self.turns(number)
            if state is None:
                assert turns == []
                continue
            assert [seq for seq, _, _ in turns] == list(range(1, state.seq + 1))
            waits = {(number, t.key): t.due_at_ms for t in state.timers}
            assert {key for key in timers if key[0] == number} == waits.keys()
            assert all(timers[key] <= due_at_ms for key, due_at_ms in waits.items())
            sent = {(e.seq, e.n) for _, _, r in turns for e in r.effects if e.mode == "outbound"}
            rows = [(o.seq, o.n) for o in self.outbox() if o.number == number]
            assert len(rows) == len(set(rows))
            assert set(rows) <= sent


WAKE, EVENT = JournalKind.WAKE, JournalKind.EVENT
