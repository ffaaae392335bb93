"""A small world for scenarios: rules and templates that are plain data, and a profile of a dict."""

from dataclasses import dataclass, replace

from actors.playbook.rules import Rule
from actors.playbook.templates import Placeholder, Template
from tests.builders import make_playbook


@dataclass(frozen=True)
class FakeRule(Rule):
    """A predicate: `kind` is trait, event, data (all: name equals value), within, always or not."""

    kind: str
    name: str = ""
    value: object = None

    @property
    def source(self):
        return repr(self)

    @property
    def keys(self):
        """What a real rule says of itself: the keys that it looks up in maps."""
        if self.kind == "not":
            return self.value.keys
        return frozenset([("event.properties", self.name)] if self.kind == "event" else [])

    @property
    def whole(self):
        return frozenset()


@dataclass(frozen=True)
class FakeTemplate(Template):
    """Content by name: a plain value, or ("event"|"data"|"trait", name) for what is looked up."""

    fields: tuple = ()

    @property
    def placeholders(self):
        """What a real template says of itself: what is looked up."""
        paths = {"event": "event.properties", "data": "instance", "trait": "profile.traits"}
        found = [value for _, value in self.fields if isinstance(value, tuple)]
        return tuple(Placeholder(f"{kind}.{name}", paths[kind], name, "") for kind, name in found)


EMPTY = make_playbook()


def book_of(scenarios, earlier):
    """Return a book with these scenarios in force, and earlier versions that are still known."""
    hearing = {}
    for scenario in scenarios:
        keys = {
            heard.key
            for part in scenario.start.pattern.parts
            for heard in (part.heard, *part.without)
        }
        for key in sorted(keys):
            hearing.setdefault(key, []).append(scenario)
    return replace(
        EMPTY,
        scenarios=tuple(scenarios),
        scenarios_by_name={scenario.name: scenario for scenario in scenarios},
        scenarios_hearing={key: tuple(found) for key, found in hearing.items()},
        earlier={(each.name, each.digest): each for each in earlier},
    )


class FakeWorld:
    """The customer around the scenarios; every side of a comparison has its own."""

    def __init__(self, number, zone):
        self.number = number
        self.traits = {}
        self.segments = set()
        self.place = zone
        self.seq = 0

    def copy(self):
        """Return another world with the same customer in it."""
        other = FakeWorld(self.number, self.place)
        other.seq = self.seq
        other.traits = dict(self.traits)
        other.segments = set(self.segments)
        return other

    def met(self, _scenario, rule, instance, signal):
        if rule.kind == "always":
            return bool(rule.value)
        if rule.kind == "within":
            return rule.name in self.segments
        if rule.kind == "not":
            return not self.met(_scenario, rule.value, instance, signal)
        if rule.kind == "trait":
            return self.traits.get(rule.name) == rule.value
        if rule.kind == "event":
            return signal is not None and signal.properties.get(rule.name) == rule.value
        assert rule.kind == "data"
        return instance is not None and instance.data.get(rule.name) == rule.value

    def within(self, segment):
        return segment in self.segments

    def zone(self, scenario):
        return self.place or scenario.zone or "UTC"

    def date(self, path):
        return str(self.traits.get(path.key, ""))

    def take(self, traits, _at_ms):
        self.traits.update(traits)

    def text(self, _scenario, template, instance, signal):
        filled = {}
        for name, value in template.fields:
            if isinstance(value, tuple):
                where, what = value
                known = {
                    "event": {} if signal is None else signal.properties,
                    "data": instance.data,
                    "trait": self.traits,
                }[where]
                filled[name] = str(known.get(what, "none"))
            else:
                filled[name] = value
        return filled
