"""Simple rules as Python functions over a list of values, because CEL's price is in handing them over.

A rule is simple when nothing in it can go wrong or be read in two ways: comparisons of one type with
the same type, `in` lists of literals, sums and products of doubles, `!`, `&&`, `||`. CEL and Python
agree on those to the last bit (tested against each other); every other rule stays with CEL.

It relies on the catalogue: a variable has the type that it is declared with, and a double is finite
and at most `MAX_DOUBLE`, so that no sum or product of a few becomes a NaN, which CEL cannot compare.

What a map of unknown types holds, such as the properties of an event, has the type that the rule
compares it with; a rule that is simple then is asked in Python where the values are of those types,
and of CEL where one is anything else, or is missing where the rule may be true without it.
"""

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from actors.playbook.conditions import plain_conditions
from actors.playbook.fields import CATALOGUE
from actors.playbook.lowering import SEGMENTS, Variable
from actors.playbook.references import Token, string_value, tokenize

Predicate = Callable[[Sequence[Any], Collection[str], str], bool]
Predicates = Callable[[Sequence[Any], Collection[str], str], tuple[bool, ...]]
"""Asks rules: of values in the order of the playbook's variables, of segments held, and of a tier."""

MAX_DOUBLE = 1e20

_PARAMETERS = ("values", "segments", "tier")
_MAX_TOKENS = 300
"""A longer rule, built by a machine, could nest deeper than Python compiles."""

