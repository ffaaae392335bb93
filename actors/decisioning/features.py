"""What models are told of a customer: one function for serving and for learning.

The row of a decision is a function of what the decision's record holds (context, segments, tier) and of the playbook
version that it names. A learner therefore has the very numbers that were scored, and never a value from later.
"""

import math
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from actors.decisioning.context import builder_of, variable_told
from actors.decisioning.predicates import predicates_of
from actors.domain.scores import ScoreRow
from actors.playbook.fields import CATALOGUE
from actors.playbook.learning_model import CATEGORY, NUMBER, Feature, ModelRules
from actors.playbook.model import Playbook

_LARGEST = 1e15

Row = tuple[float, ...]
_Read = Callable[[Sequence[Any], Sequence[bool]], Row]


class FeatureReader:
    """Makes the rows of features of one playbook's models; `actions` are the indices of what they score."""

    def __init__(self, playbook: Playbook) -> None:
        self._positions = builder_of(playbook).positions
        learning = playbook.learning
        rules = [each for each in learning.used if each.rule is not None]
        self._asked = {each.name: place for place, each in enumerate(rules)}
        self._ask = predicates_of([each.rule for each in rules if each.rule], self._positions)
        self._of_action = learning.by_action
        self.actions = frozenset(learning.by_action)
        self._reads = {model.name: self._reader(model) for model in learning.by_action.values()}

    def row(
        self, model: ModelRules, values: Sequence[Any], segments: Collection[str], tier: str
    ) -> Row:
        """Return the features of one model, in the order of its `columns`.

        `values` are those of the playbook's `ContextBuilder`, as a decision's record keeps them.
        """
        return self._reads[model.name](values, self._ask(values, segments, tier))

    def told(
        self,
        rows: Sequence[ScoreRow],
        indices: Sequence[int],
        values: Sequence[Any],
        segments: Collection[str],
        tier: str,
    ) -> list[ScoreRow]:
        """Return rows, one for each index of an action, with the model that scores it and its features."""
        of_action, made = self._of_action, dict[str, Row]()
        flags: Sequence[bool] | None = None
        told: list[ScoreRow] = []
        for index in indices:
            row, model = rows[index], of_action.get(index)
            if model is not None:
                found = made.get(model.name)
                if found is None:
                    flags = self._ask(values, segments, tier) if flags is None else flags
                    found = made[model.name] = self._reads[model.name](values, flags)
                row = ScoreRow(row.action, row.segment, row.prior, model.key, found)
            told.append(row)
        return told

    def _reader(self, model: ModelRules) -> _Read:
        """Return one function for all columns of a model: a call for each would cost more than it reads.

        Its source holds numbers alone; whatever comes from the playbook is handed over as a constant.
        """
        constants: dict[str, Any] = {"number": _number, "log1p": math.log1p}
        columns: list[str] = []
        for each in model.features:
            columns += self._columns(each, constants)
        source = "lambda values, flags: (" + "".join(f"{column}, " for column in columns) + ")"
        constants["__builtins__"] = {}
        made: _Read = eval(source, constants)  # noqa: S307 - see above
        return made

    def _columns(self, feature: Feature, constants: dict[str, Any]) -> list[str]:
        if feature.rule is not None:
            return [f"(1.0 if flags[{self._asked[feature.name]}] else 0.0)"]
        variable = variable_told(feature)
        assert variable is not None  # noqa: S101 - else it had a rule
        value = f"values[{self._positions[variable.name]}]"
        is_dyn = CATALOGUE[feature.path].is_dyn
        if is_dyn:
            value = f"{value}.get({_constant(constants, feature.key)})"
        if feature.type == CATEGORY:
            return [
                f"(1.0 if {value} == {_constant(constants, v)} else 0.0)" for v in feature.values
            ]
        if feature.type == NUMBER:
            return [_scaled(feature, value, is_dyn=is_dyn)]
        return [f"(1.0 if {value} is {_constant(constants, True)} else 0.0)"]


def _scaled(feature: Feature, value: str, *, is_dyn: bool) -> str:
    """Return the source of a number, cut and scaled; fields of a known type are finite numbers anyway."""
    if is_dyn:
        value = f"number({value}, {feature.default!r})"
    tests = [("<", feature.low)] if isfinite(feature.low) else []
    tests += [(">", feature.high)] if isfinite(feature.high) else []
    if tests:
        cut = [f"{bound!r} if v {sign} {bound!r} else " for sign, bound in tests]
        cut[0] = cut[0].replace("if v ", f"if (v := {value}) ", 1)
        value = "(" + "".join(cut) + "v)"
    if feature.log:
        value = f"log1p({value})"
    return value if feature.scale == 1.0 and feature.log else f"{value} / {feature.scale!r}"


def _constant(constants: dict[str, Any], value: object) -> str:
    name = f"c{len(constants)}"
    constants[name] = value
    return name


def _number(value: object, default: float) -> float:
    """Return what came from outside as a number, of a size whose square is one too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    try:
        return min(max(float(value), -_LARGEST), _LARGEST) if isfinite(value) else default
    except OverflowError:
        return default


@lru_cache(maxsize=16)
def features_of(playbook: Playbook) -> FeatureReader | None:
    """Return the reader of a playbook, made once; None when no action has a model of the playbook's."""
    return FeatureReader(playbook) if playbook.learning.by_action else None
