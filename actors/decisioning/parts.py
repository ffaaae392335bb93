"""Options, and those of a shelf that passed the funnel together, in columns.

The same ones pass again and again, so that most decisions find their part made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.decisioning.inputs import Candidate, Removal
from actors.decisioning.quoting import Quote
from actors.playbook.direct import Predicates
from actors.playbook.model import Action
from actors.policies.budgets import Use, Uses

Key = tuple[str, str | int, int]
"""Something of which a turn has only so much: its kind, which, and at which planned instant."""
Need = tuple[Key, float]
Mark = str | int | tuple[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One action on one channel; equal only to itself.

    `conditions` are those of the `factors` of its weight; `caps` the positions of the caps under
    which it counts; `quotes` what its content quotes. `ineligible`, `inapplicable` and `unsuitable` are its
    removals; `fits` asks the rule of its treatment, None for no rule, and `unfit` is what comes of a no.
    `consent` is the key of the consent that it needs, `group` what no turn says two things of, `uses`
    what it may take of budgets and `account` its place among the plan's. `alone` is its need to be the only one of its group. `terms` are the value, the lever and the cost. `marks` is everything by
    which a switch, a policy or an experiment could name it: whatever holds it back names one of them.
    """

    index: int
    channel: str
    action: Action
    conditions: Predicates
    factors: tuple[float, ...]
    caps: tuple[int, ...]
    ineligible: Removal
    inapplicable: Removal
    unsuitable: Removal
    fits: Predicates | None
    unfit: Removal
    quotes: tuple[Quote, ...]
    consent: str
    group: str
    uses: tuple[Use, ...]
    account: int
    alone: tuple[Need, ...]
    terms: tuple[float, float, float]
    marks: frozenset[Mark]


class Part:
    """Options in their order. Columns have an entry an option; `terms` are columns of value, lever and cost.

    `accounts` are the options' own, None where none of them takes anything of budgets; `fits` are the rules
    of their treatments, each once; `zeros` and `ones` are columns of those. `distinct` are the actions, each
    once, and `weighed` says that any of them has weights. `nothing` and `nobody` are columns of what takes nothing of
    budgets, and of what stands nowhere yet; `by_key` are the places in order of the actions' keys, then of the channels.
    """

    __slots__ = (
        "_made",
        "_made_for",
        "accounts",
        "actions",
        "by_key",
        "channels",
        "distinct",
        "fits",
        "nobody",
        "nothing",
        "ones",
        "options",
        "terms",
        "weighed",
        "zeros",
    )

    def __init__(self, options: Sequence[Option]) -> None:
        self.options = tuple(options)
        self.actions = tuple([option.index for option in options])
        self.channels = tuple([option.channel for option in options])
        self.distinct = tuple(dict.fromkeys(self.actions))
        self.weighed = any(option.factors for option in options)
        values, levers, costs = zip(*[option.terms for option in options], strict=True)
        self.terms: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
        self.terms = values, levers, costs
        accounts = tuple([option.account for option in options])
        self.accounts = accounts if any(accounts) else None
        asked = dict.fromkeys([option.fits for option in options])
        self.fits: tuple[Predicates, ...] = tuple([fits for fits in asked if fits is not None])
        self.zeros = (0.0,) * len(options)
        self.ones = (1.0,) * len(options)
        self.nothing: tuple[Uses, ...] = ((),) * len(options)
        self.nobody: tuple[tuple[int, int] | None, ...] = (None,) * len(options)
        keys = list(zip(self.actions, self.channels, strict=True))
        self.by_key = tuple(sorted(range(len(keys)), key=keys.__getitem__))
        self._made: tuple[Candidate, ...] = ()
        self._made_for: tuple[str, str] | None = None

    def candidates(self, placement: str, trigger: str) -> tuple[Candidate, ...]:
        """Return the options as candidates for a placement, or of a trigger's proposal."""
        wanted = placement, trigger
        if (
            self._made_for != wanted
        ):  # hardly ever: placements and triggers have shelves of their own
            self._made = tuple(
                [
                    Candidate(index, channel, placement, trigger)
                    for index, channel in zip(self.actions, self.channels, strict=True)
                ]
            )
            self._made_for = wanted
        return self._made


Run = tuple[str, str, Part]
"""Candidates that follow upon each other: their placement, their trigger and their options."""
