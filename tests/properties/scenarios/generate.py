"""Random scenarios with every kind of element. The same seed gives the same scenario."""

from dataclasses import replace

from actors.playbook.scenario_model import (
    END,
    Arm,
    Branch,
    Call,
    Case,
    Clock,
    Date,
    Emit,
    End,
    Filter,
    Follow,
    Fork,
    Goal,
    Heard,
    Hours,
    Join,
    Listen,
    Pattern,
    Propose,
    Repeat,
    Scenario,
    Split,
    Start,
    Thread,
    Update,
    Wait,
    WaitUntil,
    Window,
)
from tests.properties.scenarios.fakes import FakeRule, FakeTemplate

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SPANS = (MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY)
WITHIN = (0, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY)
EVENTS = ("A", "B", "C", "D")
EMITTED = ("E1", "E2")
SEGMENTS = ("gold", "new")
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Pacific/Chatham",
)
CARTS = ("x", "y", 17, 17.0, "17", 17.5, True, "true", "c" * 70)
OTHER_KEYS = ("type:identify", "deviation:absence", "outcome:opened")
WINDOWS = (
    Hours(
        name="office", weekdays=frozenset(range(5)), opens=540, closes=1020, zone="Europe/Berlin"
    ),
    Hours(name="night", weekdays=frozenset({4, 5}), opens=1320, closes=360),
)


def rule(rng):
    """Return a random predicate."""
    kinds = (
        lambda: FakeRule("trait", rng.choice(("t1", "t2")), rng.choice(("a", "b", "none"))),
        lambda: FakeRule("event", "size", rng.choice((1, 2))),
        lambda: FakeRule("data", rng.choice(("size", "kept")), rng.choice((1, 2))),
        lambda: FakeRule("within", rng.choice(SEGMENTS)),
        lambda: FakeRule("always", value=rng.random() < 0.6),
    )
    made = rng.choice(kinds)()
    return FakeRule("not", value=made) if rng.random() < 0.3 else made


def maybe_rule(rng, chance=0.35):
    """Return a predicate or None."""
    return rule(rng) if rng.random() < chance else None


def key(rng):
    """Return what may be heard."""
    roll = rng.random()
    if roll < 0.75:
        return rng.choice(EVENTS)
    if roll < 0.85:
        return rng.choice(EMITTED)
    if roll < 0.93:
        return rng.choice(("entered:", "left:")) + rng.choice(SEGMENTS)
    return rng.choice(OTHER_KEYS)


def heard(rng, name=None, chance=0.35):
    """Return one kind of signal; `chance` is that it has a rule."""
    return Heard(key=name or key(rng), when=maybe_rule(rng, chance), same_key=rng.random() < 0.8)


def pattern(rng, begins=None):
    """Return a pattern: one signal, a count or a sequence."""
    roll = rng.random()
    if roll < 0.5:
        return Pattern(parts=(Follow(heard=heard(rng, begins)),))
    if roll < 0.75:
        one = heard(rng, begins or rng.choice(EVENTS), 0.15)
        return Pattern(
            parts=(Follow(heard=one),), count=rng.choice((2, 2, 3)), within_ms=rng.choice(WITHIN)
        )
    names = rng.sample(EVENTS, rng.randint(2, 3))
    if begins:
        names = [begins, *(each for each in names if each != begins)][: max(2, len(names))]
    return Pattern(
        parts=tuple(
            Follow(
                heard=heard(rng, name, 0.15),
                within_ms=rng.choice(WITHIN) if place else 0,
                without=without(rng, names) if place else (),
            )
            for place, name in enumerate(names)
        )
    )


def without(rng, names):
    """Return what must not come between two parts of a sequence of these names."""
    others = [name for name in EVENTS if name not in names[1:]]
    return (heard(rng, rng.choice(others), 0.1),) if rng.random() < 0.6 else ()


def moment(rng):
    """Return a clock, a date or a window."""
    roll = rng.random()
    minute = rng.choice((rng.randrange(0, 1440, 15), rng.randrange(90, 195, 15)))  # clocks change
    if roll < 0.4:
        days = rng.sample(range(7), rng.choice((0, 0, 1, 2)))
        return Clock(minute=minute, weekdays=frozenset(days))
    if roll < 0.75:
        return Date(
            path="profile.traits",
            key=rng.choice(("day", "birthday", "missing")),
            days=rng.choice((-3, 0, 0, 2)),
            minute=minute,
            yearly=rng.random() < 0.5,
        )
    return Window(name=rng.choice(("office", "night")))


