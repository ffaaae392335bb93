"""How the actor of a single customer reaches the models: by way of a cell, and of another when that one is gone."""

import asyncio
from types import SimpleNamespace

import pytest

from actors.ports import CellRow
from actors.runtime.modelling import ModelsOfCells


class Cells:
    """Cells by name; those in `dead` fail."""

    def __init__(self, *names: str) -> None:
        self.rows = [CellRow(name, "i", 1, 1, "here", 0) for name in names]
        self.dead: set[str] = set()
        self.asked: list[str] = []
        self.looked: list[str] = []

    async def registered(self):
        return self.rows

    def find(self, name: str):
        self.looked.append(name)

        async def score(request: bytes) -> bytes:
            self.asked.append(name)
            if name in self.dead:
                raise OSError(name)
            return b"scores of " + request

        return SimpleNamespace(score=SimpleNamespace(remote=score))


def models_of(cells: Cells, first: int = 0) -> ModelsOfCells:
    return ModelsOfCells(cells.registered, first, cells.find)


def test_one_cell_is_looked_for_once_and_never_another_customers_actor():
    cells = Cells("customer:c_1", "cell-1", "cell-0")
    models = models_of(cells, first=2)

    async def scenario():
        return [await models.score(b"x"), await models.score(b"y")]

    assert asyncio.run(scenario()) == [b"scores of x", b"scores of y"]
    assert (cells.looked, cells.asked) == (["cell-0"], ["cell-0", "cell-0"])


def test_after_a_failure_the_next_cell_is_asked():
    cells = Cells("cell-0", "cell-1")
    models = models_of(cells)

    async def scenario():
        await models.score(b"x")
        cells.dead.add("cell-0")
        with pytest.raises(OSError, match="cell-0"):
            await models.score(b"y")
        return await models.score(b"z")

    assert asyncio.run(scenario()) == b"scores of z"
    assert cells.looked == ["cell-0", "cell-1"]


def test_without_any_cell_it_fails_and_the_caller_takes_the_prior():
    with pytest.raises(LookupError):
        asyncio.run(models_of(Cells("customer:c_1")).score(b"x"))
