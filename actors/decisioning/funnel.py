"""The funnel before scoring: who may be a candidate at all, and for each of the others why not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cel import Context

from actors.decisioning.context import Groups, builder_of
from actors.decisioning.inputs import Candidate, DecisionInput, Prepared, Removal
from actors.playbook.model import Action, Playbook, Trigger
from actors.policies.consent import consent_refusal
from actors.policies.contact_pressure import FullCap, cap_covers, full_caps

AVAILABILITY = "availability"
ELIGIBILITY = "eligibility"
SUITABILITY = "suitability"
CONSENT = "consent"
CONTACT_POLICY = "contact_policy"
ARBITRATION = "arbitration"
STAGES = (AVAILABILITY, ELIGIBILITY, SUITABILITY, CONSENT, CONTACT_POLICY, ARBITRATION)
"""In the order in which candidates pass them."""

MAX_CANDIDATES = 256


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands at this moment: the rules' values, the segments held and the tier."""

    values: Sequence[Any]
    segments: tuple[str, ...]
    tier: str

    def context(
        self, playbook: Playbook, groups: Groups, triggers: tuple[Trigger, ...] = ()
    ) -> Context:
        """Return the CEL context for the rules of some actions and triggers."""
        pick = builder_of(playbook).pick(groups, triggers, playbook)
        return pick.context(self.values, self.segments, self.tier)


def stand(values: Sequence[Any], playbook: Playbook) -> Standing:
    """Evaluate the segments on values in the order of `ContextBuilder.names`."""
    context = builder_of(playbook).segments.context(values, (), "")
    segments = tuple([s.name for s in playbook.segments if s.rule.met(context)])
    tier = next((t.segment for t in playbook.tiers if t.segment in segments), playbook.default_tier)
    return Standing(values, segments, tier)


def placed(playbook: Playbook, channel: str, placements: Sequence[str]) -> Groups:
    """Return the actions that have a treatment for each of the placements, in their order."""
    return tuple([playbook.by_placement.get((channel, p), ()) for p in placements])


def prepare(
    given: DecisionInput,
    playbook: Playbook,
    standing: Standing | None = None,
    context: Context | None = None,
) -> Prepared:
    """Return the candidates that reach scoring, their context weights, and the removals.

    Placements consider every action with a treatment for them; outbound channels only what was
    proposed. `standing` and `context` save work when the caller has them for this input already.
    """
    standing = standing or stand(given.context, playbook)
    groups = placed(playbook, given.channel, given.placements)
    if context is None:
        proposed = tuple([proposal.actions for proposal in given.proposals])
        context = standing.context(playbook, groups + proposed)
    funnel = _Funnel(given, playbook, context, full_caps(playbook.caps, given.caps))
    for placement, indices in zip(given.placements, groups, strict=True):
        if not indices:
            funnel.removed.append(
                Removal(-1, given.channel, AVAILABILITY, f"no action for placement {placement!r}")
            )
        for index in indices:
            funnel.consider(index, given.channel, placement, "")
    for proposal in given.proposals:
        for index in proposal.actions:
            funnel.propose(index, proposal.channels, proposal.trigger)
    return Prepared(
        standing.tier,
        standing.segments,
        tuple(funnel.candidates),
        funnel.weights,
        tuple(funnel.removed),
    )


@dataclass(slots=True)
class _Funnel:
    given: DecisionInput
    playbook: Playbook
    context: Context
    full: list[FullCap]
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)
    weights: dict[int, float] = field(default_factory=dict)
    judged: dict[tuple[int, str], bool] = field(default_factory=dict)
    fit: dict[int, bool] = field(default_factory=dict)

    def propose(self, index: int, channels: tuple[str, ...] | None, trigger: str) -> None:
        action = self.playbook.actions[index]
        treated = [
            name
            for name, treatment in sorted(action.treatments.items())
            if treatment.outbound and (channels is None or name in channels)
        ]
        if not treated:
            self.removed.append(Removal(index, "", AVAILABILITY, f"trigger {trigger}: no channel"))
        for channel in treated:
            self.consider(index, channel, "", trigger)

    def consider(self, index: int, channel: str, placement: str, trigger: str) -> None:
        passed = self.judged.get((index, channel))
        if passed is None:
            removal = self._judge(self.playbook.actions[index], channel)
            passed = self.judged[index, channel] = removal is None
            if removal is not None:
                self.removed.append(removal)
        if passed and len(self.candidates) < MAX_CANDIDATES:
            self.candidates.append(Candidate(index, channel, placement, trigger))

    def _fits(self, action: Action) -> bool:
        """Judge eligibility, once an action; the weights of those that fit follow at once."""
        context = self.context
        if action.eligible is not None and not action.eligible.met(context):
            return False
        weight = 1.0
        for rule, factor in action.weights:
            if rule.met(context):
                weight *= factor
        self.weights[action.index] = weight
        return True

    def _judge(self, action: Action, channel: str) -> Removal | None:
        index, given = action.index, self.given
        fit = self.fit.get(index)
        if fit is None:
            fit = self.fit[index] = self._fits(action)
        if not fit:
            return Removal(index, channel, ELIGIBILITY, "eligible")
        if given.refused:
            until_ms = given.refused.get(action.key)
            if until_ms is not None:
                return Removal(index, channel, SUITABILITY, "refused recently", until_ms)
        why = consent_refusal(
            given.consents, channel, action.purpose, self.playbook.purposes_without_consent
        )
        if why is not None:
            return Removal(index, channel, CONSENT, why)
        for cap, retry_at_ms in self.full:
            if cap_covers(cap, channel, action.key, action.purpose):
                return Removal(index, channel, CONTACT_POLICY, cap.name, retry_at_ms)
        return None
