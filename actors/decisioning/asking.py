"""A rule that stands in no playbook, asked of customers under one: who they are, apart from any event."""

from actors.decisioning.context import Occasion, View
from actors.decisioning.membership import standing_of
from actors.decisioning.predicates import predicates_of
from actors.decisioning.profile_fields import SCALARS
from actors.decisioning.reading import KEPT, reader
from actors.domain.state import CustomerState
from actors.playbook.fields import AFTER_SEGMENTS
from actors.playbook.model import Playbook
from actors.playbook.rules import Rule


class Question:
    """Asks one rule of the customers of one playbook; fails closed, as rules do.

    It sees what a segment's rule sees, besides `segments` and `tier`, and of maps only what the
    customers keep because the playbook's own rules use it. Groups are not read for it.
    """

    def __init__(self, rule: Rule, playbook: Playbook) -> None:
        self._playbook = playbook
        variables = sorted(
            (each for each in rule.variables if each.path not in AFTER_SEGMENTS),
            key=lambda variable: variable.name,
        )
        keys: dict[str, tuple[str, ...]] = {path: () for path in KEPT if path not in rule.whole}
        for path, key in sorted(rule.keys):
            if path in keys:
                keys[path] += (key,)
        self._read = reader(
            variables,
            SCALARS,
            lambda state, occasion, now_ms: View(state, occasion, now_ms, playbook),
            keys,
            playbook.attributes.by_name,
            10.0**playbook.minor_digits,
            playbook.timezone,
        )
        self._ask = predicates_of(
            [rule], {variable.name: i for i, variable in enumerate(variables)}
        )

    def holds(self, state: CustomerState, now_ms: int) -> bool:
        """Return whether the rule is true of a customer at an instant at which nothing happens."""
        standing = standing_of(state, self._playbook, now_ms)
        occasion = Occasion("", "", "", {}, {}, late=False)
        values = self._read(state, occasion, now_ms)
        return bool(self._ask(values, standing.segments, standing.tier)[0])
