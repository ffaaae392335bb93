"""Runs a life through the engine and through the reference, and compares all that can be seen."""

from dataclasses import replace
from random import Random

import msgpack

from actors.domain.journeys import Journeys
from actors.scenarios import engine
from actors.scenarios.world import Signal
from actors.wire.journeys import journeys_fields, journeys_from_fields
from tests.properties.scenarios.cases import book
from tests.properties.scenarios.fakes import FakeWorld
from tests.properties.scenarios.generate import HOUR
from tests.properties.scenarios.reference import Reference

MAX_FIRED = 60


class DifferenceError(AssertionError):
    """Engine and reference do not agree; says on what, and what each of them has."""


def stored(journeys):
    """Return journeys as they come back from the store."""
    fields = msgpack.packb(journeys_fields(journeys))
    return journeys_from_fields(msgpack.unpackb(fields, strict_map_key=False))


class Drive:
    """One life, on both sides at once.

    `altered` gives the engine other definitions than the reference: a planted bug.
    """

    def __init__(self, life, altered=None):
        self.life = life
        self.altered = altered or life
        self.now_ms = life.begins_ms
        self.journeys = Journeys()
        self.reference = Reference()
        self.worlds = [FakeWorld(life.number, life.zone) for _ in range(2)]
        self.timers = {}
        self.effects = []
        self.seq = 0
        self.decided = 0
        self.crash = 0
        self.crashes = 0
        self.lines = []
        self.put_in_force(0, True)

    def put_in_force(self, number, known):
        """Replace the playbook."""
        self.books = [
            book(each.books[number], each.books, known) for each in (self.altered, self.life)
        ]

    def run(self):
        """Go through all that happens; raise `DifferenceError` at the first difference."""
        for op in self.life.ops:
            self.crash = 2 * (op.crash == "timer")
            until_ms = self.now_ms + op.after_ms
            if op.timers == "exact":
                self.fire(until_ms)
            self.now_ms = until_ms
            if op.timers in ("late", "twice"):
                self.fire(until_ms, twice=op.timers == "twice")
            self.crash = 2 * (op.crash == "before")
            getattr(self, op.what)(*op.args)
            self.crash = 2 * (op.crash == "after")
            self.decide()
            self.compare_places()
            if op.timers != "never":
                self.fire(until_ms)
                self.compare_places()

    # What happens

    def hear(self, key, late_ms, properties, instance=0):
        """Let an event, or whatever else is heard, come."""
        self.turn()
        signal = Signal(key, self.now_ms - late_ms, self.seq, properties, instance)
        self.both(
            lambda journeys, book, world: engine.hear(journeys, signal, book, world, self.now_ms),
            lambda book, world: self.reference.hear(signal, book, world, self.now_ms),
        )

    def crowd(self, key, size):
        """Let many things with a key of their own come at once, with the first of them again."""
        for number in [*range(size), 0, 1]:
            self.hear(key, 0, {"cart": number, "size": 1 + number % 2})

    def private(self, pick, key, properties):
        """Let one instance hear what became of a message."""
        ids = sorted(way.id for way in self.reference.ways)
        self.hear(key, 0, properties, ids[pick % len(ids)] if ids else 1)

    def launch(self, name):
        """Let an operator start a scenario."""
        self.hear(f"launch:{name}", 0, {})

    def segment(self, name, inside):
        """Let the customer enter or leave a segment."""
        if inside == (name in self.worlds[0].segments):
            return
        for world in self.worlds:
            (world.segments.add if inside else world.segments.discard)(name)
        self.hear(("entered:" if inside else "left:") + name, 0, {})

    def trait(self, name, value):
        """Change the profile."""
        for world in self.worlds:
            world.traits[name] = value
        self.turn()

    def answer(self, pick, ok, properties, late_ms):
        """Let the answer to a call come, or come again."""
        self.turn()
        if not self.effects:
            return
        effect = self.effects[-1 - pick % len(self.effects)]
        at_ms = self.now_ms - late_ms
        self.both(
            lambda journeys, book, world: engine.answered(
                journeys, effect, ok, properties, at_ms, self.now_ms, book, world
            ),
            lambda book, world: self.reference.answered(
                effect, ok, properties, at_ms, book, world, self.now_ms
            ),
        )

    def book(self, number, known):
        """Replace the playbook; then she has a turn."""
        self.put_in_force(number, known)
        self.turn()

    def merge(self, ops):
        """Let another customer, who has lived as long, turn out to be the same."""
        other = Drive(
            replace(self.life, number=self.life.number + 1, ops=ops),
            replace(self.altered, number=self.life.number + 1, ops=ops),
        )
        other.run()
        self.now_ms = max(self.now_ms, other.now_ms)
        number = other.life.number
        self.journeys, got = engine.merge_journeys(
            self.journeys, other.journeys, self.books[0], number, self.life.number
        )
        wanted = self.reference.merge(other.reference, self.books[1], number, self.now_ms)
        self.effects += [(seq, n, number) for seq, n, _ in other.effects]
        self.compare(got, wanted)
        self.turn()

    def turn(self):
        """Begin a turn: instances of other versions are looked at."""
        self.seq += 1
        for world in self.worlds:
            world.seq = self.seq
        self.both(
            lambda journeys, book, world: engine.touch(journeys, book, self.now_ms, world),
            lambda book, world: self.reference.touch(book, world, self.now_ms),
        )

    def fire(self, until_ms, twice=False):
        """Let timers fire that are due: each at its time, or now if that is over."""
        for _ in range(MAX_FIRED):
            due = [(at_ms, instance) for instance, at_ms in self.timers.items() if at_ms]
            at_ms, instance = min(due, default=(until_ms + 1, 0))
            if at_ms > until_ms:
                return
            self.now_ms = max(self.now_ms, at_ms)
            for _ in range(2 if twice else 1):
                self.turn()
                self.both(
                    lambda journeys, book, world, instance=instance: engine.wake(
                        journeys, instance, self.now_ms, book, world
                    ),
                    lambda book, world, instance=instance: self.reference.wake(
                        instance, book, world, self.now_ms
                    ),
                )
            self.decide()

    # Offers

    def decide(self):
        """Let the offers compete: what becomes of each is a matter of chance."""
        found = engine.offers(self.journeys, self.books[0], self.now_ms)
        self.same("offers", list(found), self.reference.offers(self.now_ms))
        full = False
        for offer in list(found):
            self.decided += 1
            rng = Random(f"{self.life.seed}/{offer.step}/{self.decided}")
            word = rng.choices(("sent", "lost", "held", "refused"), (40, 25, 10, 25))[0]
            if word == "sent" and full and not offer.mandatory:
                word = "lost"
            if word == "sent":
                full = full or not offer.mandatory
                self.sent(offer)
                continue
            why = rng.choice(("weak", "cap", "consent", *["consent: none"] * 3 * offer.mandatory))
            retry_ms = 0
            if word == "refused" and rng.random() < 0.7:
                retry_ms = self.now_ms + rng.choice((0, HOUR, 6 * HOUR))
            self.not_sent(offer, word, why, retry_ms)

    def sent(self, offer):
        """Tell that an offer was sent."""
        effect = (self.seq, self.decided, 0)
        self.both(
            lambda journeys, book, world: engine.sent(
                journeys, offer, effect[0], effect[1], self.now_ms, book, world
            ),
            lambda book, world: self.reference.sent(offer, effect, book, world, self.now_ms),
        )

    def not_sent(self, offer, word, why, retry_ms):
        """Tell that an offer was lost, held or refused."""

        def tell(journeys, book, world):
            if word == "refused":
                return engine.refused(journeys, offer, why, retry_ms, self.now_ms, book, world)
            told = engine.lost if word == "lost" else engine.held
            return told(journeys, offer, why, self.now_ms, book, world)

        self.both(
            tell,
            lambda book, world: self.reference.not_sent(
                offer, word, why, book, world, self.now_ms, retry_ms
            ),
        )

    # Both sides

    def both(self, engine_does, reference_does):
        """Do one thing on both sides, and compare."""
        if self.crash:  # what was done is lost; then it is done again
            self.crash -= 1
            self.crashes += 1
            self.journeys = stored(self.journeys)
            engine_does(stored(self.journeys), self.books[0], self.worlds[0].copy())
        got = engine_does(self.journeys, self.books[0], self.worlds[0])
        wanted = reference_does(self.books[1], self.worlds[1])
        self.compare(got, wanted)
        for call in got.calls:
            self.decided += 1
            effect = (self.seq, self.decided, 0)
            engine.called(self.journeys, call, effect[0], effect[1])
            self.reference.called(call, effect)
            self.effects.append(effect)

    def compare(self, got, wanted):
        """Compare what both have done, and where both now stand."""
        self.lines += got.lines
        for name, seen in SEEN.items():
            self.same(name, seen(got), seen(wanted))
        for instance, at_ms in got.waits.items():
            self.timers[instance] = at_ms
            if not at_ms:
                del self.timers[instance]
        self.same("traits of the profile", self.worlds[0].traits, self.worlds[1].traits)

    def compare_places(self):
        """Compare where all instances stand, and who waits to start."""
        self.same("instances", places(self.journeys), self.reference.places())
        waits = {instance: at_ms for instance, at_ms in self.reference.waits().items() if at_ms}
        self.same("timers", self.timers, waits)
        queued = [entry[:3] for entry in self.journeys.queued]
        self.same("queued", queued, [entry[:3] for entry in self.reference.queue])

    def same(self, name, got, wanted):
        """Raise `DifferenceError` unless both are equal."""
        if got != wanted:
            raise DifferenceError(name, got, wanted)


SEEN = {
    "lines": lambda progress: list(progress.lines),
    "emitted": lambda progress: [
        (each.key, each.at_ms, dict(each.properties), each.instance) for each in progress.emitted
    ],
    "calls": lambda progress: list(progress.calls),
    "traits": lambda progress: list(progress.traits),
    "threads": lambda progress: list(progress.threads),
    "withdrawn": lambda progress: list(progress.withdrawn),
    "converted": lambda progress: list(progress.converted),
    "notes": lambda progress: bool(progress.notes),
}
"""What is compared of each result."""


def places(journeys):
    """Return where all instances of the engine stand, in the words of the reference."""
    return [
        (
            (way.id, way.scenario, way.digest, way.key, way.started_ms),
            sorted((name, repr(value)) for name, value in way.data.items()),
            sorted((t.id, t.step, t.scope, t.since_ms, t.due_ms, t.try_ms) for t in way.tokens),
            sorted((s.id, s.fork, s.parent, s.arrived, s.due_ms) for s in way.scopes),
            (list(way.sent), dict(way.rounds), sorted(way.met)),
        )
        for way in journeys.instances
    ]
