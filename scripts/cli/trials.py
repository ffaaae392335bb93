"""`righttime playbook try` and `test`: one customer through a scenario, on a virtual clock."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.cli.playbook import app, bundle
from scripts.output import DebugOption, Failure, JsonOption, Output, speaking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.playbook.model import Playbook
    from scripts.trials.cases import Answer
    from scripts.trials.checking import Verdict
    from scripts.trials.lines import Told

_PLAYBOOK = typer.Option("--playbook", help="A directory, or the name of one that comes along.")


@app.command("try")
def try_scenario(
    scenario: Annotated[str, typer.Argument(help="Whose steps to show; '-' for all of them.")],
    events: Annotated[
        Path,
        typer.Option(
            help="A JSON-lines file of events in the Segment envelope, with timestamps.",
            exists=True,
            dir_okay=False,
        ),
    ],
    playbook: Annotated[str, _PLAYBOOK] = "retail",
    until: Annotated[
        str, typer.Option(help="How long to wait after the last event: an ISO 8601 duration.")
    ] = "P30D",
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANNEL=JSON", help="What a webhook answers when it is called."),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run one customer through a scenario and show what happened, and why not.

    Time is virtual: weeks take a moment. Nothing is sent to anybody, and every
    action has the propensity that the playbook says it starts with. A line may
    also be an outcome of what was sent last: {"outcome": "click", "timestamp":
    ...}. An event that is heard late has a receivedAt as well.

    Examples:
      righttime playbook try abandoned_cart --events cart.jsonl
      righttime playbook try - --events year.jsonl --playbook ./mine --until P90D
      righttime playbook try check --events a.jsonl --answer 'crm={"score": 7}'
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.playbook.durations import parse_duration_ms
        from actors.playbook.hints import expected
        from actors.playbook.loader import compile_bundle
        from scripts.trials.lines import read_events

        book = compile_bundle(bundle(playbook))
        shown = None if scenario == "-" else scenario
        if shown is not None and shown not in book.scenarios_by_name:
            hint = expected(shown, book.scenarios_by_name)
            raise Failure(f"the playbook has no scenario {scenario!r}{hint}")
        try:
            wait_ms = parse_duration_ms(until)
        except ValueError as error:
            raise Failure(f"--until: {error}") from error
        try:
            told = read_events(events)
        except ValueError as error:
            raise Failure(str(error)) from error
        answers = _answers(answer or [])
        output.result(asyncio.run(_try(output, book, shown, told, wait_ms, answers)))


def _answers(texts: list[str]) -> "dict[str, Answer]":
    from scripts.trials.cases import Answer

    answers = {}
    for text in texts:
        channel, _, body = text.partition("=")
        try:
            properties = json.loads(body)
        except ValueError:
            properties = None
        if not channel or not isinstance(properties, dict):
            raise Failure(f"--answer: found {text!r}, expected CHANNEL=JSON, as crm={{}}")
        answers[channel] = Answer(properties=properties)
    return answers


async def _try(
    output: Output,
    book: "Playbook",
    scenario: str | None,
    told: "list[Told]",
    wait_ms: int,
    answers: "dict[str, Answer]",
) -> dict[str, Any]:
    from actors.decisioning.local_time import zone_exists
    from actors.domain.actions import OUTBOUND
    from actors.domain.events import Event
    from scripts.trials.checking import sent_in
    from scripts.trials.timeline import closing, timeline
    from scripts.trials.trial import trying

    async with trying(book, told[0].at_ms, answers) as trial:
        for each in told:
            await trial.advance(each.at_ms)
            if isinstance(each.item, Event):
                await trial.tell(each.item)
            else:
                outcome = each.item
                response = await trial.response(
                    outcome.outcome, outcome.action or None, outcome.message_id
                )
                if response is not None:
                    await trial.tell(response)
        await trial.advance(told[-1].at_ms + wait_ms)
        past, state = await trial.past(), await trial.state()
    zone = state.profile.timezone if state is not None else ""
    zone = zone if zone and zone_exists(zone) else book.timezone
    lines = [*timeline(past, book, zone, scenario), *closing(past, state, book, zone, scenario)]
    for line in [*lines, *trial.refusals]:
        output.console.print(line, markup=False, soft_wrap=True)
    under_way = [] if state is None else state.journeys.instances
    sent = [each for turn in past for each in sent_in(turn, book) if each.effect.mode == OUTBOUND]
    return {
        "scenario": scenario,
        "turns": len(past),
        "sent": [
            {
                "action": each.effect.action,
                "channel": each.effect.channel,
                "atMs": each.effect.at_ms,
                "scenario": each.scenario,
                "key": each.key,
                "content": each.effect.content,
            }
            for each in sent
        ],
        "underWay": [
            {
                "scenario": each.scenario,
                "key": each.key,
                "at": [token.step for token in each.tokens],
            }
            for each in under_way
        ],
        "notTaken": trial.refusals,
        "timeline": lines,
    }


@app.command("test")
def run_tests(
    playbook: Annotated[
        str, typer.Argument(metavar="DIR", help="A directory, or the name of one that comes along.")
    ] = "retail",
    only: Annotated[
        str | None, typer.Option("--only", "-k", help="Only tests whose name holds this text.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what happened in tests that pass, too.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run the tests in DIR/tests/*.yaml: given events, at times; expected messages and ends.

    Exits with 1 when one fails, and shows what happened instead. Problems in
    the files themselves start with file:line:column, as those of check do.

    Examples:
      righttime playbook test retail
      righttime playbook test ./my-playbook -k abandoned -v
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.playbook.loader import compile_bundle
        from scripts.trials.timeline import timeline

        book = compile_bundle(bundle(playbook))
        verdicts = []
        for verdict in _verdicts(output, playbook, only, book):
            verdicts.append(verdict)
            mark = "[red]FAILED[/red]" if verdict.failures else "[green]ok[/green]"
            output.console.print(f"{mark} {verdict.name}")
            for failure in verdict.failures:
                output.console.print(f"    {failure}", markup=False, soft_wrap=True)
            if verdict.failures or verbose:
                for line in timeline(verdict.past, book, verdict.timezone, verdict.scenario):
                    output.console.print(f"      {line}", markup=False, soft_wrap=True)
        failed = [verdict for verdict in verdicts if verdict.failures]
        result = {
            "tests": len(verdicts),
            "passed": [v.name for v in verdicts if not v.failures],
            "failed": [
                {
                    "name": v.name,
                    "failures": list(v.failures),
                    "timeline": list(timeline(v.past, book, v.timezone, v.scenario)),
                }
                for v in failed
            ],
        }
        count = f"{len(verdicts)} test{'s' if len(verdicts) != 1 else ''}"
        if failed:
            raise Failure(f"{len(failed)} of {count} failed", result)
        output.console.print(f"{count} passed")
        output.result(result)


def _verdicts(
    output: Output, playbook: str, only: str | None, book: "Playbook"
) -> "Iterator[Verdict]":
    """Run the tests one after the other.

    Raises:
        Failure: There is none, or a file is not as it should be.
    """
    from actors.domain.errors import PlaybookError
    from scripts.trials.checking import run_case
    from scripts.trials.reading import read_cases

    texts = files_beside(playbook)
    try:
        files = read_cases(texts, book)
    except PlaybookError as error:
        for problem in error.problems:
            output.console.print(problem, markup=False, soft_wrap=True)
        count = len(error.problems)
        raise Failure(
            f"{playbook}: {count} problem{'s' if count != 1 else ''} in its tests",
            {"valid": False, "problems": list(error.problems)},
        ) from error
    found = False
    for file_name, file in files.items():
        for name, case in file.tests.items():
            full = f"{file_name}/{name}"
            if only is None or only in full:
                found = True
                yield asyncio.run(run_case(full, case, file, book))
    if not found:
        named = f" whose name holds {only!r}" if only and files else ""
        raise Failure(f"{playbook}: there is no test{named} in its folder 'tests'")


def files_beside(playbook: str) -> dict[str, str]:
    """Return the texts of the test files that are kept beside a playbook, by name."""
    from importlib import resources

    from scripts.trials.reading import FOLDER, files_in

    if Path(playbook).is_dir():
        return files_in(Path(playbook) / FOLDER)
    folder = resources.files("actors.playbook.library").joinpath(playbook, FOLDER)
    with resources.as_file(folder) as path:
        return files_in(path)
