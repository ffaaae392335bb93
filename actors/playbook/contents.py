"""The content of treatments: its languages, and what its fields are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from actors.playbook.hints import expected
from actors.playbook.source import Document, Path
from actors.playbook.templates import FORMATS, SUGGESTED, URL, Placeholder, Template, format_of


def content_paths(document: Document, treatment: Path) -> Iterable[tuple[Path, list[str]]]:
    """Yield where a treatment's content stands, first without a language, and the names of its fields."""
    yield (*treatment, "content"), _keys(document.value((*treatment, "content")))
    for tag in _keys(document.value((*treatment, "locales"))):
        path = (*treatment, "locales", tag)
        yield path, _keys(document.value(path))


def checked_content(document: Document, treatment: Path, path: Path, found: Template) -> Template:
    """Return content with the formats of its fields, after reporting what is wrong with it.

    Every language must have the fields of `content`. A URL may not begin with a placeholder: values
    come from outside, and whoever sets one would choose where it leads.
    """
    given = document.value((*treatment, "formats"))
    given = given if isinstance(given, dict) else {}
    formats = tuple(_format(given.get(name), name) for name, _ in found.fields)
    for (name, value), form in zip(found.fields, formats, strict=True):
        if form == URL and isinstance(value, tuple) and isinstance(value[0], Placeholder):
            text = "a URL that begins with a placeholder leads anywhere, expected it to begin with text"
            document.report(document.place((*path, name)), text)
    if path == (*treatment, "content"):
        names = [name for name, _ in found.fields]
        for name in given:
            if isinstance(name, str) and name not in names:
                text = f"format of an unknown field {name!r}{expected(name, names)}"
                document.report(document.key_place((*treatment, "formats", name)), text)
    else:
        _same_fields(document, treatment, path)
    action = (*treatment[:2], "suggest")
    if document.value(action) is None:
        no_suggestion(document, path, found)
    return replace(found, formats=formats)


def no_suggestion(document: Document, path: Path, found: Template) -> None:
    """Report placeholders for a suggestion where there is none."""
    for name, value in found.fields:
        parts = value if isinstance(value, tuple) else ()
        if any(isinstance(part, Placeholder) and part.path == SUGGESTED for part in parts):
            text = f"{SUGGESTED!r} in a text, expected an action with 'suggest'"
            document.report(document.place((*path, name)), text)


def locales_of(templates: Mapping[Path, Template], treatment: Path) -> dict[str, Template]:
    """Return a treatment's content by language tag, in small letters."""
    where = (*treatment, "locales")
    return {
        str(path[-1]).lower(): template
        for path, template in templates.items()
        if path[:-1] == where
    }


def _format(given: object, name: str) -> str:
    return given if isinstance(given, str) and given in FORMATS else format_of(name)


def _same_fields(document: Document, treatment: Path, path: Path) -> None:
    names = _keys(document.value((*treatment, "content")))
    here = _keys(document.value(path))
    for name in here:
        if name not in names:
            text = f"field {name!r} is not in 'content'{expected(name, names)}"
            document.report(document.key_place((*path, name)), text)
    missing = [name for name in names if name not in here]
    if missing:
        text = (
            f"{path[-1]!r} lacks {', '.join(map(repr, missing))}, expected the fields of 'content'"
        )
        document.report(document.key_place(path), text)


def _keys(found: object) -> list[str]:
    return [name for name in found if isinstance(name, str)] if isinstance(found, dict) else []
