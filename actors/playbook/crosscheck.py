"""Checks over the whole bundle: every name used is defined, and nothing defined is out of reach."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from actors.domain.economics import CHANNEL_WAYS, CONTACT_COSTS
from actors.playbook.arbitration import check_levers
from actors.playbook.feeds import check_feeds
from actors.playbook.hints import expected, nearest
from actors.playbook.policy_checks import check_names, check_policies
from actors.playbook.references import tokenize, uses
from actors.playbook.scenario_schema import known_zones
from actors.playbook.schema import (
    ActionsFile,
    PlaybookFile,
    TreatmentModel,
    TriggerModel,
    TriggersFile,
)
from actors.playbook.source import Document, Path


def check_bundle(documents: Mapping[str, Document], models: Mapping[str, Any]) -> None:
    """Report what is wrong between and within files, in the documents.

    A model that is None stands for a file that has problems already: what it defines is taken from
    its document, and what it uses is not checked.
    """
    check = _Checker(documents, models)
    if models["playbook.yaml"] is not None:
        check.playbook(models["playbook.yaml"])
    if models["actions.yaml"] is not None:
        check.actions(models["actions.yaml"])
    if models["triggers.yaml"] is not None:
        check.triggers(models["triggers.yaml"])
    if models["policies.yaml"] is not None:
        check_policies(documents, models["policies.yaml"])
    if models["feeds.yaml"] is not None:
        check_feeds(documents, models["feeds.yaml"])


@dataclass(frozen=True, slots=True)
class _Checker:
    documents: Mapping[str, Document]
    models: Mapping[str, Any]

    def _known(
        self,
        file: str,
        path: Path,
        names: Collection[str],
        what: str,
        known: Collection[str] | None,
    ) -> None:
        check_names(self.documents[file], path, names, what, known)

    def playbook(self, book: PlaybookFile) -> None:
        """Check time zone, tiers and channels."""
        document = self.documents["playbook.yaml"]
        zones = known_zones()
        if book.timezone not in zones:
            hint = nearest(book.timezone, zones)
            end = f"; did you mean {hint!r}?" if hint else ""
            document.report(
                document.place(("timezone",)),
                f"unknown time zone {book.timezone!r}, expected one such as Europe/Berlin{end}",
            )
        segments = self.documents["segments.yaml"].names("segments")
        for i, tier in enumerate(book.tiers):
            place = document.place(("tiers", i, "segment"))
            if segments is not None and tier.segment not in segments:
                end = expected(tier.segment, segments)
                document.report(place, f"unknown segment {tier.segment!r}{end}")
            elif tier.segment in [each.segment for each in book.tiers[:i]]:
                document.report(place, f"tier {tier.segment!r} is listed twice")
            self._reached(book, ("tiers", i, "channels"), tier.channels)
        self._reached(book, ("defaultTier", "channels"), book.default_tier.channels)
        if book.default_tier.name in [each.segment for each in book.tiers]:
            text = f"default tier {book.default_tier.name!r} is a tier, expected a name of its own"
            document.report(document.place(("defaultTier", "name")), text)
        for name, channel in book.channels.items():
            path = ("channels", name, "defaultPlacements")
            self._known(
                "playbook.yaml", path, channel.default_placements, "placement", channel.placements
            )
        costing = {*book.channels, *CONTACT_COSTS, *CHANNEL_WAYS}
        for name in book.economics.contact_costs:
            if name not in costing:
                place = document.key_place(("economics", "contactCosts", name))
                document.report(place, f"unknown channel {name!r}{expected(name, costing)}")
        keys = self.documents["actions.yaml"].names("actions")
        if keys is not None:
            check_levers(document, book.arbitration, keys)

    def _reached(self, book: PlaybookFile, path: Path, channels: Collection[str] | None) -> None:
        """Check that the channels of a tier are ones that can be written to."""
        known = [name for name, each in book.channels.items() if each.outbound]
        what = "channel that can be written to"
        self._known("playbook.yaml", path, channels or (), what, known)

    def actions(self, file: ActionsFile) -> None:
        """Check treatments against the channels."""
        book: PlaybookFile | None = self.models["playbook.yaml"]
        if book is None:
            return
        recorded = self._recorded()
        for key, action in file.actions.items():
            for name, treatment in action.treatments.items():
                self._treatment(book, key, name, treatment, is_recorded=(key, name) in recorded)
            if action.purpose == "onsite" and any(map(_is_outbound, action.treatments.values())):
                document = self.documents["actions.yaml"]
                document.report(
                    document.place(("actions", key, "purpose")),
                    "purpose 'onsite' with a treatment that is outbound, expected a purpose that"
                    " stands for messages, such as 'marketing' or 'service'",
                )

    def _treatment(
        self,
        book: PlaybookFile,
        key: str,
        name: str,
        treatment: TreatmentModel,
        *,
        is_recorded: bool,
    ) -> None:
        document = self.documents["actions.yaml"]
        path: Path = ("actions", key, "treatments", name)
        channel = book.channels.get(name)
        if channel is None:
            end = expected(name, book.channels)
            document.report(document.key_place(path), f"unknown channel {name!r}{end}")
            return
        where = (*path, "placements")
        what = f"placement of {name!r}"
        self._known("actions.yaml", where, treatment.placements, what, channel.placements)
        if treatment.outbound and not channel.outbound:
            document.report(
                document.place((*path, "outbound")),
                f"channel {name!r} cannot be written to, expected one with 'outbound: true' in"
                " playbook.yaml",
            )
        if not (treatment.placements or treatment.outbound or is_recorded):
            document.report(
                document.key_place(path),
                f"treatment {name!r} is never used, expected 'placements', 'outbound: true' or a"
                " trigger that records it",
            )

    def _recorded(self) -> set[tuple[str, str]]:
        """Return (action, channel) of the triggers that record, read as leniently as can be."""
        triggers = self.documents["triggers.yaml"].value(("triggers",))
        found = set()
        for each in triggers.values() if isinstance(triggers, dict) else ():
            if isinstance(each, dict) and each.get("record") is True:
                found |= {
                    (str(key), str(channel))
                    for key in each.get("propose") or ()
                    for channel in each.get("channels") or ()
                }
        return found

    def triggers(self, file: TriggersFile) -> None:
        """Check what triggers propose, where, and that their fields go together."""
        actions = self.documents["actions.yaml"].names("actions")
        channels = self.documents["playbook.yaml"].names("channels")
        for name, trigger in file.triggers.items():
            path: Path = ("triggers", name)
            self._known("triggers.yaml", (*path, "propose"), trigger.propose, "action", actions)
            if trigger.channels is not None:
                where = (*path, "channels")
                self._known("triggers.yaml", where, trigger.channels, "channel", channels)
            if trigger.record:
                self._record(trigger, path)
            else:
                self._reach(trigger, path)
            self._wait(trigger, path)
            if trigger.on.segment:
                self._segment(trigger.on.segment, path)

    def _segment(self, name: str, path: Path) -> None:
        """Check that a segment is there, and is one that customers can be in for a while."""
        problem = lasting_segment(self.documents["segments.yaml"], name)
        if problem:
            document = self.documents["triggers.yaml"]
            document.report(document.place((*path, "on")), problem)

    def _wait(self, trigger: TriggerModel, path: Path) -> None:
        document = self.documents["triggers.yaml"]
        if trigger.after is not None:
            return
        for is_given, name in (
            (bool(trigger.cancel_on), "cancelOn"),
            (trigger.keyed_by is not None, "keyedBy"),
        ):
            if is_given:
                place = document.key_place((*path, name))
                document.report(
                    place, f"{name!r} without 'after', expected a wait that it is about"
                )

    def _record(self, trigger: TriggerModel, path: Path) -> None:
        document = self.documents["triggers.yaml"]
        place = document.key_place((*path, "record"))
        if trigger.after is not None:
            document.report(place, "'record' with 'after', expected one of them")
        if len(trigger.propose) != 1:
            text = f"'record' with {len(trigger.propose)} actions, expected exactly one"
            document.report(document.place((*path, "propose")), text)
        if len(trigger.channels or ()) != 1:
            text = f"'record' with {len(trigger.channels or ())} channels, expected exactly one"
            document.report(place, text)
            return
        self._each_treatment(trigger, path, "on that channel", lambda _: True)

    def _reach(self, trigger: TriggerModel, path: Path) -> None:
        self._each_treatment(trigger, path, "with 'outbound: true' on its channels", _is_outbound)

    def _each_treatment(
        self, trigger: TriggerModel, path: Path, what: str, fits: Callable[[TreatmentModel], bool]
    ) -> None:
        file: ActionsFile | None = self.models["actions.yaml"]
        document = self.documents["triggers.yaml"]
        for i, key in enumerate(trigger.propose):
            action = file.actions.get(key) if file is not None else None
            if action is not None and not any(
                fits(treatment)
                for channel, treatment in action.treatments.items()
                if trigger.channels is None or channel in trigger.channels
            ):
                place = document.place((*path, "propose", i))
                document.report(place, f"action {key!r} has no treatment {what}")


def lasting_segment(segments: Document, name: str) -> str:
    """Return why nobody can enter or leave a segment of this name; empty when somebody can."""
    known = segments.names("segments")
    if known is None:
        return ""
    if name not in known:
        return f"unknown segment {name!r}{expected(name, known)}"
    rule = segments.value(("segments", name, "when"))
    if isinstance(rule, str) and any(use.parts[0] == "event" for use in uses(tokenize(rule))):
        return f"segment {name!r} reads the event, so nobody enters or leaves it"
    return ""


def _is_outbound(treatment: TreatmentModel) -> bool:
    return treatment.outbound
