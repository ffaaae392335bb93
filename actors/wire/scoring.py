"""Propensities on the wire between cell and model server."""

from collections.abc import Sequence

import msgpack

from actors.domain.scores import Score, ScoreRow, Scores


def pack_rows(rows: Sequence[ScoreRow]) -> bytes:
    """Pack the rows of one request."""
    packed: bytes = msgpack.packb([tuple(row) for row in rows])
    return packed


def unpack_rows(data: bytes) -> list[ScoreRow]:
    """Read the rows back, in order."""
    return [
        ScoreRow(action, segment, prior, model, tuple(features))
        for action, segment, prior, model, features in msgpack.unpackb(data)
    ]


def pack_scores(scores: Scores) -> bytes:
    """Pack an answer."""
    rows = [tuple(score) for score in scores.rows]
    packed: bytes = msgpack.packb([scores.model, scores.version, scores.prior, rows])
    return packed


def unpack_scores(data: bytes) -> Scores:
    """Read an answer back."""
    model, version, prior, rows = msgpack.unpackb(data)
    return Scores(model, version, prior, tuple(Score(*row) for row in rows))
