"""Random lives of one customer: scenarios in force one after the other, and what happens when."""

from dataclasses import dataclass, replace
from random import Random

from actors.playbook.scenario_model import Listen, Propose, Wait
from tests.properties.scenarios.fakes import book_of
from tests.properties.scenarios.generate import (
    CARTS,
    DAY,
    EMITTED,
    EVENTS,
    HOUR,
    MINUTE,
    OTHER_KEYS,
    SEGMENTS,
    SPANS,
    ZONES,
    scenario,
)

SOON = (0, 0, 1000, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, DAY, 2 * DAY)
LATE = (0, 0, 0, 0, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, -MINUTE)
BEGINNINGS_MS = (
    1_772_900_000_000,  # before clocks go forward in New York
    1_774_700_000_000,  # before they do in Berlin
    1_775_200_000_000,  # before they go back on Lord Howe Island
    1_791_000_000_000,  # before they go forward there
    1_709_100_000_000,  # before a leap day
    1_798_700_000_000,  # before a year ends
)


@dataclass(frozen=True)
class Op:
    """One thing that happens after `after_ms`. `timers`: exact, late, never or twice.

    At a `crash`, what comes next is lost and done again from what was stored: the next `timer`, what
    happens, or what comes `after` that.
    """

    what: str
    after_ms: int = 0
    timers: str = "exact"
    crash: str = ""
    args: tuple = ()


@dataclass(frozen=True)
class Life:
    """A case: versions of the playbook as tuples of scenarios, and what happens to the customer."""

    seed: int
    number: int
    zone: str
    begins_ms: int
    books: tuple
    ops: tuple


def life(seed):
    """Return the case of a seed."""
    rng = Random(seed)
    names = ["one", "two", "three"][: rng.choice((1, 1, 2, 3))]
    first = tuple(scenario(rng, name, f"{name}-1") for name in names)
    books = [first]
    for number in range(rng.choice((0, 0, 1, 2))):
        books.append(tuple(edited(rng, each, number + 2) for each in books[-1]))
        if rng.random() < 0.1:
            books[-1] = books[-1][1:]
    ops = [op(rng, first, len(books)) for _ in range(rng.choice((10, 20, 40)))]
    for number in range(1, len(books)):
        ops.insert(rng.randrange(len(ops)), Op("book", args=(number, rng.random() < 0.6)))
    if rng.random() < 0.15:
        others = tuple(op(rng, first, len(books)) for _ in range(rng.choice((3, 10, 20))))
        ops.insert(rng.randrange(3, len(ops)), Op("merge", args=(others,)))
    zone = rng.choice(("", *ZONES))
    return Life(
        seed, rng.randrange(1, 1000), zone, rng.choice(BEGINNINGS_MS), tuple(books), tuple(ops)
    )


def edited(rng, before, version):
    """Return another version of a scenario, or the same."""
    roll = rng.random()
    if roll < 0.2:
        return before
    made = scenario(rng, before.name, f"{before.name}-{version}")
    if roll < 0.6:
        steps = {name: touched(rng, step) for name, step in before.steps.items()}
        made = replace(before, steps=steps, digest=made.digest, lateness_ms=made.lateness_ms)
    moves = {name: rng.choice(list(made.steps)) for name in before.steps if rng.random() < 0.15}
    return replace(made, moves=moves if rng.random() < 0.6 else None)


def touched(rng, step):
    """Return a step with another number in it, or the same."""
    if rng.random() < 0.6:
        return step
    match step:
        case Wait():
            return replace(step, span_ms=rng.choice(SPANS))
        case Propose():
            return replace(step, offer_for_ms=rng.choice(SPANS))
        case Listen():
            return replace(step, timeout_ms=rng.choice((0, *SPANS)), cases=step.cases[:1])
    return step


def properties(rng):
    """Return what an event says."""
    said = {}
    if rng.random() < 0.05:
        said = {f"p{each}": each for each in range(20)}
    if rng.random() < 0.7:
        said["size"] = rng.choice((1, 2, 2, 3))
    if rng.random() < 0.75:
        said["cart"] = rng.choice((*CARTS[:5], *CARTS))
    if rng.random() < 0.05:
        said["cart"] = rng.choice((None, [1], ""))
    if rng.random() < 0.1:
        said["note"] = "n" * rng.choice((256, 257))
    return said


def awaited(scenario):
    """Return keys that a scenario waits for: half of them those of its start."""
    listens = [step for step in scenario.steps.values() if isinstance(step, Listen)]
    parts = [part for step in listens for case in step.cases for part in case.pattern.parts]
    heard = [each for part in parts for each in (part.heard, *part.without)]
    begins = [part.heard.key for part in scenario.start.pattern.parts]
    inside = [each.key for each in heard if not each.key.startswith("outcome:")]
    return begins * max(1, len(inside) // len(begins)) + inside


def op(rng, scenarios, books):
    """Return one thing that happens."""
    roll = rng.random()
    after_ms = rng.choice(SOON)
    timers = rng.choice(("exact", "exact", "exact", "late", "never", "twice"))
    crash = rng.choice(("", "", "before", "after", "timer"))

    def made(what, *args):
        return Op(what, after_ms, timers, crash, args)

    if roll < 0.62:
        name = rng.choice(EVENTS) if rng.random() < 0.9 else rng.choice((*OTHER_KEYS, *EMITTED))
        if rng.random() < 0.7:
            name = rng.choice(awaited(rng.choice(scenarios)))
            if name.startswith(("entered:", "left:")):
                return made("segment", name.split(":")[1], rng.random() < 0.7)
        return made("hear", name, rng.choice(LATE), properties(rng))
    if roll < 0.66:
        return made("private", rng.randint(0, 5), "outcome:opened", properties(rng))
    if roll < 0.70:
        return made("launch", rng.choice(scenarios).name)
    if roll < 0.76:
        return made("segment", rng.choice(SEGMENTS), rng.random() < 0.7)
    if roll < 0.80:
        day = rng.choice(("2026-03-08", "2026-04-05", "2024-02-29", "2026-12-31", "", "1990-03-29"))
        name = rng.choice(("day", "birthday"))
        return made("trait", name, day)
    if roll < 0.83:
        return made("trait", rng.choice(("t1", "t2")), rng.choice(("a", "b")))
    if roll < 0.91:
        said = {"score": rng.choice((1, 2)), "size": rng.choice((1, 2, [2]))}
        after_ms, timers = rng.choice(SOON[:8]), rng.choice(("never", "never", "exact"))
        return made("answer", rng.randint(0, 1), rng.random() < 0.6, said, rng.choice(LATE))
    if roll < 0.95 and books > 1:
        return made("book", rng.randrange(books), rng.random() < 0.75)
    if 0.95 <= roll < 0.953:
        name = rng.choice(scenarios).start.pattern.parts[0].heard.key
        return made("crowd", name, rng.choice((36, 70)))
    return made("turn")


def book(scenarios, all_books, known):
    """Return the book with these scenarios in force; earlier versions are known or not."""
    earlier = {each.digest: each for one in all_books for each in one} if known else {}
    return book_of(scenarios, [each for each in earlier.values() if each not in scenarios])
