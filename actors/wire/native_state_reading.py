"""A state read straight from bytes, as `state` rebuilds it: for a core that runs as machine code.

Both ways give equal states (`tests/properties/test_native_reading.py`), so whoever adds a field to one
adds it to the other. What is not as `native_state` writes it is left to the other way: rows of older
versions, those that lack fields or have more of them, and all that is damaged.
"""

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from actors.domain.actions import Conversion, OpenEffect
from actors.domain.conversation import (
    CUSTOMER,
    Answer,
    Conversation,
    Meaning,
    Thread,
    Utterance,
)
from actors.domain.groups import Membership
from actors.domain.ids import Identity
from actors.domain.state import CustomerState, Timer
from actors.wire.codec import HEAD, checked, checksum
from actors.wire.native_journeys_reading import get_journeys
from actors.wire.native_profile_reading import get_action, get_profile
from actors.wire.native_reading import (
    Reader,
    between,
    expect,
    get_flag,
    get_int,
    get_list,
    get_map,
    get_name,
    get_text,
    is_none,
    is_place,
    list_length,
    map_length,
)

_HERS: Final = 1
"""What stands for `customer`, as in `conversation`."""
_MISFITS = (TypeError, ValueError, LookupError, ArithmeticError)


def unpacked(version: int, data: bytes) -> CustomerState | None:
    """Return the state in packed bytes of a version; None where the other way has to be gone.

    Raises:
        CodecError: The checksum does not match.
    """
    if not _is_sound(version, data):
        return None
    try:
        r = Reader(data, HEAD)
        state = _state(r)
    except _MISFITS:
        return None
    return state if r.at == r.size else None


def identities(version: int, data: bytes) -> tuple[Identity, ...] | None:
    """Return the identities of a packed state; None where the other way has to be gone.

    What comes after them is not looked at.

    Raises:
        CodecError: The checksum does not match.
    """
    if not _is_sound(version, data):
        return None
    try:
        r = Reader(data, HEAD)
        between(list_length(r), 16, 19)
        for _ in range(4):
            get_int(r)
        return tuple(_identities(r))
    except _MISFITS:
        return None


def _is_sound(version: int, data: bytes) -> bool:
    """Return whether this is of a version, as `codec.checked` looks at it."""
    if len(data) <= HEAD or not data.startswith(_BEGIN[version]):
        return False
    if checksum(version, data[HEAD:]) != i64(read_i32_be(data, 1)) & 0xFFFFFFFF:
        checked(data, "customer state")
    return True


_BEGIN = [bytes((version,)) for version in range(256)]


def _state(r: Reader) -> CustomerState:
    n = between(list_length(r), 16, 19)
    actions: list[str] = []
    state = CustomerState.__new__(CustomerState)  # as in `get_profile`
    state.number = get_int(r)
    state.partition = get_int(r)
    state.seq = get_int(r)
    state.generation = get_int(r)
    state.identities = _identities(r)
    state.linked = _identities(r)
    state.profile = get_profile(r, actions)
    state.conversation = _conversation(r, actions)
    state.effects = _effects(r, actions)
    state.timers = _timers(r)
    state.attributes = get_map(r)
    state.patterns = get_list(r)
    state.erased_before_ms = get_int(r)
    state.segments = get_map(r)
    state.groups = _groups(r)
    state.journeys = get_journeys(r)
    state.arms = _arms(r) if n > 16 else {}
    state.conversions = _conversions(r) if n > 17 else []
    state.invested = _invested(r) if n > 18 else {}
    return state


def _identities(r: Reader) -> list[Identity]:
    found: list[Identity] = []
    for _ in range(list_length(r)):
        expect(r, 2)
        found.append(Identity(get_name(r), get_text(r)))
    return found


