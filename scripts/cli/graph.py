"""`righttime playbook graph`: draw a scenario."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.cli.against import read_json
from scripts.cli.playbook import app, bundle
from scripts.output import DebugOption, Failure, JsonOption, speaking

if TYPE_CHECKING:
    from actors.playbook.model import Playbook
    from actors.scenarios.shapes import Count


class Format(StrEnum):
    """What a drawing can be."""

    SVG = "svg"
    MERMAID = "mermaid"


@app.command("graph")
def graph(  # noqa: PLR0913 - each is an option of its own
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="Its name in the playbook.")],
    playbook: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="A directory, or the name of one that comes along.",
            show_default="retail",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="An image, or text for documents that draw it.")
    ] = Format.SVG,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="stdout", dir_okay=False)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Draw what a running system has in force, with how many are where."),
    ] = None,
    key_file: Annotated[
        Path, typer.Option(help="With --url: file with a key that may read.", dir_okay=False)
    ] = Path(".righttime/data/keys/admin"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Draw a scenario: its steps by shape, and the ways between them.

    The image is light or dark as the viewer prefers. With --url it says of
    each step how many customers wait at it, have passed it, and left there.

    Examples:
      righttime playbook graph abandoned_cart --out cart.svg
      righttime playbook graph welcome --playbook ./mine --format mermaid
      righttime playbook graph welcome --url http://127.0.0.1:8000 --out welcome.svg
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.playbook.loader import compile_bundle
        from actors.scenarios.drawing import draw
        from actors.scenarios.graph import graph_of
        from actors.scenarios.mermaid import mermaid

        if url is not None and playbook is not None:
            raise Failure("either --playbook or --url: a running system has a playbook of its own")
        if url is None:
            compiled = compile_bundle(bundle(playbook or "retail"))
        else:
            compiled = compile_bundle(read_json(url, "/v1/playbook", key_file).get("files") or {})
        definition = compiled.scenarios_by_name.get(scenario)
        if definition is None:
            raise Failure(_unknown(scenario, compiled))
        counts = None
        if url is not None:
            counts = counts_of(read_json(url, f"/v1/scenarios/{scenario}", key_file))
        drawn = graph_of(definition, compiled)
        text = draw(drawn, counts) if form is Format.SVG else mermaid(drawn, counts)
        if out is not None:
            out.write_text(text, encoding="utf-8")
            output.console.print(f"{scenario} is in {out}.", markup=False, soft_wrap=True)
        elif not as_json:
            typer.echo(text, nl=False)
        result = {"scenario": scenario, "digest": definition.digest, "format": form.value}
        output.result(result | ({"text": text} if out is None else {"out": str(out)}))


def counts_of(told: dict[str, Any]) -> "dict[str, Count]":
    """Return the counts that `GET /v1/scenarios/{name}` tells of the version in force."""
    from actors.scenarios.shapes import Count

    counts = {
        step["name"]: Count(step["waiting"], step["passed"], step["left"])
        for step in told.get("steps", [])
    }
    for version in told.get("versions", []):
        if version["digest"] == told.get("digest"):
            counts[""] = Count(version["waiting"], version["started"], version["over"])
    return counts


def _unknown(scenario: str, playbook: "Playbook") -> str:
    known = ", ".join(playbook.scenarios_by_name) or "none"
    return f"the playbook {playbook.name} has no scenario {scenario!r} (it has: {known})"
