"""Scenarios read straight from bytes, as `journeys` rebuilds them: for a core that runs as machine code.

A list ends with its last field that is not at its default, so each field is there or at its default.
"""

from typing import Any

from mypy_extensions import i64

from actors.domain.journeys import Instance, Journeys, Recent, Scope, Token
from actors.wire.journeys import VERSION, back
from actors.wire.native_reading import (
    Reader,
    between,
    expect,
    get_int,
    get_list,
    get_map,
    get_name,
    get_text,
    is_place,
    list_length,
)


def get_journeys(r: Reader) -> Journeys:
    """Read a customer's scenarios; 0 for one who never entered any."""
    if is_place(r):
        if get_int(r) != 0:
            raise ValueError("neither scenarios nor none")
        return Journeys()
    n = between(list_length(r), 1, 7)
    if get_int(r) != VERSION:
        raise ValueError("another version")
    return Journeys(
        get_int(r) + 1 if n > 1 else 1,
        _instances(r) if n > 2 else [],
        _starts(r) if n > 3 else {},
        _queued(r) if n > 4 else [],
        _patterns(r) if n > 5 else {},
        _recent(r) if n > 6 else [],
    )


def _starts(r: Reader) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for _ in range(list_length(r)):
        expect(r, 3)
        name = (get_name(r), get_text(r))
        found[name] = get_int(r)
    return found


def _queued(r: Reader) -> list[tuple[str, str, int, dict[str, Any]]]:
    found: list[tuple[str, str, int, dict[str, Any]]] = []
    for _ in range(list_length(r)):
        expect(r, 4)
        found.append((get_name(r), get_text(r), get_int(r), get_map(r)))
    return found


def _patterns(r: Reader) -> dict[tuple[str, str, str], list[int]]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for _ in range(list_length(r)):
        expect(r, 4)
        name = (get_name(r), get_name(r), get_text(r))
        found[name] = get_list(r)
    return found


def _recent(r: Reader) -> list[Recent]:
    found: list[Recent] = []
    for _ in range(list_length(r)):
        expect(r, 4)
        found.append(Recent(get_name(r), get_int(r), get_int(r), get_map(r)))
    return found


def _instances(r: Reader) -> list[Instance]:
    found: list[Instance] = []
    for _ in range(list_length(r)):
        found.append(_instance(r))  # noqa: PERF401 - as machine code this is the same
    return found


def _instance(r: Reader) -> Instance:
    n = between(list_length(r), 0, 14)
    x = Instance(
        get_int(r) if n > 0 else 0,
        get_name(r) if n > 1 else "",
        get_name(r) if n > 2 else "",
        get_text(r) if n > 3 else "",
        get_int(r) if n > 4 else 0,
        get_int(r) if n > 5 else 0,
    )
    x.next_id = get_int(r) if n > 6 else 0
    if n > 7:
        x.tokens = _tokens(r, x.started_ms)
    if n > 8:
        x.data = get_map(r)
    if n > 9:
        x.sent = _sent(r)
    if n > 10:
        x.scopes = _scopes(r, x.started_ms)
    if n > 11:
        x.rounds = get_map(r)
    if n > 12:
        x.met = get_list(r)
    if n > 13:
        x.origin = get_int(r)
    return x


def _sent(r: Reader) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for _ in range(list_length(r)):
        found.append(_three(r))  # noqa: PERF401
    return found


def _three(r: Reader) -> tuple[int, int, int]:
    expect(r, 3)
    return get_int(r), get_int(r), get_int(r)


def _tokens(r: Reader, started_ms: int) -> list[Token]:
    found: list[Token] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 0, 10)
        found.append(_token(r, n, started_ms))
    return found


def _token(r: Reader, n: i64, started_ms: int) -> Token:
    number = get_int(r) if n > 0 else 0
    step = get_name(r) if n > 1 else ""
    since_ms = started_ms + get_int(r) if n > 2 else started_ms
    token = Token(number, step, 0, since_ms)
    if n > 3:
        token.due_ms = back(get_int(r), since_ms)
    if n > 4:
        token.scope = get_int(r)
    if n > 5:
        token.late_ms = get_int(r)
    if n > 6:
        token.try_ms = back(get_int(r), since_ms)
    if n > 7:
        token.said = get_int(r)
    if n > 8:
        token.heard = get_map(r)
    if n > 9:
        token.call = _three(r)
    return token


def _scopes(r: Reader, started_ms: int) -> list[Scope]:
    found: list[Scope] = []
    for _ in range(list_length(r)):
        n = between(list_length(r), 0, 5)
        scope = Scope(
            get_int(r) if n > 0 else 0,
            get_name(r) if n > 1 else "",
            get_int(r) if n > 2 else 0,
            get_int(r) if n > 3 else 0,
        )
        if n > 4:
            scope.due_ms = back(get_int(r), started_ms)
        found.append(scope)
    return found