_MAX_RESULT = 1e300
_MAX_INT = 2**63 - 1
_ORDER: dict[str, ast.cmpop] = {"<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE()}
_EQUAL: dict[str, ast.cmpop] = {"==": ast.Eq(), "!=": ast.NotEq()}


class _NotSimpleError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of a rule as Python; `bound` is what a double cannot exceed."""

    type: str
    node: ast.expr
    bound: float = 0.0
    place: "_Place | None" = None


_Place = tuple[int, str]
"""An entry of a map of unknown types: the map's position and the key."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A rule as Python that is asked where `test` holds, and how to ask it elsewhere.

    Nowhere is it true where `needed` does not hold, if there is one.
    """

    test: ast.expr
    rule: ast.expr
    otherwise: Predicate
    needed: ast.expr | None = None


def simple(
    lowered: str, variables: Collection[Variable], positions: Mapping[str, int]
) -> ast.expr | None:
    """Return a lowered rule as a Python expression, or None when it is not simple.

    `positions` says where the values of variables stand.
    """
    try:
        return _Reader(lowered, variables, positions).whole()
    except _NotSimpleError:
        return None


def guarded(
    lowered: str,
    variables: Collection[Variable],
    positions: Mapping[str, int],
    otherwise: Predicate,
) -> Guarded | None:
    """Return a rule that is simple where entries of unknown type have the types it compares with."""
    types: dict[_Place, str] = {}
    reader = _Reader(lowered, variables, positions, types)
    try:
        rule = reader.whole()
    except _NotSimpleError:
        return None
    if not types:
        return None
    tests = [_typed(place, kind) for place, kind in types.items()]
    needed = [_there(place) for place in reader.needed()]
    return Guarded(_all(tests), rule, otherwise, _all(needed) if needed else None)


def together(rules: Sequence[ast.expr | Guarded | Predicate]) -> Predicates:
    """Return one function that answers several rules in their order: a call for each would cost more.

    A rule is an expression that `simple` gave, what `guarded` gave, or else a function.
    """
    names: dict[str, Any] = {"__builtins__": {}, "type": type}
    names |= {each.__name__: each for each in (bool, int, float, str)}
    answers: list[ast.expr] = []
    repeated = _repeated(rules)
    given: list[ast.expr] = [ast.Name(name, ast.Load()) for name in _PARAMETERS]
    for i, rule in enumerate(rules):
        if isinstance(rule, ast.expr):
            answers.append(repeated.get(i, rule))
            continue
        names[f"rule_{i}"] = rule.otherwise if isinstance(rule, Guarded) else rule
        called = ast.Call(ast.Name(f"rule_{i}", ast.Load()), given, [])
        if isinstance(rule, Guarded):
            asked = called if rule.needed is None else _all([rule.needed, called])
            answers.append(ast.IfExp(rule.test, rule.rule, asked))
        else:
            answers.append(called)
    parameters = ast.arguments([], [ast.arg(name) for name in _PARAMETERS], None, [], [], None, [])
    body = ast.Expression(ast.Lambda(parameters, ast.Tuple(answers, ast.Load())))
    # Not text of a playbook: a tree that holds nothing but what is built here.
    made: Predicates = eval(compile(ast.fix_missing_locations(body), "<rules>", "eval"), names)  # noqa: S307
    return made


def _repeated(rules: Sequence[ast.expr | Guarded | Predicate]) -> dict[int, ast.expr]:
    """Return by its place how each expression that is there several times is worked out once."""
    places: dict[str, list[int]] = {}
    for i, rule in enumerate(rules):
        if isinstance(rule, ast.expr) and not isinstance(rule, ast.Constant):
            places.setdefault(ast.dump(rule), []).append(i)
    found: dict[int, ast.expr] = {}
    for first, *others in places.values():
        rule = rules[first]
        if others and isinstance(rule, ast.expr):
            name = f"same_{first}"
            found[first] = ast.NamedExpr(ast.Name(name, ast.Store()), rule)
            for i in others:
                found[i] = ast.Name(name, ast.Load())
    return found


class _Reader:
    """Reads a rule by CEL's precedence, and gives up where it is not simple."""

    def __init__(
        self,
        lowered: str,
        variables: Collection[Variable],
        positions: Mapping[str, int],
        types: dict[_Place, str] | None = None,
    ) -> None:
        self._tokens = tokenize(lowered)
        if len(self._tokens) > _MAX_TOKENS:
            _give_up()
        self._at = 0
        self._variables = {variable.name: variable for variable in variables}
        self._positions = positions
        self._types = types  # of entries of unknown type; None where there may be none
        self._entries: list[tuple[int, _Place]] = []

    def whole(self) -> ast.expr:
        term = self._either()
        if self._at < len(self._tokens):
            _give_up()
        return self._as("bool", term).node

    def needed(self) -> list[_Place]:
        """Return the entries without which a rule that has been read is not true."""
        where = plain_conditions(self._tokens)
        found = [place for at, place in self._entries if any(at in each for each in where)]
        return list(dict.fromkeys(found))

    def _either(self) -> _Term:
        return self._joined("||", ast.Or(), self._both)

    def _both(self) -> _Term:
        return self._joined("&&", ast.And(), self._relation)

    def _joined(self, text: str, op: ast.boolop, part: Callable[[], _Term]) -> _Term:
        parts = [part()]
        while self._take(text):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return _Term("bool", ast.BoolOp(op, [self._as("bool", each).node for each in parts]))

    def _relation(self) -> _Term:
        left = self._sum()
        sign = self._text()
        if sign == "in":
            self._at += 1
            return _Term("bool", ast.Compare(left.node, [ast.In()], [self._list(left.type)]))
        if sign in _EQUAL or (sign in _ORDER and left.type in {"int", "double", "dyn"}):
            self._at += 1
            right = self._sum()
            kind = right.type if left.place is not None else left.type
            if sign in _ORDER and kind not in {"int", "double"}:
                _give_up()
            left, right = self._as(kind, left), self._as(kind, right)
            op = _EQUAL.get(sign) or _ORDER[sign]
            return _Term("bool", ast.Compare(left.node, [op], [right.node]))
        return left

    def _sum(self) -> _Term:
        term = self._product()
        while (sign := self._text()) in {"+", "-"}:
            self._at += 1
            right = self._as("double", self._product())
            bound = self._as("double", term).bound + right.bound
            op = ast.Add() if sign == "+" else ast.Sub()
            term = _bounded(ast.BinOp(term.node, op, right.node), bound)
        return term

    def _product(self) -> _Term:
        term = self._unary()
        while self._take("*"):
            right = self._as("double", self._unary())
            bound = self._as("double", term).bound * right.bound
            term = _bounded(ast.BinOp(term.node, ast.Mult(), right.node), bound)
        return term

    def _unary(self) -> _Term:
        if self._take("!"):
            return _Term("bool", ast.UnaryOp(ast.Not(), self._as("bool", self._unary()).node))
        if self._take("("):
            term = self._either()
            self._need(")")
            return term
        token = self._next()
        if token.kind == "ident" and self._text() == "(":
            return self._double(token.text)
        return self._variable(token.text) if token.kind == "ident" else _literal(token)

    def _double(self, name: str) -> _Term:
        if name != "double":
            _give_up()
        self._need("(")
        term = self._unary()
        self._need(")")
        if term.place is not None:
            return self._as("double", term)
        term = self._as("int", term)
        return _bounded(ast.Call(ast.Name("float", ast.Load()), [term.node], []), MAX_DOUBLE)

    def _variable(self, name: str) -> _Term:
        if name in {"true", "false"}:
            return _Term("bool", ast.Constant(name == "true"))
        variable = self._variables.get(name)
        if variable is None:
            _give_up()
        if variable.path == "tier":
            return _Term("string", ast.Name("tier", ast.Load()))
        if variable.path == SEGMENTS and variable.key is not None:
            held = ast.Name("segments", ast.Load())
            return _Term("bool", ast.Compare(ast.Constant(variable.key), [ast.In()], [held]))
        field = CATALOGUE[variable.path]
        kind = field.type
        if variable.key is not None and not field.is_dyn:
            kind = kind.removeprefix("map<string,").removesuffix(">")
        if field.is_dyn and variable.key is None and self._types is not None:
            return self._entry(self._positions[name])
        if kind not in {"int", "double", "string", "bool"}:
            _give_up()
        return _Term(kind, _value(self._positions[name]), MAX_DOUBLE)

    def _entry(self, position: int) -> _Term:
        """Read what is looked up in a map of unknown types: one entry, of which nothing is asked."""
        key: str | None = None
        if self._take("."):
            token = self._next()
            key = token.text if token.kind == "ident" else None
        elif self._take("["):
            token = self._next()
            key = string_value(token) if token.kind == "string" else None
            self._need("]")
        if key is None or self._text() in {".", "[", "("}:
            _give_up()
        self._entries.append((self._at - 1, (position, key)))
        entry = ast.Subscript(_value(position), ast.Constant(key), ast.Load())
        return _Term("dyn", entry, 0.0, (position, key))

    def _as(self, kind: str, term: _Term) -> _Term:
        """Return a term of a type; one of unknown type has to have it from here on."""
        if term.place is None or self._types is None:
            return _of(kind, term)
        if kind == "dyn" or self._types.setdefault(term.place, kind) != kind:
            _give_up()
        return _Term(kind, term.node, MAX_DOUBLE)

    def _list(self, kind: str) -> ast.expr:
        """Read a list of literals, all of one type."""
        if kind not in {"int", "string"}:
            _give_up()
        self._need("[")
        items: list[ast.expr] = []
        while not self._take("]"):
            if items:
                self._need(",")
            items.append(self._as(kind, _literal(self._next())).node)
        return ast.Tuple(items, ast.Load())

    def _text(self) -> str:
        """Return the operator or word that comes next, empty for a literal or the end."""
        if self._at >= len(self._tokens):
            return ""
        token = self._tokens[self._at]
        return token.text if token.kind in {"op", "ident"} else ""

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            _give_up()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, text: str) -> bool:
        taken = self._text() == text
        self._at += taken
        return taken

    def _need(self, text: str) -> None:
        if not self._take(text):
            _give_up()


