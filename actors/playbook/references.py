"""What a CEL expression refers to, found by reading its tokens.

The CEL library names only the roots of what an expression uses. Contexts are built from the fields
that rules use and no others, because building one from a whole profile costs more than all rules.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import cel

MAX_LENGTH = 4000
MAX_DEPTH = 40
"""Parentheses of a rule may nest this deep; the parser gives up not far above."""
MAX_MACRO_DEPTH = 2
MAX_SUMS_IN_MAP = 4
"""How many `+` a `map` may have, of which a rule has one: texts that are joined for every element add up."""

_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_COPYING = frozenset({"map", "filter"})
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_OPENING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
  | (?P<string>(?:[rR][bB]?|[bB][rR]?)?
        (?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op>&&|\|\||==|!=|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_RAW = re.compile(r"[rR][\"']")


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is neither blank nor comment; `start` and `end` are offsets in the source."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a variable is used.

    `parts` are its names and literal string indexes in order, `ends` the offsets behind each of
    them; `tested` says that it is the argument of `has()`, `searched` that it is the right side of
    `in`.
    """

    parts: tuple[str, ...]
    start: int
    tested: bool
    searched: bool
    ends: tuple[int, ...] = ()


def tokenize(source: str) -> list[Token]:
    """Return the tokens of an expression that compiles; of another, a best effort."""
    tokens = []
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup or "op"
        if kind != "skip":
            tokens.append(Token(kind, match.group(), match.start(), match.end()))
    return tokens


def string_value(token: Token) -> str | None:
    """Return the text that a string literal stands for; None for bytes."""
    quoted = token.text
    if "\\" not in quoted or _RAW.match(quoted):
        body = quoted.lstrip("rR")
        if body[:1] in {"b", "B"}:
            return None
        width = 3 if body.startswith(('"""', "'''")) else 1
        return body[width:-width]
    value = cel.compile(quoted).execute({})
    return value if isinstance(value, str) else None


def depth_of(tokens: list[Token]) -> int:
    """Return how deep brackets nest."""
    depth = deepest = 0
    for token in tokens:
        if token.kind == "op" and token.text in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif token.kind == "op" and token.text in ")]}":
            depth -= 1
    return deepest


def endless(tokens: list[Token]) -> tuple[int, str] | None:
    """Return where and why a rule could take very long or very much room, or None.

    With at most 500 elements in a list, as the edge takes them, a macro over all pairs costs a quarter of a
    second, over all triples two minutes. `map` and `filter` copy what they have at each element.
    """
    open_macros: list[str] = []
    maps = sums = 0
    for i, token in enumerate(tokens):
        if token.kind == "op" and token.text in _OPENING:
            name = tokens[i - 1].text if _binds(tokens, i) else ""
            inside = [macro for macro in open_macros if macro]
            if name and len(inside) >= MAX_MACRO_DEPTH:
                return token.start, f"found macros nested deeper than {MAX_MACRO_DEPTH} levels"
            if name in _COPYING and inside:
                return token.start, f"found {name!r} inside of {inside[-1]!r}, expected it outside"
            maps += name == "map"
            if maps > 1:
                return token.start, "found a second 'map', expected at most one in a rule"
            open_macros.append(name)
        elif token.kind == "op" and token.text in ")]}" and open_macros:
            open_macros.pop()
        elif token.kind == "op" and token.text == "+" and "map" in open_macros:
            sums += 1
            if sums > MAX_SUMS_IN_MAP:
                return token.start, f"found more than {MAX_SUMS_IN_MAP} '+' in a 'map'"
    return None


def calls(tokens: list[Token]) -> list[Token]:
    """Return the names of all functions, methods and macros called."""
    return [
        token
        for i, token in enumerate(tokens)
        if token.kind == "ident" and token.text not in _KEYWORDS and _is(tokens, i + 1, "(")
    ]


def uses(tokens: list[Token]) -> list[Use]:
    """Return every use of a variable, but of those that macros such as `.exists(x, …)` bind."""
    found = []
    bound: list[str] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.kind == "op" and token.text in _OPENING:
            bound.append(_binds(tokens, i))
        elif token.kind == "op" and token.text in ")]}" and bound:
            bound.pop()
        elif _starts_a_variable(tokens, i) and token.text not in bound:
            use, i = _chain(tokens, i)
            found.append(use)
            continue
        i += 1
    return found


