"""Errors, by what the caller does next.

RighttimeError
├── InvalidIdError          fix the id
├── PlaybookError           fix the playbook (file, line, column)
├── ChannelConfigError      fix channels.yaml
├── CodecError              stored bytes are damaged or from a newer version
├── UnknownEffectError      nothing was ever sent under this key
├── MessageConflictError    the message id was used for another body
└── RetryableError          try again with the same message id
    ├── FencedError         another cell owns the partition now
    ├── RaceLostError       another writer was first: read again
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


class UnknownEffectError(RighttimeError):
    """No effect has this key."""

    def __init__(self, effect_key: str) -> None:
        super().__init__(effect_key)
        self.effect_key = effect_key

    def __str__(self) -> str:
        return f"no effect has the key {self.effect_key[:64]!r}"


class MessageConflictError(RighttimeError):
    """This message id was already used with another body."""

    def __init__(self, message_id: str) -> None:
        super().__init__(message_id)
        self.message_id = message_id

    def __str__(self) -> str:
        return f"message id {self.message_id[:100]!r} was already used with another body"


class RetryableError(RighttimeError):
    """The same call, with the same message id, may succeed later."""

    retry_after_s: float = 1.0


class FencedError(RetryableError):
    """The partition belongs to another cell now."""

    def __init__(self, partition: int) -> None:
        super().__init__(partition)
        self.partition = partition

    def __str__(self) -> str:
        return f"partition {self.partition} belongs to another cell now"


class RaceLostError(RetryableError):
    """Another writer changed the customer first."""

    def __init__(self, customer: int) -> None:
        super().__init__(customer)
        self.customer = customer

    def __str__(self) -> str:
        return f"customer number {self.customer} was changed by another writer"


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
