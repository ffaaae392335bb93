"""Errors, by what the caller does next.

RighttimeError
├── InvalidIdError          fix the id
├── PlaybookError           fix the playbook (file, line, column)
├── ChannelConfigError      fix channels.yaml
├── CodecError              stored bytes are damaged or from a newer version
├── UnkeptError             run again, packing states before their turns
└── RetryableError          try again with the same message id
    ├── BusyError           a bound was hit: wait `retry_after_s`
    └── StoreUnavailableError   unknown outcome: reload

Every constructor passes all its arguments to `super().__init__` positionally, because only then an
exception survives a Ray call.
"""


class RighttimeError(Exception):
    """Root of everything that this project raises on purpose."""


class InvalidIdError(RighttimeError):
    """Text that should be one of our ids is not."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{self.text[:64]!r} is not an id of this system"


class PlaybookError(RighttimeError):
    """A playbook cannot be used; `problems` are sentences that start with file:line:column."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class ChannelConfigError(RighttimeError):
    """Channels cannot be built as configured; `problems` are sentences that name the channel."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class CodecError(RighttimeError):
    """Stored bytes fail their checksum, or were written by a newer version."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnkeptError(RighttimeError):
    """A turn failed, and the state from before it is not known any more: see `actors.session.keeping`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"a turn of customer {self.number} failed, and its state from before is not known"


class RetryableError(RighttimeError):
    """The same call, with the same message id, may succeed later."""

    retry_after_s: float = 1.0


class BusyError(RetryableError):
    """A bounded queue is full."""

    def __init__(self, what: str, retry_after_s: float) -> None:
        super().__init__(what, retry_after_s)
        self.what = what
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.what} is full; retry in {self.retry_after_s:g} s"


class StoreUnavailableError(RetryableError):
    """The store did not answer, or its answer was lost: the outcome is unknown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the store is not available: {self.reason}"
