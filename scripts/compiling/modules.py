"""Which modules are compiled: the pure ones on the way of a turn."""

from pathlib import Path

PACKAGES = (
    "attributes",
    "decisioning",
    "domain",
    "domain/folding",
    "experiments",
    "identity",
    "lifetime",
    "patterns",
    "policies",
    "scenarios",
    "session",
    "suggestions",
    "turn",
    "wire",
)

SINGLE = (
    "playbook/model.py",
    "playbook/durations.py",
    # Every turn makes some of these; the ports' enumerations are values to others, and stay Python.
    "ports/changing.py",
    "ports/finding.py",
    # What a population's turn passes through beside the session. Behaviours are replaced by deriving from them.
    *(f"simulation/{name}.py" for name in ("customer", "meeting", "messages", "noting")),
    *(f"simulation/{name}.py" for name in ("recording", "rows", "touchpoints")),
)
MODELS = "playbook/*_model.py"

LEFT = frozenset(
    {
        # Nobody waits for these: they draw, report, or speak to users.
        *(f"scenarios/{name}.py" for name in ("drawing", "graph", "layout", "layout_rows")),
        *(f"scenarios/{name}.py" for name in ("mermaid", "shapes", "wording")),
        *(f"experiments/{name}.py" for name in ("report", "statistics", "tally")),
        # Pydantic makes its classes at run time.
        "wire/replies.py",
        "playbook/content_model.py",
        # Errors cross processes as pickles.
        "domain/errors.py",
        # Its numbers are whole or not as they come; machine code would write all of them as floats.
        "patterns/level.py",
        # What only some commands need; mypyc has no asynchronous generators, and errors are pickled.
        *(f"session/{name}.py" for name in ("lineage", "parting", "restoring")),
        *(f"session/{name}.py" for name in ("stories", "traces")),
        # mypyc 2.4 forgets a header where bytes are indexed; C does the work there anyway.
        "wire/codec.py",
    }
)


def sources(home: Path) -> list[str]:
    """Return the paths of the modules to compile, relative to `home`, in a fixed order."""
    actors = home / "actors"
    found = [path for package in PACKAGES for path in sorted((actors / package).glob("*.py"))]
    found += sorted(actors.glob(MODELS))
    found += [actors / name for name in SINGLE]
    return [
        path.relative_to(home).as_posix()
        for path in found
        if path.name != "__init__.py" and path.relative_to(actors).as_posix() not in LEFT
    ]
