"""Which arm a customer is in: drawn by a keyed hash, fixed when the experiment is first reached.

The draw of one experiment depends on its salt and the customer's number alone, so that arms are
the same in every process, and those of two experiments independent. A customer whom an outer
experiment holds is in none within it: what is nested divides the remainder.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

from actors.playbook.experiment_model import LOGGED, Arm, Experiment, Experiments

MAX_ARMS = 64
"""Experiments that a customer's state remembers: more than a playbook can have at a time."""
MIXED = ""
"""The arm of a customer made of two who were in different ones."""

Fixed = dict[str, tuple[str, int]]
"""Arms by experiment, and since when."""

_SCALE = 2.0**-64


def share_of(experiment: Experiment, number: int) -> float:
    """Return where a customer stands in an experiment, uniform in [0, 1)."""
    return _share(experiment.key, number)


@lru_cache(maxsize=65_536)
def _share(key: bytes, number: int) -> float:
    """Kept, because whom no experiment has reached yet is asked about at every decision."""
    digest = blake2b(number.to_bytes(8, "big"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") * _SCALE


def drawn(experiment: Experiment, number: int) -> Arm:
    """Return the arm that the hash gives to a customer."""
    point = share_of(experiment, number)
    for arm in experiment.arms:
        if point < arm.below:
            return arm
    return experiment.arms[-1]


def arms_at(fixed: Fixed, number: int, now_ms: int, experiments: Experiments) -> dict[str, str]:
    """Return the arms that hold for a customer now.

    Missing are experiments that do not take place now, those that hold nobody like this: within one
    that holds the customer or in which the customer is mixed, with an arm that the playbook has no
    more, or logged and never assigned.
    """
    found: dict[str, str] = {}
    shut: set[str] = set()
    for each in experiments.all:
        name = each.name
        before = fixed.get(name)
        if each.within in shut or (before is not None and before[0] == MIXED):
            shut.add(name)
            continue
        if not each.from_ms <= now_ms < each.until_ms:
            continue
        if before is not None:
            arm = each.by_arm.get(before[0])
        elif each.kind != LOGGED:
            arm = drawn(each, number)
        else:
            continue
        if arm is None or arm.hold:
            shut.add(name)
        if arm is not None:
            found[name] = arm.name
    return found


def fix(fixed: Fixed, reached: Mapping[str, str], at_ms: int, experiments: Experiments) -> None:
    """Remember arms from now on; those of experiments that are gone make room, the oldest first."""
    for name, arm in reached.items():
        fixed.setdefault(name, (arm, at_ms))
    if len(fixed) > MAX_ARMS:
        gone = sorted((f[1], name) for name, f in fixed.items() if name not in experiments.by_name)
        for _, name in gone[: len(fixed) - MAX_ARMS]:
            del fixed[name]


def united(mine: Fixed, hers: Fixed) -> Fixed:
    """Return the arms of two customers who are one: mixed where they were in different ones."""
    joined: Fixed = {}
    for name in sorted(mine.keys() | hers.keys()):
        both = [each[name] for each in (mine, hers) if name in each]
        arms = {arm for arm, _ in both}
        joined[name] = (arms.pop() if len(arms) == 1 else MIXED, min(at_ms for _, at_ms in both))
    kept = sorted(joined, key=lambda name: (-joined[name][1], name))[:MAX_ARMS]
    return {name: joined[name] for name in sorted(kept)}
