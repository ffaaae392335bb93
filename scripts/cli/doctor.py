"""`righttime doctor`: says what is wrong with this machine, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, speaking

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    data: Annotated[Path, typer.Option(help="The data directory to judge.", file_okay=False)] = (
        Path(".righttime/data")
    ),
    port: Annotated[int, typer.Option(help="The port to judge.", min=1, max=65535)] = 8000,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say what is wrong with this machine, and what to do about it.

    Looks at Python, packages, ports, memory, limits, disk, clock and what
    earlier runs left behind. Changes nothing. Exits with 1 when something
    would keep the system from running.

    Examples:
      righttime doctor
      righttime doctor --data /var/lib/righttime --port 9000 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.machine.checks import judge
        from scripts.machine.probes import gather

        findings = judge(gather(data, port))
        table = Table(show_edge=False)
        for name in ("", "what", "found", "what to do"):
            table.add_column(name, overflow="fold")
        for finding in findings:
            style = STYLES[finding.level]
            table.add_row(
                f"[{style}]{finding.level}[/]", finding.what, finding.found, finding.remedy
            )
        output.console.print(table)
        failed = [finding.what for finding in findings if finding.level == "fail"]
        result = {
            "healthy": not failed,
            "findings": [
                {"what": f.what, "level": f.level, "found": f.found, "remedy": f.remedy}
                for f in findings
            ],
        }
        if failed:
            raise Failure(f"this machine is not ready: {', '.join(failed)}", result)
        output.result(result)
