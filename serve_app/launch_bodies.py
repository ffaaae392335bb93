"""Bodies and replies of launches of scenarios."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from actors.domain.journeys import MAX_DATA, MAX_TEXT

_STRICT = ConfigDict(extra="forbid", strict=True)
MAX_PER_SECOND = 10_000

LaunchStates = Literal["running", "stopped", "done"]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Word = Annotated[str, Field(max_length=MAX_TEXT)]


@with_config(_STRICT)
class LaunchIn(TypedDict, total=False):
    """Who is to enter, and how fast; `id` makes a repeated order the same one.

    `segment` is needed unless the scenario's start names exactly one. `data` is what the instances
    begin with.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)] | None
    segment: _Name | None
    perSecond: Annotated[float, Field(gt=0, le=MAX_PER_SECOND)] | None
    data: (
        Annotated[
            dict[_Name, _Word | bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float],
            Field(max_length=MAX_DATA),
        ]
        | None
    )


class LaunchOut(TypedDict):
    """A launch. `members` is the segment's size now; `seen` of them were come to, `entered` entered.

    What was stopped goes on where it was. Who comes into a segment while it is walked is met
    only if their turn has not passed.
    """

    id: str
    scenario: str
    segment: str
    perSecond: float
    state: LaunchStates
    createdAt: str
    members: int
    seen: int
    entered: int


class LaunchesOut(TypedDict):
    """The launches of a scenario, the newest first."""

    launches: list[LaunchOut]


LAUNCH = TypeAdapter(LaunchIn)
INPUTS = (LaunchIn,)
TYPES = (LaunchOut, LaunchesOut)
