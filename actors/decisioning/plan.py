"""What every decision under one playbook looks up, worked out once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any

from actors.decisioning.context import builder_of
from actors.decisioning.inputs import APPLICABILITY, ELIGIBILITY, SUITABILITY, TREATMENT, Removal
from actors.decisioning.parts import Mark, Option, Part
from actors.decisioning.predicates import predicates_of
from actors.decisioning.quoting import quotes_of
from actors.domain.scores import ScoreRow
from actors.playbook.direct import Predicates
from actors.playbook.model import Action, Playbook, Trigger
from actors.playbook.rules import Rule
from actors.policies.budgets import Use, uses_of
from actors.policies.contact_pressure import cap_covers

GROUP = "group"
"""The kind of key for what no turn says two things of."""

ALL = "all"
SUGGESTS = "@suggests"
"""Marks: of every option, and of those that have nothing to say where there is nothing to suggest."""
_ALWAYS = Rule("true")
_MAX_SHELVES = 1024
"""Of proposals, which triggers and steps of scenarios make, the same ones again and again."""
Answers = tuple[tuple[bool, ...], tuple[bool, ...] | None, tuple[bool, ...] | None]
"""Of the rules of a shelf: eligible, applicable and suitable; None where no option has such a rule."""
Judged = tuple[Part | None, tuple[Removal, ...]]
"""The options that pass, None for none, and what is said of the others."""
_MAX_PARTS = 256
"""Of one shelf: customers for whom the same options pass are many."""


@dataclass(slots=True, init=False)
class Standing:
    """Where a customer stands at this moment: the rules' values, the segments held and the tier."""

    values: Sequence[Any]
    segments: tuple[str, ...]
    tier: str

    def __init__(self, values: Sequence[Any], segments: tuple[str, ...], tier: str) -> None:
        self.values = values
        self.segments = segments
        self.tier = tier


@dataclass(frozen=True, slots=True)
class Shelf:
    """Options that are judged together, and how to ask for all of them who is eligible for each.

    `applicable` and `suitable` ask likewise, and are None where no option has such a rule. `marks` are
    those of all options, `indices` their actions, `consents` what they need, as (key, channel, purpose), each once. `conditions`
    asks those of all weights, each once, None for no weights; `formulas` are positions among them with
    the factors, and `weighed` says for each option which formula is its weight. `suggests` says that any
    of their actions suggests something. `whole` are all of them, None where there are none, and `actions` theirs; `repeats` says that one is there twice; `reach` their
    (channel, purpose), each once and in order; `marked` says where those with a mark stand; `parts` are
    some of those that passed together, by which did, and `judged` what came of some answers of the rules.
    """

    options: tuple[Option, ...]
    indices: frozenset[int]
    eligible: Predicates
    applicable: Predicates | None
    suitable: Predicates | None
    marks: frozenset[Mark]
    consents: tuple[tuple[str, str, str], ...]
    conditions: Predicates | None
    formulas: tuple[tuple[tuple[int, float], ...], ...]
    weighed: tuple[int, ...]
    suggests: bool
    whole: Part | None
    actions: tuple[int, ...]
    repeats: bool
    reach: tuple[tuple[str, str], ...]
    marked: Mapping[Mark, tuple[int, ...]]
    parts: dict[tuple[bool, ...], Part]
    judged: dict[Answers, Judged]

    def ask(self, standing: Standing) -> Answers:
        """Return who is eligible, for what it is applicable and whom it suits, an entry an option."""
        asked = (standing.values, standing.segments, standing.tier)
        return (
            self.eligible(*asked),
            None if self.applicable is None else self.applicable(*asked),
            None if self.suitable is None else self.suitable(*asked),
        )

    def judge(self, answers: Answers) -> Judged:
        """Return the options that pass where nothing but the rules of actions holds any back."""
        known = self.judged.get(answers)
        if known is None:
            if len(self.judged) >= _MAX_PARTS:
                self.judged.clear()
            part = self.whole
            removed: tuple[Removal, ...] = ()
            refusals = self.refusals(answers)
            if refusals:
                passing = tuple([refusal is None for refusal in refusals])
                part = self.part(passing) if True in passing else None
                removed = tuple([refusal for refusal in refusals if refusal is not None])
            known = self.judged[answers] = (part, removed)
        return known

    def refusals(self, answers: Answers) -> Sequence[Removal | None]:
        """Return for each option why the rules of its action remove it, or None; nothing when all fit."""
        eligible, applicable, suitable = answers
        always = (True,) * len(eligible)
        applicable, suitable = applicable or always, suitable or always
        if False not in eligible and False not in applicable and False not in suitable:
            return ()
        return [
            None
            if one and two and three
            else option.unsuitable
            if one and two
            else option.inapplicable
            if one
            else option.ineligible
            for option, one, two, three in zip(
                self.options, eligible, applicable, suitable, strict=True
            )
        ]

    def part(self, passing: tuple[bool, ...]) -> Part:
        """Return those options that pass, of which there is one at least."""
        known = self.parts.get(passing)
        if known is None:
            if len(self.parts) >= _MAX_PARTS:
                self.parts.clear()
            known = self.parts[passing] = Part(list(compress(self.options, passing)))
        return known


