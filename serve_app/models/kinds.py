"""The kinds of models there are. A further one, such as ONNX or scikit-learn, is an entry here."""

from actors.domain.scores import Score, ScoreRow
from serve_app.models.bandit import LinTS, LinUCB
from serve_app.models.beta import STRENGTH, BetaBernoulli
from serve_app.models.interface import Model, Setup
from serve_app.models.logistic import LogisticRegression

_KINDS: dict[str, type[BetaBernoulli] | type[LogisticRegression] | type[LinUCB] | type[LinTS]] = {
    each.kind: each for each in (BetaBernoulli, LogisticRegression, LinUCB, LinTS)
}


def new_model(kind: str, setup: Setup) -> Model:
    """Return a model that has learned nothing yet."""
    return _KINDS[kind](setup)


def load_model(kind: str, setup: Setup, data: bytes) -> Model:
    """Rebuild a model from its checkpoint.

    Raises:
        ValueError: The checkpoint is of another version.
    """
    return _KINDS[kind].load(setup, data)


def prior_score(row: ScoreRow) -> Score:
    """Return what holds without any model: the prior, as uncertain as a few observations leave it."""
    return Score(row.prior, 0.0, float((row.prior * (1.0 - row.prior) / (STRENGTH + 1.0)) ** 0.5))
