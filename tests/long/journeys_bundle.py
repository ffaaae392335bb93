"""A playbook in three editions, whose scenario is edited while customers are on their way."""

import json

BOOK = """
name: journeys
version: "{version}"
currency: {{code: USD, minorDigits: 2}}
channels:
  web: {{placements: [hero]}}
  email: {{outbound: true}}
"""
FIRST, SECOND, LAST = (f"service/note/{name}" for name in ("first", "second", "last"))
_ACTION = {
    "value": 1,
    "purpose": "service",
    "startingPropensity": 0.5,
    "treatments": {
        "email": {"outbound": True, "content": {"subject": "A note"}},
        "web": {"placements": ["hero"]},  # so that no edition is without it
    },
}


def edition(version: str, steps: dict, migrate: dict | None = None) -> dict[str, str]:
    """Return the files of one edition."""
    scenario = {
        "start": {"on": "Joined"},
        "stop": [{"on": "Left For Good"}],
        "steps": steps,
    }
    if migrate is not None:
        scenario["migrate"] = {"steps": migrate}
    launched = {"start": {"on": "launch"}, "steps": {"rest": {"wait": "P30D"}}}
    return {
        "playbook.yaml": BOOK.format(version=version),
        "actions.yaml": json.dumps({"actions": dict.fromkeys((FIRST, LAST, SECOND), _ACTION)}),
        "segments.yaml": json.dumps({"segments": {"everybody": {"when": "profile.orders >= 0"}}}),
        "scenarios.yaml": json.dumps({"scenarios": {"notes": scenario, "spring": launched}}),
    }


ONE = edition(
    "1",
    {
        "first": {"send": FIRST},
        "a_day": {"wait": "P1D"},
        "second": {"send": SECOND},
        "more": {"wait": "P2D"},
        "last": {"send": LAST},
        "done": {"end": "one"},
    },
)
"""Three notes."""
TWO = edition(
    "2",
    {
        "first": {"send": FIRST},
        "two_days": {"wait": "P2D"},
        "second": {"send": SECOND},
        "done": {"end": "two"},
    },
    migrate={"a_day": "two_days"},
)
"""Two notes; who waits for the second moves along, who has had it finishes as begun."""
THREE = edition("3", {"first": {"send": FIRST}, "done": {"end": "three"}})
"""One note; everybody under way finishes as begun."""
