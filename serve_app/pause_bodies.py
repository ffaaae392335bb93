"""What operators say to stop something at once, and what they are told of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from serve_app.schemas import ChannelName

_STRICT = ConfigDict(extra="forbid", strict=True)

_Part = r"[A-Za-z0-9][A-Za-z0-9_.-]*"


@with_config(_STRICT)
class PauseIn(TypedDict, total=False):
    """What to stop, or let go on. Exactly one of them."""

    channel: ChannelName
    action: Annotated[str, Field(max_length=200, pattern=rf"^{_Part}/{_Part}/{_Part}$")]
    scenario: Annotated[str, Field(max_length=100, pattern=rf"^{_Part}$")]
    all: Literal[True]


class PauseOut(TypedDict):
    """One thing that is paused: `channel`, `action` or `scenario` and its name, or `all`."""

    kind: Literal["all", "channel", "action", "scenario"]
    name: str
    since: str


class PausesOut(TypedDict):
    """Everything that is paused, and since when on the machine's clock."""

    paused: list[PauseOut]


PAUSE: TypeAdapter[PauseIn] = TypeAdapter(PauseIn)
INPUTS = (PauseIn,)
TYPES = (PauseOut, PausesOut)
