"""What a decision costs: a turn with fifty actions on three channels and every policy."""

import gc
import json
import time
from dataclasses import dataclass
from statistics import median

from actors.decisioning.arbitration import choose, scores_by_action
from actors.decisioning.funnel import prepare
from actors.domain.ids import IdSpace
from actors.domain.scores import Score, Scores
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle
from actors.playbook.model import Playbook
from actors.turn import begin, decide
from actors.turn.under_way import AtHand, Turn
from actors.wire.state import pack_state, unpack_state
from scripts.bench.core import START_MS, event_of, newcomer, one_turn

LIMIT_US = 300.0
ACTIONS = 50
ON_PAGE = 14
CUSTOMERS = 60
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Decided:
    """µs of a whole turn, of the funnel and of the arbitration alone; medians of blocks."""

    turn_us: float
    funnel_us: float
    arbitration_us: float
    candidates: float
    survivors: float


def playbook() -> Playbook:
    """Return a playbook of fifty actions on three channels, with all kinds of policies.

    Fourteen stand on a page, eighteen are e-mails and eighteen push messages. Some groups have several.
    Six of the messages are advertising, which rests after a purchase; all of them wait for the morning.
    """
    names = [f"issue{i % 5}/group{i % 30}/action{i:02}" for i in range(ACTIONS)]
    book = {
        "name": "fifty",
        "version": "1.0",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": {
            "web": {"placements": ["hero"], "defaultPlacements": ["hero"]},
            "email": {"outbound": True},
            "app": {"outbound": True},
        },
        "arbitration": {
            "attention": {"price": 0.01, "window": "P7D"},
            "levers": {"issues": {"issue1": 5}},
            "bundling": {"perIssue": 2},
        },
    }
    treatments = (
        {"web": {"placements": ["hero"]}},
        {"email": {"cost": 0.002, "outbound": True}},
        {"app": {"outbound": True, "when": "profile.orders >= 0"}},
    )
    actions = {
        name: {
            "value": 2 + i % 7,
            "purpose": "onsite" if i < ON_PAGE else "service" if i % 6 else "marketing",
            "eligible": f"profile.orders >= {i % 3}",
            "applicable": f"conversation.cart_items < {50 + i}",
            "suitable": "profile.recency_days < 400.0",
            "weights": [{"when": "now.weekday >= 5", "factor": 1.1}],
            "startingPropensity": 0.05 + i % 10 / 100,
            "treatments": treatments[0 if i < ON_PAGE else 1 + i % 2],
        }
        for i, name in enumerate(names)
    }
    caps = {
        "day": {"limit": 4, "window": "P1D", "channels": ["email", "app"]},
        "week": {"limit": 12, "window": "week", "channels": ["email", "app"]},
        "today": {"limit": 4, "window": "day", "channels": ["email", "app"]},
        **{f"g{i}": {"limit": 3, "window": "P7D", "groups": [f"group{i}"]} for i in range(5)},
    }
    policies = {
        "caps": caps,
        "quiet": [{"from": "22:00", "to": "07:00", "channels": ["email", "app"]}],
        "holidays": [{"country": "DE", "channels": ["email"]}],
        "suppress": [
            {"after": "purchase", "scope": "purpose", "purposes": ["marketing"], "for": "P14D"},
            {"after": "complaint", "scope": "all", "for": "P7D"},
        ],
        "suppression": {"afterRefusal": "P30D"},
        "consent": {"purposesNotNeedingConsent": ["onsite", "service", "marketing"]},
    }
    budgets = {
        "email_money": {
            "limit": 1e6,
            "unit": "money",
            "per": {"channels": ["email"]},
            "period": "week",
        },
        "pushes": {"limit": 10**6, "unit": "count", "per": {"channels": ["app"]}, "period": "day"},
    }
    arms = {"arbitrated": 0.97, "random": {"weight": 0.03, "policy": "random"}}
    experiments = {
        "holdout": {"kind": "holdout", "share": 0.03, "scope": {"purposes": ["marketing"]}},
        "engine": {"kind": "engine", "within": "holdout", "control": "random", "arms": arms},
    }
    outcomes = {"order": {"on": "Order Completed"}}
    messages_of = names[ON_PAGE:]
    triggers = {"all": {"on": "Page Viewed", "propose": messages_of, "channels": ["email", "app"]}}
    return compile_bundle(
        {
            "playbook.yaml": json.dumps(book),
            "actions.yaml": json.dumps({"actions": actions}),
            "triggers.yaml": json.dumps({"triggers": triggers}),
            "policies.yaml": json.dumps(policies),
            "budgets.yaml": json.dumps({"budgets": budgets}),
            "experiments.yaml": json.dumps(
                {"outcomes": outcomes, "horizon": "P28D", "experiments": experiments}
            ),
        }
    )


