"""Playbooks that declare attributes, and a small reference that remembers every event."""

import json
from dataclasses import dataclass, field

from actors import attributes as core
from actors.domain.errors import PlaybookError
from actors.playbook.loader import compile_bundle

SECOND, MINUTE, HOUR, DAY, WEEK = 1000, 60_000, 3_600_000, 86_400_000, 604_800_000
T0 = 20_833 * DAY
"""A midnight in January 2027."""

BUNDLE = {
    "playbook.yaml": (
        'name: shop\nversion: "1"\ncurrency: {code: EUR}\n'
        "channels: {web: {placements: [hero]}, store: {}}\n"
    ),
    "actions.yaml": (
        "actions:\n  a/b/c:\n    value: 1\n    purpose: onsite\n    startingPropensity: 0.1\n"
        "    treatments: {web: {placements: [hero]}}\n"
    ),
}


def book(**attributes):
    """Compile a playbook with these attributes, each a mapping as YAML has it."""
    return compile_bundle({**BUNDLE, "attributes.yaml": json.dumps({"attributes": attributes})})


def problems_of(text):
    """Return the problems of an `attributes.yaml`."""
    try:
        compile_bundle({**BUNDLE, "attributes.yaml": text})
    except PlaybookError as error:
        return error.problems
    return ()


def rolling(kind, window="P7D", bucket="day", **fields):
    """An attribute that listens to `Bought`."""
    return {"kind": kind, "on": "Bought", "window": window, "bucket": bucket, **fields}


@dataclass
class Customer:
    """One customer's attributes under a playbook."""

    playbook: object
    state: dict = field(default_factory=dict)

    def hears(self, at, name="Bought", *, channel="web", type="track", **properties):  # noqa: A002
        core.update(self.state, type, name, channel, properties, at, self.playbook)
        return self

    def reads(self, name, now):
        return core.read(self.state, name, self.playbook, now)

    def changes(self, name, now):
        return core.next_change_ms(self.state, name, self.playbook, now)
