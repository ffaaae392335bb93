"""Service cases, what handling a contact cost, and how satisfied the customer was.

`Case Opened` and `Service Contact` are contacts that somebody or something handled, unless their
property `contact` is false; `Case Updated` and `Case Closed` are when it is true. The property
`channel` names the channel of the contact where the case system sends the event, `cost` what it cost.
"""

from actors.domain.events import Event
from actors.domain.folding.reading import (
    MAX_NAME,
    MAX_WORD,
    Handler,
    bounded,
    channel_use,
    rating_of,
    text_of,
)
from actors.domain.histories import MAX_CLOSED_CASES, MAX_OPEN_CASES, Case, Service
from actors.domain.money import minor_of
from actors.domain.state import CustomerState

CLOSED_STATES = frozenset({"closed", "resolved", "solved", "cancelled"})
"""States that close a case when an update gives them."""

_CONTACTS = frozenset({"Case Opened", "Service Contact"})


def _case(state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]) -> None:
    """Take a case event; what is older than the case's last one fills only what is not known."""
    service, properties = state.profile.service, event.properties
    case_id = text_of(properties.get("case_id"))
    channel = text_of(properties.get("channel")) or event.channel
    handled = properties.get("contact", event.name in _CONTACTS) is True
    if handled:
        _handled(state, event, channel, digits)
    if event.name == "Case Opened":
        service.opened += 1
    elif event.name == "Case Closed":
        service.closed += 1
    if case_id:
        case = _find(service, case_id)
        case.contacts += handled
        if event.name != "Service Contact":
            _advance(case, event, channel, at_ms)
        _trim(service)
    elif event.name != "Service Contact":
        notes.append("case_without_id")
    if "satisfaction" in properties:
        _rated(state, event, at_ms, digits, notes)


def _handled(state: CustomerState, event: Event, channel: str, digits: int) -> None:
    use = channel_use(state.profile, channel)
    use.contacts += 1
    cost = minor_of(event.properties.get("cost"), digits)
    if cost is not None and cost >= 0:
        use.costed += 1
        use.contact_cost_minor = bounded(use.contact_cost_minor + cost)


def _find(service: Service, case_id: str) -> Case:
    for case in service.cases:
        if case.case_id == case_id:
            return case
    case = Case(case_id)
    service.cases.append(case)
    return case


def _advance(case: Case, event: Event, channel: str, at_ms: int) -> None:
    properties = event.properties
    newest = at_ms >= case.changed_at_ms
    topic = text_of(properties.get("topic"), MAX_NAME)
    priority = text_of(properties.get("priority"), MAX_WORD)
    if topic and (newest or not case.topic):
        case.topic = topic
    if priority and (newest or not case.priority):
        case.priority = priority
    if event.name == "Case Opened" and not 0 < case.opened_at_ms <= at_ms:
        case.opened_at_ms = at_ms
        case.channel = channel[:MAX_NAME]
    if not newest:
        return
    case.changed_at_ms = at_ms
    stated = text_of(properties.get("state"), MAX_WORD)
    if event.name == "Case Closed" or stated.lower() in CLOSED_STATES:
        case.closed_at_ms = case.closed_at_ms or at_ms
        case.state = stated or "closed"
    else:
        case.state = stated or ("open" if case.closed_at_ms else case.state) or "open"
        case.closed_at_ms = 0


def _trim(service: Service) -> None:
    """Forget the case closed longest ago, or of too many open ones the one that moved least lately."""
    if len(service.cases) <= MAX_CLOSED_CASES:
        return
    closed = [case for case in service.cases if case.closed_at_ms]
    if len(closed) > MAX_CLOSED_CASES:
        service.cases.remove(min(closed, key=lambda case: case.closed_at_ms))
    elif len(service.cases) - len(closed) > MAX_OPEN_CASES:
        service.cases.remove(min(service.open_cases(), key=lambda case: case.changed_at_ms))


def _rated(state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]) -> None:
    service, properties = state.profile.service, event.properties
    rating = rating_of(properties.get("satisfaction"))
    if not rating:
        notes.append("satisfaction_is_not_1_to_5")
        return
    service.ratings += 1
    service.rating_sum += rating
    if at_ms >= service.last_rated_at_ms:
        service.last_rated_at_ms = at_ms
        service.last_rating = rating
    case_id = text_of(properties.get("case_id"))
    if case_id:
        for case in service.cases:
            if case.case_id == case_id:
                case.satisfaction = rating


SERVICE: dict[str, Handler] = {
    "Case Opened": _case,
    "Case Updated": _case,
    "Case Closed": _case,
    "Service Contact": _case,
    "Satisfaction Rated": _rated,
}
