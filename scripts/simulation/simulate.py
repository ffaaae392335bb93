"""A simulation from options to a folder of results."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from actors.domain.errors import PlaybookError
from actors.playbook.loader import bundle_bytes, compile_bundle, library, library_names, read_bundle
from actors.simulation.choosing import load_policy
from actors.simulation.model import PopulationModel, default_model
from actors.simulation.run import Outcome, Progress, Run, Stopped, Workers
from actors.simulation.spec import Spec
from actors.simulation.worker import setup_bytes
from scripts.output import Failure
from scripts.simulation.workers import working

LEARNER = "serve_app.models.simulated:LearnedModel"
PLAYBOOK_ITSELF = "playbook"
"""The policy that is a playbook's own arbitration."""

Employ = Callable[[bytes, int, str], AbstractContextManager[Workers]]
"""Given what a worker is made from, the number of parts and a folder: workers."""


@dataclass(slots=True, kw_only=True)
class Options:
    """What `righttime simulate` was asked for. A policy is a playbook, `module:object`, or `playbook`."""

    spec: Spec
    playbook: str
    policies: list[str]
    out: Path
    model: str = "learning"
    population: Path | None = None
    behaviour: str = ""
    workers: int = 1
    checkpoint_days: int = 0
    resume: bool = False


@dataclass(slots=True)
class Result:
    """What came of one policy, where its tables are, and how fast it went (CPU and wall seconds)."""

    label: str
    policy: str
    folder: Path
    outcome: Outcome
    seconds: float
    version: str
    summary: dict[str, Any] = field(default_factory=dict)


def bundle_of(text: str) -> dict[str, str]:
    """Return the files of a playbook by its name in the library or its folder.

    Raises:
        Failure: There is none.
    """
    if Path(text).is_dir():
        return dict(read_bundle(Path(text)))
    if text not in library_names():
        raise Failure(f"no playbook {text!r}: neither a folder nor one of {library_names()}")
    return dict(library(text))


def population_of(path: Path | None) -> PopulationModel:
    """Read a population's model, or return the default one.

    Raises:
        Failure: It cannot be read, or is none.
    """
    if path is None:
        return default_model()
    try:
        return PopulationModel.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        raise Failure(f"cannot read the population in {str(path)!r}: {error}") from error


def labels_of(policies: list[str]) -> list[str]:
    """Return a folder's name for each policy, all different."""
    found: list[str] = []
    for policy in policies:
        label = "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(policy).name)
        found.append(label if label not in found else f"{label}-{len(found) + 1}")
    return found


def prepared(options: Options) -> list[tuple[str, Run]]:
    """Return the runs of all policies, with their labels; nothing has been written yet.

    Raises:
        Failure: A playbook or policy cannot be used.
    """
    population = population_of(options.population)
    model = "" if options.model == "frozen" else LEARNER
    days = options.spec.days
    every = options.checkpoint_days or (
        max(1, days // 6) if options.spec.population > 50_000 else 1
    )
    runs = []
    for label, policy in zip(labels_of(options.policies), options.policies, strict=True):
        outside = policy if ":" in policy and not Path(policy).exists() else ""
        own = policy in {PLAYBOOK_ITSELF, options.playbook} or bool(outside)
        bundle = bundle_of(options.playbook if own else policy)
        try:
            playbook = compile_bundle(bundle)
            if outside:
                load_policy(outside)
        except PlaybookError as error:
            raise Failure(f"the playbook cannot be used: {error.problems[0]}") from error
        except ValueError as error:
            raise Failure(str(error)) from error
        setup = setup_bytes(
            options.spec, population, bundle_bytes(bundle), outside, model, options.behaviour
        )
        shares_nothing = not model and not playbook.budgets.shared
        runs.append(
            (
                label,
                Run(options.spec, playbook, options.out / label, setup, every, shares_nothing),
            )
        )
    return runs


def simulate(
    options: Options, said: Callable[[str, Progress], None], employ: Employ | None = None
) -> list[Result]:
    """Run all policies, one after the other, each from its last checkpoint where that is asked.

    Raises:
        Failure: It was stopped, or cannot be begun.
    """
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"--out: cannot write to {str(options.out)!r}: {error.strerror}") from error
    hire = employ or (lambda setup, blocks, folder: working(setup, blocks, folder, options.workers))
    results: list[Result] = []
    with _interrupts() as stopping:
        for label, run in prepared(options):
            policy = options.policies[len(results)]
            done = run.folder / "done.json"
            if options.resume and done.exists():
                results.append(_read_done(done, label, policy, run))
                continue
            done.unlink(missing_ok=True)
            run.folder.mkdir(parents=True, exist_ok=True)
            began = time.monotonic()
            try:
                with hire(run.setup, options.spec.block_count(), str(run.folder)) as workers:
                    outcome = run.go(
                        workers,
                        lambda progress, label=label: said(label, progress),  # type: ignore[misc]
                        stopping,
                        resume=options.resume,
                    )
            except Stopped as stop:
                raise Failure(
                    f"stopped; what is done is in {options.out}, and --resume goes on",
                    exit_code=130,
                ) from stop
            except (ValueError, RuntimeError) as error:
                raise Failure(str(error)) from error
            seconds = time.monotonic() - began
            result = Result(label, policy, run.folder, outcome, seconds, run.playbook.version)
            _write_done(done, result, run)
            results.append(result)
    return results


def _write_done(path: Path, result: Result, run: Run) -> None:
    outcome = result.outcome
    said = {
        "run": run.fingerprint,
        "seconds": result.seconds,
        "digest": outcome.digest,
        "turns": outcome.turns,
        "decisions": outcome.decisions,
        "failed": outcome.failed,
        "bytes": outcome.bytes_a_customer,
        "spent": outcome.spent,
        "parts": [
            {key: part[key] for key in ("block", "sums", "customers")} for part in outcome.parts
        ],
    }
    path.write_text(json.dumps(said), encoding="utf-8")


def _read_done(path: Path, label: str, policy: str, run: Run) -> Result:
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["run"] != run.fingerprint:
        raise Failure(f"{run.folder} holds another run; --resume needs the same options")
    outcome = Outcome(
        found["parts"],
        found["digest"],
        found["turns"],
        found["decisions"],
        found["failed"],
        found["bytes"],
        found["spent"],
    )
    return Result(label, policy, run.folder, outcome, found["seconds"], run.playbook.version)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield whether an interrupt has come; the second one ends the process as usual."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread: whoever runs it has its own ways
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
