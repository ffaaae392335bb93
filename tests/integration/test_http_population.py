"""Simulated customers who call the HTTP API are answered as they are in one process, and are told what is wrong."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from actors.domain.ids import IdSpace
from actors.playbook.loader import compile_bundle, library
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.simulation.behaviour import Behaviour, Rhythm, usual_behaviour
from actors.simulation.block import Block, finish
from actors.simulation.learning import AsScorer, Frozen
from actors.simulation.model import PopulationModel, default_model
from actors.simulation.part import BlockClock, World
from actors.simulation.people import Floats, People
from actors.simulation.population import Population
from actors.simulation.run import Progress
from actors.simulation.spec import Spec
from actors.simulation.store import PopulationStore
from actors.simulation.touchpoints import identity_of
from actors.turn import decide
from actors.wire.messages import Answer, Routed
from scripts.output import Failure
from scripts.simulation.live import LiveBlock, send
from scripts.simulation.proof import playbook
from scripts.simulation.simulate import Options
from tests.integration.http_support import Edge

KEY = b"k" * 32
BOOK = compile_bundle(library("retail"))
MODEL = replace(default_model(), offer_log_odds=-1.0, visit_rates=[0.8, 1.4])
SPEC = Spec(population=8, days=3, seed=5, blocks=1)
WORLD = World(SPEC, Population(MODEL, 5, SPEC.start_ms), usual_behaviour(MODEL), BOOK, decide)


class Company:
    """The HTTP edge, and behind it a session whose timers fire when its clock is moved."""

    def __init__(self, world: World = WORLD) -> None:
        self.edge = Edge()
        ids = IdSpace(KEY)
        count = world.spec.population
        numbers = [ids.customer_number(identity_of(i)) for i in range(count)]
        self.store = PopulationStore({number: row for row, number in enumerate(numbers)})
        self.clock = BlockClock(world.spec.start_ms)
        self.tick_ms = world.spec.tick_ms
        self.bodies: list[bytes] = []
        self.session = Session(
            self.store, AsScorer(Frozen()), ids, self.clock, Activations(99, 1 << 30), lambda _: 1
        )
        gateway = self.edge.gateway
        gateway.virtual, gateway.now_ms, gateway.answer = True, self.clock.now_ms, self._answer
        gateway.advance = self._advance  # type: ignore[method-assign]

    def _answer(self, _: int, routed: Routed) -> Answer:
        job = Job.of(routed)
        finish(self.session.run([job], BOOK))
        assert job.answer is not None
        return job.answer

    async def _advance(self, to_ms: int) -> int:
        while (due_ms := await self.store.next_timer_ms()) is not None:
            tick_ms = max(self.clock.now_ms, -(-due_ms // self.tick_ms) * self.tick_ms)
            if tick_ms > to_ms:
                break
            self.clock.now_ms = tick_ms
            due = await self.store.due_timers("", tick_ms, 1 << 30)
            await self.session.run([Job(TimerJob(t.number, t.key, tick_ms)) for t in due], BOOK)
        self.clock.now_ms = self.edge.gateway.now_ms = to_ms
        return 0

    def take(self, request: httpx.Request) -> httpx.Response:
        """Answer a client's request."""
        self.bodies.append(request.content)
        headers = {"Content-Type": "application/json"}
        path = request.url.path
        said = self.edge.request(request.method, path, content=request.content, headers=headers)
        return httpx.Response(said.status_code, content=said.content, headers=said.headers)


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    made = Company()
    real = httpx.Client

    def client(**options: object) -> httpx.Client:
        return real(transport=httpx.MockTransport(made.take), **options)  # type: ignore[arg-type]

    monkeypatch.setattr("scripts.simulation.live.httpx.Client", client)
    return made


def _options(tmp_path: Path, **others: object) -> Options:
    people = tmp_path / "people.json"
    people.write_text(MODEL.to_json())
    given = {
        "population": people,
        "spec": SPEC,
        "playbook": "retail",
        "policies": ["playbook"],
        "out": tmp_path,
    }
    return Options(**(given | others))  # type: ignore[arg-type]


