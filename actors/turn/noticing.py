"""What an event adds to attributes and baselines, and what is significant about it for this customer."""

from actors import attributes
from actors.domain.events import Event
from actors.domain.fold import department_amounts
from actors.domain.money import minor_of
from actors.patterns import Deviation, absence_due_at_ms, absent, observe
from actors.playbook.model import Playbook
from actors.turn.timing import keep_timer
from actors.turn.under_way import Turn

ABSENCE = "absence"
"""Kind and key of the timer at which a customer has been away for too long to be usual."""

_ORDER = "Order Completed"
_VISITS = frozenset({"track", "page", "screen"})


def notice(turn: Turn, event: Event, at_ms: int, playbook: Playbook) -> None:
    """Fold an event into attributes and baselines; note deviations, and watch for the next visit."""
    state = turn.state
    attributes.update(
        state.attributes,
        event.type,
        event.name,
        event.channel,
        event.properties,
        at_ms,
        playbook,
    )
    if event.type not in _VISITS:
        return
    spend_minor: int | None = None
    categories: tuple[str, ...] = ()
    if event.name == _ORDER and event.type == "track":
        digits = playbook.minor_digits
        spend_minor = minor_of(event.properties.get("total"), digits)
        categories = tuple(sorted(department_amounts(event.properties, digits)))
    for deviation in observe(state.patterns, at_ms, event.channel, spend_minor, categories):
        _note(turn, deviation)
    watch(turn)


def miss(turn: Turn, now_ms: int) -> None:
    """Note that a customer stays away longer than is usual for her, or go on watching."""
    deviation = absent(turn.state.patterns, now_ms)
    if deviation is not None:
        _note(turn, deviation)
    watch(turn)


def watch(turn: Turn) -> None:
    """Set the timer for absence. One that only moves later keeps its row: it is moved when it fires."""
    keep_timer(turn, ABSENCE, ABSENCE, absence_due_at_ms(turn.state.patterns))


def _note(turn: Turn, deviation: Deviation) -> None:
    about = f" {deviation.about}" if deviation.about else ""
    turn.record.notes.append(f"deviation: {deviation.name} {deviation.strength:.2f}{about}")
    turn.deviations.append(deviation)