def _is(tokens: list[Token], i: int, text: str) -> bool:
    return 0 <= i < len(tokens) and tokens[i].kind != "string" and tokens[i].text == text


def _starts_a_variable(tokens: list[Token], i: int) -> bool:
    is_name = tokens[i].kind == "ident" and tokens[i].text not in _KEYWORDS
    return is_name and not _is(tokens, i + 1, "(") and not _is(tokens, i - 1, ".")


def _binds(tokens: list[Token], i: int) -> str:
    """Return the variable that the macro opening its parenthesis at `i` binds, or an empty text."""
    is_macro = (
        i >= 2
        and tokens[i].text == "("
        and tokens[i - 1].text in _MACROS
        and _is(tokens, i - 2, ".")
        and i + 1 < len(tokens)
        and tokens[i + 1].kind == "ident"
        and _is(tokens, i + 2, ",")
    )
    return tokens[i + 1].text if is_macro else ""


def _chain(tokens: list[Token], i: int) -> tuple[Use, int]:
    """Follow `a.b["c"].d` from its first name; return its use and the index behind it."""
    first = tokens[i]
    tested = _is(tokens, i - 1, "(") and _is(tokens, i - 2, "has")
    searched = _is(tokens, i - 1, "in")
    parts = [first.text]
    ends = [first.end]
    i += 1
    while i + 1 < len(tokens):
        after = tokens[i + 1]
        if _is(tokens, i, ".") and after.kind == "ident" and not _is(tokens, i + 2, "("):
            parts.append(after.text)
            ends.append(after.end)
            i += 2
            continue
        if _is(tokens, i, "[") and after.kind == "string" and _is(tokens, i + 2, "]"):
            key = string_value(after)
            if key is not None:
                parts.append(key)
                ends.append(tokens[i + 2].end)
                i += 3
                continue
        break
    return Use(tuple(parts), first.start, tested, searched, tuple(ends)), i


def terms(tokens: list[Token]) -> list[tuple[int, int, bool]]:
    """Split an expression into the parts between its outer `&&`, `||` and `? :`.

    Each part is an expression of its own that a short circuit may skip, so a check evaluates it
    alone.

    Returns:
        (start, end, must be a bool) in the source, parentheses and `!` around a part taken off.
    """
    found: list[tuple[int, int, bool]] = []
    _split(tokens, 0, len(tokens), must_be_bool=False, found=found)
    return found


def cuts_of(tokens: list[Token], start: int, end: int) -> list[int]:
    """Return the indexes of `&&`, `||`, `?` and `:` outside of all brackets between two indexes."""
    cuts = []
    depth = 0
    for i in range(start, end):
        text = tokens[i].text if tokens[i].kind == "op" else ""
        depth += (text in _OPENING) - (text != "" and text in ")]}")
        if depth == 0 and text in {"&&", "||", "?", ":"}:
            cuts.append(i)
    return cuts


def _split(
    tokens: list[Token],
    start: int,
    end: int,
    *,
    must_be_bool: bool,
    found: list[tuple[int, int, bool]],
) -> None:
    cuts = cuts_of(tokens, start, end)
    if not cuts:
        _unwrap(tokens, start, end, must_be_bool=must_be_bool, found=found)
        return
    edges = [start - 1, *cuts, end]
    for left, right in pairwise(edges):
        before = tokens[left].text if left >= start else ""
        after = tokens[right].text if right < end else ""
        logical = {before, after} & {"&&", "||"} or after == "?"
        _split(tokens, left + 1, right, must_be_bool=bool(logical), found=found)


def _unwrap(
    tokens: list[Token],
    start: int,
    end: int,
    *,
    must_be_bool: bool,
    found: list[tuple[int, int, bool]],
) -> None:
    if start >= end:
        return
    if _is(tokens, start, "!") and closing(tokens, start + 1) == end - 1:
        _unwrap(tokens, start + 1, end, must_be_bool=True, found=found)
    elif closing(tokens, start) == end - 1:
        _split(tokens, start + 1, end - 1, must_be_bool=must_be_bool, found=found)
    else:
        found.append((tokens[start].start, tokens[end - 1].end, must_be_bool))


def closing(tokens: list[Token], i: int) -> int:
    """Return the index of the parenthesis that closes the one at `i`, or -1."""
    if not _is(tokens, i, "("):
        return -1
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j].kind == "op":
            depth += (tokens[j].text in _OPENING) - (tokens[j].text in ")]}")
            if depth == 0:
                return j
    return -1