class Plan:
    """The rules of a playbook, and its actions by where they may stand.

    `options` holds those of an action by channel, `placed` those of a (channel, placement). `rows`
    are what a model is asked, by tier and index of the action. `accounts` are the different things that
    an option may take of budgets, the first one nothing.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._positions = builder_of(playbook).positions
        self._once: dict[str, Predicates] = {}
        self.accounts: list[tuple[Use, ...]] = [()]
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
        self._proposed: dict[tuple[tuple[int, ...], tuple[str, ...] | None], Shelf] = {}

    def outbound(self, actions: tuple[int, ...], channels: tuple[str, ...] | None = None) -> Shelf:
        """Return the options of actions on those channels that can be written to.

        They are in the order of the actions, then of the channels; None allows every channel.
        """
        known = self._proposed.get((actions, channels))
        if known is None:
            if len(self._proposed) >= _MAX_SHELVES:
                self._proposed.clear()
            known = self._proposed[actions, channels] = self._shelf(
                [
                    option
                    for index in actions
                    for option in self.options[index].values()
                    if option.action.treatments[option.channel].outbound
                    and (channels is None or option.channel in channels)
                ]
            )
        return known

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
        caps = {channel: _caps_over(action, channel, playbook) for channel in action.treatments}
        accounts = {c: self._account(uses_of(playbook, action, c)) for c in action.treatments}
        group = f"{action.issue}/{action.group}" if bundled else action.key
        return {
            channel: Option(
                index=index,
                channel=channel,
                action=action,
                conditions=conditions,
                factors=tuple([factor for _, factor in action.weights]),
                caps=caps[channel],
                ineligible=Removal(index, channel, ELIGIBILITY, "eligible"),
                inapplicable=Removal(index, channel, APPLICABILITY, "applicable"),
                unsuitable=Removal(index, channel, SUITABILITY, "suitable"),
                fits=None if treatment.when is None else self._ask_once(treatment.when),
                unfit=Removal(index, channel, TREATMENT, "when"),
                consent=f"{channel}|{action.purpose}",
                group=group,
                alone=(((GROUP, group, 0), 1.0),),
                uses=self.accounts[accounts[channel]],
                account=accounts[channel],
                quotes=quotes_of(treatment.texts, self._positions),
                terms=(action.value_minor, action.lever, treatment.cost_minor),
                marks=_marks_of(action, channel, caps[channel]),
            )
            for channel, treatment in sorted(action.treatments.items())
        }

    def _shelf(self, options: Sequence[Option]) -> Shelf:
        actions = [option.action for option in options]
        rules = {rule.source: rule for action in actions for rule, _ in action.weights}
        at = {source: position for position, source in enumerate(rules)}
        weights = [
            tuple([(at[rule.source], factor) for rule, factor in action.weights])
            for action in actions
        ]
        formulas = list(dict.fromkeys(weights))
        marked: dict[Mark, list[int]] = {}
        for place, option in enumerate(options):
            for mark in option.marks:
                marked.setdefault(mark, []).append(place)
        return Shelf(
            tuple(options),
            frozenset([option.index for option in options]),
            self._ask([action.eligible or _ALWAYS for action in actions]),
            self._ask_any([action.applicable for action in actions]),
            self._ask_any([action.suitable for action in actions]),
            frozenset(marked),
            tuple(dict.fromkeys([(o.consent, o.channel, o.action.purpose) for o in options])),
            self._ask(list(rules.values())) if rules else None,
            tuple(formulas),
            tuple([formulas.index(each) for each in weights]),
            any(action.suggest for action in actions),
            Part(options) if options else None,
            tuple([option.index for option in options]),
            len(set(options)) < len(options),
            tuple(sorted({(option.channel, option.action.purpose) for option in options})),
            {mark: tuple(places) for mark, places in marked.items()},
            {},
            {},
        )

    def _ask_once(self, rule: Rule) -> Predicates:
        """Return how to ask one rule: the same for rules that say the same."""
        if rule.source not in self._once:
            self._once[rule.source] = self._ask([rule])
        return self._once[rule.source]

    def _account(self, uses: tuple[Use, ...]) -> int:
        """Return the place of uses among those that differ."""
        if uses not in self.accounts:
            self.accounts.append(uses)
        return self.accounts.index(uses)

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


def _marks_of(action: Action, channel: str, caps: Sequence[int]) -> frozenset[Mark]:
    """Return what names an option: switches, silences, caps, the channel, the covers of experiments."""
    marks: list[Mark] = [
        ALL,
        f"channel:{channel}",
        f"action:{action.key}",
        action.key,
        action.group,
        f"{action.group}|{action.purpose}",
        channel,
        f"{channel}|{action.purpose}",
        action.purpose,
        (action.index, channel),
        *caps,
    ]
    return frozenset([*marks, SUGGESTS] if action.suggest else marks)


@lru_cache(maxsize=16)
def plan_of(playbook: Playbook) -> Plan:
    """Return the plan of a playbook, made once."""
    return Plan(playbook)
