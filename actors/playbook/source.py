"""YAML with places: plain values, and for each of them the line and column it was written at.

The node graph is read directly and no constructor of the YAML library runs: tags can do nothing,
duplicate keys are seen, and anchors cannot blow a small file up past a fixed number of values.
"""

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from actors.playbook.hints import describe

MAX_VALUES = 50_000
MAX_NESTING = 16
_MAX_OPEN_BRACKETS = 100
_MAX_PROBLEM_LENGTH = 400
_TAG = "tag:yaml.org,2002:"

_BRACKET = re.compile(r"[\[\]{}]")

Path = tuple[str | int, ...]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong at a place; line and column count from 1."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


@dataclass(slots=True)
class Document:
    """One parsed file. `data` is plain values; `problems` what could not be read as such."""

    file: str
    text: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    _nodes: dict[Path, Any] = field(default_factory=dict)
    _keys: dict[Path, Any] = field(default_factory=dict)

    def names(self, key: str) -> frozenset[str] | None:
        """Return the keys of the mapping under `key`; None when the file could not be read."""
        if self.data is None and self.problems:
            return None
        found = self.value((key,))
        return frozenset(found) if isinstance(found, dict) else frozenset()

    def place(self, path: Path) -> Place:
        """Return where the value at `path` begins, or the nearest thing that holds it."""
        while path and path not in self._nodes:
            path = path[:-1]
        node = self._nodes.get(path)
        if isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index:
            node = self._keys.get(path, node)  # nothing is written: its key is
        return _place(node) if node is not None else (1, 1)

    def key_place(self, path: Path) -> Place:
        """Return where the key at the end of `path` is written."""
        node = self._keys.get(path)
        return _place(node) if node is not None else self.place(path)

    def inside(self, path: Path, offset: int) -> Place:
        """Return where the character at `offset` of the text at `path` is written."""
        node = self._nodes.get(path)
        if not isinstance(node, ScalarNode) or not node.value:
            return self.place(path)
        index = _source_index(self.text, node, offset)
        line_start = self.text.rfind("\n", 0, index) + 1
        return self.text.count("\n", 0, index) + 1, index - line_start + 1

    def value(self, path: Path) -> Any:
        """Return the value at `path`, or None where there is none."""
        found = self.data
        for part in path:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def report(self, place: Place, text: str) -> None:
        """Add a problem at a place."""
        if len(text) > _MAX_PROBLEM_LENGTH:
            text = text[: _MAX_PROBLEM_LENGTH - 1] + "…"
        self.problems.append(Problem(self.file, *place, text))


def compose(text: str) -> Any:
    """Return the root node of a YAML text, None of an empty one; raises what ruamel.yaml does."""
    return YAML(typ="safe", pure=True).compose(text)


