"""What the check before an attempt reads of a packed customer, at a fraction of the cost of all of it.

It is made under the store's write lock, for every row. What is left out here is not empty but missing:
to ask for it raises AttributeError, and whatever cannot be checked is not sent.
"""

from typing import Any

import msgpack

from actors.domain.histories import Case, Service
from actors.domain.profile import ConsentState, Contact, Profile, Purchases, ResponseHistory
from actors.domain.state import CustomerState
from actors.wire.codec import HEAD, checked
from actors.wire.state import VERSION, unpack_state

_TO_PROFILE = 5
"""Fields of a customer between the number and the profile."""
_REFUSED = 5
"""The place of the last no among what is kept of an action's responses."""
_CASES = 6


def unpack_for_check(data: bytes) -> CustomerState:
    """Read the number, and of the profile what policies ask of a message on its way.

    That is: traits, zone, purchases, contacts, consents, cases, answers, dead channels, and the responses
    to actions that were refused.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    if data[:1] != bytes((VERSION,)):
        return unpack_state(data)
    body = checked(data, "customer state")
    unpacker = msgpack.Unpacker(read_size=max(1, len(data) - HEAD), strict_map_key=False)
    unpacker.feed(body)
    unpacker.read_array_header()
    state = CustomerState.__new__(CustomerState)
    state.number = unpacker.unpack()
    _skip(unpacker, _TO_PROFILE)
    state.profile = _profile(unpacker)
    return state


def _profile(unpacker: msgpack.Unpacker) -> Profile:
    """Read the parts of a profile, in the order in which `profile_fields` writes them."""
    length = unpacker.read_array_header()
    profile = Profile.__new__(Profile)
    profile.traits = unpacker.unpack()
    profile.timezone = unpacker.unpack()
    unpacker.skip()  # the locale
    profile.purchases = Purchases(*unpacker.unpack())
    _skip(unpacker, 2)  # departments, channels
    responses: dict[str, list[Any]] = unpacker.unpack()
    profile.responses = {
        name: ResponseHistory(*said) for name, said in responses.items() if said[_REFUSED]
    }
    profile.contacts = _contacts(unpacker.unpack(), list(responses))
    profile.consents = {name: ConsentState(*said) for name, said in unpacker.unpack().items()}
    profile.service, profile.answers, profile.dead = Service(), {}, {}
    if length > _HISTORIES:
        _skip(unpacker, _SERVICE - _CONSENTS - 1)
        service = unpacker.unpack()
        if service:
            profile.service.cases = [Case(*case) for case in service[_CASES]]
    if length > _ANSWERS:
        _skip(unpacker, _ANSWERS - _SERVICE - 1)
        profile.answers, profile.dead = unpacker.unpack(), unpacker.unpack()
    return profile


_CONSENTS, _HISTORIES, _SERVICE, _ANSWERS = 8, 15, 21, 25
"""Places of fields of a profile; older rows end before the histories, most rows before the answers."""


def _contacts(rows: list[list[Any]], actions: list[str]) -> list[Contact]:
    for row in rows:
        if type(row[2]) is int:
            row[2] = actions[row[2]]
    return [Contact(*row) for row in rows]


def _skip(unpacker: msgpack.Unpacker, count: int) -> None:
    for _ in range(count):
        unpacker.skip()
