"""Scenarios written straight to bytes, as `journeys` flattens them: for a core that runs as machine code.

A list ends with its last field that is not at its default, so each begins with counting how many it has.
"""

from librt.strings import BytesWriter
from mypy_extensions import i64

from actors.domain.journeys import Instance, Journeys, Recent, Scope, Token
from actors.wire.journeys import VERSION, away
from actors.wire.native_writing import begin_list, put_3, put_int, put_list, put_map, put_text


def put_journeys(w: BytesWriter, j: Journeys) -> None:
    """Write a customer's scenarios; 0 for one who never entered any."""
    n = _length(j)
    if n == 1:
        put_int(w, 0)
        return
    begin_list(w, n)
    put_int(w, VERSION)
    put_int(w, j.next_id - 1)
    if n > 2:
        begin_list(w, len(j.instances))
        for instance in j.instances:
            _put_instance(w, instance)
    if n > 3:
        _put_starts(w, j)
    if n > 4:
        put_list(w, j.queued)
    if n > 5:
        _put_patterns(w, j)
    if n > 6:
        begin_list(w, len(j.recent))
        for recent in j.recent:
            _put_recent(w, recent)


def _put_starts(w: BytesWriter, j: Journeys) -> None:
    begin_list(w, len(j.starts))
    for (scenario, key), at_ms in j.starts.items():
        begin_list(w, 3)
        put_text(w, scenario)
        put_text(w, key)
        put_int(w, at_ms)


def _put_patterns(w: BytesWriter, j: Journeys) -> None:
    begin_list(w, len(j.patterns))
    for (scenario, digest, key), progress in j.patterns.items():
        begin_list(w, 4)
        put_text(w, scenario)
        put_text(w, digest)
        put_text(w, key)
        put_list(w, progress)


def _length(j: Journeys) -> i64:
    if j.recent:
        return 7
    if j.patterns:
        return 6
    if j.queued:
        return 5
    if j.starts:
        return 4
    if j.instances:
        return 3
    return 2 if j.next_id != 1 else 1


def _put_recent(w: BytesWriter, recent: Recent) -> None:
    begin_list(w, 4)
    put_text(w, recent.key)
    put_int(w, recent.at_ms)
    put_int(w, recent.seq)
    put_map(w, recent.properties)


def _put_instance(w: BytesWriter, x: Instance) -> None:  # noqa: C901 - one a field
    n = _instance_length(x)
    begin_list(w, n)
    if n > 0:
        put_int(w, x.id)
    if n > 1:
        put_text(w, x.scenario)
    if n > 2:
        put_text(w, x.digest)
    if n > 3:
        put_text(w, x.key)
    if n > 4:
        put_int(w, x.started_ms)
    if n > 5:
        put_int(w, x.began_seq)
    if n > 6:
        put_int(w, x.next_id)
    if n > 7:
        begin_list(w, len(x.tokens))
        for token in x.tokens:
            _put_token(w, token, x.started_ms)
    if n > 8:
        put_map(w, x.data)
    if n > 9:
        put_list(w, x.sent)
    if n > 10:
        begin_list(w, len(x.scopes))
        for scope in x.scopes:
            _put_scope(w, scope, x.started_ms)
    if n > 11:
        put_map(w, x.rounds)
    if n > 12:
        put_list(w, x.met)
    if n > 13:
        put_int(w, x.origin)


def _instance_length(x: Instance) -> i64:  # noqa: C901 - one a field
    if x.origin:
        return 14
    if x.met:
        return 13
    if x.rounds:
        return 12
    if x.scopes:
        return 11
    if x.sent:
        return 10
    if x.data:
        return 9
    if x.tokens:
        return 8
    if x.next_id:
        return 7
    if x.began_seq:
        return 6
    if x.started_ms:
        return 5
    if x.key:
        return 4
    if x.digest:
        return 3
    if x.scenario:
        return 2
    return 1 if x.id else 0


def _put_token(w: BytesWriter, t: Token, started_ms: int) -> None:  # noqa: C901 - one a field
    since_ms = t.since_ms
    called = t.call != (0, 0, 0)
    n = _token_length(t, started_ms, called=called)
    begin_list(w, n)
    if n > 0:
        put_int(w, t.id)
    if n > 1:
        put_text(w, t.step)
    if n > 2:
        put_int(w, since_ms - started_ms)
    if n > 3:
        put_int(w, away(t.due_ms, since_ms))
    if n > 4:
        put_int(w, t.scope)
    if n > 5:
        put_int(w, t.late_ms)
    if n > 6:
        put_int(w, away(t.try_ms, since_ms))
    if n > 7:
        put_int(w, t.said)
    if n > 8:
        put_map(w, t.heard)
    if called:
        seq, number, origin = t.call
        begin_list(w, 3)
        put_3(w, seq, number, origin)


def _token_length(t: Token, started_ms: int, *, called: bool) -> i64:
    if called:
        return 10
    if t.heard:
        return 9
    if t.said:
        return 8
    if t.try_ms:
        return 7
    if t.late_ms:
        return 6
    if t.scope:
        return 5
    if t.due_ms:
        return 4
    if t.since_ms != started_ms:
        return 3
    if t.step:
        return 2
    return 1 if t.id else 0


def _put_scope(w: BytesWriter, s: Scope, started_ms: int) -> None:
    n = 5 if s.due_ms else 4 if s.arrived else 3 if s.parent else 2 if s.fork else 1 if s.id else 0
    begin_list(w, n)
    if n > 0:
        put_int(w, s.id)
    if n > 1:
        put_text(w, s.fork)
    if n > 2:
        put_int(w, s.parent)
    if n > 3:
        put_int(w, s.arrived)
    if n > 4:
        put_int(w, away(s.due_ms, started_ms))
