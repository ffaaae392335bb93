"""What every `righttime fit` command needs before it begins."""

from scripts.output import Failure


def check_needs(source: str | None, store: str | None) -> None:
    """Fail unless there is something to read, and the solver of the extra `fit`."""
    if source is None and store is None:
        raise Failure("there is nothing to fit: name a FILE, or a --store to read from")
    try:
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        raise Failure(
            "fitting needs scipy: run `uv sync --extra fit`, or pip install 'righttime[fit]'"
        ) from error