def parse(file: str, text: str) -> Document:
    """Read one YAML file; what is wrong with it is in the result's `problems`."""
    document = Document(file, text)
    too_deep = _too_many_open_brackets(text)
    if too_deep is not None:
        document.report(too_deep, f"nests deeper than the {MAX_NESTING} levels allowed")
        return document
    try:
        root = compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = " ".join(part for part in (error.context, error.problem) if part)
        document.report(place, f"not valid YAML: {what}")
    except YAMLError as error:
        index = getattr(error, "position", 0)  # of a character that YAML does not allow
        place = (text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
        document.report(place, f"not valid YAML: {str(error).splitlines()[0]}")
    except RecursionError:
        document.report((1, 1), f"nests deeper than the {MAX_NESTING} levels allowed")
    except ValueError as error:
        document.report((1, 1), f"not valid YAML: {error}")
    else:
        if root is not None:
            try:
                document.data = _Reader(document).read(root, ())
            except _TooMuchError:
                document.data = None
    return document


def _too_many_open_brackets(text: str) -> Place | None:
    """Return where more brackets are open than any playbook needs, before the parser sees them.

    Its time grows with the square of their number. Quotes are not understood here, hence a limit
    far above the one for real nesting.
    """
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match.group() in "[{" else max(depth - 1, 0)
        if depth > _MAX_OPEN_BRACKETS:
            index = match.start()
            return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
    return None


class _TooMuchError(Exception):
    """The file is too deep or, with its anchors followed, too large to read on."""


class _Reader:
    """Turns nodes into plain values and notes where they are."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def read(self, node: Any, path: Path) -> Any:
        """Return the plain value of a node."""
        self._values += 1
        if self._values > MAX_VALUES:
            self._give_up(node, f"holds more than the {MAX_VALUES:,} values allowed")
        if len(path) > MAX_NESTING:
            self._give_up(node, f"nests deeper than the {MAX_NESTING} levels allowed")
        self._document._nodes[path] = node
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(child, (*path, i)) for i, child in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        self._document.report(
            _place(node), f"found the tag {describe(node.tag)}; tags are not allowed"
        )
        return None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._document.report(_place(key_node), "found a key that is not text")
                continue
            key = key_node.value
            if key in data:
                line, column = self._document.key_place((*path, key))
                self._document.report(
                    _place(key_node),
                    f"duplicate key {key!r}; it is already at line {line}, column {column}",
                )
                continue
            self._document._keys[(*path, key)] = key_node
            data[key] = self.read(value_node, (*path, key))
        return data

    def _scalar(self, node: ScalarNode) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = node.value
        try:
            if kind in {"str", "timestamp"}:
                return text
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() in {"true", "yes", "on", "y"}
            if kind == "int":
                return _integer(text)
            if kind == "float":
                return _number(text)
        except ValueError:
            self._document.report(_place(node), f"found {describe(text)}, expected a finite number")
            return None
        self._document.report(
            _place(node), f"found the tag {describe(node.tag)}; tags are not allowed"
        )
        return None

    def _give_up(self, node: Any, text: str) -> NoReturn:
        self._document.report(_place(node), text)
        raise _TooMuchError


def _integer(text: str) -> int:
    plain = text.replace("_", "")
    prefixed = plain.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"}
    return int(plain, 0 if prefixed else 10)


def _number(text: str) -> float:
    value = float(text.replace("_", ""))
    if not isfinite(value):
        raise ValueError(text)
    return value


def _place(node: Any) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _source_index(text: str, node: Any, offset: int) -> int:
    """Find where the character at `offset` of a scalar's value stands in the file.

    Value and source are walked side by side. Blanks may differ (indentation, folded lines, escapes),
    so they are skipped until both agree again: the place of every visible character is exact.
    """
    is_escaped = node.style == '"'
    i = _content_start(text, node)
    for j, char in enumerate(node.value[: offset + 1]):
        if not char.isspace():
            i = _skip_blanks(text, i, node.end_mark.index, is_escaped=is_escaped)
        if j == offset:
            return i
        i = _after(text, i, char, node.style)
    return i


def _content_start(text: str, node: Any) -> int:
    start: int = node.start_mark.index
    if node.style in {"|", ">"}:
        return text.index("\n", start) + 1
    return start + 1 if node.style in {"'", '"'} else start


_ESCAPE_WIDTHS = {"x": 4, "u": 6, "U": 10}
_BLANK_ESCAPES = frozenset("\n ntr")


def _skip_blanks(text: str, i: int, end: int, *, is_escaped: bool) -> int:
    while i < end:
        if text[i].isspace():
            i += 1
        elif is_escaped and text[i] == "\\" and text[i + 1 : i + 2] in _BLANK_ESCAPES:
            i += 2
        else:
            break
    return i


def _after(text: str, i: int, char: str, style: str | None) -> int:
    if style == '"' and text[i : i + 1] == "\\":
        return i + _ESCAPE_WIDTHS.get(text[i + 1 : i + 2], 2)
    if char.isspace():
        return i + 1 if text[i : i + 1].isspace() else i
    return i + 2 if style == "'" and text[i : i + 2] == "''" else i + 1