class Maker:
    """Makes the steps of one scenario from the last to the first, so that all know where to go on."""

    def __init__(self, rng, size):
        self.rng = rng
        self.left = size
        self.steps = []
        self.count = 0
        self.branches = rng.choice(((2, 2, 3, 3, 4), (2, 3, 4, 6), (7, 9)))

    def name(self):
        """Return a name that is not used yet."""
        self.count += 1
        return f"s{self.count}"

    def add(self, step):
        """Keep a step; return its name."""
        self.steps.append(step)
        return step.name

    def ways(self, size, after, later, depth, restful=False):
        """Return the first of some steps, one after the other, that go on to `after`."""
        target = after
        for each in range(size):
            first = restful and each == size - 1
            target = self.element(target, later, depth, first)
            later.append(target)
        return target

    def element(self, target, later, depth, restful):
        """Return a step, with all that belongs to it, that goes on to `target`."""
        rng = self.rng
        self.left -= 1
        kinds = [
            self.wait,
            self.propose,
            self.propose,
            self.listen,
            self.listen,
            self.call,
            self.call,
        ]
        if not restful:
            kinds += [self.wait, self.until, self.until, self.filter, self.branch, self.split]
            kinds += [self.act, self.act]
            if rng.random() < 0.4:
                kinds.append(self.end)
            if depth < 3 and self.left > 3:
                kinds += [self.fork, self.fork, self.repeat]
        return rng.choice(kinds)(target, later, depth)

    def other(self, later):
        """Return a place further on, or the end."""
        return self.rng.choice((END, *later[-4:], *later[-3:]))

    def wait(self, target, _later, _depth):
        return self.add(Wait(name=self.name(), next=target, span_ms=self.rng.choice(SPANS)))

    def until(self, target, later, _depth):
        return self.add(
            WaitUntil(
                name=self.name(),
                next=target,
                moment=moment(self.rng),
                otherwise=self.other(later),
            )
        )

    def propose(self, target, later, _depth):
        rng = self.rng
        return self.add(
            Propose(
                name=self.name(),
                next=target,
                actions=tuple(rng.sample(range(4), rng.randint(1, 2))),
                channels=rng.choice((None, frozenset({"email"}))),
                offer_for_ms=rng.choice(SPANS[2:]),
                not_sent=self.other([*later, target]),
                mandatory=rng.random() < 0.3,
            )
        )

    def listen(self, target, later, _depth):
        rng = self.rng
        begins = rng.choice((None, None, *EVENTS[:2]))  # cases that compete for the same
        cases = [
            Case(
                pattern=pattern(rng, begins),
                next=rng.choice((target, self.other(later))),
                keep=(("kept", "size"),) if rng.random() < 0.4 else (),
            )
            for _ in range(rng.randint(1, 3))
        ]
        return self.add(
            Listen(
                name=self.name(),
                cases=tuple(cases),
                timeout_ms=rng.choice((0, *SPANS)),
                otherwise=self.other([*later, target]),
            )
        )

    def call(self, target, later, _depth):
        rng = self.rng
        return self.add(
            Call(
                name=self.name(),
                next=target,
                channel="hook",
                content=FakeTemplate((("size", ("data", "size")), ("now", ("event", "size")))),
                timeout_ms=rng.choice(SPANS[:4]),
                otherwise=self.other(later),
                keep=(("kept", "score"), ("size", "size")) if rng.random() < 0.6 else (),
            )
        )

    def filter(self, target, later, _depth):
        return self.add(
            Filter(name=self.name(), next=target, rule=rule(self.rng), otherwise=self.other(later))
        )

    def branch(self, target, later, _depth):
        cases = [
            (rule(self.rng), self.rng.choice((target, self.other(later))))
            for _ in range(self.rng.randint(1, 2))
        ]
        return self.add(
            Branch(name=self.name(), cases=tuple(cases), otherwise=self.other([*later, target]))
        )

    def split(self, target, later, _depth):
        arms = (("a", target), ("b", self.other(later)), ("c", self.other([*later, target])))
        return self.add(
            Split(
                name=self.name(),
                arms=tuple(
                    Arm(name=name, weight=self.rng.choice((0.5, 1.0, 3.0)), next=where)
                    for name, where in arms[: self.rng.randint(2, 3)]
                ),
            )
        )

    def act(self, target, _later, _depth):
        rng = self.rng
        name = self.name()
        kind = rng.choice(("set", "open", "close", "emit", "emit"))
        if kind == "set":
            value = rng.choice(("a", "b", ("data", "kept"), ("event", "size")))
            traits = FakeTemplate(((rng.choice(("t1", "t2")), value),))
            return self.add(Update(name=name, next=target, traits=traits))
        if kind == "emit":
            properties = FakeTemplate(
                (("size", rng.choice((1, 2))), *((("cart", "x"),) if rng.random() < 0.4 else ()))
            )
            event = rng.choice(EMITTED)
            return self.add(Emit(name=name, next=target, event=event, properties=properties))
        subject = FakeTemplate((("subject", rng.choice(("case", ("data", "size")))),))
        return self.add(
            Thread(name=name, next=target, kind="case", subject=subject, opens=kind == "open")
        )

    def end(self, _target, _later, _depth):
        return self.add(End(name=self.name(), label=self.rng.choice(("good", "bad"))))

    def repeat(self, target, later, depth):
        rng = self.rng
        name = self.name()
        inside = [*later, name]
        back = self.ways(rng.randint(1, 3), name, inside, depth, restful=True)
        later += [each for each in inside if each not in later and each != back]
        self.add(
            Repeat(
                name=name,
                next=target,
                back=back,
                times=rng.choice((1, 2, 3, 3, 90)),
                rule=maybe_rule(rng),
            )
        )
        return back

    def fork(self, target, later, depth):
        rng = self.rng
        number = rng.choice(self.branches)
        join = self.name()
        branches = tuple(
            self.ways(rng.randint(1, 2 if number < 4 else 1), join, [join], depth + 1)
            for _ in range(number)
        )
        self.add(
            Join(
                name=join,
                next=target,
                need=rng.choice((1, number, rng.randint(1, number))),
                timeout_ms=rng.choice((0, 0, *SPANS)),
                otherwise=self.other(later),
            )
        )
        return self.add(Fork(name=self.name(), branches=branches, join=join))


