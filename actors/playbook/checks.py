"""Checks of rules: names against the catalogue, and types by evaluating them on two customers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import cel

from actors.domain.events import EVENT_TYPES
from actors.playbook.fields import (
    AFTER_SEGMENTS,
    ATTRIBUTES,
    CATALOGUE,
    FIELDS,
    INSTANCE,
    NEVER_DAYS,
    OF_GROUPS,
    resolve,
)
from actors.playbook.fields import Field as CatalogueField
from actors.playbook.hints import describe, expected, nearest
from actors.playbook.references import (
    MAX_DEPTH,
    MAX_LENGTH,
    Token,
    Use,
    calls,
    depth_of,
    endless,
    string_value,
    terms,
    tokenize,
    uses,
)
from actors.playbook.rules import Rule

_OCCASIONS = frozenset({*EVENT_TYPES, "decide", "timer"})
_BY_ACTION = frozenset(
    {"profile.offered", "profile.taken", "profile.refused", "profile.days_since_refused"}
)
NO_INSTANCE = "expected it in scenarios.yaml alone"
Report = Callable[[int, str], None]
"""Told of a problem at an offset of a rule's source."""

# fmt: off
FUNCTIONS = frozenset(
    {
        "all", "bytes", "contains", "double", "duration", "dyn", "endsWith", "exists",
        "exists_one", "filter", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
        "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
        "has", "int", "map", "matches", "size", "startsWith", "string", "timestamp", "type",
        "uint",
    }
)
# fmt: on