def measure(blocks: int = 11) -> Decided:
    """Return what a turn costs that asks for one placement and proposes thirty-six messages.

    States are unpacked for each block, outside the time that is taken, so every turn meets the same; so are the
    model server's answers made.
    """
    book = playbook()
    ids = IdSpace(b"benchmark")
    states = [_known(newcomer(ids, f"bench-{i}"), book) for i in range(CUSTOMERS)]
    turns, funnels, arbitrations, candidates, survivors = [], [], [], [], []
    for _ in range(blocks):
        ready = [unpack_state(data) for data in states]
        events = [event_of(_raw(state.identities[0].value)) for state in ready]
        gc.collect()
        gc.disable()
        began = time.process_time()
        done = [_begun(state, event, book) for state, event in zip(ready, events, strict=True)]
        spent = time.process_time() - began
        answers = [_scores(turn) for turn in done]  # the model server's work
        began = time.process_time()
        for turn, scores in zip(done, answers, strict=True):
            decide(turn, scores, book)
        turns.append((spent + time.process_time() - began) / len(done) * 1e6)
        began = time.process_time()
        for turn in done:
            if turn.given is not None:
                prepare(turn.given, book)
        funnels.append((time.process_time() - began) / len(done) * 1e6)
        began = time.process_time()
        for turn, scores in zip(done, answers, strict=True):
            if turn.given is not None and turn.prepared is not None:
                by_action = scores_by_action(turn.prepared, book, scores)
                choose(turn.prepared, turn.given, by_action, book)
        arbitrations.append((time.process_time() - began) / len(done) * 1e6)
        gc.enable()
        for turn in done:
            if turn.prepared is not None and turn.record.decision is not None:
                candidates.append(len(turn.prepared.candidates))
                survivors.append(len(turn.record.decision.outcome[3]))
    return Decided(
        median(turns[2:]),
        median(funnels[2:]),
        median(arbitrations[2:]),
        median(candidates),
        median(survivors),
    )


def _known(state: CustomerState, book: Playbook) -> bytes:
    user = state.identities[0].value
    for i in range(3):
        event = event_of(_raw(user, "Order Completed", f"{user}-{i}"))
        one_turn(state, event, book, START_MS + i * _DAY_MS)
    return pack_state(state)


def _raw(user: str, name: str = "Page Viewed", message: str = "now") -> dict[str, object]:
    return {
        "messageId": message,
        "userId": user,
        "event": name,
        "properties": {"order_id": message, "total": 20.0},
        "context": {"channel": "web", "placements": ["hero"] if name == "Page Viewed" else []},
    }


def _begun(state: CustomerState, event: object, book: Playbook) -> Turn:
    now_ms = START_MS + 10 * _DAY_MS
    names = [each.name for each in book.budgets.shared]
    at_hand = AtHand(dict.fromkeys(names, 1e9), dict.fromkeys(names, 0.1), ("action:none/at/all",))
    return begin(state, event, book, now_ms, at_hand=at_hand)  # type: ignore[arg-type]


def _scores(turn: Turn) -> Scores:
    rows = tuple(
        [Score(row.prior, 400.0, 0.015, 10.0 * (i % 30)) for i, row in enumerate(turn.rows)]
    )
    return Scores("bench", "1", prior=False, rows=rows)
