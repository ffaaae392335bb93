"""What operators say about cells, and what they are told of them."""

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from serve_app.cell_counts import MAX_CELLS


@with_config(ConfigDict(extra="forbid", strict=True))
class CellsIn(TypedDict):
    """How many cells are to host customers from now on."""

    count: Annotated[int, Field(ge=1, le=MAX_CELLS)]


class CellOut(TypedDict):
    """A registered cell. `standby` owns partitions only while no other cell lives."""

    name: str
    host: str
    pid: int
    partitions: int
    standby: bool
    leaving: bool


class CellsOut(TypedDict):
    """`settled` says that so many cells serve since the last change, and nothing is to change hands."""

    count: int
    settled: bool
    unowned: int
    cells: list[CellOut]


CELLS: TypeAdapter[CellsIn] = TypeAdapter(CellsIn)
INPUTS = (CellsIn,)
TYPES = (CellOut, CellsOut)