_EVENT_SAMPLE = {
    "order_id": "o-1",
    "cart_id": "c-1",
    "currency": "USD",
    "products": [{"product_id": "p-1", "name": "Pears", "category": "PRODUCE", "quantity": 2}],
}
_NEW: dict[str, object] = {"int": 0, "double": 0.0, "string": "", "bool": False}
_RICH: dict[str, object] = {"int": 7, "double": 61.5, "string": "text", "bool": True}
_EVENT_AMOUNTS = ("total", "revenue", "subtotal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names that a playbook defines, which rules may compare with or look up.

    `attributes` have the types that rules see, by name.
    None stands for names that are not known because their file cannot be read.
    """

    segments: frozenset[str] | None
    tiers: frozenset[str] | None
    actions: frozenset[str] | None
    channels: frozenset[str] | None
    attributes: Mapping[str, str] | None = None
    groups: frozenset[str] | None = None


@dataclass(slots=True)
class Wanted:
    """Union of what rules and placeholders refer to."""

    paths: set[str] = field(default_factory=set)
    keys: set[tuple[str, str]] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def add_rule(self, rule: Rule) -> None:
        """Add what a rule refers to."""
        self.paths |= rule.paths
        self.keys |= rule.keys
        self.whole |= rule.whole

    def add_fields(self, fields: Iterable[tuple[str, str]]) -> None:
        """Add fields that are read, each with the key that is looked up in it, or an empty one."""
        for path, key in fields:
            self.paths.add(path)
            if key:
                self.keys.add((path, key))

    def keys_by_path(self) -> dict[str, tuple[str, ...]]:
        """Return the sorted keys by map."""
        by_path: dict[str, list[str]] = {}
        for path, key in sorted(self.keys):
            by_path.setdefault(path, []).append(key)
        return {path: tuple(keys) for path, keys in by_path.items()}


def compile_rule(source: str, report: Report) -> Rule | None:
    """Compile a rule; what is wrong with it goes to `report`, and the result is then None."""
    if len(source) > MAX_LENGTH:
        report(0, f"found a rule of {len(source):,} characters, expected at most {MAX_LENGTH:,}")
        return None
    if not source.strip():
        report(0, "found an empty rule, expected a CEL expression")
        return None
    tokens = tokenize(source)
    if depth_of(tokens) > MAX_DEPTH:
        report(0, f"found brackets nested deeper than the {MAX_DEPTH} levels allowed")
        return None
    too_much = endless(tokens)
    if too_much is not None:
        report(*too_much)
        return None
    try:
        return Rule(source)
    except ValueError as error:
        offset, message = _syntax_error(source, str(error))
        report(offset, f"not a CEL expression: {message}")
        return None


def check_names(
    rule: Rule, names: Names, report: Report, *, in_segment: bool, no_instance: str = NO_INSTANCE
) -> bool:
    """Report unknown fields, functions and names in a rule; return whether there were none.

    `no_instance` says why the rule cannot ask about a scenario's instance; empty when it can.
    """
    clean = True

    def tell(offset: int, text: str) -> None:
        nonlocal clean
        clean = False
        report(offset, text)

    tokens = tokenize(rule.source)
    for use in uses(tokens):
        if no_instance and use.parts[0] == INSTANCE:
            tell(use.start, f"found {INSTANCE!r}, {no_instance}")
            continue
        _check_use(use, names, tell, in_segment=in_segment)
    for call in calls(tokens):
        if call.text not in FUNCTIONS:
            hint = nearest(call.text, FUNCTIONS)
            end = f"; did you mean {hint!r}?" if hint else "; see the functions in docs/playbook.md"
            tell(call.start, f"unknown function {call.text!r}{end}")
    lists = {
        "segments": ("segment", names.segments),
        "tier": ("tier", names.tiers),
        "event.type": ("event type", _OCCASIONS),
    }
    for path, literal in _compared(tokens):
        what, known = lists[path]
        value = string_value(literal)
        if known is not None and value is not None and value not in known:
            tell(literal.start, f"unknown {what} {value!r}{expected(value, known)}")
    return clean


def _check_use(use: Use, names: Names, tell: Report, *, in_segment: bool) -> None:
    found, inside = resolve(use.parts)
    written = ".".join(use.parts)
    if found is None:
        hint = nearest(".".join(use.parts[:2]), CATALOGUE)
        end = f"; did you mean {hint!r}?" if hint else ""
        tell(use.start, f"unknown field {written!r}, expected one of the catalogue's{end}")
    elif in_segment and found.path in AFTER_SEGMENTS:
        tell(use.start, f"{found.path!r} cannot be used in a segment: it is made from segments")
    elif in_segment and found.path in OF_GROUPS:
        tell(
            use.start,
            f"{found.path!r} cannot be used in a segment: it changes without the customer",
        )
    elif len(inside) > (1 if found.is_map else 0) and not found.is_dyn:
        tell(use.start, f"{written!r} does not exist: {found.path!r} is of type {found.type}")
    elif found.path == ATTRIBUTES and (not inside or use.tested):
        tell(use.start, "expected one attribute by its name, such as attributes.orders_30d")
    elif found.is_map and not found.is_dyn and (use.tested or (use.searched and not inside)):
        how = "has()" if use.tested else "'in'"
        tell(
            use.start,
            f"{how} says nothing of {found.path!r}, where a missing key reads"
            f" {found.default if found.default != '' else 'empty'}; compare its value instead",
        )
    elif inside:
        _check_key(found.path, inside[0], names, use.start, tell)


def _check_key(path: str, key: str, names: Names, start: int, tell: Report) -> None:
    what, known = "action", names.actions
    if path == "profile.consent":
        what, known = "channel", names.channels
    elif path == "profile.groups" or path in OF_GROUPS:
        what, known = "kind of group", names.groups
    elif path == ATTRIBUTES:
        what, known = "attribute", None if names.attributes is None else frozenset(names.attributes)
    elif path not in _BY_ACTION:
        return
    if known is not None and key not in known:
        tell(start, f"unknown {what} {key!r}{expected(key, known)}")


def _compared(tokens: list[Token]) -> Iterable[tuple[str, Token]]:
    """Yield literals that are compared with `tier` or `event.type`, or sought in `segments`."""
    texts = [token.text for token in tokens]
    for i, text in enumerate(texts):
        if text == "segments" and texts[i - 1 : i] == ["in"] and i >= 2:
            yield from _strings("segments", tokens[i - 2 : i - 1])
        width = 1 if text == "tier" else 3 if texts[i : i + 3] == ["event", ".", "type"] else 0
        if not width or texts[max(i - 1, 0) : i] == ["."]:
            continue
        path = "tier" if width == 1 else "event.type"
        after = i + width
        if texts[after : after + 1] in (["=="], ["!="]):
            yield from _strings(path, tokens[after + 1 : after + 2])
        elif texts[after : after + 2] == ["in", "["]:
            end = texts.index("]", after)
            yield from _strings(path, tokens[after + 2 : end])
        elif i >= 2 and texts[i - 1] in {"==", "!="}:
            yield from _strings(path, tokens[i - 2 : i - 1])


def _strings(path: str, tokens: Iterable[Token]) -> Iterable[tuple[str, Token]]:
    return ((path, token) for token in tokens if token.kind == "string")


def _syntax_error(source: str, message: str) -> tuple[int, str]:
    """Return the offset and the first sentence of the parser's message."""
    marker = "ERROR: <input>:"
    start = message.find(marker, message.find(source) + len(source))
    if start < 0:
        return 0, message.splitlines()[-1]
    line_text, column_text, text = message[start + len(marker) :].split(":", 2)
    lines = source.split("\n")
    line = min(max(int(line_text), 1), len(lines))
    offset = sum(len(each) + 1 for each in lines[: line - 1]) + int(column_text) - 1
    text = text.split("\n", 1)[0].strip().removeprefix("Syntax error: ")
    text = text.split(" expecting {", 1)[0].replace("'<EOF>'", "the end of the rule")
    return min(offset, len(source)), text


def contexts(wanted: Wanted, names: Names) -> tuple[cel.Context, ...]:
    """Return customers to try rules on: a new one, and a rich one with each kind of amounts.

    JSON does not tell 42 from 42.0, so the amounts of events are tried as both.
    """
    keys = wanted.keys_by_path()
    new = {each.path: _new_value(each, keys.get(each.path, ())) for each in FIELDS}
    rich = {each.path: _rich_value(each, keys.get(each.path, ())) for each in FIELDS}
    rich["event.type"] = "track"
    rich["segments"] = sorted(names.segments or ())
    types = names.attributes or {}
    asked = [key for key in keys.get(ATTRIBUTES, ()) if key in types]
    new[ATTRIBUTES] = {key: _NEW[types[key]] for key in asked}
    rich[ATTRIBUTES] = {key: _RICH[types[key]] for key in asked}
    rich["tier"] = new["tier"] = min(names.tiers or (), default="standard")
    whole_amounts = {**_EVENT_SAMPLE, **dict.fromkeys(_EVENT_AMOUNTS, 42)}
    amounts = {**_EVENT_SAMPLE, **dict.fromkeys(_EVENT_AMOUNTS, 42.5)}
    return (
        cel.Context(variables=_nested(new)),
        cel.Context(variables=_nested({**rich, "event.properties": whole_amounts})),
        cel.Context(variables=_nested({**rich, "event.properties": amounts})),
    )


def _new_value(each: CatalogueField, keys: Iterable[str]) -> object:
    if each.is_map:
        return {} if each.is_dyn else dict.fromkeys(keys, each.default)
    if each.path.endswith("recency_days"):
        return NEVER_DAYS
    return _NEW.get(each.type, [])


def _rich_value(each: CatalogueField, keys: Iterable[str]) -> object:
    if each.is_map:
        sample = {"int": 7, "double": 61.5, "bool": True, "string": "text"}.get(each.type[11:-1])
        return {} if sample is None else dict.fromkeys([*keys, "other"], sample)
    return _RICH.get(each.type, [])


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    nested: dict[str, object] = {}
    for path, value in flat.items():
        root, _, name = path.partition(".")
        if name:
            branch = nested.setdefault(root, {})
            assert isinstance(branch, dict)  # noqa: S101 - the catalogue has no leaf as a root
            branch[name] = value
        else:
            nested[root] = value
    return nested


def check_types(rule: Rule, tried: tuple[cel.Context, ...], report: Report) -> None:
    """Report types that do not fit, part by part, and a rule that does not give true or false."""
    seen = False
    for start, end, must_be_bool in terms(tokenize(rule.source)):
        part = rule.source[start:end]
        problem = _evaluate(part, tried, must_be_bool=must_be_bool)
        if problem:
            seen = True
            report(start, problem)
    if not seen:
        problem = _evaluate(rule.source, tried, must_be_bool=True)
        if problem:
            report(0, problem)


def _evaluate(source: str, tried: tuple[cel.Context, ...], *, must_be_bool: bool) -> str | None:
    try:
        program = cel.compile(source)
    except ValueError:
        return None
    for ctx in tried:
        try:
            result = program.execute(ctx)
        except (TypeError, RuntimeError) as error:
            sentence = str(error).splitlines()[0].split(". ")[0].split(": the operation")[0]
            return f"types do not fit in {describe(source)}: {sentence.rstrip(':.')}{_tip(error)}"
        except Exception:  # noqa: BLE001, S112 - a missing key or a zero divisor is for run time
            continue
        if must_be_bool and not isinstance(result, bool):
            return f"{describe(source)} gives {describe(result)}, expected true or false"
    return None


def _tip(error: Exception) -> str:
    is_mixed = isinstance(error, TypeError)
    return "; CEL mixes no int and double: write 2.0, or double(x)" if is_mixed else ""
