"""`righttime playbook check --against`: what an edit means for customers who are under way."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from scripts.calling import call
from scripts.output import Failure

if TYPE_CHECKING:
    from actors.playbook.model import Playbook
    from actors.playbook.scenario_changes import ScenarioChange

EARLIER = ""
"""Stands in counts for all steps of versions before the one in force."""
Counts = dict[str, dict[str, int]]
"""By scenario and step, how many wait there."""


def against(
    console: Console, playbook: "Playbook", other: str, key_file: Path
) -> list[dict[str, Any]]:
    """Print, and return for programs, what becomes of each scenario.

    `other` is the playbook that is replaced: a directory, the name of one that comes along, or the
    URL of a running system, of which the customers who wait at each step are counted too.

    Raises:
        Failure: The other playbook cannot be read, or does not compile.
    """
    from actors.domain.errors import PlaybookError
    from actors.playbook.loader import compile_bundle
    from actors.playbook.scenario_changes import compare_scenarios
    from scripts.cli.playbook import bundle

    running = other.startswith(("http://", "https://"))
    try:
        files = _playbook(other, key_file) if running else bundle(other)
        before = compile_bundle(files)
    except PlaybookError as error:
        raise Failure(f"{other} cannot be compared with: {error.problems[0]}") from error
    counts: Counts | None = None
    if running:
        counts = {each.name: _counts(other, key_file, each.name) for each in before.scenarios}
    found = []
    for change in compare_scenarios(before, playbook):
        waiting = None if counts is None else counts.get(change.name, {})
        for line in _lines(change, waiting):
            console.print(line, markup=False, soft_wrap=True)
        found.append(_as_json(change, waiting))
    if not found:
        console.print("Neither playbook has scenarios.")
    return found


def _lines(change: "ScenarioChange", waiting: dict[str, int] | None) -> list[str]:
    from actors.playbook.scenario_changes import CHANGED, GONE

    title = f"scenario {change.name}: {change.what}"
    if change.what == CHANGED:
        title += f" ({change.before} → {change.after})"
    if change.what not in {CHANGED, GONE}:
        return [title]
    lines = [title]
    for why in dict.fromkeys(stay.why for stay in change.stays):
        steps = [_at(stay.step, waiting) for stay in change.stays if stay.why == why]
        lines.append(f"  finish on the version they began with, because {why}: {', '.join(steps)}")
    if change.moves:
        steps = [
            _at(old, waiting) if old == new else f"{_at(old, waiting)} to {new}"
            for old, new in change.moves
        ]
        lines.append(f"  move to the new version: {', '.join(steps)}")
    if waiting and waiting.get(EARLIER):
        lines.append(f"  {waiting[EARLIER]:,} more are on earlier versions")
    return lines


def _at(step: str, waiting: dict[str, int] | None) -> str:
    return step if waiting is None else f"{step} ({waiting.get(step, 0):,} waiting)"


def _as_json(change: "ScenarioChange", waiting: dict[str, int] | None) -> dict[str, Any]:
    def told(step: str) -> dict[str, Any]:
        return {} if waiting is None else {"waiting": waiting.get(step, 0)}

    return {
        "name": change.name,
        "change": change.what,
        "before": change.before,
        "after": change.after,
        "migrates": change.migrates,
        "stays": [{"step": s.step, "why": s.why, **told(s.step)} for s in change.stays],
        "moves": [{"step": old, "to": new, **told(old)} for old, new in change.moves],
        **({} if waiting is None else {"earlier": waiting.get(EARLIER, 0)}),
    }


def _playbook(url: str, key_file: Path) -> dict[str, str]:
    files = read_json(url, "/v1/playbook", key_file).get("files")
    if not isinstance(files, dict):
        raise Failure(f"{url} answered without a playbook")
    return files


def _counts(url: str, key_file: Path, scenario: str) -> dict[str, int]:
    """Return how many customers wait at each step of the version in force, and at earlier ones."""
    told = read_json(url, f"/v1/scenarios/{scenario}", key_file)
    versions = told.get("versions", [])
    earlier = sum(each["waiting"] for each in versions if each["digest"] != told["digest"])
    return {step["name"]: step["waiting"] for step in told.get("steps", [])} | {EARLIER: earlier}


def read_json(url: str, path: str, key_file: Path) -> dict[str, Any]:
    """Read one JSON object from a running system.

    Raises:
        Failure: Nobody answers, or not with one.
    """
    status, body = call(url, path, key_file)
    if status != 200:
        raise Failure(f"{url}{path} answered {status}")
    if not isinstance(body, dict):
        raise Failure(f"{url}{path} answered with something else")
    return body
