"""Errors as they may be logged: messages of errors can hold personal data, their places cannot."""

import traceback


def place_of(error: BaseException) -> str:
    """Return an error's type and where it was raised."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
