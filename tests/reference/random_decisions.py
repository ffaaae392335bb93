"""Random decisions taken in columns and with an object a bid: nothing may differ, to the last bit."""

import json
from dataclasses import replace
from random import Random

from actors.decisioning.arbitration import choose
from actors.decisioning.funnel import prepare
from actors.decisioning.inputs import DecisionInput, Proposal, Stands
from actors.domain.scores import Score
from actors.playbook.loader import compile_bundle
from actors.policies.verdicts import Planned
from tests.builders import DAY, NOW
from tests.reference import arbitration as reference

PLACES = ("hero", "basket", "footer")
ARMS = {
    "arbitrated": 0.4,
    "random": {"weight": 0.2, "policy": "random"},
    "likely": {"weight": 0.2, "policy": "propensity"},
    "plain": {"weight": 0.2, "policy": "no_levers"},
}


def book_of(random, actions, *, plain=False):
    """A playbook whose actions share groups, issues, caps and, unless it is plain, budgets."""
    names = sorted({f"i{i % 3}/g{random.randrange(9)}/a{i:02}" for i in range(actions)})
    made = {}
    for name in names:
        is_message, treatments = random.random() < 0.5, {}
        if not is_message or random.random() < 0.2:
            # Fractions, of which the sum depends on the order in which they are added.
            cost = random.choice([0, 0.05, round(random.random() * 0.2, 3)])
            places = random.sample(PLACES, random.randint(1, 3))
            treatments["web"] = {"placements": places, "cost": cost}
            if random.random() < 0.2:
                treatments["web"]["when"] = "profile.orders >= 1"
        if is_message:
            email = random.choice([0.02, round(random.random() * 0.2, 3)])
            treatments |= {"email": {"cost": email, "outbound": True}, "app": {"outbound": True}}
        made[name] = {
            "value": random.choice([1, 2, 2, 5]),
            "lever": random.choice([0, 10, -20]),
            "purpose": "service" if is_message else "onsite",
            "startingPropensity": 0.1,
            "treatments": treatments,
        }
    for treatments in [each["treatments"] for each in made.values()] if plain else ():
        treatments.get("web", {}).pop("when", None)
    groups = sorted({name.split("/")[1] for name in names})[:2]
    arbitration = {
        "attention": {"price": random.choice([0.05, 0.0137])},
        "minimumPropensity": random.choice([0, 0.08]),
    }
    arbitration["bundling"] = {"perIssue": random.choice([1, 2, 9])}
    head = {
        "name": "any",
        "version": "1.0",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": {
            "web": {"placements": list(PLACES), "defaultPlacements": ["hero"]},
            "email": {"outbound": True},
            "app": {"outbound": True},
        },
        "arbitration": arbitration,
    }
    caps = {
        "day": {"limit": 2, "window": "P1D"},
        "web": {"limit": 2, "window": "day", "channels": ["web"]},
    }
    budgets = {
        "money": {"limit": 99, "unit": "money", "per": {"channels": ["email"]}, "period": "week"},
        "count": {"limit": 99, "unit": "count", "per": {"groups": groups}, "period": "day"},
    }
    engine = {"engine": {"kind": "engine", "control": "random", "arms": ARMS}}
    experiments = {"outcomes": {"order": {"on": "O"}}, "horizon": "P28D", "experiments": engine}
    return compile_bundle(
        {
            "playbook.yaml": json.dumps(head),
            "actions.yaml": json.dumps({"actions": made}),
            "triggers.yaml": json.dumps({"triggers": {}}),
            "policies.yaml": json.dumps({"caps": caps}),
            "budgets.yaml": json.dumps({"budgets": {} if plain else budgets}),
            "experiments.yaml": json.dumps(experiments),
        }
    )


def proposals_of(random, book):
    messages = [a.index for a in book.actions if "email" in a.treatments]
    if not messages:
        return ()
    return tuple(
        Proposal(name, tuple(random.sample(messages, random.randint(1, len(messages)))), channels)
        for name, channels in (("one", None), ("two", ("email",)))
        if random.random() < 0.5
    )


def given_of(random, book):
    places = tuple(random.sample(PLACES, random.randint(0, 3)))
    later, rooms = NOW + DAY // 2, [(0, 0), (1, 0), (2, NOW + DAY)]
    standing = ()
    if places and random.random() < 0.3:
        standing = (Stands(places[0], random.randrange(len(book.actions)), 3, 0),)
    return DecisionInput(
        at_ms=NOW,
        seed=random.randrange(2**63),
        channel="web",
        placements=places,
        max_actions=random.randint(1, 3),
        context=[random.randrange(2)],
        caps=tuple(random.choice(rooms[: random.randint(1, 3)]) for _ in book.caps),
        proposals=proposals_of(random, book),
        planned={"email|service": Planned(later, "quiet")} if random.random() < 0.4 else {},
        caps_later={later: tuple(random.choice(rooms) for _ in book.caps)},
        recent=random.randrange(3),
        arms={"engine": random.choice(list(ARMS))} if random.random() < 0.5 else {},
        funds={b.name: random.choice([0.0, 1.0, 3.0, 1e9]) for b in book.budgets.shared},
        prices={b.name: random.choice([0.0, random.random()]) for b in book.budgets.shared},
        standing=standing,
    )


def alone(random, given):
    """Let a decision be about one slot, in which nothing stands."""
    if given.proposals and random.random() < 0.5:
        return replace(given, placements=(), proposals=given.proposals[:1], standing=())
    places = given.placements[:1] or ("hero",)
    return replace(given, placements=places, proposals=(), standing=())


def scores_of(random, prepared):
    """Scores that are certain, doubtful, or of actions as mature as each other."""
    sds = random.choice([(0.0,), (0.0, 0.02, 0.2), (0.03,)])
    positives = random.choice([(500.0,), (500.0, 0.0, 80.0, 150.0), (50.0,)])
    means = random.choice([(0.1,), (0.05, 0.1, 0.3), tuple(random.random() for _ in range(9))])
    return {
        c.action: Score(random.choice(means), 9.0, random.choice(sds), random.choice(positives))
        for c in prepared.candidates
    }


def differences(seed, books, decisions, *, short=False):
    """Decide at random in both ways; return how many were compared, had votes and had several slots.

    `short` makes decisions that mostly go the short way: about one slot, under a plain playbook of few actions.
    """
    random, compared, voted, several = Random(seed), 0, 0, 0
    for _ in range(books):
        actions = random.choice([3, 6, 9] if short else [3, 8, 25, 50])
        book = book_of(random, actions, plain=short)
        for _ in range(decisions):
            given = given_of(random, book)
            if short:
                given = alone(random, given)
            prepared = prepare(given, book)
            scores = scores_of(random, prepared)
            fast = choose(prepared, given, scores, book)
            slow = reference.choose(prepared, given, scores, book)
            # As text: 0.0 and -0.0 differ, and so do 1 and 1.0.
            assert repr(fast.ranked) == repr(slow.ranked)
            assert repr(fast.chosen) == repr(slow.chosen)
            assert repr(fast.removed) == repr(slow.removed)
            assert repr(fast.draws) == repr(slow.draws)
            assert [fast.ranked[place] for place in fast.places] == [c.ranked for c in fast.chosen]
            compared += 1
            voted += any(each.vectors for each in fast.draws)
            several += len(fast.draws) > 1
    return compared, voted, several
