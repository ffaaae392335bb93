"""A walk in which merging and unmerging is most of what happens, among a few: nested, again, and while away."""

from dataclasses import dataclass
from random import Random

from actors.playbook.identity_model import DEFAULT_RULES
from actors.stores.memory import MemoryStore
from tests.builders import DAY, HOUR, MINUTE
from tests.merging_walk import CATEGORIES, EMAILS, FEW_EMAILS, FIRST, Walk

_FEW = (FIRST[2:5], [FIRST[0], *FIRST[2:5]], [FIRST[0], *FIRST[2:4]], FIRST)
_MOODS = ((0.15, 0.20, 0.90), (0.70, 0.75, 0.85), (0.15, 0.20, 0.25), (0.30, 0.36, 0.66))
"""Up to which chance something is told, consented to or merged; what is left is mostly taken back."""


@dataclass
class Met:
    """What a walk has come across, so that a test can say that it did."""

    unmerges: int = 0
    elsewhere: int = 0


def walk_densely(seed, steps):
    """Take steps at random, each compared with the model; return what was met."""
    random = Random(seed)
    walk = Walk(MemoryStore(), FEW_EMAILS if seed % 2 else DEFAULT_RULES)
    names, fires = random.choice(_FEW), random.random() < 0.5
    for name in names:
        walk.take(walk.event("track", [name]))
    for step in range(steps):
        mood = _MOODS[step // 4 % 4]  # gather, live, part, and a bit of each
        _step(walk, random, names, mood, fires=fires)
        walk.check()
    walk.cells.close()
    parted = [sent.reply for sent in walk.sent if "unmerged" in sent.reply]
    return Met(len(parted), sum(bool(reply["elsewhere"]) for reply in parted))


def _step(walk, random, names, mood, *, fires):
    chance = random.random()
    tells, consents, merges = mood
    alive = [customer.order for customer in walk.model.customers]
    if chance < tells:
        walk.take(_event(walk, random, names))
    elif chance < consents:
        consent = walk.consent(random.choice(CATEGORIES), granted=random.random() < 0.5)
        walk.take(consent, random.choice(sorted(walk.born)))
    elif chance < merges and len(alive) > 1:
        one, other = random.sample(alive, 2)
        walk.take(walk.command("merge", other=other), one)
    elif chance < 0.96 and walk.parts():
        survivor, loser = random.choice(walk.parts())
        walk.take(walk.command("unmerge", other=loser), survivor)
    elif fires:
        walk.fire(random.choice([HOUR, DAY]))
    else:
        walk.cells.clock.advance(MINUTE)


def _event(walk, random, names):
    first, also = random.sample(names, 2)
    who = [first, *([also] if random.random() < 0.4 and also.kind != "user" else [])]
    kind = random.choice(["track", "track", "track", "identify", "alias"])
    if kind != "track" and random.random() < 0.7:
        who.append(random.choice(EMAILS))
    said = ((random.choice(CATEGORIES), random.random() < 0.5),) if random.random() < 0.3 else ()
    age = random.choice([0, 0, MINUTE, HOUR])
    return walk.event(kind, who, age=age, consents=said, cart=random.random() < 0.3)
