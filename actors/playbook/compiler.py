"""Compiles the parsed files of a bundle, and finds all that is wrong with them on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from typing import Any

from actors.domain.economics import economics_of
from actors.playbook import model
from actors.playbook.arbitration import LeversModel, compile_arbitration, factor_of, window_of
from actors.playbook.attribute_compiler import compile_attributes
from actors.playbook.attribute_model import Attributes
from actors.playbook.budget_files import check_budgets, compile_budgets
from actors.playbook.checks import (
    NO_INSTANCE,
    Names,
    Report,
    Wanted,
    check_names,
    check_types,
    compile_rule,
    contexts,
)
from actors.playbook.contents import checked_content, content_paths, locales_of, no_suggestion
from actors.playbook.conversions import compile_conversions
from actors.playbook.crosscheck import check_bundle
from actors.playbook.experiment_files import check_experiments, compile_experiments
from actors.playbook.feeds import compile_feeds
from actors.playbook.group_files import compile_groups
from actors.playbook.identities import compile_identities
from actors.playbook.learning_files import check_models, compile_models
from actors.playbook.policy_files import PoliciesFile, compile_caps, compile_policies, zones_of
from actors.playbook.problems import validate
from actors.playbook.retention import compile_retention
from actors.playbook.rules import Rule
from actors.playbook.scenario_checks import check_scenarios
from actors.playbook.scenario_compiler import compile_scenarios, hearing
from actors.playbook.scenario_model import Scenario
from actors.playbook.scenario_parts import rules_in
from actors.playbook.scenario_places import rule_paths, text_paths
from actors.playbook.scenario_schema import ScenariosFile
from actors.playbook.schema import (
    FILES,
    ActionModel,
    ActionsFile,
    DefaultTierModel,
    PlaybookFile,
    SegmentsFile,
    TierModel,
    TreatmentModel,
    TriggerModel,
    TriggersFile,
)
from actors.playbook.source import Document, Path
from actors.playbook.templates import SUGGESTED, Template, parse_text

_KnownKey = tuple[str, Path]
_SCENARIOS = "scenarios.yaml"


class Compiler:
    """Compiles one bundle; use once. Problems gather in the documents."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = {name: documents.get(name) or Document(name, "") for name in FILES}
        self._rules: dict[_KnownKey, Rule] = {}
        self._templates: dict[Path, Template] = {}
        self._wanted = Wanted()
        self._attributes = Attributes()

    def compile(self, version: str) -> model.Playbook | None:
        """Return the compiled playbook, or None when any document has a problem."""
        broken = {name for name, each in self._documents.items() if each.problems}
        models = {
            name: None if name in broken else validate(document, FILES[name])
            for name, document in self._documents.items()
        }
        names = self._names()
        attributes = self._documents["attributes.yaml"]
        self._attributes = compile_attributes(attributes, models, names)
        if not attributes.problems:
            types = {each.name: each.type for each in self._attributes.declared}
            names = replace(names, attributes=types)
        self._compile_rules(names)
        self._compile_templates(names)
        check_bundle(self._documents, models)
        check_budgets(self._documents, models)
        check_experiments(self._documents, models)
        self._wanted.add_fields(
            check_models(self._documents, models["models.yaml"], names.attributes)
        )
        check_scenarios(self._documents, models, self._attributes)
        if any(document.problems for document in self._documents.values()):
            return None
        return self._build(version, models, names)

    def _names(self) -> Names:
        """Collect what is defined, also in files that have problems: those tell of themselves."""
        playbook = self._documents["playbook.yaml"]
        ladder = playbook.value(("tiers",))
        tiers = {playbook.value(("defaultTier", "name")) or "standard"}
        for each in ladder if isinstance(ladder, list) else ():
            tiers.add(each.get("segment") if isinstance(each, dict) else None)
        channels = playbook.names("channels")
        return Names(
            segments=self._documents["segments.yaml"].names("segments"),
            tiers=None if channels is None else frozenset(map(str, tiers)),
            actions=self._documents["actions.yaml"].names("actions"),
            channels=channels,
            groups=self._documents["groups.yaml"].names("kinds"),
        )

    def _compile_rules(self, names: Names) -> None:
        checked = []
        for file, path in self._rule_paths():
            document = self._documents[file]
            source = document.value(path)
            if not isinstance(source, str):
                continue
            report = _reporter(document, path)
            rule = compile_rule(source, report)
            if rule is None:
                continue
            self._rules[file, path] = rule
            in_segment = file == "segments.yaml"
            no_instance = _without_instance(file, path)
            if check_names(rule, names, report, in_segment=in_segment, no_instance=no_instance):
                self._wanted.add_rule(rule)
                checked.append((rule, report))
        tried = contexts(self._wanted, names)
        for rule, report in checked:
            check_types(rule, tried, report)

    def _rule_paths(self) -> Iterable[tuple[str, Path]]:
        for file, root in (("segments.yaml", "segments"), ("triggers.yaml", "triggers")):
            for name in _keys(self._documents[file].value((root,))):
                yield file, (root, name, "when")
        for name in _keys(self._documents["models.yaml"].value(("features",))):
            yield "models.yaml", ("features", name, "when")
        actions = self._documents["actions.yaml"]
        for key in _keys(actions.value(("actions",))):
            for name in ("eligible", "applicable", "suitable"):
                yield "actions.yaml", ("actions", key, name)
            for channel in _keys(actions.value(("actions", key, "treatments"))):
                yield "actions.yaml", ("actions", key, "treatments", channel, "when")
            weights = actions.value(("actions", key, "weights"))
            for i in range(len(weights) if isinstance(weights, list) else 0):
                yield "actions.yaml", ("actions", key, "weights", i, "when")
        for path in rule_paths(self._documents[_SCENARIOS]):
            yield _SCENARIOS, path

    def _compile_templates(self, names: Names) -> None:
        document = self._documents["actions.yaml"]
        for key in _keys(document.value(("actions",))):
            for channel in _keys(document.value(("actions", key, "treatments"))):
                treatment = ("actions", key, "treatments", channel)
                for path, fields in content_paths(document, treatment):
                    found = self._template(document, path, fields, names)
                    self._templates[path] = checked_content(document, treatment, path, found)
        document = self._documents[_SCENARIOS]
        for where, some in text_paths(document):
            found = self._templates[where] = self._template(document, where, some, names)
            no_suggestion(document, where, found)

    def _template(
        self, document: Document, path: Path, named: Iterable[str], names: Names
    ) -> Template:
        fields: list[tuple[str, Any]] = []
        for name in named:
            value = document.value((*path, name))
            if isinstance(value, str):
                value, errors = parse_text(value, names.attributes)
                for error in errors:
                    document.report(document.inside((*path, name), error.offset), error.text)
            fields.append((name, value))
        template = Template(tuple(fields))
        for each in template.placeholders:
            if each.path == SUGGESTED:
                continue
            self._wanted.paths.add(each.path)
            if each.key:
                self._wanted.keys.add((each.path, each.key))
        return template

    def _build(self, version: str, models: Mapping[str, Any], names: Names) -> model.Playbook:
        book: PlaybookFile = models["playbook.yaml"]
        segments: SegmentsFile = models["segments.yaml"]
        policies: PoliciesFile = models["policies.yaml"]
        levers = book.arbitration.levers
        actions = self._actions(models["actions.yaml"], book.currency.minor_digits, levers)
        index = {action.key: action.index for action in actions}
        given = models["triggers.yaml"].triggers
        triggers = self._triggers(models["triggers.yaml"], index)
        scenarios = self._scenarios(models[_SCENARIOS], index)
        return model.Playbook(
            version=version,
            name=book.name,
            description=book.description,
            currency=book.currency.code,
            minor_digits=book.currency.minor_digits,
            timezone=book.timezone,
            segments=tuple(
                model.Segment(
                    name, self._rules["segments.yaml", ("segments", name, "when")], each.description
                )
                for name, each in segments.segments.items()
            ),
            tiers=tuple(_level(t.segment, t) for t in book.tiers),
            default_level=_level(book.default_tier.name, book.default_tier),
            default_tier=book.default_tier.name,
            default_service_level=book.default_tier.service_level,
            actions=actions,
            action_index=index,
            triggers=triggers,
            triggers_by_event=_grouped(
                (t.on, t) for t in triggers if not given[t.name].on.is_change
            ),
            triggers_by_change=_grouped((t.on, t) for t in triggers if given[t.name].on.is_change),
            scenarios=scenarios,
            scenarios_by_name={each.name: each for each in scenarios},
            scenarios_hearing=hearing(scenarios),
            waits_cancelled_by=_grouped(
                (name, trigger) for trigger in triggers for name in sorted(trigger.cancel_on)
            ),
            caps=compile_caps(policies),
            policies=compile_policies(policies, zones_of(book.timezone, models[_SCENARIOS])),
            suppress_after_refusal_ms=policies.suppression.after_refusal or 0,
            purposes_without_consent=frozenset(policies.consent.purposes_not_needing_consent),
            by_placement=_grouped(
                ((treatment.channel, placement), action.index)
                for action in actions
                for treatment in action.treatments.values()
                for placement in sorted(treatment.placements)
            ),
            used_paths=frozenset(self._wanted.paths),
            used_keys=self._wanted.keys_by_path(),
            used_whole=frozenset(self._wanted.whole),
            attributes=self._attributes,
            identities=compile_identities(models["identities.yaml"]),
            groups=compile_groups(models["groups.yaml"]),
            economics=economics_of(
                book.economics.margin,
                {name: float(cost) for name, cost in book.economics.contact_costs.items()},
            ),
            arbitration=compile_arbitration(book.arbitration, book.currency.minor_digits),
            attention_ms=window_of(book.arbitration),
            retention=compile_retention(policies.retention),
            experiments=compile_experiments(models["experiments.yaml"], actions, book.timezone),
            budgets=compile_budgets(
                models["budgets.yaml"], book.timezone, book.currency.minor_digits
            ),
            learning=compile_models(models["models.yaml"], self._rules, names.attributes, actions),
            conversions=compile_conversions(models["conversions.yaml"]),
            feeds=compile_feeds(models["feeds.yaml"]),
            suggests=any(action.suggest for action in actions),
            placements={name: each.placements for name, each in book.channels.items()},
            default_placements={
                name: each.default_placements for name, each in book.channels.items()
            },
        )

    def _actions(
        self, file: ActionsFile, digits: int, levers: LeversModel
    ) -> tuple[model.Action, ...]:
        scale = Decimal(10) ** digits
        return tuple(
            self._action(i, key, file.actions[key], scale, levers)
            for i, key in enumerate(sorted(file.actions))
        )

    def _action(
        self, index: int, key: str, each: ActionModel, scale: Decimal, levers: LeversModel
    ) -> model.Action:
        issue, group, name = key.split("/")
        path: Path = ("actions", key)
        return model.Action(
            index=index,
            key=key,
            issue=issue,
            group=group,
            name=name,
            description=each.description,
            value_minor=float(each.value * scale),
            offer_cost_minor=float(each.offer_cost * scale),
            purpose=each.purpose,
            eligible=self._rules.get(("actions.yaml", (*path, "eligible"))),
            applicable=self._rules.get(("actions.yaml", (*path, "applicable"))),
            suitable=self._rules.get(("actions.yaml", (*path, "suitable"))),
            weights=tuple(
                (self._rules["actions.yaml", (*path, "weights", i, "when")], weight.factor)
                for i, weight in enumerate(each.weights)
            ),
            lever=factor_of(levers, key, each.lever),
            starting_propensity=each.starting_propensity,
            expires_after_ms=each.expires_after,
            success=frozenset(each.success),
            suggest=each.suggest or "",
            treatments={
                channel: self._treatment(key, channel, treatment, scale)
                for channel, treatment in sorted(each.treatments.items())
            },
        )

    def _treatment(
        self, key: str, channel: str, each: TreatmentModel, scale: Decimal
    ) -> model.Treatment:
        return model.Treatment(
            channel=channel,
            cost_minor=float(each.cost * scale),
            placements=frozenset(each.placements),
            outbound=each.outbound,
            content=self._templates["actions", key, "treatments", channel, "content"],
            locales=locales_of(self._templates, ("actions", key, "treatments", channel)),
            when=self._rules.get(("actions.yaml", ("actions", key, "treatments", channel, "when"))),
        )

    def _triggers(self, file: TriggersFile, index: dict[str, int]) -> tuple[model.Trigger, ...]:
        return tuple(self._trigger(name, each, index) for name, each in file.triggers.items())

    def _scenarios(self, file: ScenariosFile, index: dict[str, int]) -> tuple[Scenario, ...]:
        rules = {path: rule for (name, path), rule in self._rules.items() if name == _SCENARIOS}
        scenarios = compile_scenarios(file, rules, self._templates, index)
        for rule in chain.from_iterable(map(rules_in, scenarios)):
            self._wanted.add_rule(rule)  # also those that the compiler has made
        return scenarios

    def _trigger(self, name: str, each: TriggerModel, index: dict[str, int]) -> model.Trigger:
        return model.Trigger(
            name=name,
            description=each.description,
            on=each.on.key,
            when=self._rules.get(("triggers.yaml", ("triggers", name, "when"))),
            propose=tuple(index[key] for key in each.propose),
            channels=None if each.channels is None else frozenset(each.channels),
            after_ms=each.after or 0,
            cancel_on=frozenset(each.cancel_on),
            keyed_by=each.keyed_by or "",
            record=each.record,
        )


def _level(name: str, each: TierModel | DefaultTierModel) -> model.Tier:
    return model.Tier(
        name,
        each.service_level,
        each.description if isinstance(each, TierModel) else "",
        channels=None if each.channels is None else frozenset(each.channels),
        routing=each.routing,
        reply_within_ms=each.reply_within or 0,
    )


def _without_instance(file: str, path: Path) -> str:
    """Return why a rule cannot ask about a scenario's instance; empty when it can."""
    if file != _SCENARIOS:
        return NO_INSTANCE
    return "but there is none yet at the start" if path[2] == "start" else ""


def _reporter(document: Document, path: Path) -> Report:
    def report(offset: int, text: str) -> None:
        document.report(document.inside(path, offset), text)

    return report


def _keys(found: Any) -> list[str]:
    return list(found) if isinstance(found, dict) else []


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, tuple[Any, ...]]:
    groups: dict[Any, list[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}
