"""Where rules and texts can be written in `scenarios.yaml`, also in a file that has problems."""

from collections.abc import Iterator

from actors.playbook.source import Document, Path


def rule_paths(document: Document) -> Iterator[Path]:
    """Yield where rules can be written."""
    for name in _keys(document, ("scenarios",)):
        here: Path = ("scenarios", name)
        yield from _pattern_paths(document, (*here, "start"))
        for i in _indexes(document, (*here, "stop")):
            yield (*here, "stop", i, "when")
        for goal in _keys(document, (*here, "goals")):
            yield (*here, "goals", goal, "when")
        for step in _keys(document, (*here, "steps")):
            at = (*here, "steps", step)
            yield from ((*at, "filter"), (*at, "filter", "when"), (*at, "while"))
            for i in _indexes(document, (*at, "branch")):
                yield (*at, "branch", i, "when")
            for i in _indexes(document, (*at, "listen")):
                yield from _pattern_paths(document, (*at, "listen", i))


def text_paths(document: Document) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield the mappings that hold texts with placeholders, and the fields that do."""
    for name in _keys(document, ("scenarios",)):
        for step in _keys(document, ("scenarios", name, "steps")):
            at: Path = ("scenarios", name, "steps", step)
            for field in ("set", "properties", "content"):
                yield (*at, field), _keys(document, (*at, field))
            for field in ("open", "close"):
                if document.value((*at, field, "subject")) is not None:
                    yield (*at, field), ("subject",)


def _pattern_paths(document: Document, path: Path) -> Iterator[Path]:
    yield (*path, "when")
    for i in _indexes(document, (*path, "sequence")):
        part = (*path, "sequence", i)
        yield (*part, "when")
        for j in _indexes(document, (*part, "without")):
            yield (*part, "without", j, "when")


def _keys(document: Document, path: Path) -> tuple[str, ...]:
    found = document.value(path)
    return tuple(found) if isinstance(found, dict) else ()


def _indexes(document: Document, path: Path) -> range:
    found = document.value(path)
    return range(len(found) if isinstance(found, list) else 0)
