"""Which part of a customer each purpose may see, as a table. What is not in it is never shown."""

from typing import NamedTuple

from actors.playbook.model import Playbook

SERVICE = "service"
MARKETING = "marketing"

WHO, STANDING, RELATIONSHIP, CHANNELS = "who", "standing", "relationship", "channels"
MEANING, MATTERS, MATTER_FLAG, CARTS = "meaning", "matters", "matterFlag", "carts"
OFFERS, SCENARIOS = "offers", "scenarios"


class Part(NamedTuple):
    """One row: the part, what it is, and whether service and whether other purposes see it."""

    name: str
    what: str
    service: bool
    other: bool


TABLE = (
    Part(WHO, "first name, known or not, since when, language, time zone", True, True),
    Part(
        STANDING,
        "tier, service level (for service with routing and reply goal), segments",
        True,
        True,
    ),
    Part(RELATIONSHIP, "number of orders, spend, last order", True, True),
    Part(CHANNELS, "per channel: last seen, what was said last", True, True),
    Part(MEANING, "intent, topic and sentiment of what was said", True, False),
    Part(MATTERS, "questions and cases, and what was said in them", True, False),
    Part(MATTER_FLAG, "that a case is open, without which", True, True),
    Part(CARTS, "open carts", True, True),
    Part(OFFERS, "offers, answers and refusals of actions that may be seen", True, True),
    Part(SCENARIOS, "waiting scenarios that propose actions that may be seen", True, True),
)


def parts_for(purpose: str, *, permitted: bool) -> frozenset[str]:
    """Return the names of the parts that a purpose sees; without permission there are none."""
    if not permitted:
        return frozenset()
    return frozenset(p.name for p in TABLE if (p.service if purpose == SERVICE else p.other))


def purposes_of(playbook: Playbook) -> frozenset[str]:
    """Return the purposes that may be asked for: service, marketing and those of the playbook."""
    return (
        frozenset({SERVICE, MARKETING, *(action.purpose for action in playbook.actions)})
        | playbook.purposes_without_consent
    )


def may_be_seen(purpose: str, action_purpose: str, permitted: frozenset[str]) -> bool:
    """Return whether a read for `purpose` sees an action whose purpose is `action_purpose`.

    `permitted` are the purposes for which the customer may be addressed on the reader's channel.
    Service sees all of those; the others do not see what is said in service.
    """
    return action_purpose in permitted and (purpose == SERVICE or action_purpose != SERVICE)


def as_markdown() -> str:
    """Return the table as it stands in docs/conversation.md."""
    rows = ["| part | what | service | other purposes |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{p.name}` | {p.what} | {'yes' if p.service else '–'} | {'yes' if p.other else '–'} |"
        for p in TABLE
    ]
    return "\n".join(rows)
