"""Makes a life that shows a difference as small as it can, and prints it."""

from dataclasses import fields, is_dataclass, replace

from actors.playbook.scenario_model import END, Fork, Join, Step
from tests.properties.scenarios.drive import DifferenceError, Drive

MAX_TRIES = 5000


def difference(life):
    """Return the difference that a life shows, or None."""
    try:
        Drive(life).run()
    except DifferenceError as error:
        return error
    return None


def shrunk(life, differs=difference):
    """Return the smallest life found that still shows a difference on the same thing."""
    name = differs(life).args[0]
    tries = 0
    smaller = True
    while smaller and tries < MAX_TRIES:
        smaller = False
        for each in simpler(life):
            tries += 1
            found = safely(differs, each)
            if found is not None and found.args[0] == name:
                life, smaller = each, True
                break
    return life


def safely(differs, life):
    """Return the difference; a life that no longer makes sense shows none."""
    try:
        return differs(life)
    except (KeyError, IndexError, AttributeError, StopIteration):
        return None


def simpler(life):
    """Yield lives with something less in them, those with much less first."""
    if len(life.books) > 1 and not any(op.what == "book" for op in life.ops):
        yield replace(life, books=life.books[:1])
    for name in [one.name for one in life.books[0]]:
        kept = tuple(tuple(one for one in book if one.name != name) for book in life.books)
        if kept[0]:
            yield replace(life, books=kept)
    size = len(life.ops)
    for width in dict.fromkeys((size // 2, size // 4, 1)):
        for at in range(0, size if width else 0, max(1, width)):
            yield replace(life, ops=life.ops[:at] + life.ops[at + width :])
    for at, op in enumerate(life.ops):
        if op.what == "merge":
            for less in range(len(op.args[0])):
                inner = op.args[0][:less] + op.args[0][less + 1 :]
                merging = replace(op, args=(inner,))
                yield replace(life, ops=(*life.ops[:at], merging, *life.ops[at + 1 :]))
    for number, book in enumerate(life.books):
        for at, scenario in enumerate(book):
            for less in simpler_scenarios(scenario):
                other = (*book[:at], less, *book[at + 1 :])
                yield replace(life, books=(*life.books[:number], other, *life.books[number + 1 :]))
    for at, op in enumerate(life.ops):
        for change in ({"crash": ""}, {"timers": "exact"}, {"after_ms": 0}):
            less = replace(op, **change)
            if less != op:
                yield replace(life, ops=(*life.ops[:at], less, *life.ops[at + 1 :]))


def simpler_scenarios(scenario):
    """Yield scenarios with something less in them."""
    for change in (
        {"stops": scenario.stops[1:]},
        {"stops": scenario.stops[:-1]},
        {"goals": scenario.goals[1:]},
        {"goals": scenario.goals[:-1]},
        {"keyed_by": ""},
        {"lateness_ms": 0},
        {"every_ms": 0},
        {"reentry": "ignore"},
        {"start": replace(scenario.start, segments=(), when=None)},
    ):
        if any(getattr(scenario, name) != value for name, value in change.items()):
            yield replace(scenario, **change)
    for name, step in scenario.steps.items():
        if scenario.first == name and step.next != END:
            yield pruned(replace(scenario, first=step.next))
        if isinstance(step, Join):
            continue
        ends = END if not isinstance(step, Fork) else scenario.steps[step.join].next
        for target in dict.fromkeys((step.next, ends)):
            if target != name:
                yield pruned(without(scenario, name, target))
        if hasattr(step, "cases") and len(step.cases) > 1:
            for at in range(len(step.cases)):
                cases = step.cases[:at] + step.cases[at + 1 :]
                yield pruned(with_step(scenario, replace(step, cases=cases)))
        if isinstance(step, Fork) and len(step.branches) > 1:
            for at in range(len(step.branches)):
                branches = step.branches[:at] + step.branches[at + 1 :]
                yield pruned(with_step(scenario, replace(step, branches=branches)))


def with_step(scenario, step):
    """Return a scenario with another step of the same name."""
    return replace(scenario, steps={**scenario.steps, step.name: step})


def without(scenario, name, target):
    """Return a scenario in which all that led to a step leads to `target`."""

    def led(value):
        if value == name:
            return target
        if isinstance(value, tuple):
            return tuple(led(each) for each in value)
        if hasattr(value, "next") and not isinstance(value, Step):
            return replace(value, next=led(value.next))
        return value

    steps = {}
    for each in scenario.steps.values():
        where = {
            one.name: led(getattr(each, one.name))
            for one in fields(each)
            if one.name in ("next", "otherwise", "not_sent", "back", "cases", "arms", "branches")
        }
        steps[each.name] = replace(each, **where)
    return replace(scenario, steps=steps, first=led(scenario.first))


def pruned(scenario):
    """Return a scenario without steps to which nothing leads."""
    found, todo = set(), [scenario.first]
    while todo:
        name = todo.pop()
        if name in found or name not in scenario.steps:
            continue
        found.add(name)
        text = repr(scenario.steps[name])
        todo += [each for each in scenario.steps if f"'{each}'" in text]
    return replace(scenario, steps={n: step for n, step in scenario.steps.items() if n in found})


def told(life, error):
    """Return a life as text, with the difference that it shows."""
    lines = [f"seed {life.seed}: {error.args[0]} differ", f"  engine    {error.args[1]}"]
    lines += [f"  reference {error.args[2]}", f"  zone {life.zone!r}, from {life.begins_ms}"]
    for number, book in enumerate(life.books):
        for one in book:
            lines.append(f"  book {number}: {short(replace(one, steps={}, windows={}))}")
            lines += [f"    {short(step)}" for step in one.steps.values()]
    return "\n".join(lines + [f"  {short(op)}" for op in life.ops])


def short(value):
    """Return a dataclass as text, without what is as it is when nothing is said."""
    if isinstance(value, tuple):
        return "(" + ", ".join(short(each) for each in value) + ")"
    if not is_dataclass(value):
        return repr(value)
    shown = [
        f"{one.name}={short(getattr(value, one.name))}"
        for one in fields(value)
        if getattr(value, one.name) != one.default and getattr(value, one.name) not in ({}, ())
    ]
    return f"{type(value).__name__}({', '.join(shown)})"
