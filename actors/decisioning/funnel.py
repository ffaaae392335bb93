"""The funnel before scoring: who may be a candidate at all, and for each of the others why not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cel import Context

from actors.decisioning.context import builder_of
from actors.decisioning.inputs import Candidate, DecisionInput, Prepared, Removal
from actors.playbook.model import Action, Playbook
from actors.policies.consent import consent_refusal
from actors.policies.contact_pressure import cap_refusal

AVAILABILITY = "availability"
ELIGIBILITY = "eligibility"
SUITABILITY = "suitability"
CONSENT = "consent"
CONTACT_POLICY = "contact_policy"
ARBITRATION = "arbitration"
STAGES = (AVAILABILITY, ELIGIBILITY, SUITABILITY, CONSENT, CONTACT_POLICY, ARBITRATION)
"""In the order in which candidates pass them."""

MAX_CANDIDATES = 256


@dataclass(slots=True)
class Standing:
    """Where a customer stands at this moment: the CEL context, the segments held and the tier."""

    context: Context
    segments: tuple[str, ...]
    tier: str


def stand(values: Sequence[Any], playbook: Playbook) -> Standing:
    """Evaluate the segments on a context's values, and make them visible to the other rules.

    `values` are in the order of the playbook's variables (see `ContextBuilder.names`).
    """
    names = builder_of(playbook).names
    context = Context(variables=dict(zip(names, values, strict=True)))
    segments = tuple(s.name for s in playbook.segments if s.rule.met(context))
    held = set(segments)
    tier = next((t.segment for t in playbook.tiers if t.segment in held), playbook.default_tier)
    context.add_variable("segments", list(segments))
    context.add_variable("tier", tier)
    return Standing(context, segments, tier)


def prepare(given: DecisionInput, playbook: Playbook, standing: Standing | None = None) -> Prepared:
    """Return the candidates that reach scoring, their context weights, and the removals.

    Placements consider every action with a treatment for them; outbound channels only what was
    proposed. `standing` saves work when the caller has it for `given.context` already.
    """
    standing = standing or stand(given.context, playbook)
    funnel = _Funnel(given, playbook, standing.context)
    for placement in given.placements:
        indices = playbook.by_placement.get((given.channel, placement), ())
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
        key = (index, channel)
        passed = self.judged.get(key)
        if passed is None:
            removal = self._judge(self.playbook.actions[index], channel)
            passed = self.judged[key] = removal is None
            if removal is not None:
                self.removed.append(removal)
        if passed and len(self.candidates) < MAX_CANDIDATES:
            self.candidates.append(Candidate(index, channel, placement, trigger))

    def _judge(self, action: Action, channel: str) -> Removal | None:
        index, given, playbook = action.index, self.given, self.playbook
        fit = self.fit.get(index)
        if fit is None:
            fit = action.eligible is None or action.eligible.met(self.context)
            self.fit[index] = fit
            if fit:
                weight = 1.0
                for rule, factor in action.weights:
                    if rule.met(self.context):
                        weight *= factor
                self.weights[index] = weight
        if not fit:
            return Removal(index, channel, ELIGIBILITY, "eligible")
        until_ms = given.refused.get(action.key)
        if until_ms is not None:
            return Removal(index, channel, SUITABILITY, "refused recently", until_ms)
        why = consent_refusal(
            given.consents, channel, action.purpose, playbook.purposes_without_consent
        )
        if why is not None:
            return Removal(index, channel, CONSENT, why)
        full = cap_refusal(playbook.caps, given.caps, channel, action.key, action.purpose)
        if full is not None:
            return Removal(index, channel, CONTACT_POLICY, full.cap, full.retry_at_ms)
        return None
