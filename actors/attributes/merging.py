"""The attributes of two customers who are one: as if one had caused all events of both."""

from actors.attributes.buckets import COMBINE, Entry, later, prune, trim
from actors.playbook.attribute_model import DISTINCT, LAST

State = dict[str, Entry]


def merge(a: State, b: State) -> State:
    """Return the union of two states, bucket by bucket; neither is changed.

    Exact, commutative and associative in all that can be read, but not idempotent: counts add up.
    What is kept of only one side is taken as it is.
    """
    merged: State = {}
    for key in sorted(a.keys() | b.keys()):
        one, other = a.get(key), b.get(key)
        if one is None or other is None:
            merged[key] = _copied(one or other or [])
        else:
            merged[key] = _united(key[0], one, other)
    return merged


def _copied(entry: Entry) -> Entry:
    return [each.copy() if isinstance(each, list | dict) else each for each in entry]


def _united(kind: str, one: Entry, other: Entry) -> Entry:
    keep = max(one[0], other[0])
    if kind == LAST:
        newer = other if later(other[1], other[2], one) else one
        return [keep, *newer[1:]]
    if kind == DISTINCT:
        seen = one[2].copy()
        for text, bucket in other[2].items():
            seen[text] = max(bucket, seen.get(text, bucket))
        entry = [keep, max(one[1], other[1]), seen]
        prune(entry)
        return entry
    combine = COMBINE[kind]
    by_bucket = {one[1] + offset: value for offset, value in zip(one[2], one[3], strict=True)}
    for offset, value in zip(other[2], other[3], strict=True):
        bucket = other[1] + offset
        by_bucket[bucket] = combine(by_bucket[bucket], value) if bucket in by_bucket else value
    buckets = sorted(by_bucket)
    base = buckets[0]
    entry = [keep, base, [bucket - base for bucket in buckets], [by_bucket[i] for i in buckets]]
    trim(entry)
    return entry