class Listening(Block):
    """A part of a population in this process that remembers what its replies show, and reads no messages."""

    def __init__(self) -> None:
        super().__init__(WORLD, 0, Frozen(), KEY)
        self.shown: list[tuple[int, int, tuple[str, ...]]] = []

    def answer(self, jobs: list[Job]) -> None:
        super().answer(jobs)
        self.store.rows.written.sent.clear()
        for (number, _), turn in sorted(self.turns.items()):
            event = turn.record.event
            if event is not None and event.placements:
                effects = [e for e in (*turn.record.effects, *turn.record.again) if e.placement]
                keys = tuple(e.action for e in sorted(effects, key=lambda effect: effect.rank))
                index = int(self.people.index[self.row_of[number]])
                self.shown.append((index, self.clock.now_ms, keys))


def test_replies_and_what_customers_make_of_them_equal_those_in_one_process() -> None:
    company = Company()
    with httpx.Client(
        transport=httpx.MockTransport(company.take), base_url="http://there"
    ) as client:
        live = LiveBlock(WORLD, 0, client, virtual=True)
        live.run_until(SPEC.end_ms)
    here = Listening()
    here.run_until(SPEC.end_ms)

    assert live.heard.refused == {}
    assert sum(keys != () for _, _, keys in here.shown) > 10
    assert live.heard.shown == here.shown
    taken = here.notes.totals["taken"]
    assert taken.sum() > 0
    assert (
        live.notes.totals["revenue_minor"].tolist() == here.notes.totals["revenue_minor"].tolist()
    )
    for number, row in here.row_of.items():
        kept = company.store.rows.state(number)
        assert bool(kept) == bool(here.store.rows.state(number)), row


def test_the_same_population_can_come_again_to_the_same_system(
    company: Company, tmp_path: Path
) -> None:
    said: list[tuple[str, Progress]] = []
    for _ in range(2):
        result = send(
            _options(tmp_path),
            "http://there",
            "key",
            Console(quiet=True),
            lambda *p: said.append(p),
        )
        assert result["refused"] == {}
        assert result["events"] > 10
    assert said[-1][1].days == SPEC.days
    assert len({body for body in company.bodies if b"messageId" in body}) == sum(
        b"messageId" in body for body in company.bodies
    )


def test_offers_that_the_playbook_at_hand_does_not_have_are_told(
    company: Company, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    book.mkdir()
    for name, text in playbook().items():
        (book / name).write_text(text.replace("hero", "home_hero"))
    options = _options(tmp_path, playbook=str(book))
    online = replace(MODEL, channels={"web": 1.0}, buys={"web": 0.4})
    (tmp_path / "people.json").write_text(online.to_json())
    result = send(options, "http://there", "key", Console(quiet=True), lambda *_: None)
    assert result["unknown_actions"]


@pytest.mark.parametrize(
    ("url", "key", "others", "says"),
    [
        ("http://there", "", {}, "needs --key"),
        ("http://there", "schlüssel ☃", {}, "cannot be used"),
        ("http://there", "key", {"workers": 2}, "one worker"),
        ("http://there", "key", {"behaviour": "nowhere:at_all"}, "nowhere:at_all"),
        ("http://there:x", "key", {}, "cannot be used"),
    ],
)
def test_what_cannot_be_sent_says_why(
    company: Company, tmp_path: Path, url: str, key: str, others: dict[str, object], says: str
) -> None:
    with pytest.raises(Failure, match=says):
        send(_options(tmp_path, **others), url, key, Console(quiet=True), lambda *_: None)


class Broken(Rhythm):
    """Nobody knows when these customers come."""

    def expected(self, people: People, day: int) -> Floats:
        raise RuntimeError("broken")


def broken(model: PopulationModel) -> Behaviour:
    """What `--behaviour` names."""
    return replace(usual_behaviour(model), arrival=Broken(model))


def test_a_fault_in_one_part_of_the_population_ends_all_and_is_told(
    company: Company, tmp_path: Path
) -> None:
    options = _options(tmp_path, behaviour="tests.integration.test_http_population:broken")
    with pytest.raises(RuntimeError, match="broken"):
        send(options, "http://there", "key", Console(quiet=True), lambda *_: None)
