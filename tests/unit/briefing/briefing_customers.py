"""A shop whose every word is a marker, and a customer to whom all of it happened."""

from actors.domain.actions import OpenEffect
from actors.domain.conversation import CART, CASE, QUESTION, Meaning, Thread, Utterance
from actors.domain.profile import ChannelUse, ConsentState, Contact, ResponseHistory
from actors.domain.state import Timer
from tests.builders import DAY, HOUR, NOW, make_playbook, make_state

PURPOSES = ("advice", "marketing", "research", "service")
EXEMPT = frozenset({"advice", "service"})
CHANNELS = ("web", "email", "call_center")


def action_of(purpose, name):
    return f"issue/{purpose}_group/{purpose}_{name}"


def _action(purpose, name):
    return {
        "description": f"Words for {purpose} {name}.",
        "value": 3,
        "purpose": purpose,
        "startingPropensity": 0.2,
        "treatments": {"web": {"placements": ["hero"]}, "email": {"outbound": True}},
    }


PLAYBOOK = make_playbook(
    channels={"web": {"placements": ["hero"]}, "email": {"outbound": True}, "call_center": {}},
    actions={
        action_of(purpose, name): _action(purpose, name)
        for purpose in PURPOSES
        for name in ("open", "refused", "planned")
    },
    triggers={
        f"{purpose}_trigger": {
            "on": "Product Added",
            "propose": [action_of(purpose, "planned")],
            "channels": ["email"],
            "after": "P2D",
        }
        for purpose in PURPOSES
    },
    policies={
        "caps": {
            f"{purpose}_cap": {"limit": 1, "window": "P7D", "purposes": [purpose]}
            for purpose in PURPOSES
        },
        "suppression": {"afterRefusal": "P30D"},
        "consent": {"purposesNotNeedingConsent": sorted(EXEMPT)},
    },
    segments={"vip_segment": {"when": "profile.orders >= 1"}},
    tiers=("vip_segment",),
)

PERSONAL = (
    "123.45",
    "Firstname",
    "vip_segment",
    "priority",
    "xx-LOCALE",
    "Browsing Seen",
    "cart-key",
)
MATTERS = (
    "Wish",
    "Worry",
    "Matter Topic",
    "question-key",
    "case-key",
    "negative",
    "Question Asked",
)


def of_purpose(purpose):
    """What must not be read by who may not read of actions of this purpose."""
    return (
        *(action_of(purpose, name) for name in ("open", "refused", "planned")),
        *(f"Words for {purpose} {name}" for name in ("open", "refused", "planned")),
        f"{purpose}_trigger",
        f"{purpose}_cap",
    )


def a_customer(consents=None):
    """A known customer with threads, offers, refusals and waits of every purpose."""
    state = make_state()
    state.seq = 9
    profile, talk = state.profile, state.conversation
    profile.traits = {"first_name": "Firstname", "secret": "Trait Secret"}
    profile.locale = "xx-LOCALE"
    profile.first_seen_at_ms = NOW - 90 * DAY
    profile.purchases.orders, profile.purchases.spend_minor = 3, 12345
    profile.purchases.last_at_ms = NOW - 5 * DAY
    profile.channels = {
        "web": ChannelUse(7, NOW - HOUR),
        "store": ChannelUse(3, NOW - 5 * DAY),
    }
    profile.consents = {
        key: ConsentState(status, NOW - DAY, "web") for key, status in (consents or {}).items()
    }
    worry = Meaning("Wish", "Worry", "negative")
    talk.add(Utterance(NOW - 3 * HOUR, "chat", "customer", "Question Asked", 1, meaning=worry))
    talk.add(Utterance(NOW - 2 * HOUR, "web", "customer", "Browsing Seen", 2, meaning=worry))
    talk.threads = [
        Thread(QUESTION, "question-key", "chat", NOW - 3 * HOUR, NOW - 3 * HOUR, topic="Worry"),
        Thread(CASE, "case-key", "call_center", NOW - DAY, NOW - HOUR, topic="Matter Topic"),
        Thread(CASE, "closed-key", "call_center", NOW - DAY, NOW - HOUR, True, "Closed Topic"),
        Thread(CART, "cart-key", "web", NOW - DAY, NOW - HOUR, items=2, minor=500),
    ]
    for i, purpose in enumerate(PURPOSES):
        shown, refused = action_of(purpose, "open"), action_of(purpose, "refused")
        talk.add(Utterance(NOW - HOUR + i, f"on_{i}", "us", shown, i))
        talk.add(Utterance(NOW - HOUR + i, f"on_{i}", "customer", f"dismiss: {refused}", i))
        state.effects.append(OpenEffect(i, 0, shown, "web", "", NOW - HOUR, NOW + DAY))
        state.effects.append(
            OpenEffect(i, 1, refused, "web", "", NOW - HOUR, NOW + DAY, "dismiss", 0)
        )
        profile.responses[refused] = ResponseHistory(1, 1, 0, 1, NOW - HOUR, NOW - HOUR)
        profile.contacts.append(Contact(NOW - HOUR, "web", shown, purpose))
        name = f"{purpose}_trigger"
        state.timers.append(Timer(f"trigger/{name}/", NOW + DAY, "trigger", name))
    return state