def _literal(token: Token) -> _Term:
    if token.kind == "string":
        text = string_value(token)
        return _give_up() if text is None else _Term("string", ast.Constant(text))
    if token.kind != "number":
        _give_up()
    if token.text.isdecimal():
        number = int(token.text)
        return _Term("int", ast.Constant(number)) if number <= _MAX_INT else _give_up()
    try:
        value = float(token.text)
    except ValueError:
        _give_up()
    return _bounded(ast.Constant(value), value)


def _value(position: int) -> ast.expr:
    return ast.Subscript(ast.Name("values", ast.Load()), ast.Constant(position), ast.Load())


_NAMES = {"bool": "bool", "int": "int", "double": "float", "string": "str"}
_LIMITS: dict[str, tuple[float, float]] = {
    "int": (-_MAX_INT - 1, _MAX_INT),
    "double": (-MAX_DOUBLE, MAX_DOUBLE),
}


def _all(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _there(place: _Place) -> ast.expr:
    position, key = place
    return ast.Compare(ast.Constant(key), [ast.In()], [_value(position)])


def _typed(place: _Place, kind: str) -> ast.expr:
    """Return whether an entry is there and has a type, within what both CEL and Python hold of it."""
    position, key = place
    get = ast.Attribute(_value(position), "get", ast.Load())
    found: ast.expr = ast.Call(get, [ast.Constant(key)], [])
    of_type = ast.Compare(
        ast.Call(ast.Name("type", ast.Load()), [found], []),
        [ast.Is()],
        [ast.Name(_NAMES[kind], ast.Load())],
    )
    entry = ast.Subscript(_value(position), ast.Constant(key), ast.Load())
    if kind == "string":  # a text that is not UTF-8 is none for CEL
        plain = ast.Call(ast.Attribute(entry, "isascii", ast.Load()), [], [])
        return ast.BoolOp(ast.And(), [of_type, plain])
    if kind not in _LIMITS:
        return of_type
    low, high = map(ast.Constant, _LIMITS[kind])
    within = ast.Compare(low, [ast.LtE(), ast.LtE()], [entry, high])
    return ast.BoolOp(ast.And(), [of_type, within])


def _bounded(node: ast.expr, bound: float) -> _Term:
    return _Term("double", node, bound) if bound <= _MAX_RESULT else _give_up()


def _of(kind: str, term: _Term) -> _Term:
    return term if term.type == kind else _give_up()


def _give_up() -> NoReturn:
    raise _NotSimpleError
