"""`righttime compile`: the core as machine code."""

from typing import Annotated

import typer

from scripts.output import DebugOption, JsonOption, speaking


def compile_core(
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget what was compiled; go on as Python.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Compile even where nothing has changed.")
    ] = False,
    tuned: Annotated[
        bool,
        typer.Option(
            "--tuned",
            help="Compile twice, the second time by what usual work showed: a turn costs a tenth less.",
        ),
    ] = False,
    if_possible: Annotated[
        bool,
        typer.Option("--if-possible", help="Exit with 0 where there is no compiler, saying so."),
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compile the core to machine code, so that a turn costs about half.

    Needs a C compiler, Python's headers and the extra `compile`; takes about
    one minute on two processors, three when --tuned. What is compiled lies in the environment and
    serves every process that starts from then on. When a source changes, the
    core is Python again until it is compiled anew. RIGHTTIME_COMPILED=no
    leaves it out for one process, RIGHTTIME_COMPILED=yes insists on it.

    Examples:
      righttime compile
      righttime compile --tuned
      righttime compile --remove
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors import compiled
        from scripts.compiling.build import built, remove_built
        from scripts.output import Failure

        folder = str(compiled.place())
        if remove:
            there = remove_built()
            output.console.print("Removed." if there else "Nothing was compiled.")
            output.result({"compiled": False, "removed": there})
            return
        try:
            modules, seconds = built(output.console, again=again, tuned=tuned)
        except Failure as failure:
            if not if_possible:
                raise
            output.console.print(f"The core stays Python: {failure.sentence}.")
            output.result({"compiled": False, "why": failure.sentence})
            return
        if seconds:
            output.console.print(f"{modules} modules are machine code now ({seconds:.0f} s).")
        else:
            output.console.print(f"{modules} modules are machine code already.")
        output.result(
            {
                "compiled": True,
                "modules": modules,
                "seconds": round(seconds, 1),
                "tuned": compiled.is_tuned(compiled.place()),
                "folder": folder,
            }
        )