def _effects(r: Reader, actions: list[str]) -> list[OpenEffect]:
    found: list[OpenEffect] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 7, 16)
        e = OpenEffect(
            get_int(r),
            get_int(r),
            get_action(r, actions),
            get_name(r),
            get_name(r),
            get_int(r),
            get_int(r),
        )
        if n > 7:
            e.outcome = get_name(r)
        if n > 8:
            e.label = get_int(r)
        if n > 9:
            _take_rest(r, n, e)
        found.append(e)
    return found


def _take_rest(r: Reader, n: i64, e: OpenEffect) -> None:
    e.origin = get_int(r)
    if n > 10:
        e.purpose = get_name(r)
    if n > 11:
        e.placement = get_name(r)
    if n > 12:
        e.send_at_ms = get_int(r)
    if n > 13:
        e.seen_at_ms = get_int(r)
    if n > 14:
        e.clicked_at_ms = get_int(r)
    if n > 15:
        e.reward_minor = get_int(r)


def _timers(r: Reader) -> list[Timer]:
    found: list[Timer] = []
    for _ in range(list_length(r)):
        expect(r, 5)
        found.append(Timer(get_name(r), get_int(r), get_name(r), get_name(r), get_map(r)))
    return found


def _groups(r: Reader) -> list[Membership]:
    found: list[Membership] = []
    for _ in range(list_length(r)):
        expect(r, 5)
        found.append(Membership(get_name(r), get_text(r), get_int(r), get_int(r), get_int(r)))
    return found


def _arms(r: Reader) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        expect(r, 2)
        found[name] = (get_name(r), get_int(r))
    return found


def _conversions(r: Reader) -> list[Conversion]:
    found: list[Conversion] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 4, 7)
        c = Conversion(get_int(r), get_name(r), get_int(r), get_int(r))
        if n > 4:
            c.seq = get_int(r)
        if n > 5:
            c.n = get_int(r)
        if n > 6:
            c.origin = get_int(r)
        found.append(c)
    return found


def _invested(r: Reader) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for _ in range(map_length(r)):
        name = get_name(r)
        rows: list[tuple[int, int]] = []
        for _ in range(list_length(r)):
            expect(r, 2)
            rows.append((get_int(r), get_int(r)))
        found[name] = rows
    return found


def _conversation(r: Reader, actions: list[str]) -> Conversation:
    expect(r, 9)
    return Conversation(
        _turns(r, actions),
        get_name(r),
        get_name(r),
        get_text(r),
        get_int(r),
        get_int(r),
        _threads(r),
        get_int(r),
        get_int(r),
    )


def _turns(r: Reader, actions: list[str]) -> list[Utterance]:
    found: list[Utterance] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 5, 9)
        u = Utterance(get_int(r), get_name(r), _who(r), get_action(r, actions), get_int(r))
        if n > 5:
            u.n = get_int(r)
        if n > 6:
            u.answer = _answer(r)
        if n > 7:
            u.meaning = _meaning(r)
        if n > 8:
            u.origin = get_int(r)
        found.append(u)
    return found


def _who(r: Reader) -> str:
    if not is_place(r):
        return get_name(r)
    if get_int(r) != _HERS:
        raise ValueError("neither side")
    return CUSTOMER


def _answer(r: Reader) -> Answer | None:
    if is_none(r):
        return None
    expect(r, 2)
    return Answer(get_name(r), get_int(r))


def _meaning(r: Reader) -> Meaning | None:
    if is_none(r):
        return None
    expect(r, 3)
    return Meaning(get_name(r), get_name(r), get_name(r))


def _threads(r: Reader) -> list[Thread]:
    found: list[Thread] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 5, 9)
        thread = Thread(get_name(r), get_text(r), get_name(r), get_int(r), get_int(r))
        if n > 5:
            thread.closed = get_flag(r)
        if n > 6:
            thread.topic = get_name(r)
        if n > 7:
            thread.items = get_int(r)
        if n > 8:
            thread.minor = get_int(r)
        found.append(thread)
    return found
