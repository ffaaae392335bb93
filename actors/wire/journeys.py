"""Where a customer stands in scenarios, as positional lists: what is at its default costs nothing.

Moments are stored as the distance from an earlier one of the same instance, and what is at its default at the
end of a list is left out.
"""

from typing import Any

from actors.domain.errors import CodecError
from actors.domain.journeys import Instance, Journeys, Recent, Scope, Token

VERSION = 1
"""Of the layout; the first element of the list."""

_DEFAULTS: tuple[Any, ...] = (0, "", None, [], {})


def journeys_fields(journeys: Journeys) -> list[Any] | int:
    """Flatten a customer's scenarios; 0 for one who never entered any."""
    fields = _trimmed(
        [
            VERSION,
            journeys.next_id - 1,
            [_instance(each) for each in journeys.instances],
            [[*name, at_ms] for name, at_ms in journeys.starts.items()],
            journeys.queued,
            [[*name, progress] for name, progress in journeys.patterns.items()],
            [[each.key, each.at_ms, each.seq, each.properties] for each in journeys.recent],
        ]
    )
    return fields if len(fields) > 1 else 0


def journeys_from_fields(fields: Any) -> Journeys:
    """Rebuild what `journeys_fields` has flattened.

    Raises:
        CodecError: The fields were written by a newer version.
    """
    if not fields:
        return Journeys()
    if fields[0] > VERSION:
        raise CodecError(f"scenarios: written by version {fields[0]}, this is version {VERSION}")
    v = _filled(fields, 7)
    return Journeys(
        (v[1] or 0) + 1,
        [_instance_from(each) for each in v[2] or ()],
        {(each[0], each[1]): each[2] for each in v[3] or ()},
        [(each[0], each[1], each[2], each[3]) for each in v[4] or ()],
        {(each[0], each[1], each[2]): each[3] for each in v[5] or ()},
        [Recent(*each) for each in v[6] or ()],
    )


def _instance(instance: Instance) -> list[Any]:
    started_ms = instance.started_ms
    return _trimmed(
        [
            instance.id,
            instance.scenario,
            instance.digest,
            instance.key,
            started_ms,
            instance.began_seq,
            instance.next_id,
            [_token(each, started_ms) for each in instance.tokens],
            instance.data,
            instance.sent,
            [_scope(each, started_ms) for each in instance.scopes],
            instance.rounds,
            instance.met,
            instance.origin,
        ]
    )


def _instance_from(fields: list[Any]) -> Instance:
    v = _filled(fields, 14)
    started_ms = v[4] or 0
    return Instance(
        id=v[0] or 0,
        scenario=v[1] or "",
        digest=v[2] or "",
        key=v[3] or "",
        started_ms=started_ms,
        began_seq=v[5] or 0,
        next_id=v[6] or 0,
        tokens=[_token_from(each, started_ms) for each in v[7] or ()],
        data=v[8] or {},
        sent=[(each[0], each[1], each[2]) for each in v[9] or ()],
        scopes=[_scope_from(each, started_ms) for each in v[10] or ()],
        rounds=v[11] or {},
        met=v[12] or [],
        origin=v[13] or 0,
    )


def _token(token: Token, started_ms: int) -> list[Any]:
    since_ms = token.since_ms
    return _trimmed(
        [
            token.id,
            token.step,
            since_ms - started_ms,
            away(token.due_ms, since_ms),
            token.scope,
            token.late_ms,
            away(token.try_ms, since_ms),
            token.said,
            token.heard,
            None if token.call == (0, 0, 0) else token.call,
        ]
    )


def _token_from(fields: list[Any], started_ms: int) -> Token:
    v = _filled(fields, 10)
    since_ms = started_ms + (v[2] or 0)
    call = v[9]
    return Token(
        id=v[0] or 0,
        step=v[1] or "",
        scope=v[4] or 0,
        since_ms=since_ms,
        due_ms=back(v[3] or 0, since_ms),
        late_ms=v[5] or 0,
        try_ms=back(v[6] or 0, since_ms),
        said=v[7] or 0,
        heard=v[8] or {},
        call=(call[0], call[1], call[2]) if call else (0, 0, 0),
    )


def _scope(scope: Scope, started_ms: int) -> list[Any]:
    due = away(scope.due_ms, started_ms)
    return _trimmed([scope.id, scope.fork, scope.parent, scope.arrived, due])


def _scope_from(fields: list[Any], started_ms: int) -> Scope:
    v = _filled(fields, 5)
    return Scope(v[0] or 0, v[1] or "", v[2] or 0, v[3] or 0, back(v[4] or 0, started_ms))


def away(at_ms: int, from_ms: int) -> int:
    """Return how far a moment is from another, so that 0 is still never: forward is one more."""
    if not at_ms:
        return 0
    distance = at_ms - from_ms
    return distance + 1 if distance >= 0 else distance


def back(away: int, from_ms: int) -> int:
    """Return the moment that is so far away, as `away` said it."""
    if not away:
        return 0
    return from_ms + (away - 1 if away > 0 else away)


def _trimmed(fields: list[Any]) -> list[Any]:
    while fields and fields[-1] in _DEFAULTS:
        fields.pop()
    return fields


def _filled(fields: list[Any], length: int) -> list[Any]:
    """Fill up with None what was left out, and what a later version has added."""
    return [*fields, *[None] * (length - len(fields))]
