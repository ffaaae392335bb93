"""Rules of attributes: they see only the event, and run on one flat variable per property.

Handing a map to CEL costs several times what a few plain values cost.
"""

from actors.playbook.attribute_model import Condition
from actors.playbook.checks import Report
from actors.playbook.fields import resolve
from actors.playbook.references import Use, tokenize, uses

_PROPERTIES = "event.properties"
_SEEN = ("event.type", "event.name", "event.channel", _PROPERTIES)


def sees_only_the_event(source: str, report: Report) -> bool:
    """Report what an attribute's rule cannot see; return whether there was nothing of the kind."""
    clean = True
    for use in uses(tokenize(source)):
        field, _ = resolve(use.parts)
        if field is not None and field.path not in _SEEN:
            clean = False
            text = f"{field.path!r} is not known here, expected only {', '.join(_SEEN)}"
            report(use.start, text)
    return clean


def lower_condition(source: str) -> Condition:
    """Rewrite a rule that was found right over flat variables."""
    pieces: list[str] = []
    properties: dict[str, str] = {}
    plain: set[str] = set()
    end = 0
    for use in uses(tokenize(source)):
        if resolve(use.parts)[0] is None:
            continue
        variable, taken = _variable(use)
        if taken > 2:
            properties[variable] = use.parts[2]
        else:
            plain.add(variable)
        pieces += [source[end : use.start], variable]
        end = use.ends[taken - 1]
    lowered = "".join([*pieces, source[end:]])
    return Condition(source, lowered, frozenset(plain), tuple(sorted(properties.items())))


def _variable(use: Use) -> tuple[str, int]:
    """Return the variable of a use, and how many of its parts the variable stands for."""
    field = "_".join(use.parts[:2])
    # `has()` needs something to select from.
    if field != "event_properties" or len(use.parts) < 3 or use.tested:
        return field, 2
    return "property_" + use.parts[2].encode("utf-8", "surrogatepass").hex(), 3
