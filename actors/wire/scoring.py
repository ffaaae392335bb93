"""Propensities on the wire between cell and model server."""

from collections.abc import Sequence

import msgpack

from actors.domain.scores import Score, ScoreRow, Scores


def pack_rows(rows: Sequence[ScoreRow]) -> bytes:
    """Pack the rows of one request."""
    packed: bytes = msgpack.packb([(row.action, row.segment, row.prior) for row in rows])
    return packed


def unpack_rows(data: bytes) -> list[ScoreRow]:
    """Read the rows back, in order."""
    return [ScoreRow(*row) for row in msgpack.unpackb(data)]


def pack_scores(scores: Scores) -> bytes:
    """Pack an answer."""
    rows = [(score.propensity, score.observations) for score in scores.rows]
    packed: bytes = msgpack.packb([scores.model, scores.version, scores.prior, rows])
    return packed


def unpack_scores(data: bytes) -> Scores:
    """Read an answer back."""
    model, version, prior, rows = msgpack.unpackb(data)
    return Scores(model, version, prior, tuple(Score(*row) for row in rows))