def scenario(rng, name, digest, starts_on=None):
    """Return a random scenario."""
    maker = Maker(rng, size=rng.randint(3, 14))
    first = maker.ways(rng.randint(1, 5), END, [], 0)
    steps = {step.name: step for step in reversed(maker.steps)}
    stops = tuple(heard(rng) for _ in range(rng.choice((0, 0, 1, 2))))
    goals = tuple(
        Goal(name=f"g{each}", heard=heard(rng), goes_on=rng.random() < 0.6)
        for each in range(rng.choice((0, 1, 2)))
    )
    begins = starts_on or rng.choice(EVENTS)
    roll = rng.random()
    begins = f"launch:{name}" if roll < 0.1 else begins
    begins = f"entered:{rng.choice(SEGMENTS)}" if 0.1 <= roll < 0.18 else begins
    begins = rng.choice(EMITTED) if 0.18 <= roll < 0.24 else begins
    simple = Pattern(parts=(Follow(heard=Heard(key=begins)),))
    start = Start(
        pattern=simple if rng.random() < 0.6 else pattern(rng, begins),
        segments=tuple(rng.sample(SEGMENTS, rng.choice((0, 0, 0, 1)))),
        when=maybe_rule(rng, 0.2),
    )
    every_ms = rng.choice((0, 0, 0, HOUR, DAY))
    reentry = rng.choice(("ignore", "restart", "queue", "parallel"))
    made = Scenario(
        name=name,
        digest=digest,
        start=start,
        steps=steps,
        first=first,
        keyed_by="cart" if rng.random() < 0.5 else "",
        reentry=reentry,
        limit=rng.choice((1, 2, 3, 40)) if reentry == "parallel" else 1,
        every_ms=every_ms,
        lateness_ms=rng.choice((0, 0, 10 * MINUTE, HOUR)),
        zone=rng.choice(("", *ZONES)),
        stops=stops,
        goals=goals,
        windows={each.name: each for each in WINDOWS},
    )
    return listening(made)


def listening(made):
    """Return a scenario with `listens` as its parts say."""
    patterns = [made.start.pattern]
    for step in made.steps.values():
        if isinstance(step, Listen):
            patterns += [case.pattern for case in step.cases]
    keys = {
        each.key for one in patterns for part in one.parts for each in (part.heard, *part.without)
    }
    keys |= {stop.key for stop in made.stops} | {goal.heard.key for goal in made.goals}
    return replace(made, listens=frozenset(keys))
