"""How every command speaks: text for people, one JSON object for programs, one sentence on failure."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from actors.domain.errors import PlaybookError

JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object as the last line of stdout; text goes to stderr."
    ),
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="On failure, show the whole traceback.", show_default=False)
]


class Failure(Exception):  # noqa: N818 - people read "Failure", and it is not an error of ours
    """A command cannot do what it was asked; `sentence` says why and what to do.

    `result` is the JSON object to print nevertheless, for commands that measured something first.
    """

    def __init__(
        self, sentence: str, result: dict[str, Any] | None = None, exit_code: int = 1
    ) -> None:
        super().__init__(sentence, result, exit_code)
        self.sentence = sentence
        self.result = result
        self.exit_code = exit_code


@dataclass(slots=True)
class Output:
    """Where a command writes. `console` is for people; `result` for programs."""

    console: Console
    as_json: bool

    def result(self, value: dict[str, Any]) -> None:
        """Print the object as one line of JSON, if that was asked for."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
            sys.stdout.flush()


@contextmanager
def speaking(*, as_json: bool, debug: bool) -> Iterator[Output]:
    """Yield an `Output`, and turn whatever goes wrong into one sentence and an exit code.

    Raises:
        typer.Exit: The command failed (code 1, or that of the `Failure`), or was interrupted (130).
    """
    output = Output(Console(stderr=as_json, highlight=False), as_json)
    try:
        yield output
    except typer.Exit:
        raise
    except Failure as failure:
        if debug and failure.__cause__ is not None:
            raise
        _fail(output, failure.sentence, failure.result)
        raise typer.Exit(failure.exit_code) from failure
    except KeyboardInterrupt as interrupt:
        _fail(output, "interrupted", None)
        raise typer.Exit(130) from interrupt
    except Exception as error:
        if debug:
            raise
        _fail(output, _sentence(error), None)
        raise typer.Exit(1) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, PlaybookError):
        head = f"the playbook has {len(error.problems)} problem(s):"
        return "\n".join([head, *error.problems])
    text = str(error).strip()
    first = text.splitlines()[0] if text else "no further word"
    return f"{type(error).__name__}: {first} (add --debug for the traceback)"


def _fail(output: Output, sentence: str, result: dict[str, Any] | None) -> None:
    sys.stderr.write(f"righttime: {sentence}\n")
    sys.stderr.flush()
    output.result({**(result or {}), "error": sentence})
