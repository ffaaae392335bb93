"""The funnel before scoring: who may be a candidate at all, and for each of the others why not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from math import prod

from actors.decisioning.inputs import (
    ARBITRATION,
    AVAILABILITY,
    CONSENT,
    CONTACT_POLICY,
    ELIGIBILITY,
    SUITABILITY,
    Candidate,
    DecisionInput,
    Prepared,
    Removal,
)
from actors.decisioning.plan import Option, Shelf, Standing, plan_of
from actors.playbook.model import Playbook
from actors.policies.consent import consent_refusal
from actors.policies.contact_pressure import FullCap, cap_covers, full_caps

STAGES = (AVAILABILITY, ELIGIBILITY, SUITABILITY, CONSENT, CONTACT_POLICY, ARBITRATION)
"""In the order in which candidates pass them."""

MAX_CANDIDATES = 256


def prepare(given: DecisionInput, playbook: Playbook, standing: Standing | None = None) -> Prepared:
    """Return the candidates that reach scoring, their context weights, and the removals.

    Placements consider every action with a treatment for them; outbound channels only what was
    proposed. `standing` saves work when the caller has it for this input already.
    """
    plan = plan_of(playbook)
    standing = standing or plan.stand(given.context)
    full = full_caps(playbook.caps, given.caps)
    once = not given.proposals and len(given.placements) == 1
    funnel = _Funnel(given, playbook, standing, full, None if once else {})
    for placement in given.placements:
        shelf = plan.placed.get((given.channel, placement))
        if shelf is None:
            funnel.removed.append(
                Removal(-1, given.channel, AVAILABILITY, f"no action for placement {placement!r}")
            )
        else:
            funnel.consider(shelf, None, placement, "")
    for proposal in given.proposals:
        for index in proposal.actions:
            if not funnel.consider(plan.outbound[index], proposal.channels, "", proposal.trigger):
                why = f"trigger {proposal.trigger}: no channel"
                funnel.removed.append(Removal(index, "", AVAILABILITY, why))
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
    standing: Standing
    full: list[FullCap]
    judged: dict[Option, bool] | None
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)
    weights: dict[int, float] = field(default_factory=dict)

    def consider(
        self, shelf: Shelf, channels: tuple[str, ...] | None, placement: str, trigger: str
    ) -> bool:
        """Judge the options of a shelf on some channels, or on any; return whether there are any.

        An option is judged once, and removed once, on however many shelves it is; `judged` is None
        when there is one shelf only.
        """
        standing, judged = self.standing, self.judged
        eligible = shelf.eligible(standing.values, standing.segments, standing.tier)
        if judged is None and channels is None:
            self._judge(shelf, eligible, placement)
            return True
        judged = {} if judged is None else judged
        found = False
        for option, fits in zip(shelf.options, eligible, strict=True):
            if channels is not None and option.channel not in channels:
                continue
            found = True
            passed = judged.get(option)
            if passed is None:
                removal = self._refusal(option) if fits else option.ineligible
                passed = judged[option] = removal is None
                if removal is not None:
                    self.removed.append(removal)
            if passed and len(self.candidates) < MAX_CANDIDATES:
                self.candidates.append(Candidate(option.index, option.channel, placement, trigger))
        return found

    def _judge(self, shelf: Shelf, eligible: Sequence[bool], placement: str) -> None:
        """Judge all options of a shelf that is the only one."""
        removed, candidates = self.removed, self.candidates
        for option, fits in zip(shelf.options, eligible, strict=True):
            removal = self._refusal(option) if fits else option.ineligible
            if removal is not None:
                removed.append(removal)
            elif len(candidates) < MAX_CANDIDATES:
                candidates.append(Candidate(option.index, option.channel, placement, ""))

    def _weigh(self, option: Option) -> float:
        """Return the product of the factors whose condition holds."""
        if not option.factors:
            return 1.0
        standing = self.standing
        met = option.conditions(standing.values, standing.segments, standing.tier)
        return prod(compress(option.factors, met), start=1.0)

    def _refusal(self, option: Option) -> Removal | None:
        """Return why someone eligible may not get it all the same; an action is weighed before that."""
        index = option.index
        if index not in self.weights:
            self.weights[index] = self._weigh(option)
        given, action, channel = self.given, option.action, option.channel
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
