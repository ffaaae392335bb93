"""What every decision under one playbook looks up, worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any

from actors.decisioning.context import builder_of
from actors.decisioning.inputs import APPLICABILITY, ELIGIBILITY, SUITABILITY, TREATMENT, Removal
from actors.decisioning.predicates import predicates_of
from actors.decisioning.quoting import Quote, quotes_of
from actors.domain.scores import ScoreRow
from actors.playbook.direct import Predicates
from actors.playbook.model import Action, Playbook, Trigger
from actors.playbook.rules import Rule
from actors.policies.budgets import Use, uses_of
from actors.policies.contact_pressure import cap_covers

_ALWAYS = Rule("true")


@dataclass(slots=True)
class Standing:
    """Where a customer stands at this moment: the rules' values, the segments held and the tier."""

    values: Sequence[Any]
    segments: tuple[str, ...]
    tier: str


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One action on one channel; equal only to itself.

    `conditions` are those of the `factors` of its weight; `caps` the positions of the caps under
    which it counts; `quotes` what its content quotes. `ineligible`, `inapplicable` and `unsuitable` are its
    removals; `fits` asks the rule of its treatment, None for no rule, and `unfit` is what comes of a no.
    `consent` is the key of the consent that it needs, `group` what no turn says two things of, `uses`
    what it may take of budgets.
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


@dataclass(frozen=True, slots=True)
class Shelf:
    """Options that are judged together, and how to ask for all of them who is eligible for each.

    `applicable` and `suitable` ask likewise, and are None where no option has such a rule.
    """

    options: tuple[Option, ...]
    eligible: Predicates
    applicable: Predicates | None
    suitable: Predicates | None


class Plan:
    """The rules of a playbook, and its actions by where they may stand.

    `options` holds those of an action by channel, `placed` those of a (channel, placement), and
    `outbound` those of an action on channels that can be written to, in the channels' order. `rows`
    are what a model is asked, by tier and index of the action.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._positions = builder_of(playbook).positions
        self._names = [segment.name for segment in playbook.segments]
        self._holding = self._ask([segment.rule for segment in playbook.segments])
        self._tiers = [tier.segment for tier in playbook.tiers]
        self._default_tier = playbook.default_tier
        self._firing = {t.name: self._ask([t.when or _ALWAYS]) for t in playbook.triggers}
        self.options = [self._options(action, playbook) for action in playbook.actions]
        self.placed = {
            (channel, placement): self._shelf([self.options[index][channel] for index in indices])
            for (channel, placement), indices in playbook.by_placement.items()
        }
        tiers = (*self._tiers, self._default_tier)
        self.rows = {
            tier: [ScoreRow(each.key, tier, each.starting_propensity) for each in playbook.actions]
            for tier in tiers
        }
        self.outbound = [
            self._shelf([o for o in options.values() if o.action.treatments[o.channel].outbound])
            for options in self.options
        ]

    def stand(self, values: Sequence[Any]) -> Standing:
        """Judge the segments on values in the order of `ContextBuilder.names`."""
        held = tuple(compress(self._names, self._holding(values, (), "")))
        for tier in self._tiers:
            if tier in held:
                return Standing(values, held, tier)
        return Standing(values, held, self._default_tier)

    def fires(self, standing: Standing, trigger: Trigger) -> bool:
        """Return whether the rule of a trigger holds; one without a rule always fires."""
        return self._firing[trigger.name](standing.values, standing.segments, standing.tier)[0]

    def _ask(self, rules: Sequence[Rule]) -> Predicates:
        return predicates_of(rules, self._positions)

    def _options(self, action: Action, playbook: Playbook) -> dict[str, Option]:
        conditions = self._ask([rule for rule, _ in action.weights])
        index, bundled = action.index, playbook.arbitration.one_per_group
        return {
            channel: Option(
                index=index,
                channel=channel,
                action=action,
                conditions=conditions,
                factors=tuple([factor for _, factor in action.weights]),
                caps=_caps_over(action, channel, playbook),
                ineligible=Removal(index, channel, ELIGIBILITY, "eligible"),
                inapplicable=Removal(index, channel, APPLICABILITY, "applicable"),
                unsuitable=Removal(index, channel, SUITABILITY, "suitable"),
                fits=None if treatment.when is None else self._ask([treatment.when]),
                unfit=Removal(index, channel, TREATMENT, "when"),
                consent=f"{channel}|{action.purpose}",
                group=f"{action.issue}/{action.group}" if bundled else action.key,
                uses=uses_of(playbook, action, channel),
                quotes=quotes_of(treatment.texts, self._positions),
            )
            for channel, treatment in sorted(action.treatments.items())
        }

    def _shelf(self, options: Sequence[Option]) -> Shelf:
        actions = [option.action for option in options]
        return Shelf(
            tuple(options),
            self._ask([action.eligible or _ALWAYS for action in actions]),
            self._ask_any([action.applicable for action in actions]),
            self._ask_any([action.suitable for action in actions]),
        )

    def _ask_any(self, rules: Sequence[Rule | None]) -> Predicates | None:
        """Return how to ask rules of which some may be missing; None when all are."""
        if not any(rules):
            return None
        return self._ask([rule or _ALWAYS for rule in rules])


def _caps_over(action: Action, channel: str, playbook: Playbook) -> tuple[int, ...]:
    return tuple(
        [
            i
            for i, cap in enumerate(playbook.caps)
            if cap_covers(cap, channel, action.key, action.purpose)
        ]
    )


@lru_cache(maxsize=16)
def plan_of(playbook: Playbook) -> Plan:
    """Return the plan of a playbook, made once."""
    return Plan(playbook)
