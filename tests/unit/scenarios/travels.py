"""Scenarios made by hand, a world for them, and one customer who travels through them."""

import functools
from dataclasses import fields, is_dataclass, replace

from actors.domain.journeys import Journeys
from actors.playbook.scenario_model import (
    Case,
    End,
    Follow,
    Heard,
    Listen,
    Pattern,
    Propose,
    Scenario,
    Start,
    Step,
    Wait,
)
from actors.playbook.templates import Template
from actors.scenarios import engine
from actors.scenarios.world import Progress, Signal
from tests.builders import DAY, HOUR, MINUTE, NOW, make_playbook

__all__ = ["DAY", "HOUR", "MINUTE", "NOW"]

NOTHING = Template()


class FakeWorld:
    """A customer whose rules are functions of the world, the instance and the signal."""

    def __init__(self, number=7, seq=1):
        self.number = number
        self.seq = seq
        self.segments = set()
        self.traits = {}
        self.where = "UTC"

    def met(self, _scenario, rule, instance, signal):
        return rule(self, instance, signal)

    def within(self, segment):
        return segment in self.segments

    def zone(self, _scenario):
        return self.where

    def date(self, path):
        return self.traits.get(path.key, "")

    def take(self, traits, _at_ms):
        self.traits.update(traits)

    def text(self, _scenario, template, _instance, _signal):
        return dict(template.fields)


def keys_in(part):
    """Return the keys of all signals that a definition waits for."""
    if isinstance(part, Heard):
        return {part.key}
    if isinstance(part, dict):
        part = tuple(part.values())
    if isinstance(part, tuple):
        return set().union(*(keys_in(each) for each in part))
    if is_dataclass(part):
        return set().union(*(keys_in(getattr(part, each.name)) for each in fields(part)))
    return set()


def one(key, when=None, **more):
    """Return the pattern of one signal."""
    return Pattern(parts=(Follow(heard=Heard(key=key, when=when, **more)),))


def case(key, to="end", when=None, keep=(), **more):
    return Case(pattern=one(key, when, **more), next=to, keep=keep)


def listen(name, *cases, **more):
    return Listen(name=name, cases=cases, **more)


def offer_of(name="offer", **more):
    settings = {"actions": (0,), "channels": None, "offer_for_ms": DAY, "not_sent": "end"}
    return Propose(name=name, **{**settings, **more})


def steps_of(*steps: Step):
    """Return steps by name; whoever says no next goes on at the following one."""
    following = [*(step.name for step in steps[1:]), "end"]
    linked = []
    for step, after in zip(steps, following, strict=True):
        linked.append(
            replace(step, next=after)
            if step.next == "end" and not isinstance(step, End)
            else replace(step, next="end")
            if step.next == "END"
            else step
        )
    return {step.name: step for step in linked}


def scenario(*steps, on="Begin", name="trip", digest="v1", **more):
    """Return a scenario; `on` is the key that starts it, or a whole `Start`."""
    start = on if isinstance(on, Start) else Start(pattern=one(on))
    made = Scenario(
        name=name, digest=digest, start=start, steps=steps_of(*steps), first=steps[0].name, **more
    )
    every = (made.start, made.stops, made.goals, made.steps)
    return replace(made, listens=frozenset(keys_in(every)))


@functools.cache
def _shop():
    return make_playbook()


def book_of(*scenarios, earlier=()):
    """Return a playbook with these scenarios, which still knows some earlier versions."""
    hearing = {}
    for each in scenarios:
        for key in sorted(keys_in(each.start)):
            hearing[key] = (*hearing.get(key, ()), each)
    return replace(
        _shop(),
        scenarios=scenarios,
        scenarios_by_name={each.name: each for each in scenarios},
        scenarios_hearing=hearing,
        earlier={(each.name, each.digest): each for each in earlier},
    )


class Trip:
    """One customer: what she does is told to the engine, and her clock only moves by hand."""

    def __init__(self, *scenarios, now=NOW):
        self.book = book_of(*scenarios)
        self.journeys = Journeys()
        self.world = FakeWorld()
        self.now = now
        self.said = []

    def hear(self, key, ago=0, instance=0, **properties) -> Progress:
        signal = Signal(key, self.now - ago, self.world.seq, properties, instance)
        return self._done(engine.hear(self.journeys, signal, self.book, self.world, self.now))

    def wake(self, instance=1) -> Progress:
        return self._done(engine.wake(self.journeys, instance, self.now, self.book, self.world))

    def later(self, span) -> Progress:
        """Let time go by, and then the timers of all instances fire that are due."""
        self.now += span
        progress = Progress()
        for each in tuple(self.journeys.instances):
            if 0 < engine.next_wait(each) <= self.now:
                progress = self.wake(each.id)
        return progress

    def offers(self):
        return engine.offers(self.journeys, self.book, self.now)

    def sent(self, offer, seq=1, n=0) -> Progress:
        return self._done(
            engine.sent(self.journeys, offer, seq, n, self.now, self.book, self.world)
        )

    def refused(self, offer, why="cap", retry_at_ms=0) -> Progress:
        return self._done(
            engine.refused(self.journeys, offer, why, retry_at_ms, self.now, self.book, self.world)
        )

    def lost(self, offer, why="lost to another") -> Progress:
        return self._done(engine.lost(self.journeys, offer, why, self.now, self.book, self.world))

    def answered(self, call, ok=True, ago=0, **properties) -> Progress:
        return self._done(
            engine.answered(
                self.journeys,
                call,
                ok,
                properties,
                self.now - ago,
                self.now,
                self.book,
                self.world,
            )
        )

    def replace(self, *scenarios, earlier=()) -> Progress:
        """Put other scenarios in force, and touch the customer."""
        self.book = book_of(*scenarios, earlier=earlier)
        return self._done(engine.touch(self.journeys, self.book, self.now, self.world))

    def places(self):
        """Return where the tokens of each live instance are."""
        return [[token.step for token in each.tokens] for each in self.journeys.instances]

    @property
    def ways(self):
        """What was said so far, as (what, step, why)."""
        return [(line.what, line.step, line.why) for line in self.said]

    def _done(self, progress: Progress) -> Progress:
        self.said += progress.lines
        return progress


def pause(name="pause", span=HOUR, **more):
    return Wait(name=name, span_ms=span, **more)
