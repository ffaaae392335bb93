"""Compiles `attributes.yaml`, and finds all that is wrong with it on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from actors.domain.events import MAX_FUTURE_MS
from actors.playbook.attribute_model import (
    COUNT,
    DISTINCT,
    FIRST,
    FOREVER_MS,
    HIGH,
    LAST,
    LOW,
    SUM,
    Attribute,
    Attributes,
    Condition,
    Property,
    Series,
)
from actors.playbook.attribute_rules import lower_condition, sees_only_the_event
from actors.playbook.attributes import MAX_BUCKETS, AttributeModel, AttributesFile
from actors.playbook.checks import (
    Names,
    Report,
    Wanted,
    check_names,
    check_types,
    compile_rule,
    contexts,
)
from actors.playbook.hints import expected
from actors.playbook.model import event_key
from actors.playbook.schema import PlaybookFile
from actors.playbook.source import Document

MAX_STATE_BYTES = 12_288
"""All attributes of a customer together never take more than this, packed."""

_LIMIT = 64
_KEY_BYTES = 24
_TEXT_BYTES = 42
_NUMBER_BYTES = 9
_KINDS_OF_SERIES = {
    "count": COUNT,
    "active": COUNT,
    "sum": SUM,
    "mean": SUM,
    "min": LOW,
    "max": HIGH,
    "first": FIRST,
    "last": LAST,
    "distinct": DISTINCT,
}

_WHICH = frozenset({"on", "channels", "where", "window", "bucket"})
_NUMBERS = _WHICH | {"property", "decimals"}
_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "count": (frozenset(), _WHICH),
    "active": (frozenset({"window"}), _WHICH),
    "sum": (frozenset({"property"}), _NUMBERS),
    "mean": (frozenset({"property"}), _NUMBERS | {"default"}),
    "min": (frozenset({"property"}), _NUMBERS | {"default"}),
    "max": (frozenset({"property"}), _NUMBERS | {"default"}),
    "distinct": (frozenset({"property"}), _WHICH | {"property", "limit"}),
    "first": (frozenset({"property"}), _NUMBERS | {"type", "default"}),
    "last": (frozenset({"property"}), _NUMBERS | {"type", "default"}),
    "ratio": (frozenset({"of", "to"}), frozenset({"of", "to", "default"})),
}
"""By kind, the fields that it needs and all those that it may have."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """What tells one series from another."""

    kind: str
    events: tuple[str, ...]
    channels: tuple[str, ...] | None
    where: str
    path: tuple[str, ...]
    digits: int
    width_ms: int
    limit: int

    @property
    def key(self) -> str:
        told = (
            self.kind,
            self.events,
            self.channels,
            self.where,
            self.path,
            self.digits,
            self.width_ms,
            self.limit,
        )
        return self.kind + sha256(repr(told).encode()).hexdigest()[:8]

    def most_bytes(self, keep: int) -> int:
        value = _TEXT_BYTES if self.digits < 0 else _NUMBER_BYTES
        bucket = {COUNT: 6, SUM: 12, LOW: 12, HIGH: 12, FIRST: 10 + value}.get(self.kind)
        if bucket is not None:
            return _KEY_BYTES + keep * bucket
        if self.kind == DISTINCT:
            return _KEY_BYTES + (self.limit + self.limit // 4) * (_TEXT_BYTES + 5)
        return _KEY_BYTES + 9 + value


def compile_attributes(document: Document, models: Mapping[str, Any], names: Names) -> Attributes:
    """Compile the attributes; what is wrong with them goes to the document.

    Of `models` it needs `attributes.yaml` and, for the decimals of numbers that say none, the book
    currency of `playbook.yaml`. A file that is None has told of its problems already.
    """
    file: AttributesFile | None = models["attributes.yaml"]
    if file is None:
        return Attributes()
    book: PlaybookFile | None = models["playbook.yaml"]
    digits = 2 if book is None else book.currency.minor_digits
    return _Compiler(document, file, names, digits).compile()


class _Compiler:
    """Compiles one file; use once."""

    def __init__(self, document: Document, file: AttributesFile, names: Names, digits: int) -> None:
        self._document = document
        self._file = file.attributes
        self._names = names
        self._digits = digits
        self._conditions: dict[str, Condition] = {}
        self._properties: dict[tuple[tuple[str, ...], int], Property] = {}
        self._keep: dict[_Spec, int] = {}
        self._series: dict[_Spec, Series] = {}

    def compile(self) -> Attributes:
        problems = len(self._document.problems)
        for name, each in self._file.items():
            self._check(name, each)
        self._compile_rules()
        if len(self._document.problems) > problems:
            return Attributes()
        for each in self._file.values():
            for spec in self._specs(each):
                self._keep[spec] = max(self._keep.get(spec, 0), _kept(each))
        self._check_size()
        self._series = {spec: self._one_series(spec) for spec in self._keep}
        made = {
            name: self._attribute(name, each)
            for name, each in self._file.items()
            if each.kind != "ratio"
        }
        for name, each in self._file.items():
            if each.kind == "ratio":
                made[name] = Attribute(
                    name=name,
                    kind=each.kind,
                    type="double",
                    description=each.description,
                    of=made[each.of or ""],
                    to=made[each.to or ""],
                    default=_number(each.default),
                )
        return self._indexed({name: made[name] for name in self._file})

    def _indexed(self, made: dict[str, Attribute]) -> Attributes:
        named = sorted({event for spec in self._series for event in spec.events})
        by_event = {
            event: tuple(
                series
                for spec, series in self._series.items()
                if event in spec.events or not spec.events
            )
            for event in named
        }
        by_event[event_key("decide", "")] = ()  # a question is not something that happened
        return Attributes(
            declared=tuple(made.values()),
            by_name=made,
            by_event=by_event,
            by_any=tuple(s for spec, s in self._series.items() if not spec.events),
            keys=frozenset(series.key for series in self._series.values()),
        )

    def _tell(self, name: str, field: str, text: str, *, at_value: bool = True) -> None:
        path = ("attributes", name, field)
        document = self._document
        document.report(document.place(path) if at_value else document.key_place(path), text)

    def _check(self, name: str, each: AttributeModel) -> None:
        needed, allowed = _FIELDS[each.kind]
        given = each.model_fields_set - {"description", "kind"}
        for field in sorted(needed - given):
            place = self._document.key_place(("attributes", name))
            self._document.report(place, f"missing field {field!r}, expected by kind {each.kind!r}")
        for field in sorted(given - allowed):
            text = f"{field!r} with kind {each.kind!r}{expected(field, allowed)}"
            self._tell(name, field, text, at_value=False)
        if each.kind != "ratio":
            self._check_window(name, each)
        self._check_names(name, each)
        self._check_value(name, each)

    def _check_window(self, name: str, each: AttributeModel) -> None:
        window, bucket = each.window, each.bucket
        if (window is None) != (bucket is None):
            there, other = ("window", "bucket") if bucket is None else ("bucket", "window")
            text = f"{there!r} without {other!r}, expected both or none"
            self._tell(name, there, text, at_value=False)
        elif window and bucket and window % bucket:
            text = f"a window of {window / bucket:.6g} buckets, expected a whole number of them"
            self._tell(name, "window", text)
        elif window and bucket and window // bucket > MAX_BUCKETS:
            self._tell(
                name,
                "bucket",
                f"a window of {window // bucket:,} buckets, expected at most {MAX_BUCKETS};"
                " make them wider",
            )

    def _check_names(self, name: str, each: AttributeModel) -> None:
        known = self._names.channels
        for i, channel in enumerate(each.channels or ()):
            if known is not None and channel not in known:
                place = self._document.place(("attributes", name, "channels", i))
                end = expected(channel, known)
                self._document.report(place, f"unknown channel {channel!r}{end}")
        if each.kind == "ratio":
            numbers = {key for key, other in self._file.items() if _is_number(other)}
            for field, part in (("of", each.of), ("to", each.to)):
                if part is not None and part not in numbers:
                    what = f"{part!r} is not an attribute that a ratio can be made of"
                    self._tell(name, field, f"{what}{expected(part, numbers)}")

    def _check_value(self, name: str, each: AttributeModel) -> None:
        if each.property is not None and not all(each.property.split(".")):
            self._tell(name, "property", "expected names with dots between them")
        is_text = _is_text(each)
        if is_text and each.decimals is not None:
            self._tell(name, "decimals", "'decimals' without 'type: number'", at_value=False)
        if each.default is None:
            return
        fits = isinstance(each.default, str) if is_text else _is_amount(each.default)
        if not fits:
            wish = "text" if is_text else "a number"
            self._tell(name, "default", f"found {each.default!r}, expected {wish}")

    def _compile_rules(self) -> None:
        for name, each in self._file.items():
            if each.where is None:
                continue
            report = _reporter(self._document, name)
            rule = compile_rule(each.where, report)
            if rule is None or not check_names(rule, self._names, report, in_segment=False):
                continue
            if sees_only_the_event(each.where, report):
                wanted = Wanted()
                wanted.add_rule(rule)
                check_types(rule, contexts(wanted, self._names), report)
                self._conditions[each.where] = lower_condition(each.where)

    def _check_size(self) -> None:
        total = 0
        counted: set[_Spec] = set()
        for name, each in self._file.items():
            fresh = set(self._specs(each)) - counted
            counted |= fresh
            total += sum(spec.most_bytes(self._keep[spec]) for spec in fresh)
            if total > MAX_STATE_BYTES:
                place = self._document.key_place(("attributes", name))
                self._document.report(
                    place,
                    f"the attributes up to this one may take {total:,} bytes of a customer's state,"
                    f" expected at most {MAX_STATE_BYTES:,}; shorten a window, or widen its buckets",
                )
                return

    def _specs(self, each: AttributeModel) -> tuple[_Spec, ...]:
        """Return the series that an attribute is read from: one, two for a mean, none for a ratio."""
        if each.kind == "ratio":
            return ()
        first = self._spec(each, _KINDS_OF_SERIES[each.kind])
        return (first, self._spec(each, COUNT)) if each.kind == "mean" else (first,)

    def _spec(self, each: AttributeModel, kind: str) -> _Spec:
        digits = self._digits if each.decimals is None else each.decimals
        if each.property is None:
            digits = 0
        elif kind == DISTINCT or _is_text(each):
            digits = -1
        return _Spec(
            kind=kind,
            events=tuple(sorted({event_key(*_named(on.event, on.type)) for on in each.on or ()})),
            channels=None if each.channels is None else tuple(sorted(set(each.channels))),
            where=each.where or "",
            path=tuple(each.property.split(".")) if each.property else (),
            digits=digits,
            width_ms=each.bucket or FOREVER_MS,
            limit=(each.limit or _LIMIT) if kind == DISTINCT else 0,
        )

    def _one_series(self, spec: _Spec) -> Series:
        return Series(
            key=spec.key,
            kind=spec.kind,
            width_ms=spec.width_ms,
            keep=self._keep[spec],
            channels=None if spec.channels is None else frozenset(spec.channels),
            where=self._conditions[spec.where] if spec.where else None,
            property=self._property(spec) if spec.path else None,
            limit=spec.limit,
        )

    def _property(self, spec: _Spec) -> Property:
        return self._properties.setdefault(
            (spec.path, spec.digits), Property(spec.path, spec.digits)
        )

    def _attribute(self, name: str, each: AttributeModel) -> Attribute:
        series, *more = [self._series[spec] for spec in self._specs(each)]
        digits = series.property.digits if series.property is not None else 0
        kind = _type(each, digits)
        return Attribute(
            name=name,
            kind=each.kind,
            type=kind,
            description=each.description,
            series=series,
            counts=more[0] if more else None,
            buckets=each.window // each.bucket if each.window and each.bucket else 0,
            scale=10 ** max(digits, 0),
            default=_default(each.default, kind),
        )


def _kept(each: AttributeModel) -> int:
    """Return how many buckets are kept: the window's, and those that a fast clock may be ahead.

    An event that claims to be up to `MAX_FUTURE_MS` ahead is taken as it is, and must not push
    anything out that the window still holds.
    """
    if not each.window or not each.bucket:
        return 1
    return each.window // each.bucket - (-MAX_FUTURE_MS // each.bucket)


def _named(event: str | None, kind: str | None) -> tuple[str, str]:
    return (kind, "") if kind is not None else ("track", event or "")


def _is_text(each: AttributeModel) -> bool:
    return each.kind in {"first", "last"} and each.type != "number"


def _is_number(each: AttributeModel) -> bool:
    return each.kind != "ratio" and not _is_text(each)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: str | int | float | None) -> float:
    return 0.0 if value is None else float(value)


def _default(value: str | int | float | None, kind: str) -> int | float | str:
    if kind == "string":
        return "" if value is None else str(value)
    return _number(value) if kind == "double" else int(_number(value))


def _type(each: AttributeModel, digits: int) -> str:
    """Return the type that rules see."""
    if each.kind in {"count", "active", "distinct"}:
        return "int"
    if _is_text(each):
        return "string"
    return "double" if digits > 0 or each.kind == "mean" else "int"


def _reporter(document: Document, name: str) -> Report:
    path = ("attributes", name, "where")

    def report(offset: int, text: str) -> None:
        document.report(document.inside(path, offset), text)

    return report
