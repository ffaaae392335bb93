"""Whoever works on some parts of a population: in this process, in another, or in a Ray actor.

What goes in and out is bytes, the same wherever it runs.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import msgpack

from actors import turn as core
from actors.decisioning.journal import Lesson
from actors.domain.errors import UnkeptError
from actors.domain.scores import ScoreRow
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.simulation.behaviour import Behaviour, usual_behaviour
from actors.simulation.block import MOST_KEPT, Block
from actors.simulation.choosing import deciding, load_policy
from actors.simulation.learning import Frozen, Model, Taught
from actors.simulation.ledger import CUSTOMERS
from actors.simulation.model import PopulationModel
from actors.simulation.part import World
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.spec import Spec
from actors.simulation.tables import MANY, STREAMED, Writer

YOUNG = 6_000_000
"""By how many objects a process may grow, some hundred megabytes, before cycles of garbage are looked for.

The states of `MOST_KEPT` customers are some four million after three months.
"""
_LESSON = tuple(Lesson.__dataclass_fields__)


class Worker:
    """Some parts of a population under one policy. `setup` is what `setup_bytes` made."""

    def __init__(self, setup: bytes, blocks: list[int], folder: str) -> None:
        found = msgpack.unpackb(setup)
        self._folder = Path(folder)
        self.spec = Spec(**found["spec"])
        model = PopulationModel.from_json(found["population"])
        playbook = compile_bundle(bundle_from_bytes(found["playbook"]))
        name = found["policy"]
        self._world = World(
            spec=self.spec,
            population=Population(model, self.spec.seed, self.spec.start_ms),
            behaviour=behaviour_of(found["behaviour"], model),
            playbook=playbook,
            decide=deciding(load_policy(name), name) if name else core.decide,
        )
        self._learner, self._numbers = found["model"], blocks
        customers = sum(self.spec.part(block)[1] for block in blocks)
        self._begin(packed=customers > MOST_KEPT)

    def _begin(self, *, packed: bool) -> None:
        """Have everybody where they are before the first day; see `Block` for `packed`."""
        self._model: Model = _model(self._learner, self._world.playbook)
        self._blocks = {
            number: Block(self._world, number, self._model, packed=packed)
            for number in self._numbers
        }
        self._writers = {number: Writer(self._folder, number) for number in self._numbers}

    def step(self, order: bytes) -> bytes:
        """Run all parts to the next barrier.

        An order has `until_ms`, the `taught` of the last interval of everybody, `grants` by block, the number
        of the `period`, whether to `write` rows, and where to `save` a checkpoint, or nothing. The answer has
        the lessons, what was spent, and counts; or `unkept`, what was said of a turn that failed and cannot be undone.
        """
        with undisturbed():
            try:
                return self._step(msgpack.unpackb(order, strict_map_key=False))
            except UnkeptError as error:
                said: bytes = msgpack.packb({"unkept": str(error)})
                return said

    def _step(self, asked: dict[str, Any]) -> bytes:
        self._model.learn([_taught_from(each) for each in asked["taught"]])
        taught: list[Any] = []
        used: list[Any] = []
        for number, block in self._blocks.items():
            grants = asked["grants"].get(number, {})
            block.grant({name: (bucket, amount) for name, (bucket, amount) in grants.items()})
            block.run_until(asked["until_ms"])
            taught += [_taught_fields(each) for each in block.take_taught()]
            used += block.take_used()
            writer = self._writers[number]
            for table in STREAMED:
                if asked["write"]:
                    writer.write(table, block.tables.take(table), asked["period"])
                elif len(block.tables.rows[table]) >= MANY:
                    writer.add(table, block.tables.take(table), asked["period"])
            if asked["until_ms"] == self.spec.end_ms:
                block.pack()
        if asked["save"]:
            self._save(Path(asked["save"]))
        answer: bytes = msgpack.packb(
            {
                "taught": taught,
                "used": used,
                "turns": sum(block.turn_count for block in self._blocks.values()),
                "decisions": sum(block.decisions for block in self._blocks.values()),
            }
        )
        return answer

    def _save(self, folder: Path) -> None:
        """Write a checkpoint of each part, and end the files of this period."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, block in self._blocks.items():
            writer = self._writers[number]
            writer.close()
            packed = msgpack.packb([block.dump(), writer.digests])
            (folder / f"{number:04d}.bin").write_bytes(packed)
        (folder / "model.bin").write_bytes(self._model.dump())

    def load(self, folder: str, packed: bool) -> None:
        """Go on from a checkpoint, or from the beginning where `folder` is empty; `packed` as for `Block`, or as usual."""
        if packed:
            for writer in self._writers.values():
                writer.close()
            self._begin(packed=True)
        if not folder:
            return
        for number, block in self._blocks.items():
            data, digests = msgpack.unpackb((Path(folder) / f"{number:04d}.bin").read_bytes())
            block.load(data)
            self._writers[number].digests = digests
        self._model.load((Path(folder) / "model.bin").read_bytes())

    def end(self, period: int) -> bytes:
        """Write the table of customers, end all files, and return sums, faults, digests and sizes by part."""
        found = []
        for number, block in self._blocks.items():
            writer = self._writers[number]
            block.notes.close_day((self.spec.end_ms - 1) // DAY_MS)
            writer.write(CUSTOMERS, block.notes.customer_rows(), period)
            writer.close()
            found.append(
                {
                    "block": number,
                    "sums": block.sums.to_fields(),
                    "failed": block.failed.counts,
                    "turns": block.turn_count,
                    "decisions": block.decisions,
                    "digests": writer.digests,
                    "customers": len(block.people),
                    "bytes": block.state_bytes(),
                }
            )
        answer: bytes = msgpack.packb(found)
        return answer


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no cycles of garbage: turns leave none, and to look through thousands of states costs a tenth.

    When many objects more than before are there (what a replaced behaviour or policy may leave), it is done after all:
    among these, since states that are kept only grow in number, and among all of them every tenth time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > YOUNG:
            gc.collect(2 if gc.get_count()[2] >= gc.get_threshold()[2] else 1)
        if was:
            gc.enable()


def setup_bytes(
    spec: Spec,
    population: PopulationModel,
    playbook: bytes,
    policy: str = "",
    model: str = "",
    behaviour: str = "",
) -> bytes:
    """Pack what a worker is made from.

    `policy` is `module:object` or empty for the playbook's own arbitration; `model` names what makes the
    learner from a playbook, empty for starting propensities; `behaviour` what makes a `Behaviour` from a
    `PopulationModel`, empty for the usual one.
    """
    packed: bytes = msgpack.packb(
        {
            "spec": spec.to_fields(),
            "population": population.to_json(),
            "playbook": playbook,
            "policy": policy,
            "model": model,
            "behaviour": behaviour,
        }
    )
    return packed


def named(name: str) -> Any:
    """Return the object that `module:object` names.

    Raises:
        ValueError: There is none.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"there is no {name!r}: {error}") from error


def behaviour_of(name: str, model: PopulationModel) -> Behaviour:
    """Return the usual behaviour with a model's numbers, or that which `module:object` makes of them.

    Raises:
        ValueError: There is no such object.
    """
    if not name:
        return usual_behaviour(model)
    made: Behaviour = named(name)(model)
    return made


def _model(name: str, playbook: Playbook) -> Model:
    if not name:
        return Frozen()
    made: Model = named(name)(playbook)
    return made


def _taught_fields(taught: Taught) -> list[Any]:
    lesson = [getattr(taught.lesson, name) for name in _LESSON]
    return [taught.customer, taught.seq, taught.n, lesson, taught.row and list(taught.row)]


def _taught_from(fields: list[Any]) -> Taught:
    customer, seq, n, lesson, row = fields
    said = Lesson(**dict(zip(_LESSON, lesson, strict=True)))
    return Taught(
        customer, seq, n, said, ScoreRow._make([*row[:4], tuple(row[4])]) if row else None
    )
