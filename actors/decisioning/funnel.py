"""The funnel before scoring: who may be a candidate at all, and for each of the others why not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress, repeat
from math import prod

from actors.decisioning.inputs import (
    APPLICABILITY,
    ARBITRATION,
    AVAILABILITY,
    BUDGET,
    BUNDLING,
    CHANNEL,
    CONSENT,
    CONTACT_POLICY,
    ELIGIBILITY,
    EXPERIMENT,
    PROPENSITY,
    SUITABILITY,
    TREATMENT,
    Candidate,
    DecisionInput,
    Prepared,
    Removal,
)
from actors.decisioning.plan import Option, Plan, Shelf, Standing, plan_of
from actors.decisioning.restraint import STANDS, Restraint, restraint_of
from actors.playbook.model import Playbook
from actors.policies.consent import consent_refusal

STAGES = (
    AVAILABILITY,
    CHANNEL,
    ELIGIBILITY,
    APPLICABILITY,
    SUITABILITY,
    CONSENT,
    EXPERIMENT,
    CONTACT_POLICY,
    PROPENSITY,
    TREATMENT,
    ARBITRATION,
    BUNDLING,
    BUDGET,
)
"""In the order in which candidates pass them; those from propensity on need scores."""

MAX_CANDIDATES = 256
_UNASKED = "?"


def prepare(given: DecisionInput, playbook: Playbook, standing: Standing | None = None) -> Prepared:
    """Return the candidates that reach scoring, their context weights, and the removals.

    Placements consider every action with a treatment for them; outbound channels only what was
    proposed. `standing` saves work when the caller has it for this input already.
    """
    plan = plan_of(playbook)
    standing = standing or plan.stand(given.context)
    once = not given.proposals and len(given.placements) == 1
    funnel = _Funnel(given, playbook, standing, restraint_of(given, playbook), None if once else {})
    for placement in given.placements:
        shelf = plan.placed.get((given.channel, placement))
        if shelf is None:
            funnel.removed.append(
                Removal(-1, given.channel, CHANNEL, f"no action for placement {placement!r}")
            )
        else:
            funnel.consider(shelf, None, placement, "")
    if given.proposals:
        funnel.propose(plan)
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
    restraint: Restraint
    judged: dict[tuple[Option, str], bool] | None
    candidates: list[Candidate] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)
    weights: dict[int, float] = field(default_factory=dict)
    consents: dict[str, str | None] = field(default_factory=dict)

    def propose(self, plan: Plan) -> None:
        """Consider what triggers and scenarios propose, but those that are paused."""
        for proposal in self.given.proposals:
            paused = self.restraint.paused_proposal(proposal.trigger)
            for index in proposal.actions:
                if paused:
                    self.removed.append(Removal(index, "", AVAILABILITY, paused))
                    continue
                shelf = plan.outbound[index]
                if not self.consider(shelf, proposal.channels, "", proposal.trigger):
                    why = f"trigger {proposal.trigger}: no channel"
                    self.removed.append(Removal(index, "", CHANNEL, why))

    def consider(
        self, shelf: Shelf, channels: tuple[str, ...] | None, placement: str, trigger: str
    ) -> bool:
        """Judge the options of a shelf on some channels, or on any; return whether there are any.

        An option is judged once for all placements, but where it stands already, and once for each
        proposal; `judged` is None when there is one shelf only.
        """
        refusals = self._refusals(shelf)
        stands = self.restraint.standing.get(placement, -1) if placement else -1
        judged, found, early = self.judged, False, self.restraint.early
        for option, removal in zip(shelf.options, refusals, strict=False):
            if channels is not None and option.channel not in channels:
                continue
            found = True
            if removal is not None and judged is None and not early:
                self.removed.append(removal)  # most of them, in most turns
                continue
            if option.index == stands:
                passed = self._pass(option, removal, STANDS)
            elif judged is None:
                passed = self._pass(option, removal, trigger)
            else:
                known = judged.get((option, trigger))
                if known is None:
                    known = judged[option, trigger] = self._pass(option, removal, trigger)
                passed = known
            if passed:
                self._add(option, placement, trigger)
        return found

    def _refusals(self, shelf: Shelf) -> Iterable[Removal | None]:
        """Return for each option why the rules of its action remove it, or None."""
        standing = self.standing
        asked = (standing.values, standing.segments, standing.tier)
        eligible = shelf.eligible(*asked)
        if shelf.applicable is None and shelf.suitable is None:
            if all(eligible):
                return repeat(None)
            return [
                None if fits else option.ineligible
                for option, fits in zip(shelf.options, eligible, strict=True)
            ]
        always = (True,) * len(eligible)
        applicable = always if shelf.applicable is None else shelf.applicable(*asked)
        suitable = always if shelf.suitable is None else shelf.suitable(*asked)
        return [
            None
            if one and two and three
            else option.unsuitable
            if one and two
            else option.inapplicable
            if one
            else option.ineligible
            for option, one, two, three in zip(
                shelf.options, eligible, applicable, suitable, strict=True
            )
        ]

    def _add(self, option: Option, placement: str, trigger: str) -> None:
        if len(self.candidates) < MAX_CANDIDATES:
            self.candidates.append(Candidate(option.index, option.channel, placement, trigger))
        else:
            why = f"more than {MAX_CANDIDATES} candidates"
            self.removed.append(Removal(option.index, option.channel, AVAILABILITY, why))

    def _pass(self, option: Option, removal: Removal | None, trigger: str) -> bool:
        """Judge one option, whose action's own rules may have removed it already."""
        restraint = self.restraint
        if restraint.early:
            removal = restraint.unavailable(option, trigger) or removal
        if removal is None:
            removal = self._refusal(option, trigger)
        if removal is not None:
            self.removed.append(removal)
            return False
        return True

    def _weigh(self, option: Option) -> float:
        """Return the product of the factors whose condition holds."""
        if not option.factors:
            return 1.0
        standing = self.standing
        met = option.conditions(standing.values, standing.segments, standing.tier)
        return prod(compress(option.factors, met), start=1.0)

    def _refusal(self, option: Option, trigger: str) -> Removal | None:
        """Return why someone eligible may not get it all the same; an action is weighed before that."""
        index = option.index
        if index not in self.weights:
            self.weights[index] = self._weigh(option)
        given, action, channel = self.given, option.action, option.channel
        if given.refused:
            until_ms = given.refused.get(action.key)
            if until_ms is not None:
                return Removal(index, channel, SUITABILITY, "refused recently", until_ms)
        why = self.consents.get(option.consent, _UNASKED)
        if why is _UNASKED:
            why = self.consents[option.consent] = consent_refusal(
                given.consents, channel, action.purpose, self.playbook.purposes_without_consent
            )
        if why is not None:
            return Removal(index, channel, CONSENT, why)
        restraint = self.restraint
        return restraint.refusal(option, trigger) if restraint.late else None
