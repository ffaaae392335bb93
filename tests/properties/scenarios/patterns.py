"""What the reference knows of signals: keys, flat values, and patterns told from all that was heard."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from hashlib import blake2b

from actors.playbook.scenario_model import Case


def key_of(value):
    """Return the text of a property as a key, or None when it has none."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = value
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float):
        text = str(int(value)) if value == int(value) else repr(value)
    else:
        return None
    if len(text) <= 64:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def is_flat(value):
    """Return whether an instance may keep such a value."""
    if isinstance(value, str):
        return len(value) <= 256
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, bool) or (isinstance(value, int) and -(2**63) <= value < 2**64)


def flat(properties, first=()):
    """Return 16 flat properties: those of `first` come before the others."""
    names = [name for name in first if name in properties]
    names += [name for name in properties if name not in names]
    kept = [(name, properties[name]) for name in names if is_flat(properties[name])]
    return dict(kept[:16])


def asked_for(scenarios):
    """Return the properties of signals that scenarios name: to be keyed by, to keep, in rules and texts."""
    names = {each.keyed_by for each in scenarios}
    for each in scenarios:
        _look_into((each.stops, each.goals, [*each.steps.values()]), names)
    return names


def _look_into(thing, names):
    if isinstance(thing, Case):
        names.update(source for _, source in thing.keep)
    if getattr(thing, "kind", "") == "event":
        names.add(thing.name)
    elif isinstance(thing, tuple) and len(thing) == 2 and thing[0] == "event":
        names.add(thing[1])
    elif isinstance(thing, (tuple, list)):
        for each in thing:
            _look_into(each, names)
    elif is_dataclass(thing):
        for each in fields(thing):
            _look_into(getattr(thing, each.name), names)


def arm_of(split, number, scenario):
    """Return the arm of a random split for a customer."""
    digest = blake2b(f"{number}/{scenario}/{split.name}".encode(), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64 * sum(arm.weight for arm in split.arms)
    so_far = 0.0
    for arm in split.arms:
        so_far += arm.weight
        if so_far > point:
            return arm
    return split.arms[-1]


@dataclass
class Seen:
    """One signal in the history of a pattern: which parts it was, and which parts it forbids."""

    at_ms: int
    is_part: list
    is_without: list


@dataclass
class History:
    """All that a pattern has heard since it was last complete."""

    seen: list = field(default_factory=list)

    def add(self, pattern, signal, counts):
        """Hear a signal; return whether the pattern is now complete, and forget all if so."""
        self.seen.append(
            Seen(
                signal.at_ms,
                [counts(part.heard) for part in pattern.parts],
                [any(counts(each) for each in part.without) for part in pattern.parts],
            )
        )
        complete, _ = self.told(pattern)
        if complete:
            self.seen = []
        return complete

    def told(self, pattern):
        """Return whether the history is complete, and whether there is progress."""
        if len(pattern.parts) > 1:
            position, _ = self.place(pattern)
            return position == len(pattern.parts), position > 0
        moments = [each.at_ms for each in self.seen if each.is_part[0]]
        if pattern.within_ms and moments:
            moments = [at_ms for at_ms in moments if at_ms >= max(moments) - pattern.within_ms]
        return len(moments) >= pattern.count, bool(moments)

    def place(self, pattern):
        """Return how many parts of a sequence have come, and the moment of the last of them."""
        position, moment = 0, 0
        for each in self.seen:
            before = position
            in_order = each.at_ms >= moment
            if position > 0 and in_order and each.is_without[position]:
                position = 0
            if position > 0 and in_order and each.is_part[position]:
                within_ms = pattern.parts[position].within_ms
                if not within_ms or each.at_ms - moment <= within_ms:
                    position, moment = position + 1, each.at_ms
                else:
                    position = 0
            if position == 0 and each.is_part[0]:
                position, moment = 1, each.at_ms
            elif before == position == 1 and each.is_part[0] and not each.is_part[1]:
                moment = max(moment, each.at_ms)
        return position, moment
