"""Content of treatments: texts with `{{profile.traits.first_name|there}}` placeholders."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from html import escape
from math import isfinite
from urllib.parse import quote

from actors.playbook.fields import ATTRIBUTES, CATALOGUE, INSTANCE, resolve
from actors.playbook.hints import expected, nearest

MAX_VALUE_LENGTH = 200
"""A value that is put into a text is cut here: traits come from outside."""

SUGGESTED = "suggested"
"""What placeholders for a suggested item begin with."""
_SUGGESTION = ("item", "name")

HTML, TEXT, URL = "html", "text", "url"
FORMATS = (HTML, TEXT, URL)
"""What a field may be: part of a page, plain text, or a URL. Values are put in accordingly."""
_TEXTS = frozenset({"subject", "preheader", "text", "sms", "line", "talk"})
_URLS = frozenset({"url", "link", "href", "image"})

Content = str | int | float | bool
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder. `name` is what it says, such as `profile.traits.first_name`.

    `path` is the catalogue's field and `key` what is looked up in it, empty for fields that are no
    maps. `fallback` is used, as it stands, when the value is missing or empty.
    """

    name: str
    path: str
    key: str
    fallback: str


@dataclass(frozen=True, slots=True)
class TemplateError:
    """What is wrong at an offset of a text."""

    offset: int
    text: str


Part = str | Placeholder


@dataclass(frozen=True, slots=True)
class Template:
    """Compiled content: by name, either a plain value or the parts of a text.

    `formats` has one of `FORMATS` a field; empty for those that go by their names.
    """

    fields: tuple[tuple[str, Content | tuple[Part, ...]], ...] = ()
    formats: tuple[str, ...] = ()

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """All placeholders, in order; several may be equal."""
        return tuple(
            part
            for _, value in self.fields
            if isinstance(value, tuple)
            for part in value
            if isinstance(part, Placeholder)
        )


def parse_text(
    text: str, attributes: Collection[str] | None = None
) -> tuple[Content | tuple[Part, ...], list[TemplateError]]:
    """Compile one text; a text without placeholders stays as it is.

    `attributes` are those that the playbook declares; None when that is not known.
    """
    parts: list[Part] = []
    errors: list[TemplateError] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        end = match.end()
        found = _placeholder(match.group(1), attributes)
        if isinstance(found, Placeholder):
            parts.append(found)
        else:
            errors.append(TemplateError(match.start(), found))
    rest = text[end:]
    if "{{" in rest:
        errors.append(TemplateError(end + rest.index("{{"), "found '{{' without '}}'"))
    if not parts:
        return text, errors
    return tuple([*parts, rest] if rest else parts), errors


def format_of(name: str) -> str:
    """Return what a field of this name is: HTML unless the name says otherwise."""
    last = re.split(r"[_-]|(?<=[a-z0-9])(?=[A-Z])", name)[-1].lower()
    if name in _TEXTS or last == "text":
        return TEXT
    return URL if name in _URLS or last == "url" else HTML


def render(content: Template, values: Mapping[str, object]) -> dict[str, Content]:
    """Return the content with values by placeholder name put in, as the field's format wants it.

    HTML is escaped, what goes into a URL percent-encoded, so that it stays one piece of it; into plain
    text it goes as it is. Missing values, empty ones, and those that are neither text, number nor bool
    give the fallback. Control characters become blanks everywhere, so that a value cannot start a new
    line of a mail's header.
    """
    rendered: dict[str, Content] = {}
    formats = content.formats or [format_of(name) for name, _ in content.fields]
    for (name, value), form in zip(content.fields, formats, strict=True):
        if isinstance(value, tuple):
            put = _PUT[form]
            texts = [
                part
                if isinstance(part, str)
                else put(_plain(values.get(part.name))) or part.fallback
                for part in value
            ]
            rendered[name] = "".join(texts)
        else:
            rendered[name] = value
    return rendered


def filled(content: Template, values: Mapping[str, object]) -> dict[str, Content]:
    """Return the content for machines: as `render` does, but not escaped.

    A text that is one placeholder and nothing else keeps the number or bool that it stands for.
    """
    given: dict[str, Content] = {}
    for name, value in content.fields:
        if not isinstance(value, tuple):
            given[name] = value
            continue
        alone = values.get(value[0].name) if isinstance(value[0], Placeholder) else None
        if len(value) == 1 and isinstance(alone, int | float) and isfinite(alone):
            given[name] = alone
            continue
        given[name] = "".join(
            part if isinstance(part, str) else _plain(values.get(part.name)) or part.fallback
            for part in value
        )
    return given


def _placeholder(inner: str, attributes: Collection[str] | None) -> Placeholder | str:
    """Return the placeholder, or what is wrong with it."""
    name, bar, fallback = inner.partition("|")
    name = name.strip()
    root, _, key = name.partition(".")
    if root == SUGGESTED:
        if key not in _SUGGESTION:
            return f"unknown field {name!r}, expected suggested.item or suggested.name"
        return Placeholder(name, SUGGESTED, key, fallback)
    field, inside = resolve(tuple(name.split(".")))
    if field is None:
        names = [path for path, each in CATALOGUE.items() if each.is_scalar or each.is_map]
        hint = nearest(name, names)
        end = f"; did you mean {hint!r}?" if hint else ""
        return f"unknown field {name!r} in a placeholder, expected one of the catalogue's{end}"
    if field.is_map:
        if len(inside) != 1 or not inside[0]:
            return f"{name!r} is a map, expected one key in it, such as {field.path + '.name'!r}"
        if field.path == ATTRIBUTES and attributes is not None and inside[0] not in attributes:
            return f"unknown attribute {inside[0]!r}{expected(inside[0], attributes)}"
        if field.is_dyn and not bar and field.path != INSTANCE:
            example = "{{" + name + "|text}}"
            return f"{name!r} may be missing, expected a fallback: {example}"
        return Placeholder(name, field.path, inside[0], fallback)
    if inside or not field.is_scalar:
        return f"{name!r} cannot be shown: {field.path!r} is of type {field.type}"
    return Placeholder(name, field.path, "", fallback)


def _in_url(text: str) -> str:
    return "" if text in {".", ".."} else quote(text, safe="")


def _plain(value: object) -> str:
    text = ""
    if value is None:
        return text
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = _CONTROL.sub(" ", value[:MAX_VALUE_LENGTH]).strip()
    elif isinstance(value, int):
        text = str(value) if abs(value) < 10**18 else ""
    elif isinstance(value, float) and isfinite(value):
        text = f"{value:.0f}" if value.is_integer() else f"{value:.2f}"
    return text


_PUT: dict[str, Callable[[str], str]] = {HTML: escape, TEXT: str, URL: _in_url}
