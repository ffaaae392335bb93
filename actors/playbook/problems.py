"""From pydantic's errors to sentences that an author of YAML understands, at the right place."""

from typing import Any

from pydantic import BaseModel, ValidationError

from actors.playbook.hints import describe, expected, nearest
from actors.playbook.schema import fields_at
from actors.playbook.source import Document, Path

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_too_short": "some text",
}
_LIMITS = {
    "greater_than": ("gt", "a number above {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "a number below {}"),
    "less_than_equal": ("le", "{} or less"),
    "string_too_long": ("max_length", "at most {} characters"),
    "too_short": ("min_length", "at least {} entry"),
    "too_long": ("max_length", "at most {} entries"),
}


def validate(document: Document, model: type[BaseModel]) -> BaseModel | None:
    """Return the file as a model; what is wrong goes to the document, and the result is None."""
    data = {} if document.data is None else document.data
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=True)
        meant = {_meant(model, each) for each in errors}
        for each in errors:
            if not (each["type"] == "missing" and each["loc"] in meant):
                _report(document, model, each)
        return None


def _meant(model: type[BaseModel], error: Any) -> Path | None:
    """Return the field that a misspelt one was meant to be: it is not missing as well."""
    if error["type"] != "extra_forbidden":
        return None
    path: Path = tuple(error["loc"])
    name = nearest(str(path[-1]), fields_at(model, path[:-1]))
    return None if name is None else (*path[:-1], name)


def _report(document: Document, model: type[BaseModel], error: Any) -> None:
    path: Path = tuple(error["loc"])
    kind: str = error["type"]
    if path and path[-1] == "[key]":
        path = path[:-1]
        place = document.key_place(path)
        document.report(place, f"found the key {describe(path[-1])}, {_wish(error)}")
    elif kind == "extra_forbidden":
        known = fields_at(model, path[:-1])
        name = str(path[-1])
        document.report(document.key_place(path), f"unknown field {name!r}{expected(name, known)}")
    elif kind == "missing":
        place = document.key_place(path[:-1])
        document.report(place, f"missing field {path[-1]!r}, expected by {_owner(path)}")
    else:
        found = describe(document.value(path))
        document.report(document.place(path), f"{_label(path)}: found {found}, {_wish(error)}")


def _wish(error: Any) -> str:
    kind: str = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in _LIMITS:
        name, sentence = _LIMITS[kind]
        return "expected " + sentence.format(context[name])
    if kind in _EXPECTED:
        return "expected " + _EXPECTED[kind]
    return "expected otherwise: " + str(error["msg"])


def _owner(path: Path) -> str:
    return repr(".".join(map(str, path[:-1]))) if len(path) > 1 else "the file"


def _label(path: Path) -> str:
    return ".".join(map(str, path)) or "the file"
